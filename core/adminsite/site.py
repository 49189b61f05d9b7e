from django.urls import URLPattern
from unfold.sites import UnfoldAdminSite

from core.adminsite.pages import page_urls


class EngageXAdminSite(UnfoldAdminSite):
    """The admin that is the product."""

    def extra_urls(self) -> list[URLPattern]:
        return page_urls(self)
