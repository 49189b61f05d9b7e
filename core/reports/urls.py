"""The paths that `links.report_url` writes into mails."""

from django.urls import path

from core.reports import public_views

app_name = "reports"

urlpatterns = [
    path("report/<str:token>", public_views.report, name="report"),
    path("report/<str:token>/report.pdf", public_views.report_pdf, name="report_pdf"),
]
