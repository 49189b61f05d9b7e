from django.apps import AppConfig


class ReportsConfig(AppConfig):
    name = "core.reports"
    label = "reports"
    verbose_name = "Report packs"

    def ready(self) -> None:
        """The views register themselves as pages; who gets reports can be erased; the demo agency has reports."""
        from core.adminsite.demo.agency import register_demo_step
        from core.contacts.privacy.registry import register_data_holder
        from core.reports import views  # noqa: F401
        from core.reports.demo import report_story
        from core.reports.privacy import HOLDER

        register_data_holder(HOLDER)
        register_demo_step(report_story)
