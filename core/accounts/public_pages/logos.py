"""Logos of clients, as mails and public pages show them."""

from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from core.accounts.queries import logo_named
from core.common.tenancy import organization_scope

A_YEAR = 365 * 24 * 3600


@require_safe
def logo(request: HttpRequest, organization_id: UUID, name: str) -> HttpResponse:
    """The picture of this name. Names are made of the content, so it may be kept for good by whoever asked for it."""
    with organization_scope(organization_id):
        found = logo_named(organization_id=organization_id, name=name)
    if found is None:
        raise Http404
    response = HttpResponse(bytes(found.content), content_type=found.content_type)
    response["Cache-Control"] = f"public, max-age={A_YEAR}, immutable"
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response["Cross-Origin-Resource-Policy"] = "cross-origin"
    return response
