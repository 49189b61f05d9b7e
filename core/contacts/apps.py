from django.apps import AppConfig


class ContactsConfig(AppConfig):
    name = "core.contacts"
    label = "contacts"
    verbose_name = "Audience"

    def ready(self) -> None:
        from core.contacts.privacy.own_data import HOLDER
        from core.contacts.privacy.registry import register_data_holder

        register_data_holder(HOLDER)
