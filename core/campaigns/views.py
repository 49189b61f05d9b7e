"""What the campaign's page asks for while it is edited: live numbers, the preview, people to preview as."""

from collections.abc import Mapping
from uuid import UUID

from django.db.models import F
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBadRequest, JsonResponse
from django.shortcuts import render

from core.accounts.model_admins.rights import access_of
from core.accounts.models import Organization
from core.accounts.permissions import Permission
from core.campaigns.content import compiled_content
from core.campaigns.models import Campaign, CampaignSnapshot
from core.campaigns.overlap import SourceSize, chosen_sources, source_sizes
from core.campaigns.preflight import Case, Needs, checklist
from core.campaigns.presentation import audience_parts
from core.campaigns.queries import campaign_audience
from core.campaigns.shown_checks import shown_checklist
from core.campaigns.versions import links_of
from core.campaigns.wording import DESKTOP_CHARACTERS, PHONE_CHARACTERS, PREHEADER_SHOWN, hints, shown_length
from core.common.errors import DomainError
from core.common.tenancy import organization_scope
from core.contacts.audience import AudienceDefinition, audience_counts
from core.contacts.errors import TookTooLong
from core.contacts.models import Contact, Segment
from core.contacts.queries import contact_merge_values
from core.contacts.segments.people import LIVE_SECONDS, time_limit
from core.email_templates.contact_fields import contact_fields
from core.email_templates.html import hidden_link, open_pixel
from core.email_templates.models import EmailTemplate
from core.email_templates.preview import SAMPLE_VALUES, SYSTEM_VALUES, MailSource, PreviewMail, preview_mail
from core.email_templates.queries import inspect_lined, lined_html, sample_values, source_of
from core.email_templates.views import client_of, posted_values, preview_answer

PEOPLE_SHOWN = 10
LONGEST_LINE = 500
AUDIENCE_FIELDS = ("include", "exclude", "include_segment", "exclude_segment")
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
        sizes, is_too_much = _sizes(organization, request)
    context = {"audience": audience_parts(counts, not definition.is_empty), "sizes": sizes, "is_too_much": is_too_much}
    return render(request, "campaigns/audience.html", context)


def _sizes(organization: Organization, request: HttpRequest) -> tuple[list[SourceSize], bool]:
    """Each ticked group and segment with its overlap, when there are several; and whether that takes too long."""
    included, excluded, *segments = _ticked(request)
    sources = chosen_sources((included, excluded), (segments[0], segments[1]))
    if len(sources) < 2:
        return [], False
    try:
        return source_sizes(organization.pk, sources), False
    except TookTooLong:
        return [], True


def _ticked(request: HttpRequest) -> list[list[UUID]]:
    """The ids in the query, in the order of AUDIENCE_FIELDS. Raises ValueError for what is no id."""
    return [[UUID(value) for value in request.GET.getlist(name)] for name in AUDIENCE_FIELDS]


def checks_view(request: HttpRequest) -> HttpResponse:
    """The whole checklist of a saved draft, its people looked through: GET `campaign` → a piece of HTML."""
    campaign = _campaign(request)
    access = access_of(request)
    with organization_scope(campaign.organization_id):
        try:
            with time_limit(LIVE_SECONDS):
                counts = campaign_audience(campaign)
        except TookTooLong:
            counts = None
        items = checklist(Case(campaign, counts), up_to=Needs.DRAFT if counts is None else Needs.PEOPLE)
        shown = shown_checklist(items, campaign, lambda permission: access.can(permission, campaign.organization_id))
    return render(request, "campaigns/checks.html", {"checks": shown, "is_complete": True})


def hints_view(request: HttpRequest) -> JsonResponse:
    """Remarks on the two lines of the inbox while they are typed: GET `client`, `template`, `subject`, `preheader` →
    JSON. An empty line is the template's."""
    organization = _client(request, Permission.CAMPAIGNS_VIEW)
    subject, preheader = (request.GET.get(name, "")[:LONGEST_LINE] for name in ("subject", "preheader"))
    with organization_scope(organization):
        template = _template(request.GET.get("template", ""))
    if template is not None:
        subject, preheader = subject or template.subject, preheader or template.preheader
    found = hints(subject, preheader) if subject.strip() else []
    return JsonResponse(
        {
            "subject": {"length": shown_length(subject), "phone": PHONE_CHARACTERS, "desktop": DESKTOP_CHARACTERS},
            "preheader": {"length": shown_length(preheader), "shown": PREHEADER_SHOWN},
            "hints": [{"field": hint.field, "message": hint.message} for hint in found],
        }
    )


def _campaign(request: HttpRequest) -> Campaign:
    try:
        key = UUID(request.GET.get("campaign", ""))
    except ValueError as error:
        raise Http404 from error
    campaign = Campaign.objects.select_related("template", "organization").filter(pk=key).first()
    if campaign is None:
        raise Http404
    access_of(request).require(Permission.CAMPAIGNS_VIEW, campaign.organization_id)
    return campaign


def _ticked_audience(organization: Organization, request: HttpRequest) -> AudienceDefinition:
    """Raises ValueError for what is no id. Ids of nothing, and of other clients' segments, add nobody."""
    included, excluded, *segments = _ticked(request)
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
    """POST of the form's fields, or of `campaign` (and `version`) for one that is frozen → JSON for the panel."""
    if request.method != "POST":
        return HttpResponseBadRequest("A preview is asked for by POST.")
    organization = client_of(request)
    if organization is None:
        raise Http404
    with organization_scope(organization):
        person = {**SAMPLE_VALUES, **posted_values(request, contact_fields(organization.pk))}
        snapshot = _snapshot(request.POST.get("campaign", ""), request.POST.get("version", ""))
        if snapshot is not None:
            return preview_answer(request, organization, frozen_mail(snapshot, person), None)
        template = _template(request.POST.get("template", ""))
        if template is None:
            return preview_answer(request, organization, _NO_TEMPLATE, None)
        source = _posted_source(request, template)
        values = {**sample_values(organization), **person, "campaign.name": request.POST.get("name", "")}
        inspection = inspect_lined(source, lined_html(template))
        try:
            mail = preview_mail(source, values)
        except DomainError:
            mail = None
    return preview_answer(request, organization, mail, inspection)


def frozen_mail(snapshot: CampaignSnapshot, person: Mapping[str, str]) -> PreviewMail:
    """The frozen mail for a person: its links lead where they lead and are not counted, the open pixel is left out."""
    content = compiled_content(snapshot)
    values = {
        **SYSTEM_VALUES,
        **person,
        **{f"link.{number}": url for number, url in links_of(snapshot).items()},
        "system.open_pixel_url": _PIXEL_URL,
        "system.hidden_link_url": _PIXEL_URL,
    }
    html = content.html.render(values).replace(open_pixel(_PIXEL_URL), "").replace(hidden_link(_PIXEL_URL), "")
    return PreviewMail(content.subject.render(values), snapshot.preheader, html, content.text.render(values))


def _client(request: HttpRequest, permission: Permission) -> Organization:
    wanted = request.GET.get("client", "")
    organization = next((known for known in access_of(request).organizations if str(known.pk) == wanted), None)
    if organization is None:
        raise Http404
    access_of(request).require(permission, organization.pk)
    return organization


def _snapshot(campaign_id: str, version_id: str) -> CampaignSnapshot | None:
    """The version that is asked for, else the one that goes out now (of the first variant)."""
    try:
        key, version = UUID(campaign_id), UUID(version_id) if version_id else None
    except ValueError:
        return None
    found = CampaignSnapshot.objects.select_related("campaign").filter(campaign_id=key)
    if version is not None:
        return found.filter(pk=version).first()
    return found.filter(revision__lte=F("campaign__content_revision")).order_by("variant", "-revision").first()


def _template(key: str) -> EmailTemplate | None:
    try:
        return EmailTemplate.objects.filter(pk=UUID(key)).first()
    except ValueError:
        return None


def _posted_source(request: HttpRequest, template: EmailTemplate) -> MailSource:
    """What the draft would say: its own subject and preheader, or those of the chosen template."""
    source = source_of(template)
    return MailSource(
        subject=request.POST.get("subject") or source.subject,
        preheader=request.POST.get("preheader") or source.preheader,
        html=source.html,
        text=source.text,
    )
