"""The pages of results. Each asks for its right twice: for the page (its registration), and for the very client."""

import dataclasses
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.contrib import admin
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.text import slugify
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from core.accounts.access import Access
from core.accounts.permissions import Permission
from core.adminsite.pages import register_page
from core.campaigns.states import EDITABLE, RUNNING, STATUS_COLORS, TRANSITIONS, CampaignStatus
from core.common.tenancy import organization_scope
from core.delivery.reconcile import open_questions, reconcile
from core.tracking.queries import reported_campaign
from dashboards import reconciliation, report, results
from dashboards.addresses import ledger_url, report_url
from dashboards.charts import Chart
from dashboards.progress import LIVE, progress_payload, skipped_sentence
from dashboards.reconciliation import OPEN_QUESTIONS
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
    context = {
        "campaign": campaign,
        "status_label": campaign.get_status_display(),
        "status_color": STATUS_COLORS[CampaignStatus(campaign.status)],
        "is_before": campaign.status in _BEFORE_SENDING,
        "is_started": is_started,
        "campaign_url": reverse("admin:campaigns_campaign_change", args=[campaign.pk]),
        "actions": _actions(_access(request), campaign),
        "progress": progress_payload(campaign) if is_started else None,
        "follow_seconds": _follow_seconds(campaign),
        "charts": [],
        "links": None,
    }
    if is_started and campaign.status not in LIVE:
        context |= _figures(request, campaign)
    return _page(request, "dashboards/campaign_report.html", title=campaign.name, **context)


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
    return _page(request, "dashboards/reconcile.html", title=f"{campaign.name}: who got it", **context)


@register_page(f"{_REPORT_ROUTE}<str:name>.csv", name="campaign_report_csv", permission=Permission.RESULTS_EXPORT)
@require_safe
def campaign_report_csv(request: HttpRequest, campaign_id: UUID, name: str) -> HttpResponse:
    """The table behind a chart of the report."""
    campaign = _campaign_in_reach(request, campaign_id, Permission.RESULTS_EXPORT)
    table = _report_table(campaign, name)
    return csv_download(table, file_name=f"{slugify(campaign.name) or 'campaign'}-{name}.csv")


@register_page("results/", name="results", permission=Permission.RESULTS_VIEW)
@require_safe
@never_cache
def results_page(request: HttpRequest) -> HttpResponse:
    """The last thirty days of the client in reach, or of all clients."""
    access = _access(request)
    found = results.last_thirty_days(_zone_of_reader())
    may_export = access.can(Permission.RESULTS_EXPORT)
    context: dict[str, Any] = {
        "results": found,
        "chart": _downloadable(results.days_chart(found), reverse("admin:results_csv", args=["days"]), may_export),
        "table": results.campaigns_table(found, with_client=access.current is None),
        "table_csv_url": reverse("admin:results_csv", args=["campaigns"]) if may_export else "",
        "campaigns_url": reverse("admin:campaigns_campaign_changelist"),
    }
    return _page(request, "dashboards/results.html", title="Results", **context)


@register_page("results/<str:name>.csv", name="results_csv", permission=Permission.RESULTS_EXPORT)
@require_safe
def results_csv(request: HttpRequest, name: str) -> HttpResponse:
    """A table of the results page. Only of clients whose results this person may export."""
    access = _access(request)
    exportable = [client for client in access.in_reach if access.can(Permission.RESULTS_EXPORT, client.pk)]
    with organization_scope(*exportable):
        found = results.last_thirty_days(_zone_of_reader())
    if name == "days":
        return csv_download(results.days_table(found), file_name="results-by-day.csv")
    if name == "campaigns":
        table = results.campaigns_table(found, with_client=access.current is None)
        return csv_download(table, file_name="results-by-campaign.csv")
    raise Http404(f"There is no table called {name}.")


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


def _figures(request: HttpRequest, campaign: Any) -> dict[str, Any]:
    may_export = _access(request).can(Permission.RESULTS_EXPORT, campaign.organization_id)
    zone_name = campaign.organization.time_zone
    slots, step = report.campaign_slots(campaign)
    charts = [
        report.funnel_chart(report.funnel_steps(campaign)),
        report.timeline_chart(slots, step=step, zone_name=zone_name),
    ]
    return {
        "skipped": skipped_sentence(campaign),
        "charts": [_downloadable(chart, _csv_url(campaign, chart.name), may_export) for chart in charts],
        "links": report.links_table(campaign),
        "links_csv_url": _csv_url(campaign, "links") if may_export else "",
    }


def _report_table(campaign: Any, name: str) -> Table:
    if name == "funnel":
        return report.funnel_table(report.funnel_steps(campaign))
    if name == "links":
        return report.links_table(campaign)
    if name == "timeline":
        slots, step = report.campaign_slots(campaign)
        return report.timeline_table(slots, step=step, zone_name=campaign.organization.time_zone)
    if name == OPEN_QUESTIONS:
        people = open_questions(organization_id=campaign.organization_id, campaign_id=campaign.pk)
        return reconciliation.questions_table(list(people))
    raise Http404(f"There is no table called {name}.")


def _csv_url(campaign: Any, name: str) -> str:
    return reverse("admin:campaign_report_csv", args=[campaign.pk, name])


def _downloadable(chart: Chart, csv_url: str, may_export: bool) -> Chart:
    return dataclasses.replace(chart, csv_url=csv_url if may_export else "")


def _actions(access: Access, campaign: Any) -> list[dict[str, str]]:
    """What can be done with the campaign now, the likeliest first. Each leads to a page that asks in numbers."""
    if not access.can(Permission.CAMPAIGNS_SEND, campaign.organization_id):
        return []
    status = CampaignStatus(campaign.status)
    offered = []
    if status in RUNNING and CampaignStatus.PAUSED in TRANSITIONS[status]:
        offered.append(("pause", "Pause", "pause", "primary"))
    if status == CampaignStatus.PAUSED:
        offered.append(("resume", "Resume", "play_arrow", "primary"))
    if CampaignStatus.CANCELLING in TRANSITIONS[status] or status == CampaignStatus.SCHEDULED:
        offered.append(("cancel", "Cancel", "close", "default"))
    return [
        {
            "title": title,
            "icon": icon,
            "variant": variant,
            "url": reverse(f"admin:campaigns_campaign_{action}", args=[campaign.pk]),
        }
        for action, title, icon, variant in offered
    ]


def _zone_of_reader() -> ZoneInfo:
    """The middleware has set it: the client's, or under "All clients" the person's own."""
    return ZoneInfo(timezone.get_current_timezone_name())


def _access(request: HttpRequest) -> Access:
    return request.access  # type: ignore[attr-defined, no-any-return]


def _page(request: HttpRequest, template: str, **context: Any) -> HttpResponse:
    return TemplateResponse(request, template, {**admin.site.each_context(request), **context})
