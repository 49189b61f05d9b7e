from django.apps import AppConfig


class EmailTemplatesConfig(AppConfig):
    name = "core.email_templates"
    label = "email_templates"
    verbose_name = "Templates"
