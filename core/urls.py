"""Every address of the product: the admin, what mails link to, and what operators ask.

403, 404 and 500 are rendered by Django's own handlers from the templates of that name in core.adminsite.
"""

from django.conf import settings
from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="admin:index")),
    path(settings.ADMIN_PATH, admin.site.urls),
    path("", include("core.operations.urls")),
    path("", include("core.accounts.public_pages.urls")),
    path("", include("core.tracking.urls")),
    path("", include("core.contacts.public.urls")),
    path("", include("core.campaigns.approvals.urls")),
    path("", include("core.reports.urls")),
]
