"""The builder: what a report is to hold, and beside it how it looks."""

import zoneinfo
from http import HTTPStatus
from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.crypto import get_random_string
from django.utils.http import urlencode
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from core.accounts.access import Access
from core.accounts.model_admins.confirmation import Confirmation
from core.accounts.models import Organization
from core.accounts.permissions import Permission
from core.adminsite.pages import register_page
from core.campaigns.models import Campaign
from core.common.errors import DomainError
from core.common.ids import new_id
from core.common.kept import keep, recall
from core.common.tenancy import organization_scope
from core.reports import presentation as words
from core.reports import services
from core.reports.choices import Language, Period, ReportFormat
from core.reports.drafts import keep_draft, kept_draft
from core.reports.errors import ReportRefused
from core.reports.forms import BuilderForm, initial_about, initial_of
from core.reports.mailing import mail_problem
from core.reports.models import ReportDefinition
from core.reports.rendering import page_text
from core.reports.services import ReportSpec

PREVIEW_SECONDS = 900
FRAME_POLICY = (
    "default-src 'none'; script-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'none'; "
    "base-uri 'none'; frame-ancestors 'self'; sandbox"
)
NOT_KEPT = (
    '<p style="font:15px/1.5 sans-serif;color:#4b5563;padding:2em">'
    "This preview is not kept any more, or cannot be for a moment. Load the page again, or change something.</p>"
)
_FOR_WHOM = "Make a report: for which client?"


@register_page("reports/new/", name="report_builder", permission=Permission.RESULTS_EXPORT)
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def report_builder(request: HttpRequest) -> HttpResponse:
    """A new report, or with `definition` in the query one that is kept; with `campaign`, of the days since it went
    out. POST makes it, or keeps it."""
    access = _access(request)
    definition = _definition(request)
    campaign = None if definition else _campaign(request)
    about = definition or campaign
    client = about.organization if about else access.current
    if client is None:
        return _page(request, "admin/choose_client.html", title=_FOR_WHOM)
    access.require(Permission.RESULTS_EXPORT, client.pk)
    with organization_scope(client):
        form = _form(request, client, definition, campaign)
        response = _posted(request, form, definition) if request.method == "POST" else None
        return response or _builder(request, form, definition).render()


def _form(
    request: HttpRequest, client: Organization, definition: ReportDefinition | None, campaign: Campaign | None
) -> BuilderForm:
    locks = services.format_locks(client.pk)
    initial = initial_of(definition) if definition else initial_about(campaign) if campaign else {}
    typed = request.POST if request.method == "POST" else kept_draft(request)
    form = BuilderForm(typed, organization=client, locks=locks, initial=initial)
    if definition:
        form.initial = {**form.initial, **form.ticked(definition.recipients)}
    return form


def _posted(request: HttpRequest, form: BuilderForm, definition: ReportDefinition | None) -> HttpResponse | None:
    """None when the page has to say what is wrong."""
    if not form.is_valid():
        return None
    try:
        if request.POST.get("action") == "save":
            return _saved(request, form, definition)
        pack = services.pack_make(spec=form.spec(), user=_access(request).user, pack_id=_pack_id(request))
        formats = map(ReportFormat, form.cleaned_data["formats"])
        services.files_ask(pack=pack, formats=formats)
        return HttpResponseRedirect(reverse("admin:reports_reportpack_change", args=[pack.pk]))
    except DomainError as problem:
        form.add_error(None, str(problem))
        return None


def _saved(request: HttpRequest, form: BuilderForm, definition: ReportDefinition | None) -> HttpResponse:
    """Keep the report. What will mail people asks once, in numbers."""
    values = form.values()
    client = form.organization
    services.definition_check(values)
    if values.plan and request.POST.get("confirmed") != "yes":
        return _confirmation(request, form).render()
    saved = services.definition_save(
        values=values, user=_access(request).user, definition_id=definition.pk if definition else None
    )
    when = f" It goes out on {words.moment_words(saved.next_due_at, client)}." if saved.next_due_at else ""
    messages.success(request, f"“{saved}” is kept.{when}")
    return HttpResponseRedirect(reverse("admin:reports_reportdefinition_changelist"))


def _confirmation(request: HttpRequest, form: BuilderForm) -> TemplateResponse:
    values, client = form.values(), form.organization
    assert values.plan is not None
    zone = zoneinfo.ZoneInfo(client.time_zone)
    first = words.moment_words(values.plan.first_after(timezone.now(), zone), client)
    problem = mail_problem(client)
    posted = [(name, value) for name, many in request.POST.lists() for value in many if name != "csrfmiddlewaretoken"]
    confirmation = Confirmation(
        title=f"Plan “{values.name}” for {client}?",
        submit_label="Plan it",
        back_url=_builder_url(request, draft=keep_draft(request)),
        sentences=words.plan_sentences(values, client, first),
        facts=(
            ("To", ", ".join(map(str, values.recipients)) or "nobody yet"),
            ("Language", str(Language(values.spec.language).label)),
            ("Sections", f"{len(values.spec.sections)}"),
        ),
        notes=(problem,) if problem else (),
        hidden=(*((name, str(value)) for name, value in posted), ("confirmed", "yes")),
    )
    return _page(request, "admin/confirm_action.html", title=confirmation.title, confirmation=confirmation)


def _builder(request: HttpRequest, form: BuilderForm, definition: ReportDefinition | None) -> TemplateResponse:
    client = form.organization
    frame_url, problem = _first_preview(request, form, definition)
    context = {
        "form": form,
        "client": client,
        "definition": definition,
        "pack_id": _pack_id(request) or new_id(),
        "frame_url": frame_url,
        "preview_problem": problem,
        "preview_url": f"{reverse('admin:report_preview')}?{urlencode(_about(request))}",
        "mail_problem": mail_problem(client),
    }
    title = f"Report “{definition}”" if definition else "New report"
    return _page(request, "reports/builder.html", title=title, **context)


def _first_preview(request: HttpRequest, form: BuilderForm, definition: ReportDefinition | None) -> tuple[str, str]:
    """The page arrives with its picture: of what was typed, or of what it begins with."""
    try:
        if form.is_bound:
            return (_kept_preview(request, form.spec()), "") if not form.errors else ("", "")
        spec = services.spec_of(definition) if definition else _default_spec(form)
        return _kept_preview(request, spec), ""
    except DomainError as problem:
        return "", str(problem)


def _default_spec(form: BuilderForm) -> ReportSpec:
    begun = form.initial
    days: dict[str, Any] = {name: begun.get(name) for name in ("first_day", "last_day")}
    return ReportSpec(form.organization, begun.get("period", Period.LAST_MONTH), tuple(begun["sections"]), "en", **days)


@register_page("reports/preview/", name="report_preview", permission=Permission.RESULTS_EXPORT)
@require_POST
def report_preview(request: HttpRequest) -> HttpResponse:
    """POST of the builder's form → JSON: where the preview can be looked at, or what is wrong. Changes nothing."""
    access = _access(request)
    about = _definition(request) or _campaign(request)
    client = about.organization if about else access.current
    if client is None:
        return JsonResponse({"problem": "Choose a client first."})
    access.require(Permission.RESULTS_EXPORT, client.pk)
    with organization_scope(client):
        form = BuilderForm(request.POST, organization=client, locks={})
        form.is_valid()
        wanted = ("period", "first_day", "last_day", "sections", "language", "title", "note")
        problems = [str(error) for name in wanted for error in form.errors.get(name, [])]
        if problems:
            return JsonResponse({"problem": problems[0]})
        try:
            return JsonResponse({"frame_url": _kept_preview(request, form.spec())})
        except DomainError as problem:
            return JsonResponse({"problem": str(problem)})


def _kept_preview(request: HttpRequest, spec: ReportSpec) -> str:
    """Render the report, keep it for this person and return the address of its frame. Raises ReportRefused."""
    user = _access(request).user
    html = page_text(services.spec_document(spec, prepared_by=user.full_name or user.email))
    key = get_random_string(22)
    if not keep(_preview_key(request, key), html, PREVIEW_SECONDS):
        raise ReportRefused("The preview cannot be shown for a moment. The report can be made all the same.")
    return reverse("admin:report_preview_frame", args=[key])


def _preview_key(request: HttpRequest, key: str) -> str:
    return f"report-preview:{_access(request).user.pk}:{key}"


@register_page("reports/preview/<str:key>/", name="report_preview_frame", permission=Permission.RESULTS_EXPORT)
@require_safe
def report_preview_frame(request: HttpRequest, key: str) -> HttpResponse:
    """The preview itself. Only the person who asked for it can open it."""
    html = recall(_preview_key(request, key))
    return framed(html) if html is not None else framed(NOT_KEPT, status=HTTPStatus.NOT_FOUND)


def framed(html: str, status: int = HTTPStatus.OK) -> HttpResponse:
    """A report in a frame of our own pages, under a policy that allows it nothing but to be looked at."""
    response = HttpResponse(html, status=status)
    response["Content-Security-Policy"] = FRAME_POLICY
    response["X-Frame-Options"] = "SAMEORIGIN"
    response["Cache-Control"] = "private, no-store"
    return response


def _definition(request: HttpRequest) -> ReportDefinition | None:
    """The kept report the address names. Raises Http404 for one out of reach."""
    key = request.GET.get("definition", "")
    if not key:
        return None
    pk = _uuid(key)
    found = ReportDefinition.objects.select_related("organization", "created_by").filter(pk=pk).first() if pk else None
    if found is None:
        raise Http404("There is no such report among your clients'.")
    return found


def _campaign(request: HttpRequest) -> Campaign | None:
    """The campaign the address names. Raises Http404 for one out of reach, or that never went out."""
    key = request.GET.get("campaign", "")
    if not key:
        return None
    pk = _uuid(key)
    started = Campaign.objects.select_related("organization").filter(started_at__isnull=False)
    found = started.filter(pk=pk).first() if pk else None
    if found is None:
        raise Http404("No such campaign of your clients' has gone out.")
    return found


def _pack_id(request: HttpRequest) -> UUID | None:
    """The id the page brought along: the same form posted twice makes one report."""
    return _uuid(request.POST.get("pack_id", ""))


def _uuid(value: str) -> UUID | None:
    try:
        return UUID(value)
    except ValueError:
        return None


def _about(request: HttpRequest) -> dict[str, str]:
    """What the address says the builder is about: it goes along, because the client follows from it."""
    return {name: request.GET[name] for name in ("definition", "campaign") if request.GET.get(name)}


def _builder_url(request: HttpRequest, *, draft: str) -> str:
    return f"{reverse('admin:report_builder')}?{urlencode(_about(request) | {'draft': draft})}"


def _access(request: HttpRequest) -> Access:
    return request.access  # type: ignore[attr-defined]


def _page(request: HttpRequest, template: str, **context: Any) -> TemplateResponse:
    return TemplateResponse(request, template, {**admin.site.each_context(request), **context})
