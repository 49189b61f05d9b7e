from django.apps import AppConfig


class TrackingConfig(AppConfig):
    name = "core.tracking"
    label = "tracking"
    verbose_name = "Results"
