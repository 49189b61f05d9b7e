"""What mails show of a client; the addresses stay valid as long as mails are kept."""

from django.urls import path

from core.accounts.public_pages.logos import logo

app_name = "brand"

urlpatterns = [path("brand/<uuid:organization_id>/<str:name>", logo, name="logo")]
