"""The paths of signup forms, confirmations and preference centres; links.py writes them into mails and snippets."""

from django.urls import path

from core.contacts.public import preference_views, views

app_name = "contacts_public"

urlpatterns = [
    path("subscribe/<str:token>", views.signup, name="signup"),
    path("subscribe/<str:token>/frame", views.signup_frame, name="signup_frame"),
    path("confirm/<str:token>", views.confirm, name="confirm"),
    path("preferences/<str:token>", preference_views.preferences, name="preferences"),
]
