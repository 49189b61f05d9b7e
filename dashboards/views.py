"""The pages of results. Each asks for its right twice: for the page (its registration), and for the very client."""

from typing import Any
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.text import slugify
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from core.accounts.access import Access
from core.accounts.permissions import Permission
from core.adminsite.pages import register_page
from core.campaigns.states import EDITABLE, RUNNING, STATUS_COLORS, TRANSITIONS, CampaignStatus
from core.delivery.reconcile import open_questions, reconcile
from core.tracking.queries import Counted, reported_campaign
from dashboards import reconciliation
from dashboards.addresses import ledger_url, report_url, share_report_url
from dashboards.filters import COUNTS, count_options, counted_of
from dashboards.frame import downloadable, page
from dashboards.link_map import link_map, mail_response
from dashboards.progress import LIVE, progress_payload, skipped_sentence
from dashboards.reconciliation import OPEN_QUESTIONS
from dashboards.report import Report, against_words, charts, table_named, tiles
from dashboards.tables import Table, csv_download

_BEFORE_SENDING = EDITABLE | {CampaignStatus.IN_REVIEW, CampaignStatus.APPROVED}
_SECONDS_BETWEEN_NEWS = 10
"""As often as `tracking.roll_up` runs."""
_REPORT_ROUTE = "campaigns/campaign/<uuid:campaign_id>/report/"


@register_page(_REPORT_ROUTE, name="campaign_report", permission=Permission.RESULTS_VIEW)
@require_safe
@never_cache
def campaign_report(request: HttpRequest, campaign_id: UUID) -> HttpResponse:
    """How a campaign goes out (live), and what came of it."""
    campaign = _campaign_in_reach(request, campaign_id, Permission.RESULTS_VIEW)
    is_started = campaign.started_at is not None or campaign.status in LIVE
    found = Report(campaign, counted_of(request.GET))
    context = {
        "campaign": campaign,
        "status_label": campaign.get_status_display(),
        "status_color": STATUS_COLORS[CampaignStatus(campaign.status)],
        "is_before": campaign.status in _BEFORE_SENDING,
        "is_started": is_started,
        "campaign_url": reverse("admin:campaigns_campaign_change", args=[campaign.pk]),
        "actions": _actions(_access(request), campaign),
        "progress": progress_payload(campaign, found.progress) if is_started else None,
        "follow_seconds": _follow_seconds(campaign),
        "charts": {},
    }
    if is_started and campaign.status not in LIVE:
        context |= _figures(request, found)
    return page(request, "dashboards/campaign_report.html", title=campaign.name, **context)


@register_page(f"{_REPORT_ROUTE}progress.json", name="campaign_report_progress", permission=Permission.RESULTS_VIEW)
@require_safe
@never_cache
def campaign_report_progress(request: HttpRequest, campaign_id: UUID) -> HttpResponse:
    """The page's figures for its update every two seconds."""
    campaign = _campaign_in_reach(request, campaign_id, Permission.RESULTS_VIEW)
    return JsonResponse(progress_payload(campaign))


@register_page(f"{_REPORT_ROUTE}reconcile/", name="campaign_reconcile", permission=Permission.RESULTS_VIEW)
@require_safe
@never_cache
def campaign_reconcile(request: HttpRequest, campaign_id: UUID) -> HttpResponse:
    """Everybody in the audience against the ledger, counted anew."""
    campaign = _campaign_in_reach(request, campaign_id, Permission.RESULTS_VIEW)
    found = reconcile(organization_id=campaign.organization_id, campaign_id=campaign.pk)
    may_export = _access(request).can(Permission.RESULTS_EXPORT, campaign.organization_id)
    csv_url = _csv_url(campaign, OPEN_QUESTIONS) if may_export and found and found.open_questions else ""
    context = {
        "campaign": campaign,
        "found": found,
        "is_started": campaign.started_at is not None,
        "table": reconciliation.people_table(campaign, found) if found else None,
        "csv_url": csv_url,
        "report_url": report_url(campaign.pk),
        "ledger_url": ledger_url(campaign.pk),
    }
    return page(request, "dashboards/reconcile.html", title=f"{campaign.name}: who got it", **context)


@register_page(f"{_REPORT_ROUTE}<str:name>.csv", name="campaign_report_csv", permission=Permission.RESULTS_EXPORT)
@require_safe
def campaign_report_csv(request: HttpRequest, campaign_id: UUID, name: str) -> HttpResponse:
    """The table behind a chart of the report."""
    campaign = _campaign_in_reach(request, campaign_id, Permission.RESULTS_EXPORT)
    table = _report_table(request, campaign, name)
    return csv_download(table, file_name=f"{slugify(campaign.name) or 'campaign'}-{name}.csv")


@register_page(
    f"{_REPORT_ROUTE}mail/<uuid:version_id>/", name="campaign_report_mail", permission=Permission.RESULTS_VIEW
)
@require_safe
def campaign_report_mail(request: HttpRequest, campaign_id: UUID, version_id: UUID) -> HttpResponse:
    """The mail with a badge on each link, for the frame in the report."""
    campaign = _campaign_in_reach(request, campaign_id, Permission.RESULTS_VIEW)
    response = mail_response(Report(campaign, counted_of(request.GET)), version_id)
    if response is None:
        raise Http404("The campaign has no such version.")
    return response


@register_page("results/", name="results", permission=Permission.RESULTS_VIEW)
@require_safe
def results_page(request: HttpRequest) -> HttpResponse:
    """Where the results begin."""
    return redirect("admin:engagement")


def _campaign_in_reach(request: HttpRequest, campaign_id: UUID, permission: Permission) -> Any:
    campaign = reported_campaign(campaign_id)
    if campaign is None:
        raise Http404("There is no such campaign among your clients'.")
    _access(request).require(permission, campaign.organization_id)
    return campaign


def _follow_seconds(campaign: Any) -> int:
    """How often the page of a campaign that is not going out right now looks for news; 0: there will be none."""
    if campaign.status in _BEFORE_SENDING:
        return 0
    return 2 if campaign.status == CampaignStatus.SCHEDULED else _SECONDS_BETWEEN_NEWS


def _figures(request: HttpRequest, found: Report) -> dict[str, Any]:
    """Everything around the progress: tiles, charts and the mail with its links."""
    campaign = found.campaign
    may_export = _access(request).can(Permission.RESULTS_EXPORT, campaign.organization_id)
    made = charts(found)
    return {
        "skipped": skipped_sentence(campaign, found.progress.skipped),
        "tiles": tiles(found),
        "against": against_words(found),
        "is_young": found.is_young,
        "counted": found.counted,
        "counts": count_options(found.counted, {one: "?" + _count_query(one) for one in COUNTS}),
        "charts": {
            name: downloadable(chart, _csv_url(campaign, name, found.counted) if may_export else "")
            for name, chart in made.items()
        },
        "link_map": link_map(found, request.GET.get("version", "")),
        "links_csv_url": _csv_url(campaign, "links", found.counted) if may_export else "",
    }


def _report_table(request: HttpRequest, campaign: Any, name: str) -> Table:
    if name == OPEN_QUESTIONS:
        people = open_questions(organization_id=campaign.organization_id, campaign_id=campaign.pk)
        return reconciliation.questions_table(list(people))
    table = table_named(Report(campaign, counted_of(request.GET)), name)
    if table is None:
        raise Http404(f"There is no table called {name}.")
    return table


def _csv_url(campaign: Any, name: str, counted: Counted = Counted.PEOPLE) -> str:
    query = _count_query(counted)
    return reverse("admin:campaign_report_csv", args=[campaign.pk, name]) + (f"?{query}" if query else "")


def _count_query(counted: Counted) -> str:
    return f"count={counted.value}" if counted is Counted.MACHINES else ""


def _actions(access: Access, campaign: Any) -> list[dict[str, str]]:
    """What can be done with the campaign now, the likeliest first. Each leads to a page that asks in numbers."""
    status, pk = CampaignStatus(campaign.status), campaign.pk
    offered: list[tuple[str, str, str]] = []
    if access.can(Permission.CAMPAIGNS_SEND, campaign.organization_id):
        if status in RUNNING and CampaignStatus.PAUSED in TRANSITIONS[status]:
            offered.append(("Pause", "pause", _campaign_action("pause", pk)))
        if status == CampaignStatus.PAUSED:
            offered.append(("Resume", "play_arrow", _campaign_action("resume", pk)))
        if CampaignStatus.CANCELLING in TRANSITIONS[status] or status == CampaignStatus.SCHEDULED:
            offered.append(("Cancel", "close", _campaign_action("cancel", pk)))
    if campaign.started_at and status not in LIVE:
        offered += _afterwards(access, campaign)
    return [
        {"title": title, "icon": icon, "variant": "default" if number else "primary", "url": url}
        for number, (title, icon, url) in enumerate(offered)
    ]


def _afterwards(access: Access, campaign: Any) -> list[tuple[str, str, str]]:
    """What one does with results: show them, compare them, send something else."""
    offered = []
    if access.can(Permission.RESULTS_EXPORT, campaign.organization_id) and (url := share_report_url(campaign.pk)):
        offered.append(("Share report", "ios_share", url))
    offered.append(("Compare", "compare_arrows", f"{reverse('admin:compare')}?campaign={campaign.pk}"))
    if access.can(Permission.CAMPAIGNS_MANAGE, campaign.organization_id):
        if campaign.status == CampaignStatus.SENT:
            follow_up = _campaign_action("follow_up", campaign.pk)
            offered.append(("Resend to people who did not open", "forward_to_inbox", follow_up))
        offered.append(("Duplicate", "content_copy", _campaign_action("duplicate", campaign.pk)))
    return offered


def _campaign_action(name: str, campaign_id: UUID) -> str:
    return reverse(f"admin:campaigns_campaign_{name}", args=[campaign_id])


def _access(request: HttpRequest) -> Access:
    return request.access  # type: ignore[attr-defined]
