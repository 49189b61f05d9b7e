from django.apps import AppConfig
from django.contrib.admin import apps


class AdminSiteConfig(AppConfig):
    name = "core.adminsite"
    label = "adminsite"


class EngageXAdminConfig(apps.AdminConfig):
    """Makes our site Django's default one: rooms register with `admin.site` and import nothing of ours."""

    default = False
    default_site = "core.adminsite.site.EngageXAdminSite"
