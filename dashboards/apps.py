from django.apps import AppConfig


class DashboardsConfig(AppConfig):
    name = "dashboards"
    label = "dashboards"

    def ready(self) -> None:
        """The views register themselves as pages of the admin."""
        from dashboards import audience, compare_views, deliverability, engagement, views  # noqa: F401
