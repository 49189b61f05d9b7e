"""What a client's mails did over days or months, from OrganizationPeriod and the hours of its weeks."""

import datetime
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection
from django.db.models import QuerySet, Sum
from django.utils import timezone

from core.campaigns.models import Campaign
from core.common.tenancy import require
from core.tracking.choices import PEOPLE, EventType, Part, PeriodLength, PeriodPart
from core.tracking.models import (
    APART,
    ONCE,
    PERIOD_COUNTS,
    OrganizationPeriod,
)
from core.tracking.queries.counts import Count, Counted

DELIVERY = (EventType.SENT, *ONCE)
ENGAGEMENT = (EventType.SENT, EventType.OPENED, EventType.CLICKED, EventType.UNSUBSCRIBED, EventType.COMPLAINED)
_DAY = datetime.timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Span:
    """Days (or months, by their first days) of clients' own calendars; `first` None is since the beginning."""

    length: PeriodLength
    first: datetime.date | None
    last: datetime.date


class Stretch(NamedTuple):
    """Days, months or years by their first days, both included; `sign` -1 to take them away."""

    length: PeriodLength
    first: datetime.date
    last: datetime.date
    sign: int = 1


@dataclass(frozen=True, slots=True)
class Figures:
    """Counts by the columns of OrganizationPeriod; missing ones are zero."""

    counts: Mapping[str, int] = field(default_factory=dict)

    def of(self, event_type: EventType) -> Count:
        """Of types that count mails only, every event is a mail's first."""
        columns = PERIOD_COUNTS.get(event_type, ())
        numbers = [self.counts.get(column, 0) for column in columns]
        return Count(*numbers) if event_type in APART else Count(*numbers, *numbers)

    @property
    def sent(self) -> int:
        """Mails that were accepted: the base of all rates."""
        return self.counts.get("sent", 0)

    def mails(self, event_type: EventType) -> int:
        """Mails with such an event, whoever was behind it."""
        if event_type in APART:
            count = self.of(event_type)
            return count.people_once + count.machines_once
        return self.counts.get(event_type.value, 0)

    def __add__(self, other: "Figures") -> "Figures":
        return summed((self, other))


def summed(figures: Iterable[Figures]) -> Figures:
    counts: dict[str, int] = defaultdict(int)
    for one in figures:
        for column, number in one.counts.items():
            counts[column] += number
    return Figures(counts)


def figures_by_start(span: Span, types: Iterable[EventType]) -> dict[datetime.date, Figures]:
    """Figures of the scope over the span, by the first days of its days or months (1 query)."""
    rows = OrganizationPeriod.objects.filter(length=span.length, part=PeriodPart.ALL, start__lte=span.last)
    rows = rows if span.first is None else rows.filter(start__gte=span.first)
    return _sums_by(rows, types, "start")


# What is told over time, and what is told by its parts, in one round trip.
_OF_PAGE = """
SELECT NULL::uuid, 'all', '', start, {sums}
  FROM tracking_organizationperiod
 WHERE organization_id = ANY(%(organizations)s) AND length = %(length)s AND part = 'all'
   AND start BETWEEN coalesce(%(begin)s::date, '-infinity') AND %(last)s
 GROUP BY start HAVING {is_any}
UNION ALL
SELECT {client}, part, value, NULL, {signed_sums}
  FROM unnest(%(lengths)s::text[], %(firsts)s::date[], %(lasts)s::date[], %(signs)s::int[])
    AS stretch (length, first, last, sign)
  JOIN tracking_organizationperiod AS period
    ON period.length = stretch.length AND period.start BETWEEN stretch.first AND stretch.last
 WHERE organization_id = ANY(%(organizations)s) AND part = ANY(%(parts)s)
 GROUP BY 1, part, value HAVING {is_any_left}
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
    columns = columns_of(types)
    lengths, firsts, lasts, signs = zip(*stretches(span), strict=True)
    parameters: dict[str, Any] = {
        "organizations": list(organization_ids),
        "length": span.length,
        "last": span.last,
        "begin": begin,
        "parts": [part.value for part in parts],
        "lengths": list(lengths),
        "firsts": list(firsts),
        "lasts": list(lasts),
        "signs": list(signs),
    }
    words = {
        "client": "organization_id" if by_client else "NULL::uuid",
        "sums": ", ".join(f"sum({column})" for column in columns),
        "is_any": " OR ".join(f"sum({column}) > 0" for column in columns),
        "signed_sums": ", ".join(f"sum(sign * {column})" for column in columns),
        "is_any_left": " OR ".join(f"sum(sign * {column}) > 0" for column in columns),
    }
    by_start: dict[datetime.date, Figures] = {}
    by_part: dict[PeriodPart, dict[tuple[UUID | None, str], Figures]] = {part: {} for part in parts}
    with connection.cursor() as cursor:
        cursor.execute(_OF_PAGE.format(**words), parameters)
        for client, part, value, start, *numbers in cursor.fetchall():
            figures = Figures(dict(zip(columns, numbers, strict=True)))
            if start is None:
                by_part[PeriodPart(part)][client, value] = figures
            else:
                by_start[start] = figures
    return by_start, by_part


_LARGER = {PeriodLength.DAY: PeriodLength.MONTH, PeriodLength.MONTH: PeriodLength.YEAR}


def stretches(span: Span) -> Iterator[Stretch]:
    """What adds up to the span in as few rows as possible: whole months of days (years of months), and at each end
    either the days inside or the month less the days outside. Of the time to come there is next to nothing."""
    small, first, last = span.length, span.first or datetime.date.min, span.last
    large = _LARGER[small]
    begin, head_end = _around(large, first)
    tail_begin, end = _around(large, last)
    outside_head = (first - begin).days
    outside_tail = (min(end, max(timezone.now().date(), last)) - last).days
    if begin == tail_begin:
        if (last - first).days <= outside_head + outside_tail:
            yield Stretch(small, first, last)
            return
    else:
        if outside_head > (head_end - first).days:
            yield Stretch(small, first, head_end)
            begin = first = head_end + _DAY
        if outside_tail > (last - tail_begin).days:
            yield Stretch(small, tail_begin, last)
            end = last = tail_begin - _DAY
    if begin < end:
        yield Stretch(large, begin, end)
    if begin < first:
        yield Stretch(small, begin, first - _DAY, -1)
    if last < end:
        yield Stretch(small, last + _DAY, end, -1)


def _around(length: PeriodLength, day: datetime.date) -> tuple[datetime.date, datetime.date]:
    """The first and last day of the month or year that this day is in."""
    if length == PeriodLength.YEAR:
        return day.replace(month=1, day=1), day.replace(month=12, day=31)
    first = day.replace(day=1)
    return first, (first + 31 * _DAY).replace(day=1) - _DAY


def columns_of(types: Iterable[EventType]) -> list[str]:
    """The columns of OrganizationPeriod that these types are counted in."""
    return [column for kind in types for column in PERIOD_COUNTS[kind]]


def figures_of_values(
    span: Span, types: Iterable[EventType], clients: Sequence[UUID], part: PeriodPart, values: Sequence[str]
) -> dict[tuple[datetime.date, UUID, str], Figures]:
    """By (start, client, value), of these values of a part (1 query)."""
    rows = OrganizationPeriod.objects.filter(
        organization_id__in=clients, length=span.length, part=part, value__in=values, start__lte=span.last
    )
    rows = rows if span.first is None else rows.filter(start__gte=span.first)
    return _sums_by(rows, types, "start", "organization_id", "value")


def _sums_by(rows: QuerySet[OrganizationPeriod], types: Iterable[EventType], *keys: str) -> dict[Any, Figures]:
    """By one key, or by a tuple of several; without those for which nothing was counted (1 query)."""
    columns = columns_of(types)
    found = rows.order_by().values_list(*keys).annotate(*(Sum(column) for column in columns))
    return {
        row[0] if len(keys) == 1 else row[: len(keys)]: Figures(dict(zip(columns, row[len(keys) :], strict=True)))
        for row in found
        if any(row[len(keys) :])
    }


_WEEK = """
SELECT weekday, {hours} FROM tracking_organizationweekday
 WHERE organization_id = ANY(%(organizations)s) AND month = ANY(%(months)s) GROUP BY weekday
"""


def opens_of_week(
    organization_ids: Sequence[UUID], months: Sequence[datetime.date], counted: Counted
) -> list[list[int]]:
    """First opens by people or by machines on each weekday from Monday on, by the hour of each client's clock, over
    these months (1 query)."""
    for organization_id in organization_ids:
        require(organization_id)
    column = "machines" if counted is Counted.MACHINES else "people"
    hours = ", ".join(f"sum({column}[{hour}])" for hour in range(1, 25))
    week = [[0] * 24 for _ in range(7)]
    with connection.cursor() as cursor:
        parameters: dict[str, Any] = {"organizations": list(organization_ids), "months": list(months)}
        cursor.execute(_WEEK.format(hours=hours), parameters)
        for weekday, *opens in cursor.fetchall():
            week[weekday - 1] = opens
    return week


def campaigns_started(
    first: datetime.datetime | None, until: datetime.datetime, *, most: int
) -> list[tuple[Campaign, Figures]]:
    """Campaigns of the scope that started from `first` until before `until`, the newest `most` of them (2 queries)."""
    campaigns = Campaign.objects.filter(started_at__lt=until, started_at__isnull=False)
    if first is not None:
        campaigns = campaigns.filter(started_at__gte=first)
    names = ("organization_id", "organization__name", "name", "started_at", "status")
    found = list(campaigns.select_related("organization").only(*names).order_by("-started_at", "-id")[:most])
    figures = _of_campaigns(found, Part.ALL, "campaign_id")
    return [(campaign, figures.get(campaign.pk, Figures())) for campaign in found]


def devices_of(campaigns: Iterable[Campaign]) -> dict[str, Figures]:
    """Opens and clicks of these campaigns by Device (1 query)."""
    return _of_campaigns(campaigns, Part.DEVICE, "value")


# One campaign after the other, by its own index: the planner would rather read all of their clients' counters.
_OF_CAMPAIGNS = """
SELECT {column}, type, coalesce(sum(total) FILTER (WHERE is_person), 0),
       coalesce(sum(firsts) FILTER (WHERE is_person), 0), coalesce(sum(total) FILTER (WHERE NOT is_person), 0),
       coalesce(sum(firsts) FILTER (WHERE NOT is_person), 0)
  FROM unnest(%(campaigns)s::uuid[], %(organizations)s::uuid[]) AS chosen (id, organization_id)
 CROSS JOIN LATERAL (
       SELECT organization_id, campaign_id, value, type, verdict = ANY(%(people)s::text[]) AS is_person, total, firsts
         FROM tracking_campaignpart WHERE campaign_id = chosen.id AND part = %(part)s
       OFFSET 0) AS counted
 WHERE counted.organization_id = chosen.organization_id AND type = ANY(%(types)s::text[])
 GROUP BY 1, 2
"""


def _of_campaigns(campaigns: Iterable[Campaign], part: Part, column: str) -> dict[Any, Figures]:
    chosen = list(campaigns)
    for organization_id in {campaign.organization_id for campaign in chosen}:
        require(organization_id)
    parameters: dict[str, Any] = {
        "campaigns": [campaign.pk for campaign in chosen],
        "organizations": [campaign.organization_id for campaign in chosen],
        "people": sorted(verdict.value for verdict in PEOPLE),
        "part": part,
        "types": [kind.value for kind in PERIOD_COUNTS],
    }
    found: dict[Any, dict[str, int]] = defaultdict(dict)
    with connection.cursor() as cursor:
        cursor.execute(_OF_CAMPAIGNS.format(column=column), parameters)
        for key, kind, *counts in cursor.fetchall():
            found[key] |= _by_column(EventType(kind), Count(*counts))
    return {key: Figures(counts) for key, counts in found.items()}


def _by_column(kind: EventType, count: Count) -> dict[str, int]:
    """As in OrganizationPeriod."""
    apart = (count.people, count.people_once, count.machines, count.machines_once)
    mails = (count.people_once + count.machines_once,)
    return dict(zip(PERIOD_COUNTS[kind], apart if kind in APART else mails, strict=True))
