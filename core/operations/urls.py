from django.urls import path

from core.operations import views

app_name = "operations"

urlpatterns = [
    path("health", views.health, name="health"),
    path("ready", views.ready, name="ready"),
    path("link-hosts", views.link_hosts, name="link_hosts"),
    path("metrics", views.metrics, name="metrics"),
]
