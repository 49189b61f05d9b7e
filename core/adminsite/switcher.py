"""Choosing the client to work for. A POST, because it changes what every following page is about."""

from typing import Any
from uuid import UUID

from django.contrib import admin
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import Resolver404, ResolverMatch, resolve, reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_GET, require_POST

from core.accounts.access import Access, access_for
from core.accounts.middleware import ALL_CLIENTS, SESSION_KEY
from core.accounts.models import Organization


def client_context(request: HttpRequest) -> dict[str, Any]:
    """What the bar above every page shows: the current client, those to choose from, and the value forms carry."""
    access: Access | None = getattr(request, "access", None)
    if access is None:
        return {}
    return {
        "access": access,
        "current_client": access.current,
        "form_organization": str(access.current.pk) if access.current else ALL_CLIENTS,
        "can_choose_client": access.user.is_superuser or len(access.organizations) > 1,
        "shows_demo_data": any(organization.is_demo for organization in access.in_reach),
    }


@require_POST
def switch_organization(request: HttpRequest) -> HttpResponse:
    """Note the chosen client in the session and go on: to `next` as it is, or to the list `from` belongs to. Buttons
    that share a form bring their `next` in the address.

    A client out of reach is answered with 404, as one that does not exist.
    """
    chosen = request.POST.get("organization", "")
    if chosen == ALL_CLIENTS:
        request.session.pop(SESSION_KEY, None)
    else:
        request.session[SESSION_KEY] = str(reachable(request, chosen).pk)
    request.access = access_for(_access(request).user, current_id=request.session.get(SESSION_KEY))  # type: ignore[attr-defined]
    return HttpResponseRedirect(_target(request))


@require_GET
def open_client(request: HttpRequest, organization_id: UUID) -> HttpResponse:
    """Where a search result for a client leads: one button that makes it the current one."""
    organization = reachable(request, str(organization_id))
    context = {
        **admin.site.each_context(request),
        "title": f"Work for {organization.name}",
        "choices": [organization],
        "next_url": reverse("admin:index"),
    }
    return TemplateResponse(request, "admin/choose_client.html", context)


def reachable(request: HttpRequest, organization_id: str) -> Organization:
    """The organization with this id among those the person may choose from. Raises Http404."""
    for organization in _access(request).organizations:
        if str(organization.pk) == organization_id:
            return organization
    raise Http404("No such client.")


def _access(request: HttpRequest) -> Access:
    return request.access  # type: ignore[attr-defined]


def _target(request: HttpRequest) -> str:
    home = reverse("admin:index")
    exact = request.POST.get("next", "") or request.GET.get("next", "")
    if exact:
        return exact if _is_ours(request, exact) else home
    came_from = request.POST.get("from", "")
    return (_list_of(request, came_from) if _is_ours(request, came_from) else None) or home


def _is_ours(request: HttpRequest, url: str) -> bool:
    is_local = url_has_allowed_host_and_scheme(url, allowed_hosts=None, require_https=request.is_secure())
    return is_local and url.startswith(reverse("admin:index"))


def _list_of(request: HttpRequest, path: str) -> str | None:
    """The list of the model a page belongs to, if the person may see it at the new client; other pages as they are
    when they name no object."""
    try:
        match = resolve(path.partition("?")[0])
    except Resolver404:
        return None
    model_admin = _model_admin_of(match)
    if model_admin is not None:
        options = model_admin.opts
        if not model_admin.has_view_permission(request):
            return None
        return reverse(f"admin:{options.app_label}_{options.model_name}_changelist")
    is_page = bool(match.url_name) and not match.kwargs and match.url_name not in {"switch_organization", "logout"}
    return path if is_page else None


def _model_admin_of(match: ResolverMatch) -> Any:
    for model, model_admin in admin.site._registry.items():
        if (match.url_name or "").startswith(f"{model._meta.app_label}_{model._meta.model_name}_"):
            return model_admin
    return None
