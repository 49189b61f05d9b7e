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
from core.tracking.choices import PEOPLE, EventType, Part, PeriodLength, PeriodPart
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


def figures_by_start(span: Span, types: Iterable[EventType]) -> dict[datetime.date, Figures]:
    """Figures of the scope over the span, by the first days of its days or months (1 query)."""
    rows = OrganizationPeriod.objects.filter(length=span.length, part=PeriodPart.ALL, start__lte=span.last)
    rows = rows if span.first is None else rows.filter(start__gte=span.first)
    found = counts_by(rows.filter(type__in=[one.value for one in types]), "start")
    return {start: Figures(counts) for start, counts in found.items()}


_SUMS = """
       coalesce(sum(total) FILTER (WHERE verdict = ANY(%(people)s)), 0),
       coalesce(sum(firsts) FILTER (WHERE verdict = ANY(%(people)s)), 0), sum(total), sum(firsts)
  FROM tracking_organizationperiod
 WHERE organization_id = ANY(%(organizations)s) AND length = %(length)s AND start <= %(last)s AND type = ANY(%(types)s)
"""
# What is told over time, and what is told by its parts, in one round trip.
_OF_PAGE = f"""
SELECT NULL::uuid, 'all', '', start, type, {_SUMS} AND part = 'all' AND start >= coalesce(%(begin)s::date, '-infinity')
 GROUP BY start, type
UNION ALL
SELECT {{client}}, part, value, NULL, type, {_SUMS} AND part = ANY(%(parts)s)
   AND start >= coalesce(%(first)s::date, '-infinity')
 GROUP BY 1, part, value, type
"""


def figures_of_page(
    organization_ids: Sequence[UUID],
    span: Span,
    begin: datetime.date | None,
    types: Iterable[EventType],
    *parts: PeriodPart,
    by_client: bool = False,
) -> tuple[dict[datetime.date, Figures], dict[PeriodPart, dict[tuple[UUID | None, str], Figures]]]:
    """Figures by start from `begin` (before the span, for a comparison; None: since the beginning) to the span's end;
    and over the span alone, for each of the parts, by (client, value), or by (None, value) over all of them (1
    query)."""
    for organization_id in organization_ids:
        require(organization_id)
    parameters = {
        "organizations": list(organization_ids),
        "length": span.length,
        "first": span.first,
        "last": span.last,
        "begin": begin,
        "types": [one.value for one in types],
        "parts": [part.value for part in parts],
        "people": sorted(verdict.value for verdict in PEOPLE),
    }
    by_start: dict[Any, dict[str, Count]] = defaultdict(dict)
    by_part: dict[PeriodPart, dict[Any, dict[str, Count]]] = {part: defaultdict(dict) for part in parts}
    with connection.cursor() as cursor:
        cursor.execute(_OF_PAGE.format(client="organization_id" if by_client else "NULL::uuid"), parameters)
        for client, part, value, start, kind, people, once, total, firsts in cursor.fetchall():
            count = Count(people, once, total - people, firsts - once)
            if start is None:
                by_part[PeriodPart(part)][client, value][kind] = count
            else:
                by_start[start][kind] = count
    return _as_figures(by_start), {part: _as_figures(found) for part, found in by_part.items()}


def _as_figures(found: Mapping[Any, dict[str, Count]]) -> dict[Any, Figures]:
    return {key: Figures(counts) for key, counts in found.items()}


def figures_of_values(
    span: Span, types: Iterable[EventType], clients: Sequence[UUID], part: PeriodPart, values: Sequence[str]
) -> dict[tuple[datetime.date, UUID, str], Figures]:
    """By (start, client, value), of these values of a part (1 query)."""
    rows = OrganizationPeriod.objects.filter(
        organization_id__in=clients, length=span.length, part=part, value__in=values, start__lte=span.last
    )
    rows = rows if span.first is None else rows.filter(start__gte=span.first)
    found = counts_by(rows.filter(type__in=[one.value for one in types]), "start", "organization_id", "value")
    return {key: Figures(counts) for key, counts in found.items()}


def week_hours(months: Sequence[datetime.date], types: Iterable[EventType]) -> dict[tuple[int, int], Figures]:
    """Opens or clicks by (weekday, 1 = Monday; hour of each client's clock) over these months (1 query)."""
    kinds = [one.value for one in types]
    rows = OrganizationWeekHour.objects.filter(month__in=list(months), type__in=kinds).order_by()
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
