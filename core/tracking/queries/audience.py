"""How lists of people grow and stay alive, from the counters of core/tracking/audience."""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db import connection
from django.db.models import Max, Min, Sum

from core.common.tenancy import require
from core.tracking.audience.choices import ARRIVALS, DEPARTURES, Activity, Turn
from core.tracking.choices import PeriodLength
from core.tracking.models import AudienceCohort, AudienceCount, AudienceDay, AudienceMonth
from core.tracking.queries.periods import Span, Stretch, stretches

_TURNS = tuple(turn.value for turn in (*ARRIVALS, *DEPARTURES))

_SOURCES = """
SELECT named.source, sum(counted.sign * named.people::int)
  FROM (SELECT stretch.sign, held.sources
          FROM unnest(%(lengths)s::text[], %(firsts)s::date[], %(lasts)s::date[], %(signs)s::int[])
            AS stretch (length, first, last, sign)
         CROSS JOIN LATERAL (
               SELECT sources FROM tracking_audienceday
                WHERE stretch.length = 'day' AND organization_id = ANY(%(organizations)s)
                  AND day BETWEEN stretch.first AND stretch.last
                UNION ALL
               SELECT sources FROM tracking_audiencemonth
                WHERE stretch.length = 'month' AND organization_id = ANY(%(organizations)s)
                  AND month BETWEEN stretch.first AND stretch.last
         ) AS held) AS counted
 CROSS JOIN LATERAL jsonb_each_text(counted.sources) AS named (source, people)
 GROUP BY named.source HAVING sum(counted.sign * named.people::int) > 0 ORDER BY 2 DESC, 1
"""
# Two looks into the index for each group.
_GROUPS = """
SELECT listed.id, listed.name, listed.organization_id, coalesce(at_end.members, 0), coalesce(at_start.members, 0)
  FROM contacts_contactgroup AS listed
  LEFT JOIN LATERAL (
       SELECT members FROM tracking_audiencegroup
        WHERE organization_id = listed.organization_id AND group_id = listed.id AND day <= %(last)s
        ORDER BY day DESC LIMIT 1) AS at_end ON true
  LEFT JOIN LATERAL (
       SELECT members FROM tracking_audiencegroup
        WHERE organization_id = listed.organization_id AND group_id = listed.id AND day < %(first)s::date
        ORDER BY day DESC LIMIT 1) AS at_start ON true
 WHERE listed.organization_id = ANY(%(organizations)s)
 ORDER BY 4 DESC, listed.name LIMIT %(most)s
"""


@dataclass(frozen=True, slots=True)
class ListDay:
    """A day over the scope, or a month told by its first one: people by Turn, how many were subscribed in the end, and
    how many days it was."""

    day: datetime.date
    turns: dict[str, int]
    total: int
    days: int = 1

    def of(self, *turns: Turn) -> int:
        return sum(self.turns[turn] for turn in turns)


@dataclass(frozen=True, slots=True)
class GroupSize:
    """`before` is the size when the range began."""

    pk: UUID
    name: str
    organization_id: UUID
    members: int
    before: int


def list_days(first: datetime.date | None, last: datetime.date) -> list[ListDay]:
    """Every day of the range that was counted, in order (1 query)."""
    rows = AudienceDay.objects.filter(day__lte=last)
    if first is not None:
        rows = rows.filter(day__gte=first)
    sums = rows.order_by("day").values_list("day").annotate(*(Sum(name) for name in _TURNS), Sum("total"))
    return [ListDay(day, dict(zip(_TURNS, figures, strict=True)), total) for day, *figures, total in sums]


def list_months(first: datetime.date | None, last: datetime.date) -> list[ListDay]:
    """Every month that was counted, in order, from the one of the first day to the one of the last (1 query)."""
    rows = AudienceMonth.objects.filter(month__lte=last)
    if first is not None:
        rows = rows.filter(month__gte=first.replace(day=1))
    sums = rows.order_by("month").values_list("month").annotate(*map(Sum, _TURNS), Sum("total"), Max("days"))
    return [
        ListDay(month, dict(zip(_TURNS, figures, strict=True)), total, days) for month, *figures, total, days in sums
    ]


def list_sources(organization_ids: Sequence[UUID], span: Span) -> list[tuple[str, int]]:
    """(source, people who joined), the biggest first; "" are small ones and those without (1 query)."""
    first = span.first or datetime.date.min
    whole = [Stretch(PeriodLength.MONTH, first, span.last)]
    told = whole if span.length == PeriodLength.MONTH else stretches(span)
    lengths, firsts, lasts, signs = map(list, zip(*told, strict=True))
    parameters = {
        "organizations": _in_reach(organization_ids),
        "lengths": lengths,
        "firsts": firsts,
        "lasts": lasts,
        "signs": signs,
    }
    with connection.cursor() as cursor:
        cursor.execute(_SOURCES, parameters)
        return cursor.fetchall()


def list_cohorts() -> dict[datetime.date, dict[str, int]]:
    """People by Activity, by the month in which they joined, over the scope (1 query)."""
    rows = AudienceCohort.objects.order_by("joined_in").values_list("joined_in").annotate(*map(Sum, Activity.values))
    return {month: dict(zip(Activity.values, people, strict=True)) for month, *people in rows}


def group_sizes(
    organization_ids: Sequence[UUID], first: datetime.date | None, last: datetime.date, *, most: int
) -> list[GroupSize]:
    """The biggest groups at the end of the range (1 query)."""
    parameters = {"organizations": _in_reach(organization_ids), "first": first, "last": last, "most": most}
    with connection.cursor() as cursor:
        cursor.execute(_GROUPS, parameters)
        return [GroupSize(*row) for row in cursor.fetchall()]


def counted_at() -> datetime.datetime | None:
    """Until when everybody in the scope is counted; None before the first count (1 query)."""
    return AudienceCount.objects.aggregate(at=Min("counted_at"))["at"]


def _in_reach(organization_ids: Sequence[UUID]) -> list[UUID]:
    for organization_id in organization_ids:
        require(organization_id)
    return list(organization_ids)
