from django.apps import AppConfig


class CampaignsConfig(AppConfig):
    name = "core.campaigns"
    label = "campaigns"
    verbose_name = "Campaigns"

    def ready(self) -> None:
        from core.contacts.queries import field_labels
        from core.email_templates.contact_fields import read_with

        read_with(field_labels)
