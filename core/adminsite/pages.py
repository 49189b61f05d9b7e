"""Pages of the admin that are no list and no form: dashboards and reports register here when their app is ready."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path

from core.accounts.permissions import Permission

View = Callable[..., HttpResponse]


@dataclass(frozen=True)
class Page:
    """`route` is below the admin's root, `name` is reversed as `admin:<name>`. The view runs inside the scope."""

    route: str
    name: str
    permission: Permission
    view: View


_pages: dict[str, Page] = {}


def register_page(route: str, *, name: str, permission: Permission) -> Callable[[View], View]:
    """Put a view into the admin: signed-in people whose role has the permission in a client in reach may open it."""

    def decorate(view: View) -> View:
        _pages[name] = Page(route, name, permission, view)
        return view

    return decorate


def registered_pages() -> tuple[Page, ...]:
    return tuple(_pages.values())


def page_urls(site: AdminSite) -> list[URLPattern]:
    return [path(page.route, site.admin_view(_guarded(page)), name=page.name) for page in registered_pages()]


def _guarded(page: Page) -> View:
    def guarded(request: HttpRequest, **arguments: Any) -> HttpResponse:
        if not request.access.can(page.permission):  # type: ignore[attr-defined]
            raise PermissionDenied
        return page.view(request, **arguments)

    return guarded
