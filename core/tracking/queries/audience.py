"""How lists of people grow and stay alive, from the counters of core/tracking/audience."""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db import connection
from django.db.models import Min, Sum

from core.common.tenancy import require
from core.tracking.audience.choices import ARRIVALS, DEPARTURES, Turn
from core.tracking.models import AudienceCohort, AudienceCount, AudienceDay

_TURNS = tuple(turn.value for turn in (*ARRIVALS, *DEPARTURES))

_SOURCES = """
SELECT named.source, sum(named.people::int)
  FROM tracking_audienceday AS counted
 CROSS JOIN LATERAL jsonb_each_text(counted.sources) AS named (source, people)
 WHERE counted.organization_id = ANY(%(organizations)s) AND counted.day <= %(last)s
   AND (%(first)s::date IS NULL OR counted.day >= %(first)s::date)
 GROUP BY named.source ORDER BY 2 DESC, 1
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
    """A day over the scope: people by Turn, and how many were subscribed in the end."""

    day: datetime.date
    turns: dict[str, int]
    total: int

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


def list_sources(
    organization_ids: Sequence[UUID], first: datetime.date | None, last: datetime.date
) -> list[tuple[str, int]]:
    """(source, people who joined), the biggest first; "" are small ones and those without (1 query)."""
    parameters = {"organizations": _in_reach(organization_ids), "first": first, "last": last}
    with connection.cursor() as cursor:
        cursor.execute(_SOURCES, parameters)
        return cursor.fetchall()


def list_cohorts() -> dict[datetime.date, dict[str, int]]:
    """People by Activity, by the month in which they joined, over the scope (1 query)."""
    found: dict[datetime.date, dict[str, int]] = {}
    rows = AudienceCohort.objects.order_by("month").values_list("month", "activity").annotate(Sum("people"))
    for month, activity, people in rows:
        found.setdefault(month, {})[activity] = people
    return found


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
