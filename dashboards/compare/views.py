"""The page that puts campaigns side by side, and its downloads."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from core.accounts.access import Access
from core.accounts.permissions import Permission
from core.adminsite.pages import register_page
from core.tracking.queries import Counted, started_campaigns
from dashboards.compare import figures
from dashboards.compare.figures import Comparison
from dashboards.filters import COUNTS, count_options, counted_of
from dashboards.frame import downloadable, page
from dashboards.tables import csv_download, xlsx_download

_LONGEST_SEARCH = 100
_FILES = ("compare.csv", "compare.xlsx", "opens.csv")


@register_page("results/compare/", name="compare", permission=Permission.RESULTS_VIEW)
@require_safe
@never_cache
def compare_page(request: HttpRequest) -> HttpResponse:
    """Up to eight campaigns side by side; without a choice the client's last ones."""
    clients = _clients(request, Permission.RESULTS_VIEW)
    ids, problem = figures.asked_ids(request.GET.getlist("campaign"))
    found, problem = _comparison(request, clients, ids, problem)
    search = request.GET.get("q", "").replace("\x00", "")[:_LONGEST_SEARCH]
    may_export = bool(_clients(request, Permission.RESULTS_EXPORT)) and bool(found.campaigns)
    files = {name: _file_url(found, name) for name in _FILES} if may_export else {}
    context: dict[str, Any] = {
        "found": found,
        "titles": found.titles(),
        "rows": found.rows(),
        "problem": problem,
        "search": search,
        "offers": figures.offers(found.campaigns, search, found.zone, organization_ids=clients),
        "counted": found.counted,
        "counts": count_options(found.counted, {one: _query(found, one) for one in COUNTS}),
        "most": figures.MOST,
        "chart": downloadable(found.chart(), files.get("opens.csv", "")) if found.campaigns else None,
        "csv_url": files.get("compare.csv", ""),
        "xlsx_url": files.get("compare.xlsx", ""),
        "campaigns_url": reverse("admin:campaigns_campaign_changelist"),
    }
    return page(request, "dashboards/compare.html", title="Compare campaigns", **context)


@register_page("results/compare/<str:name>", name="compare_file", permission=Permission.RESULTS_EXPORT)
@require_safe
def compare_file(request: HttpRequest, name: str) -> HttpResponse:
    """A table of the page as a file. Only campaigns of clients whose results this person may export."""
    ids, problem = figures.asked_ids(request.GET.getlist("campaign"))
    found, _ = _comparison(request, _clients(request, Permission.RESULTS_EXPORT), ids, problem)
    if name == "compare.csv":
        return csv_download(found.table(), file_name="campaigns-compared.csv")
    if name == "compare.xlsx":
        return xlsx_download(found.table(), file_name="campaigns-compared.xlsx")
    if name == "opens.csv":
        return csv_download(found.hours_table(), file_name="campaigns-opens-by-hour.csv")
    raise Http404(f"There is no table called {name}.")


def _comparison(
    request: HttpRequest, clients: Sequence[UUID], ids: Sequence[UUID], problem: str
) -> tuple[Comparison, str]:
    if ids:
        campaigns = started_campaigns(ids=ids, organization_ids=clients, limit=figures.MOST)
    else:
        campaigns = figures.by_default(clients)
    if len(campaigns) < len(ids):
        problem = "Some of these campaigns have not started, or are not among your clients'. You see the others."
    zone = ZoneInfo(timezone.get_current_timezone_name())
    with_client = _access(request).current is None
    return Comparison(campaigns, counted_of(request.GET), zone, with_client=with_client), problem


def _clients(request: HttpRequest, permission: Permission) -> list[UUID]:
    access = _access(request)
    return [client.pk for client in access.in_reach if access.can(permission, client.pk)]


def _query(found: Comparison, counted: Counted) -> str:
    query = QueryDict(mutable=True)
    query.setlist("campaign", [str(one.pk) for one in found.campaigns])
    if counted is Counted.MACHINES:
        query["count"] = counted.value
    return "?" + query.urlencode()


def _file_url(found: Comparison, name: str) -> str:
    return reverse("admin:compare_file", args=[name]) + _query(found, found.counted)


def _access(request: HttpRequest) -> Access:
    return request.access  # type: ignore[attr-defined]
