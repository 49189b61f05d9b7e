"""How much of its day's limit a connection or a sending domain has left, and taking from it.

The row of the day is the truth (`DailyCount`). It is locked for the few milliseconds of a claim, and only by those
that have such a limit.
"""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import connection

from core.common.ids import new_id
from core.common.tenancy import require
from core.delivery.models import Connection, DailyCount
from core.domains.models import SendingDomain
from core.domains.warmup import Ramp

Subject = Connection | SendingDomain
"""What can have a daily limit."""

_STEPS = """
    SELECT count(*) FROM delivery_dailycount
     WHERE subject_id = %s AND organization_id = %s AND day >= %s AND day < %s AND used * 2 >= allowed
"""
_TODAY = "SELECT (engagex_local_time(now(), time_zone))::date FROM accounts_organization WHERE id = %s"
_LOCK = """
    INSERT INTO delivery_dailycount (id, organization_id, subject_id, day, allowed, used)
    VALUES (%s, %s, %s, %s, %s, 0)
        ON CONFLICT (subject_id, day) DO UPDATE SET allowed = excluded.allowed
    RETURNING greatest(allowed - used, 0)
"""
_USE = """
    UPDATE delivery_dailycount SET used = greatest(used + %s, 0)
     WHERE organization_id = %s AND subject_id = ANY(%s) AND day = %s
"""
_CHANGE = "UPDATE delivery_dailycount SET allowed = %s WHERE organization_id = %s AND subject_id = %s AND day = %s"
NO_LIMIT = 2_147_483_647


@dataclass(frozen=True, slots=True)
class Held:
    """Locked rows of a day, until the transaction ends. `room` is what the tightest of them leaves."""

    organization_id: UUID
    subject_ids: tuple[UUID, ...]
    day: str
    room: int


def daily_limit(subject: Subject, day: datetime.date) -> int | None:
    """How many mails the subject may send on this day of its client, None for any number. One query at most."""
    limits = [subject.mails_per_day] if isinstance(subject, Connection) and subject.mails_per_day else []
    ramp = subject.ramp
    if ramp is not None and (allowed := ramp.allowed(ramp_step(subject, day))) is not None:
        limits.append(allowed)
    return min(limits, default=None)


def ramp_step(subject: Subject, day: datetime.date) -> int:
    """On which step of its warm-up the subject stands on this day: the days before on which it was really used."""
    parameters: list[Any] = [subject.pk, subject.organization_id, subject.warmup_started_on, day]
    with connection.cursor() as cursor:
        cursor.execute(_STEPS, parameters)
        return int(cursor.fetchone()[0])


def used(subject: Subject, day: datetime.date) -> int:
    """How many mails were granted to it on this day."""
    counts = DailyCount.objects.filter(organization_id=subject.organization_id, subject_id=subject.pk, day=day)
    return counts.values_list("used", flat=True).first() or 0


def today(organization_id: UUID) -> datetime.date:
    """The client's date, by the database's clock."""
    with connection.cursor() as cursor:
        cursor.execute(_TODAY, [organization_id])
        found: datetime.date = cursor.fetchone()[0]
    return found


def hold(organization_id: UUID, subjects: Sequence[Subject]) -> Held | None:
    """Lock what is left of the day, inside the caller's transaction; None where none of them has a limit today.

    In order of id, so that two claims never wait for each other.
    """
    require(organization_id)
    day = today(organization_id)
    limited = [(subject, limit) for subject in subjects if (limit := daily_limit(subject, day)) is not None]
    if not limited:
        return None
    rooms = []
    with connection.cursor() as cursor:
        for subject, limit in sorted(limited, key=lambda pair: pair[0].pk):
            cursor.execute(_LOCK, [new_id(), organization_id, subject.pk, day, limit])
            rooms.append(cursor.fetchone()[0])
    return Held(organization_id, tuple(subject.pk for subject, _ in limited), str(day), min(rooms))


def use(held: Held, mails: int) -> None:
    """Count so many mails against the day; a negative number gives back what was not sent."""
    require(held.organization_id)
    if mails:
        with connection.cursor() as cursor:
            cursor.execute(_USE, [mails, held.organization_id, list(held.subject_ids), held.day])


def limits_changed(subject: Subject) -> None:
    """Somebody changed the limits: what the claim looks at first follows at once. What was used stays used."""
    require(subject.organization_id)
    day = today(subject.organization_id)
    limit = daily_limit(subject, day)
    parameters: list[Any] = [NO_LIMIT if limit is None else limit, subject.organization_id, subject.pk, day]
    with connection.cursor() as cursor:
        cursor.execute(_CHANGE, parameters)


def calendar(ramp: Ramp, step: int, *, most: int = 60) -> list[tuple[int, int, str]]:
    """The days of a ramp for a table: number from 1, mails allowed, and "done", "today" or "later"."""
    words = ["done" if place < step else "today" if place == step else "later" for place in range(len(ramp.volumes()))]
    return [(place + 1, volume, words[place]) for place, volume in enumerate(ramp.volumes()[:most])]
