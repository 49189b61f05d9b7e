"""The paths that `links.approval_path` writes into mails."""

from django.urls import path

from core.campaigns.approvals import views

app_name = "approvals"

urlpatterns = [
    path("approve/<str:token>", views.approval, name="approval"),
    path("approve/<str:token>/mail/<int:variant>", views.mail, name="mail"),
]
