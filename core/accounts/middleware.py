"""Opens the request id, the person's access and the organization scope around every request of the admin."""

import re
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import SuspiciousOperation
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone, translation

from core.accounts.access import Access, access_for
from core.common.ids import new_id
from core.common.network import client_ip
from core.common.request_context import current_context, request_context
from core.common.tenancy import all_organizations, organization_scope

SESSION_KEY = "organization_id"
FORM_FIELD = "_organization"
"""Hidden field and header of every form: the client the page was made for."""
ALL_CLIENTS = "all"
_SAFE_REQUEST_ID = re.compile(r"^[A-Za-z0-9._-]{8,64}$")

Handler = Callable[[HttpRequest], HttpResponse]


class RequestIdMiddleware:
    """Takes X-Request-ID from the proxy when it looks sane, else makes one; the answer carries it back."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        given = request.headers.get("X-Request-ID", "")
        request_id = given if _SAFE_REQUEST_ID.match(given) else new_id().hex
        with request_context(request_id=request_id, ip_address=client_ip(request), actor_label="anonymous"):
            response = self.get_response(request)
        response["X-Request-ID"] = request_id
        return response


class OrganizationMiddleware:
    """Inside the admin: `request.access`, the scope of the organizations in reach, and the client's time zone.

    Outside the admin no scope is open: public endpoints open their own after they have verified a token.
    """

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        # The session is not even read outside the admin: a link in a mail answers the same to everybody.
        if not request.path.startswith(f"/{settings.ADMIN_PATH}"):
            return self.get_response(request)
        if isinstance(request.user, AnonymousUser) or not request.user.is_active:
            return self.get_response(request)
        if "%00" in request.META.get("QUERY_STRING", ""):
            # No page asks for a NUL, and PostgreSQL refuses it in any text: filters and searches need not look for it.
            raise SuspiciousOperation("The address holds a NUL character.")
        access = access_for(request.user, current_id=request.session.get(SESSION_KEY))
        request.access = access  # type: ignore[attr-defined]
        context = {
            "request_id": current_context().request_id,
            "actor_id": access.user.pk,
            "actor_label": access.user.email,
            "ip_address": client_ip(request),
        }
        with request_context(**context), _scope_of(access), timezone.override(_time_zone(access)):
            if page_belongs_to_another_client(request, access):
                return render(request, "admin/switched_client.html", _switched_context(request, access), status=409)
            with translation.override(access.user.language):
                return self.get_response(request)


def _scope_of(access: Access) -> Any:
    if access.user.is_superuser and access.current is None:
        return all_organizations(reason="a superuser looks at all clients")
    return organization_scope(*access.in_reach)


def _time_zone(access: Access) -> str:
    return access.current.time_zone if access.current else access.user.time_zone


def page_belongs_to_another_client(request: HttpRequest, access: Access) -> bool:
    """A form opened for one client must not be saved into another one chosen meanwhile in a second tab."""
    if request.method != "POST" or not request.path.startswith(f"/{settings.ADMIN_PATH}"):
        return False
    stated = _stated_client(request)
    return stated is not None and stated != (str(access.current.pk) if access.current else ALL_CLIENTS)


def _stated_client(request: HttpRequest) -> str | None:
    """The client the page was made for, as its form or script says; None when it says nothing."""
    return request.headers.get("X-Organization") or request.POST.get(FORM_FIELD)


def _switched_context(request: HttpRequest, access: Access) -> dict[str, Any]:
    """Names the page's client only if the person may still work for it."""
    stated = _stated_client(request)
    made_for = next((client for client in access.organizations if str(client.pk) == stated), None)
    name = "all clients" if stated == ALL_CLIENTS else made_for.name if made_for else "another client"
    return {
        "access": access,
        "page_client_name": name,
        "page_client_value": stated if made_for or stated == ALL_CLIENTS else "",
        "form_organization": str(access.current.pk) if access.current else ALL_CLIENTS,
    }
