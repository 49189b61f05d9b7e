"""The paths that core.delivery.public_links writes into mails; they stay valid as long as mails are kept."""

from django.urls import path

from core.tracking import views

app_name = "tracking"

urlpatterns = [
    path("o/<str:token>.gif", views.open_pixel, name="open"),
    path("c/<str:token>", views.click, name="click"),
    path("u/<str:token>", views.unsubscribe, name="unsubscribe"),
    path("v/<str:token>", views.view_in_browser, name="view"),
]
