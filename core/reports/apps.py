from django.apps import AppConfig


class ReportsConfig(AppConfig):
    name = "core.reports"
    label = "reports"
    verbose_name = "Report packs"

    def ready(self) -> None:
        """The views register themselves as pages of the admin; addresses of people who get reports can be erased."""
        from core.contacts.privacy.registry import register_data_holder
        from core.reports import views  # noqa: F401
        from core.reports.privacy import HOLDER

        register_data_holder(HOLDER)
