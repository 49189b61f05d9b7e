"""Preview: a mail is rendered on POST, kept for some minutes, and shown in a frame that can run no code."""

import json
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBadRequest, JsonResponse
from django.urls import reverse
from django.utils.crypto import get_random_string
from django.utils.html import format_html

from core.accounts.model_admins.rights import access_of
from core.accounts.models import Organization
from core.accounts.permissions import Permission
from core.common.errors import DomainError
from core.common.kept import keep, recall
from core.common.tenancy import organization_scope
from core.email_templates.contact_fields import contact_fields
from core.email_templates.inspection import CLIPPED_BYTES, Finding, Inspection
from core.email_templates.link_list import MailLink
from core.email_templates.merge_tags import ATTRIBUTE_PREFIX, KnownKeys
from core.email_templates.preview import (
    SAMPLES,
    MailSource,
    PreviewMail,
    has_dark_rules,
    in_scheme,
    preview_mail,
    sample_person,
    without_images,
)
from core.email_templates.queries import composed_source, inspect_written, sample_values

FRAME_SECONDS = 600
MAX_VALUES = 200
SOURCE_FIELDS = ("subject", "preheader", "html", "text", "markup")
"""What the editor posts: the fields of MailSource in their order, and what language the HTML is written in."""

# Nothing runs, nothing is embedded, nothing is submitted. `allow-same-origin` without `allow-scripts` lets the editor
# measure the mail's height and keep its scroll position; pictures may load as they do in a mail program.
FRAME_POLICY = (
    "default-src 'none'; script-src 'none'; style-src 'unsafe-inline'; img-src https: http: data:; "
    "font-src https: data:; form-action 'none'; base-uri 'none'; frame-ancestors 'self'; sandbox allow-same-origin"
)


def preview_view(request: HttpRequest) -> HttpResponse:
    """POST of `subject`, `preheader`, `html`, `text`, `markup`, `client` (organization id), and of `values` (JSON) or
    `sample` for the person → JSON."""
    if request.method != "POST":
        return HttpResponseBadRequest("A preview is asked for by POST.")
    organization = client_of(request)
    *texts, markup = (request.POST.get(name, "") for name in SOURCE_FIELDS)
    client_id = organization.pk if organization else None
    with organization_scope(*filter(None, [organization])):
        fields = contact_fields(client_id)
        values = {**sample_values(organization), **_field_samples(fields), **posted_values(request, fields)}
        known = KnownKeys(attributes=frozenset(fields)) if organization else None
        inspection = inspect_written(MailSource(*texts), markup=markup, organization_id=client_id, known=known)
        try:
            source = composed_source(MailSource(*texts), markup=markup, organization_id=client_id)
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


def posted_values(request: HttpRequest, fields: Iterable[str] = ()) -> dict[str, str]:
    """The merge values of the chosen person, as the page sent them, or of one of the SAMPLES; nothing else.

    `fields` are the names of the client's own fields.
    """
    if (sample := request.POST.get("sample", "")) in SAMPLES:
        return sample_person(sample, fields)
    try:
        values = json.loads(request.POST.get("values") or "{}")
    except ValueError:
        return {}
    if not isinstance(values, dict) or len(values) > MAX_VALUES:
        return {}
    return {key: value for key, value in values.items() if key.startswith("contact.") and isinstance(value, str)}


def _field_samples(fields: Mapping[str, str]) -> dict[str, str]:
    """Own fields of the made-up person: the name of the field says what will stand there."""
    return {ATTRIBUTE_PREFIX + name: f"[{label}]" for name, label in fields.items()}


def preview_answer(
    request: HttpRequest, organization: Organization | None, mail: PreviewMail | None, inspection: Inspection | None
) -> JsonResponse:
    """What the panel shows. Without a mail (it has errors) the frame stays as it was and the checks say why."""
    answer: dict[str, Any] = {"findings": [], "size_bytes": 0, "clipped_bytes": CLIPPED_BYTES}
    if inspection is not None:
        answer["size_bytes"] = inspection.size_bytes
        answer["findings"] = [_shown_finding(item) for item in (*inspection.findings, *inspection.hints)]
        answer["links"] = [_shown_link(link) for link in inspection.links]
    if mail is not None:
        answer["mail"] = {
            "sender": (organization.default_from_name or organization.name) if organization else "Your client",
            "subject": mail.subject,
            "preheader": mail.preheader,
            "text": mail.text,
            "frame_url": keep_frame(request, organization, mail.html),
            "has_dark_rules": has_dark_rules(mail.html),
        }
    return JsonResponse(answer)


def _shown_finding(finding: Finding) -> dict[str, Any]:
    level = "error" if finding.is_error else "hint" if finding.is_hint else "warning"
    names = ("field", "line", "message", "code", "tag", "suggestion")
    return {"level": level, **{name: getattr(finding, name) for name in names}}


def _shown_link(link: MailLink) -> dict[str, Any]:
    return {
        "line": link.line,
        "text": link.text,
        "target": link.target,
        "remarks": [{"message": remark.message, "is_hint": remark.is_hint} for remark in link.remarks],
    }


def keep_frame(request: HttpRequest, organization: Organization | None, html: str) -> str:
    """Keep the HTML of a preview for this person and return the address of its frame, which says so when nothing could
    be kept."""
    key = get_random_string(22)
    keep(_frame_key(request, key), html, FRAME_SECONDS)
    return reverse("admin:email_templates_emailtemplate_preview_frame", args=[key])


def _frame_key(request: HttpRequest, key: str) -> str:
    return f"email-preview:{access_of(request).user.pk}:{key}"


def preview_frame_view(request: HttpRequest, key: str) -> HttpResponse:
    """The mail itself in light colours, with `dark` in dark ones, with `imageless` without pictures.

    Only the person who asked for the preview can open it.
    """
    html = recall(_frame_key(request, key))
    if html is None:
        return framed_response(NOT_KEPT, status=HTTPStatus.NOT_FOUND)
    shown = without_images(html) if "imageless" in request.GET else html
    return framed_response(in_scheme(shown, "dark" if "dark" in request.GET else "light"))


NOT_KEPT = format_html(
    '<p style="font:15px/1.5 sans-serif;color:#4b5563;padding:2em">{}</p>',
    "This preview is not kept any more, or cannot be for a moment. Load the page again, or change something.",
)


def broken_mail(error: DomainError) -> str:
    """A page in place of a mail that cannot be rendered."""
    return format_html(
        '<p style="font:15px/1.5 sans-serif;color:#4b5563;padding:2em">This cannot be shown. {}</p>', str(error)
    )


def framed_response(html: str, status: int = HTTPStatus.OK) -> HttpResponse:
    """HTML of an author, under a policy that allows it nothing but to be looked at."""
    response = HttpResponse(html, status=status)
    response["Content-Security-Policy"] = FRAME_POLICY
    response["X-Frame-Options"] = "SAMEORIGIN"
    return response
