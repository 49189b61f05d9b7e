from django.apps import AppConfig


class TrackingConfig(AppConfig):
    name = "core.tracking"
    label = "tracking"
    verbose_name = "Results"

    def ready(self) -> None:
        from core.contacts.privacy.registry import register_data_holder
        from core.tracking.contact_sections import register as register_contact_sections
        from core.tracking.privacy import HOLDER

        register_data_holder(HOLDER)
        register_contact_sections()
