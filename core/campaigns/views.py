"""What the campaign's page asks for while it is edited: live numbers, the preview, people to preview as."""

from collections.abc import Mapping
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBadRequest, JsonResponse
from django.shortcuts import render

from core.accounts.model_admins.rights import access_of
from core.accounts.models import Organization
from core.accounts.permissions import Permission
from core.campaigns.content import compiled_content
from core.campaigns.models import CampaignSnapshot
from core.campaigns.presentation import audience_parts
from core.common.errors import DomainError
from core.common.tenancy import organization_scope
from core.contacts.audience import AudienceDefinition, audience_counts
from core.contacts.errors import TookTooLong
from core.contacts.models import Contact, Segment
from core.contacts.queries import contact_merge_values
from core.contacts.segments.people import LIVE_SECONDS, time_limit
from core.email_templates.html import open_pixel
from core.email_templates.inspection import inspect_mail
from core.email_templates.models import EmailTemplate
from core.email_templates.preview import SAMPLE_VALUES, SYSTEM_VALUES, MailSource, PreviewMail, preview_mail
from core.email_templates.queries import sample_values
from core.email_templates.views import client_of, posted_values, preview_answer

PEOPLE_SHOWN = 10
_PIXEL_URL = "https://pixel.example/"
_NO_TEMPLATE = PreviewMail(
    subject="No template yet",
    preheader="",
    html='<p style="font:15px sans-serif;color:#6b7280;text-align:center;padding-top:4em">'
    "Choose a template to see the mail here.</p>",
    text="",
)


def audience_view(request: HttpRequest) -> HttpResponse:
    """The numbers of what is ticked in the form: GET `client`, `include`, `exclude` (ids of groups),
    `include_segment`, `exclude_segment` → a piece of HTML."""
    organization = _client(request, Permission.CAMPAIGNS_VIEW)
    try:
        definition = _ticked_audience(organization, request)
    except ValueError:
        return HttpResponseBadRequest("Groups and segments are named by their ids.")
    with organization_scope(organization):
        try:
            with time_limit(LIVE_SECONDS):
                counts = audience_counts(definition)
        except TookTooLong as error:
            return render(request, "campaigns/audience.html", {"too_long": error})
    return render(request, "campaigns/audience.html", {"audience": audience_parts(counts, not definition.is_empty)})


def _ticked_audience(organization: Organization, request: HttpRequest) -> AudienceDefinition:
    """Raises ValueError for what is no id. Ids of nothing, and of other clients' segments, add nobody."""
    names = ("include", "exclude", "include_segment", "exclude_segment")
    included, excluded, *segments = ([UUID(value) for value in request.GET.getlist(name)] for name in names)
    with organization_scope(organization):
        include_rules, exclude_rules = (
            list(Segment.objects.filter(pk__in=ids).values_list("rule", flat=True)) for ids in segments
        )
    return AudienceDefinition(organization.pk, included, excluded, include_rules, exclude_rules)


def people_view(request: HttpRequest) -> HttpResponse:
    """Contacts whose address begins with `q`, with the values a mail may say to them: GET `client`, `q` → JSON."""
    organization = _client(request, Permission.CONTACTS_VIEW)
    beginning = request.GET.get("q", "").strip().casefold()
    with organization_scope(organization):
        found = Contact.objects.filter(email_key__startswith=beginning, deleted_at=None).order_by("email_key")
        ids = list(found.values_list("pk", flat=True)[:PEOPLE_SHOWN]) if beginning else []
        values = contact_merge_values(organization_id=organization.pk, contact_ids=ids)
    people = [
        {"address": values[pk].address, "name": values[pk].name or values[pk].address, "values": values[pk].values}
        for pk in ids
        if pk in values
    ]
    return JsonResponse({"people": people})


def preview_view(request: HttpRequest) -> HttpResponse:
    """POST of the form's fields, or of `campaign` alone for one that is frozen → JSON for the panel."""
    if request.method != "POST":
        return HttpResponseBadRequest("A preview is asked for by POST.")
    organization = client_of(request)
    if organization is None:
        raise Http404
    person = {**SAMPLE_VALUES, **posted_values(request)}
    with organization_scope(organization):
        snapshot = _snapshot(request.POST.get("campaign", ""))
        if snapshot is not None:
            return preview_answer(request, organization, frozen_mail(snapshot, person), None)
        source = _posted_source(request)
        if source is None:
            return preview_answer(request, organization, _NO_TEMPLATE, None)
        values = {**sample_values(organization), **person, "campaign.name": request.POST.get("name", "")}
        inspection = inspect_mail(source)
        try:
            mail = preview_mail(source, values)
        except DomainError:
            mail = None
    return preview_answer(request, organization, mail, inspection)


def frozen_mail(snapshot: CampaignSnapshot, person: Mapping[str, str]) -> PreviewMail:
    """The frozen mail for a person: its links lead where they lead and are not counted, the open pixel is left out."""
    content = compiled_content(snapshot)
    links = snapshot.campaign.links.values_list("number", "url")
    values = {
        **SYSTEM_VALUES,
        **person,
        **{f"link.{number}": url for number, url in links},
        "system.open_pixel_url": _PIXEL_URL,
    }
    html = content.html.render(values).replace(open_pixel(_PIXEL_URL), "")
    return PreviewMail(content.subject.render(values), snapshot.preheader, html, content.text.render(values))


def _client(request: HttpRequest, permission: Permission) -> Organization:
    wanted = request.GET.get("client", "")
    organization = next((known for known in access_of(request).organizations if str(known.pk) == wanted), None)
    if organization is None:
        raise Http404
    access_of(request).require(permission, organization.pk)
    return organization


def _snapshot(campaign_id: str) -> CampaignSnapshot | None:
    try:
        key = UUID(campaign_id)
    except ValueError:
        return None
    return CampaignSnapshot.objects.select_related("campaign").filter(campaign_id=key).first()


def _posted_source(request: HttpRequest) -> MailSource | None:
    """What the draft would say: its own subject and preheader, or those of the chosen template (None without one)."""
    try:
        template = EmailTemplate.objects.filter(pk=UUID(request.POST.get("template", ""))).first()
    except ValueError:
        template = None
    if template is None:
        return None
    return MailSource(
        subject=request.POST.get("subject") or template.subject,
        preheader=request.POST.get("preheader") or template.preheader,
        html=template.html,
        text=template.text,
    )
