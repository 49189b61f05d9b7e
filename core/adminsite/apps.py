from django.apps import AppConfig
from django.contrib.admin import apps


class AdminSiteConfig(AppConfig):
    name = "core.adminsite"
    label = "adminsite"

    def ready(self) -> None:
        from core.adminsite import advice, checks, plan_page  # noqa: F401 - all register when they are imported
        from core.adminsite.home import pages  # noqa: F401


class EngageXAdminConfig(apps.AdminConfig):
    """Makes our site Django's default one: rooms register with `admin.site` and import nothing of ours."""

    default = False
    default_site = "core.adminsite.site.EngageXAdminSite"
