"""Writes of the audience's counters: everybody once a night, the last days whenever something changed.

Contacts, consent and suppressions stay what they are: the counters only follow, and a count that was lost is repeated.
"""

import datetime
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import transaction
from django.utils import timezone

from core.accounts.models import Organization
from core.tracking.audience import facts, groups, months, week_hours
from core.tracking.audience.choices import ARRIVALS, DEPARTURES, Turn
from core.tracking.models import AudienceCohort, AudienceCount, AudienceDay

RECOUNTED_DAYS = 60
"""Shorter than deleted contacts are kept (90 days): what is recounted is complete."""
MOST_TOUCHED = 200_000
"""With more changed contacts than this, everybody is recounted: that goes in slices."""
MOST_SOURCES = 20
"""Of a day; the others are added up under ""."""
ONE_DAY = datetime.timedelta(days=1)


@dataclass
class _Day:
    turns: Counter[str] = field(default_factory=Counter)
    sources: Counter[str] = field(default_factory=Counter)

    @property
    def net(self) -> int:
        return sum(self.turns[turn] for turn in ARRIVALS) - sum(self.turns[turn] for turn in DEPARTURES)


@dataclass(frozen=True)
class _Moment:
    """Now, on the client's own clock."""

    organization_id: UUID
    zone: ZoneInfo
    now: datetime.datetime

    @property
    def today(self) -> datetime.date:
        return self.now.astimezone(self.zone).date()

    def start_of(self, day: datetime.date) -> datetime.datetime:
        return datetime.datetime.combine(day, datetime.time(), self.zone)

    def parameters(self, since: datetime.datetime) -> dict[str, Any]:
        return facts.parameters_of(self.organization_id, self.zone.key, now=self.now, today=self.today, since=since)


def audiences_count() -> dict[str, int]:
    """Bring the counters of every client in the open scope up to date. Safe to run twice."""
    clients = list(Organization.objects.order_by("pk").values_list("pk", flat=True))
    return {"recounted": sum(audience_count(organization_id=client) for client in clients)}


def audience_count(*, organization_id: UUID, now: datetime.datetime | None = None) -> bool:
    """Bring one client's counters up to date. True when everybody was recounted: the first time of a day."""
    client = Organization.objects.get(pk=organization_id)
    moment = _Moment(organization_id, ZoneInfo(client.time_zone), now or timezone.now())
    state = AudienceCount.objects.filter(organization_id=organization_id).first()
    if state is None or state.recounted_on < moment.today:
        _recount(moment)
        return True
    since = state.counted_at.astimezone(moment.zone).date()
    touched = facts.touched_since(organization_id, moment.start_of(since), most=MOST_TOUCHED + 1)
    if len(touched) > MOST_TOUCHED:
        _recount(moment)
        return True
    by_day: dict[datetime.date, _Day] = defaultdict(_Day)
    _add(by_day, facts.turns_of(touched, moment.parameters(moment.start_of(since))))
    _update(moment, since, by_day)
    week_hours.recount(organization_id=organization_id, zone=moment.zone.key, months=_new_months(moment.today))
    return False


def _new_months(today: datetime.date) -> list[datetime.date]:
    """The month of this day and the one before it: where new events fall."""
    this_month = today.replace(day=1)
    return [(this_month - ONE_DAY).replace(day=1), this_month]


def _recount(moment: _Moment) -> None:
    """Everybody, slice by slice, and one transaction in the end that writes what came out."""
    parameters = moment.parameters(facts.BEGINNING)
    by_day: dict[datetime.date, _Day] = defaultdict(_Day)
    cohorts: Counter[tuple[datetime.date, str]] = Counter()
    for bounds in facts.slices(moment.organization_id):
        _add(by_day, facts.turns_of_slice(bounds, parameters))
        for month, activity, people in facts.cohorts_of_slice(bounds, parameters):
            cohorts[month, activity] += people
    with transaction.atomic():
        _replace_days(moment, by_day)
        _replace_cohorts(moment.organization_id, cohorts)
        groups.snapshot(organization_id=moment.organization_id, zone=moment.zone.key, today=moment.today)
        week_hours.recount(organization_id=moment.organization_id, zone=moment.zone.key)
        _note(moment, recounted_on=moment.today)


@transaction.atomic
def _update(moment: _Moment, since: datetime.date, by_day: dict[datetime.date, _Day]) -> None:
    before = AudienceDay.objects.filter(organization_id=moment.organization_id, day__lt=since).order_by("-day").first()
    total = before.total if before else 0
    rows = []
    for day in _days(since, moment.today):
        counted = by_day.get(day, _Day())
        total += counted.net
        rows.append(_row(moment.organization_id, day, counted, total))
    _replace(moment.organization_id, since, rows)
    _note(moment)


def _replace_days(moment: _Moment, by_day: dict[datetime.date, _Day]) -> None:
    """Totals are reckoned backwards from today's: what was purged long ago is missing in the sums of old days."""
    first = min(by_day, default=moment.today)
    if AudienceDay.objects.filter(organization_id=moment.organization_id).exists():
        first = max(first, moment.today - datetime.timedelta(days=RECOUNTED_DAYS))
    total = sum(day.net for day in by_day.values())
    rows = []
    for day in reversed(_days(first, moment.today)):
        counted = by_day.get(day, _Day())
        rows.append(_row(moment.organization_id, day, counted, total))
        total -= counted.net
    _replace(moment.organization_id, first, rows)


def _replace(organization_id: UUID, since: datetime.date, rows: list[AudienceDay]) -> None:
    AudienceDay.objects.filter(organization_id=organization_id, day__gte=since).delete()
    AudienceDay.objects.bulk_create(rows, batch_size=1000)
    months.add_up(organization_id=organization_id, since=since)


def _replace_cohorts(organization_id: UUID, cohorts: Counter[tuple[datetime.date, str]]) -> None:
    AudienceCohort.objects.filter(organization_id=organization_id).delete()
    by_month: dict[datetime.date, dict[str, int]] = defaultdict(dict)
    for (month, activity), people in cohorts.items():
        by_month[month][activity] = people
    AudienceCohort.objects.bulk_create(
        AudienceCohort(organization_id=organization_id, joined_in=month, **people) for month, people in by_month.items()
    )


def _note(moment: _Moment, **fields: Any) -> None:
    AudienceCount.objects.update_or_create(
        organization_id=moment.organization_id, defaults={"counted_at": moment.now, **fields}
    )


def _add(by_day: dict[datetime.date, _Day], rows: Iterable[facts.TurnRow]) -> None:
    for day, turn, source, people in rows:
        by_day[day].turns[turn] += people
        if turn == Turn.JOINED:
            by_day[day].sources[source] += people


def _row(organization_id: UUID, day: datetime.date, counted: _Day, total: int) -> AudienceDay:
    turns = {turn.value: counted.turns[turn] for turn in (*ARRIVALS, *DEPARTURES)}
    sources = _biggest(counted.sources)
    return AudienceDay(organization_id=organization_id, day=day, total=total, sources=sources, **turns)


def _biggest(sources: Counter[str]) -> dict[str, int]:
    named = Counter({source: people for source, people in sources.items() if source})
    kept = dict(named.most_common(MOST_SOURCES))
    rest = sources.total() - sum(kept.values())
    return kept | ({"": rest} if rest else {})


def _days(first: datetime.date, last: datetime.date) -> list[datetime.date]:
    return [first + ONE_DAY * number for number in range((last - first).days + 1)]
