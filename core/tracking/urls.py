"""The paths that core.delivery.public_links writes into mails; they stay valid as long as mails are kept. And where
mail providers report to."""

from django.urls import path

from core.tracking import views
from core.tracking.webhooks.views import inbound_mail, inbound_sendgrid, provider_events, sendgrid_events

app_name = "tracking"

urlpatterns = [
    path("o/<str:token>.gif", views.open_pixel, name="open"),
    path("c/<str:token>", views.click, name="click"),
    path("u/<str:token>", views.unsubscribe, name="unsubscribe"),
    path("v/<str:token>", views.view_in_browser, name="view"),
    path("webhooks/sendgrid/<str:token>", sendgrid_events, name="sendgrid_events"),
    path("webhooks/events/<str:token>", provider_events, name="provider_events"),
    path("webhooks/inbound/sendgrid/<str:token>", inbound_sendgrid, name="inbound_sendgrid"),
    path("webhooks/inbound/mail/<str:token>", inbound_mail, name="inbound_mail"),
]
