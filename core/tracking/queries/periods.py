"""What a client's mails did over days or months, from OrganizationPeriod and the hours of its weeks."""

import datetime
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Sum

from core.campaigns.models import Campaign
from core.common.tenancy import require
from core.tracking.choices import PEOPLE, EventType, Part, PeriodLength
from core.tracking.models import CampaignPart, OrganizationPeriod, OrganizationWeekHour
from core.tracking.queries.counts import Count, counts_by

DELIVERY = (
    EventType.SENT,
    EventType.DELIVERED,
    EventType.DEFERRED,
    EventType.BOUNCED,
    EventType.DROPPED,
    EventType.COMPLAINED,
)
_COUNTS = ("people", "people_once", "machines", "machines_once")
ENGAGEMENT = (EventType.SENT, EventType.OPENED, EventType.CLICKED, EventType.UNSUBSCRIBED, EventType.COMPLAINED)


@dataclass(frozen=True, slots=True)
class Span:
    """Days (or months, by their first days) of clients' own calendars; `first` None is since the beginning."""

    length: PeriodLength
    first: datetime.date | None
    last: datetime.date


@dataclass(frozen=True, slots=True)
class Figures:
    """Counts by EventType value; missing ones are zero."""

    counts: Mapping[str, Count] = field(default_factory=dict)

    def of(self, event_type: EventType) -> Count:
        return self.counts.get(event_type.value, Count())

    @property
    def sent(self) -> int:
        """Mails that were accepted: the base of all rates."""
        return self.of(EventType.SENT).people_once

    def mails(self, event_type: EventType) -> int:
        """Mails with such an event, whoever was behind it."""
        count = self.of(event_type)
        return count.people_once + count.machines_once

    def __add__(self, other: "Figures") -> "Figures":
        names = self.counts.keys() | other.counts.keys()
        return Figures({name: self.counts.get(name, Count()) + other.counts.get(name, Count()) for name in names})


def figures_by(span: Span, types: Iterable[EventType], *columns: str) -> dict[Any, Figures]:
    """Figures of the scope over the span by columns of OrganizationPeriod (1 query): one gives its values as keys,
    several give tuples."""
    return figures_of_streams(span, types, {}, *columns)


# One reading of the counters for everything a page asks: they are most of what it costs.
_GROUPED = """
SELECT grouping(start), start, {columns}, type,
       coalesce(sum(total) FILTER (WHERE verdict = ANY(%(people)s)), 0),
       coalesce(sum(firsts) FILTER (WHERE verdict = ANY(%(people)s)), 0), sum(total), sum(firsts)
  FROM (SELECT *, start >= coalesce(%(first)s::date, '-infinity') AS is_now FROM tracking_organizationperiod
         WHERE organization_id = ANY(%(organizations)s) AND length = %(length)s AND start <= %(last)s
           AND (%(begin)s::date IS NULL OR start >= %(begin)s::date) AND type = ANY(%(types)s)) AS counted
 GROUP BY GROUPING SETS ((start, type), ({columns}, type))
"""


def figures_of_page(
    organization_ids: Sequence[UUID], span: Span, begin: datetime.date | None, types: Iterable[EventType], *columns: str
) -> tuple[dict[datetime.date, Figures], dict[tuple[Any, ...], Figures]]:
    """Figures by start from `begin` (before the span, for a comparison) to the span's end; and by (is it in the span,
    *columns of OrganizationPeriod) over the same time (1 query). `begin` None: since the beginning."""
    for organization_id in organization_ids:
        require(organization_id)
    parameters = {
        "organizations": list(organization_ids),
        "length": span.length,
        "first": span.first,
        "last": span.last,
        "begin": begin,
        "types": [one.value for one in types],
        "people": sorted(verdict.value for verdict in PEOPLE),
    }
    by_start: dict[Any, dict[str, Count]] = defaultdict(dict)
    by_columns: dict[Any, dict[str, Count]] = defaultdict(dict)
    with connection.cursor() as cursor:
        cursor.execute(_GROUPED.format(columns=", ".join(("is_now", *columns))), parameters)
        for is_by_columns, start, *values, kind, people, once, total, firsts in cursor.fetchall():
            count = Count(people, once, total - people, firsts - once)
            if is_by_columns:
                by_columns[tuple(values)][kind] = count
            else:
                by_start[start][kind] = count
    return _as_figures(by_start), _as_figures(by_columns)


def _as_figures(found: Mapping[Any, dict[str, Count]]) -> dict[Any, Figures]:
    return {key: Figures(counts) for key, counts in found.items()}


def figures_of_streams(
    span: Span, types: Iterable[EventType], streams: Mapping[str, Sequence[Any]], *columns: str
) -> dict[Any, Figures]:
    """By `columns` of OrganizationPeriod, of rows with one of these values of each column in `streams` (1 query): one
    column gives its values as keys, several give tuples."""
    wanted = {f"{column}__in": list(values) for column, values in streams.items()}
    rows = _rows(span).filter(type__in=[one.value for one in types], **wanted)
    return {key: Figures(counts) for key, counts in counts_by(rows, *columns).items()}


def week_hours(months: Sequence[datetime.date]) -> dict[tuple[int, int], Figures]:
    """Opens and clicks by (weekday, 1 = Monday; hour of each client's clock) over these months (1 query)."""
    rows = OrganizationWeekHour.objects.filter(month__in=list(months)).order_by()
    sums = rows.values_list("weekday", "hour", "type").annotate(*(Sum(name) for name in _COUNTS))
    found: dict[tuple[int, int], dict[str, Count]] = defaultdict(dict)
    for weekday, hour, kind, *counts in sums:
        found[weekday, hour][kind] = Count(*counts)
    return {key: Figures(counts) for key, counts in found.items()}


def campaigns_started(
    first: datetime.datetime | None, until: datetime.datetime, *, most: int
) -> list[tuple[Campaign, Figures]]:
    """Campaigns of the scope that started from `first` until before `until`, the newest `most` of them (2 queries)."""
    campaigns = Campaign.objects.filter(started_at__lt=until, started_at__isnull=False)
    if first is not None:
        campaigns = campaigns.filter(started_at__gte=first)
    names = ("organization_id", "organization__name", "name", "started_at", "status")
    found = list(campaigns.select_related("organization").only(*names).order_by("-started_at", "-id")[:most])
    figures = _of_campaigns([campaign.pk for campaign in found], Part.ALL, "campaign_id")
    return [(campaign, figures.get(campaign.pk, Figures())) for campaign in found]


def devices_of(campaign_ids: Iterable[UUID]) -> dict[str, Figures]:
    """Opens and clicks of these campaigns by Device (1 query)."""
    return _of_campaigns(campaign_ids, Part.DEVICE, "value")


def _of_campaigns(campaign_ids: Iterable[UUID], part: Part, column: str) -> dict[Any, Figures]:
    rows = CampaignPart.objects.filter(campaign_id__in=list(campaign_ids), part=part)
    return defaultdict(Figures, {key: Figures(counts) for key, counts in counts_by(rows, column).items()})


def _rows(span: Span) -> Any:
    rows = OrganizationPeriod.objects.filter(length=span.length, start__lte=span.last)
    return rows if span.first is None else rows.filter(start__gte=span.first)
