"""Preview: a mail is rendered on POST, kept for some minutes, and shown in a frame that can run no code."""

import json
from typing import Any

from django.core.cache import cache
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBadRequest, JsonResponse
from django.urls import reverse
from django.utils.crypto import get_random_string

from core.accounts.model_admins.rights import access_of
from core.accounts.models import Organization
from core.accounts.permissions import Permission
from core.common.errors import DomainError
from core.email_templates.inspection import CLIPPED_BYTES, Inspection, inspect_mail
from core.email_templates.preview import MailSource, PreviewMail, preview_mail
from core.email_templates.queries import sample_values

FRAME_SECONDS = 600
MAX_VALUES = 200
SOURCE_FIELDS = ("subject", "preheader", "html", "text")

# Nothing runs, nothing is embedded, nothing is submitted. `allow-same-origin` without `allow-scripts` lets the editor
# measure the mail's height and keep its scroll position; pictures may load as they do in a mail program.
FRAME_POLICY = (
    "default-src 'none'; script-src 'none'; style-src 'unsafe-inline'; img-src https: http: data:; "
    "font-src https: data:; form-action 'none'; base-uri 'none'; frame-ancestors 'self'; sandbox allow-same-origin"
)


def preview_view(request: HttpRequest) -> HttpResponse:
    """POST of `subject`, `preheader`, `html`, `text`, `client` (organization id) and `values` (JSON) → JSON."""
    if request.method != "POST":
        return HttpResponseBadRequest("A preview is asked for by POST.")
    organization = client_of(request)
    source = MailSource(*(request.POST.get(name, "") for name in SOURCE_FIELDS))
    values = {**sample_values(organization), **posted_values(request)}
    inspection = inspect_mail(source)
    try:
        return preview_answer(request, organization, preview_mail(source, values), inspection)
    except DomainError:
        return preview_answer(request, organization, None, inspection)


def client_of(request: HttpRequest) -> Organization | None:
    """The client a preview is for; None for the agency's starters. Raises Http404 for one out of reach."""
    organization_id = request.POST.get("client") or ""
    if not organization_id:
        return None
    found = next((known for known in access_of(request).organizations if str(known.pk) == organization_id), None)
    if found is None or not access_of(request).can(Permission.TEMPLATES_VIEW, found.pk):
        raise Http404
    return found


def posted_values(request: HttpRequest) -> dict[str, str]:
    """The merge values of the chosen person, as the page sent them; anything else is left out."""
    try:
        values = json.loads(request.POST.get("values") or "{}")
    except ValueError:
        return {}
    if not isinstance(values, dict) or len(values) > MAX_VALUES:
        return {}
    return {key: value for key, value in values.items() if key.startswith("contact.") and isinstance(value, str)}


def preview_answer(
    request: HttpRequest, organization: Organization | None, mail: PreviewMail | None, inspection: Inspection | None
) -> JsonResponse:
    """What the panel shows. Without a mail (it has errors) the frame stays as it was and the checks say why."""
    answer: dict[str, Any] = {"findings": [], "size_bytes": 0, "clipped_bytes": CLIPPED_BYTES}
    if inspection is not None:
        answer["size_bytes"] = inspection.size_bytes
        answer["findings"] = [
            {"field": item.field, "line": item.line, "message": item.message, "is_error": item.is_error}
            for item in inspection.findings
        ]
    if mail is not None:
        answer["mail"] = {
            "subject": mail.subject,
            "preheader": mail.preheader,
            "text": mail.text,
            "frame_url": keep_frame(request, organization, mail.html),
        }
    return JsonResponse(answer)


def keep_frame(request: HttpRequest, organization: Organization | None, html: str) -> str:
    """Keep the HTML of a preview for this person and return the address of its frame."""
    key = get_random_string(22)
    cache.set(_frame_key(request, key), html, FRAME_SECONDS)
    return reverse("admin:email_templates_emailtemplate_preview_frame", args=[key])


def _frame_key(request: HttpRequest, key: str) -> str:
    return f"email-preview:{access_of(request).user.pk}:{key}"


def preview_frame_view(request: HttpRequest, key: str) -> HttpResponse:
    """The mail itself. Only the person who asked for the preview can open it."""
    html = cache.get(_frame_key(request, key))
    if html is None:
        raise Http404
    return framed_response(html)


def framed_response(html: str) -> HttpResponse:
    """HTML of an author, under a policy that allows it nothing but to be looked at."""
    response = HttpResponse(html)
    response["Content-Security-Policy"] = FRAME_POLICY
    response["X-Frame-Options"] = "SAMEORIGIN"
    return response
