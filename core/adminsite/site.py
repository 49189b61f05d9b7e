"""The admin that is the product."""

import time
from typing import Any

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from unfold.sites import UnfoldAdminSite

from core.adminsite.pages import page_urls


class EngageXAdminSite(UnfoldAdminSite):
    """Unfold's site with our pages, the client switcher, and a search of our own."""

    index_title = "Home"
    enable_nav_sidebar = True

    def extra_urls(self) -> list[URLPattern]:
        # Imported late: Django makes the site while the apps are still loading, and these need models.
        from core.adminsite import switcher

        return [
            path("switch/", self.admin_view(switcher.switch_organization), name="switch_organization"),
            path("clients/<uuid:organization_id>/", self.admin_view(switcher.open_client), name="open_client"),
            *page_urls(self),
        ]

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        from core.adminsite.switcher import client_context

        return {**super().each_context(request), **client_context(request)}

    def password_change(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Noted in the history, like everything a person changes; without values."""
        from core.accounts import audit

        response = super().password_change(request, extra_context)
        if request.method == "POST" and response.status_code == 302:
            audit.record(action="user.password_changed", obj=request.user)  # type: ignore[arg-type]
        return response

    def search(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Unfold's own search caches results per person, so a person who switches clients would see the former
        client's rows, and it loads every match. This one asks bounded queries and keeps nothing."""
        from core.adminsite.search import command_results

        term = request.GET.get("s", "")
        if not term.strip():
            return HttpResponse()
        started = time.monotonic()
        paginator = Paginator(command_results(request, term), 100)
        context = {
            "page_obj": paginator,
            "results": paginator.page(1),
            "page_counter": 0,
            "execution_time": time.monotonic() - started,
            "command_show_history": False,
        }
        extended = "extended" in request.GET
        template = "unfold/helpers/command_results.html" if extended else "unfold/helpers/search_results.html"
        return TemplateResponse(request, template, context, headers={"HX-Trigger": "search"})
