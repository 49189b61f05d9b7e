from importlib import import_module

from django.apps import AppConfig


class DashboardsConfig(AppConfig):
    name = "dashboards"
    label = "dashboards"

    def ready(self) -> None:
        """The views register themselves as pages of the admin."""
        for name in ("audience.page", "compare.views", "deliverability.page", "engagement.page", "views"):
            import_module(f"dashboards.{name}")
