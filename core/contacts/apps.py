from django.apps import AppConfig


class ContactsConfig(AppConfig):
    name = "core.contacts"
    label = "contacts"
    verbose_name = "Audience"
