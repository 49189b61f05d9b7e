"""Pages over all campaigns of a client, or of all clients: engagement, audience growth, deliverability.

`overview(...)` puts a page into the admin with its downloads: a table as CSV, all tables as one workbook. The builder
of a page gets `Asked` and gives an `Overview`; it runs inside the scope of those clients that this person may see (or,
for downloads, may export).
"""

import dataclasses
import datetime
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib import admin
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.text import slugify
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from core.accounts.access import Access
from core.accounts.permissions import Permission
from core.adminsite.pages import register_page
from core.common.tenancy import organization_scope
from core.tracking.choices import PeriodLength
from core.tracking.queries.periods import Figures, Span
from dashboards.charts import Chart
from dashboards.filters import DAY, FilterBar, Range, filter_bar, months_before, range_of
from dashboards.tables import Table, csv_download, xlsx_download
from dashboards.tiles import Tile


@dataclass(frozen=True)
class Asked:
    """`clients` are those in the scope; `current` the chosen one, None under "All clients"."""

    range: Range
    clients: tuple[Any, ...]
    current: Any | None

    @property
    def ids(self) -> list[Any]:
        return [client.pk for client in self.clients]

    @cached_property
    def names(self) -> dict[Any, str]:
        return {client.pk: client.name for client in self.clients}


@dataclass(frozen=True)
class Overview:
    """What a page shows. `empty` is the sentence in place of everything when there is nothing at all, with a link."""

    tiles: Sequence[Tile] = ()
    charts: Mapping[str, Chart] = dataclasses.field(default_factory=dict)
    tables: Sequence[Table] = ()
    context: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    empty: str = ""
    empty_url: str = ""
    empty_button: str = ""

    def all_tables(self) -> dict[str, Table]:
        """By name, in the order of the page."""
        return {table.name: table for table in (*(chart.table for chart in self.charts.values()), *self.tables)}


def overview(name: str, *, title: str, with_counts: bool = False) -> Callable[[Callable[[Asked], Overview]], Any]:
    """Register `results/<name>/` (as admin:<name>) with its downloads; the decorated function builds the page.

    `with_counts`: the page has opens and clicks, of people or of everybody.
    """

    def decorate(build: Callable[[Asked], Overview]) -> Callable[[Asked], Overview]:
        slug = name.replace("_", "-")

        @register_page(f"results/{slug}/", name=name, permission=Permission.RESULTS_VIEW)
        @require_safe
        @never_cache
        def page(request: HttpRequest) -> HttpResponse:
            return _page(request, name, title, build, with_counts=with_counts)

        @register_page(f"results/{slug}/<str:table>.csv", name=f"{name}_csv", permission=Permission.RESULTS_EXPORT)
        @require_safe
        def csv(request: HttpRequest, table: str) -> HttpResponse:
            asked, found = _built(request, build, Permission.RESULTS_EXPORT)
            wanted = found.all_tables().get(table)
            if wanted is None:
                raise Http404("There is no such table on this page.")
            return csv_download(wanted, file_name=f"{_file_name(asked, slug)}-{table}.csv")

        @register_page(f"results/{slug}.xlsx", name=f"{name}_xlsx", permission=Permission.RESULTS_EXPORT)
        @require_safe
        def xlsx(request: HttpRequest) -> HttpResponse:
            asked, found = _built(request, build, Permission.RESULTS_EXPORT)
            return xlsx_download(*found.all_tables().values(), file_name=f"{_file_name(asked, slug)}.xlsx")

        return build

    return decorate


def span_of(found: Range) -> Span:
    return Span(found.length, _first_of(found), found.last)


def split(
    by_start: Mapping[datetime.date, Figures], span: Span
) -> tuple[dict[datetime.date, Figures], dict[datetime.date, Figures]]:
    """(of the span, of the time before it)."""
    now = {start: figures for start, figures in by_start.items() if span.first is None or start >= span.first}
    return now, {start: figures for start, figures in by_start.items() if start not in now}


def buckets_of(found: Range, known: Sequence[datetime.date]) -> list[datetime.date]:
    """The days or first days of months that the range is told by, without gaps; "all time" begins with the first that
    is known."""
    first = _first_of(found) or min(known, default=found.last)
    if found.length == PeriodLength.DAY:
        return [first + DAY * number for number in range((found.last - first).days + 1)]
    months = (found.last.year - first.year) * 12 + found.last.month - first.month
    return [months_before(first, -number) for number in range(months + 1)]


def time_axis(found: Range) -> dict[str, Any]:
    """For figures over `buckets_of`: days as "3 Nov", months as "Nov 2026"."""
    is_day = found.length == PeriodLength.DAY
    return {
        "type": "date",
        "tickformat": "%-d %b" if is_day else "%b %Y",
        "hoverformat": "%a, %-d %b %Y" if is_day else "%B %Y",
        "nticks": 8,
        "tickangle": 0,
    }


def bucket_text(found: Range, day: datetime.date) -> str:
    return day.strftime("%Y-%m-%d" if found.length == PeriodLength.DAY else "%Y-%m")


def bucket_title(found: Range) -> str:
    return "Day" if found.length == PeriodLength.DAY else "Month"


def _first_of(found: Range) -> datetime.date | None:
    if found.first is None or found.length == PeriodLength.DAY:
        return found.first
    return found.first.replace(day=1)


def _page(
    request: HttpRequest, name: str, title: str, build: Callable[[Asked], Overview], *, with_counts: bool
) -> HttpResponse:
    asked, found = _built(request, build, Permission.RESULTS_VIEW)
    may_export = _access(request).can(Permission.RESULTS_EXPORT)
    query = asked.range.query()
    bar: FilterBar = filter_bar(asked.range)
    if not with_counts:
        bar = dataclasses.replace(bar, counts=[])

    def csv_url(table: str) -> str:
        return reverse(f"admin:{name}_csv", args=[table]) + query if may_export else ""

    context = {
        "overview": found,
        "filters": bar,
        "charts": {
            key: dataclasses.replace(chart, csv_url=csv_url(chart.table.name)) for key, chart in found.charts.items()
        },
        "csv_urls": {table.name: csv_url(table.name) for table in found.tables},
        "tables_with_urls": [{"table": table, "csv_url": csv_url(table.name)} for table in found.tables],
        "xlsx_url": reverse(f"admin:{name}_xlsx") + query if may_export and not found.empty else "",
        "is_one_client": asked.current is not None,
        **found.context,
    }
    shown = {**admin.site.each_context(request), "title": title, **context}
    return TemplateResponse(request, f"dashboards/{name}.html", shown)


def _built(request: HttpRequest, build: Callable[[Asked], Overview], permission: Permission) -> tuple[Asked, Overview]:
    """Only clients of which this person may see, or export, the results."""
    access = _access(request)
    clients = tuple(client for client in access.in_reach if access.can(permission, client.pk))
    zone = ZoneInfo(timezone.get_current_timezone_name())
    asked = Asked(range_of(request.GET, zone=zone), clients, access.current)
    with organization_scope(*clients):
        return asked, build(asked)


def _file_name(asked: Asked, slug: str) -> str:
    whose = slugify(asked.current.name) if asked.current else "all-clients"
    return f"{whose or 'client'}-{slug}"


def _access(request: HttpRequest) -> Access:
    return request.access  # type: ignore[attr-defined]
