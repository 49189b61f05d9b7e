"""When a campaign goes out: wall-clock times and zones, the window of sending, the expected end.

A planned time is a wall-clock time. It is kept without a zone (`Campaign.scheduled_local`), because with
`ScheduleZone.RECIPIENT` it is meant in many; `scheduled_at` is the instant at which the first of them reaches it.
Times that clocks skip or show twice are read as PostgreSQL's AT TIME ZONE reads them, so that the page and the ledger
mean the same instant: a skipped one by the offset before the change, a repeated one as the second of the two.
"""

import datetime
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from django.utils import timezone

from core.campaigns.states import ScheduleZone

EARLIEST_OFFSET = datetime.timezone(datetime.timedelta(hours=14))
"""Where a day begins first (Kiritimati)."""
LATEST_OFFSET = datetime.timezone(datetime.timedelta(hours=-12))
FARTHEST = datetime.timedelta(days=366)
_DAY = datetime.timedelta(days=1)
_HOUR = datetime.timedelta(hours=1)
_NOBODY = 1e-6
_DAY_NAMES = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


@dataclass(frozen=True, slots=True)
class Planned:
    """What a wall-clock time means: the instant of the first mail, and what a person should know about it ("")."""

    local: datetime.datetime
    begins_at: datetime.datetime
    note: str = ""


@dataclass(frozen=True, slots=True)
class Window:
    """The hours in which mails may leave, by the wall clock of `zone`. No times: any hour; no `days`: every day.

    One that ends before it begins runs over midnight and belongs to the day on which it begins.
    """

    zone: ZoneInfo
    start: datetime.time | None = None
    until: datetime.time | None = None
    days: tuple[int, ...] = ()

    @property
    def is_open_always(self) -> bool:
        return self.start is None and self.until is None and not self.days


def instant_of(local: datetime.datetime, zone: ZoneInfo) -> datetime.datetime:
    """The instant (UTC) at which clocks of the zone show this naive time."""
    before, after = (local.replace(tzinfo=zone, fold=fold).utcoffset() for fold in (0, 1))
    assert before is not None and after is not None
    # Before > after: the hour is shown twice, and the second one has the smaller offset. Before < after: skipped.
    offset = after if before > after else before
    return (local - offset).replace(tzinfo=datetime.UTC)


def clock_change(local: datetime.datetime, zone: ZoneInfo) -> str:
    """A sentence when clocks of the zone skip this time or show it twice, else ""."""
    before, after = (local.replace(tzinfo=zone, fold=fold).utcoffset() for fold in (0, 1))
    if before == after:
        return ""
    instant = instant_of(local, zone).astimezone(zone)
    day = f"{local:%A}, {local.day} {local:%B}"
    if instant.replace(tzinfo=None) != local:
        return f"On {day}, clocks in {zone.key} go forward and skip {local:%H:%M}. It goes out at {instant:%H:%M}."
    return (
        f"On {day}, clocks in {zone.key} go back and show {local:%H:%M} twice. The second one is meant ({instant:%Z})."
    )


def plan_time(local: datetime.datetime, *, whose: ScheduleZone, zone: ZoneInfo, now: datetime.datetime) -> Planned:
    """What planning for this naive time means. `zone` is the client's. Nothing is refused here."""
    change = clock_change(local, zone)
    if whose == ScheduleZone.CLIENT:
        return Planned(local, instant_of(local, zone), change)
    begins_at = local.replace(tzinfo=EARLIEST_OFFSET).astimezone(datetime.UTC)
    if begins_at > now:
        return Planned(local, begins_at, change)
    note = f"In the far east {local:%H:%M} has passed already: people there get it at once."
    return Planned(local, now, f"{change} {note}".strip())


def last_instant(planned: Planned, whose: ScheduleZone) -> datetime.datetime:
    """When the last recipient's turn comes."""
    if whose == ScheduleZone.CLIENT:
        return planned.begins_at
    return planned.local.replace(tzinfo=LATEST_OFFSET).astimezone(datetime.UTC)


def planned_local(text: str) -> datetime.datetime | None:
    """`Campaign.scheduled_local` as a naive time; None when nothing was planned."""
    return datetime.datetime.fromisoformat(text) if text else None


# The window


def window_words(window: Window) -> str:
    """ "Monday to Friday, 09:00 to 18:00 (Europe/Berlin)", or "" for any time."""
    if window.is_open_always:
        return ""
    days = sorted(set(window.days))
    if not days or len(days) == 7:
        named = "every day"
    elif len(days) > 2 and days[-1] - days[0] == len(days) - 1:
        named = f"{_DAY_NAMES[days[0]]} to {_DAY_NAMES[days[-1]]}"
    else:
        named = ", ".join(_DAY_NAMES[day] for day in days)
    opens, closes = window.start or datetime.time.min, window.until or datetime.time.min
    hours = "" if opens == closes else f", {opens:%H:%M} to {closes:%H:%M}"
    words = f"{named}{hours} ({window.zone.key})"
    return words[0].upper() + words[1:]


def open_spans(
    window: Window, start: datetime.datetime, *, days: int = 400
) -> Iterator[tuple[datetime.datetime, datetime.datetime]]:
    """The spans (UTC) from `start` on in which mails may leave, in order, for so many days ahead."""
    opens_at, closes_at = window.start or datetime.time.min, window.until or datetime.time.min
    # The day before as well: a window over midnight belongs to the day on which it opens.
    first = start.astimezone(window.zone).date() - _DAY
    for number in range(days):
        day = first + number * _DAY
        if window.days and day.weekday() not in window.days:
            continue
        closing_day = day if closes_at > opens_at else day + _DAY
        opens = instant_of(datetime.datetime.combine(day, opens_at), window.zone)
        closes = instant_of(datetime.datetime.combine(closing_day, closes_at), window.zone)
        if max(opens, start) < closes:
            yield max(opens, start), closes


@dataclass(frozen=True, slots=True)
class Flow:
    """How mails leave: (full hour, how many) in order, and when the last one does; None: not within 400 days."""

    hours: tuple[tuple[datetime.datetime, int], ...]
    end: datetime.datetime | None


def flow(
    window: Window,
    arrivals: Sequence[tuple[datetime.datetime, int]],
    *,
    per_second: float,
    per_hour: int | None,
) -> Flow:
    """How mails leave that become due in portions (instant, how many), through the window and at this speed."""
    rate = min(per_second, per_hour / 3600) if per_hour else per_second
    due = deque(sorted(portion for portion in arrivals if portion[1]))
    by_hour: dict[datetime.datetime, float] = {}
    if not due:
        return Flow((), None)
    waiting, end = 0.0, None
    for opens, closes in open_spans(window, due[0][0]):
        at = opens
        while at < closes and end is None:
            while due and due[0][0] <= at:
                waiting += due.popleft()[1]
            hour = at.replace(minute=0, second=0, microsecond=0)
            until = min(hour + _HOUR, closes, due[0][0] if due else closes)
            leaving = min(waiting, (until - at).total_seconds() * rate)
            by_hour[hour] = by_hour.get(hour, 0.0) + leaving
            waiting -= leaving
            if waiting < _NOBODY and not due:
                end = at + datetime.timedelta(seconds=leaving / rate)
            at = until
        if end is not None:
            break
    return Flow(_whole(by_hour), end)


def _whole(by_hour: dict[datetime.datetime, float]) -> tuple[tuple[datetime.datetime, int], ...]:
    """Whole mails, rounded so that they add up."""
    rows: list[tuple[datetime.datetime, int]] = []
    total, said = 0.0, 0
    for hour, count in by_hour.items():
        total += count
        if whole := round(total) - said:
            rows.append((hour, whole))
            said += whole
    return tuple(rows)


def end_of_sending(
    window: Window, start: datetime.datetime, mails: int, *, per_second: float, per_hour: int | None
) -> datetime.datetime | None:
    """When the last mail leaves; None when that is past a year ahead."""
    rate = min(per_second, per_hour / 3600) if per_hour else per_second
    if not mails:
        return start
    seconds = mails / rate
    for opens, closes in open_spans(window, start):
        room = (closes - opens).total_seconds()
        if seconds < room + _NOBODY / rate:
            return opens + datetime.timedelta(seconds=min(seconds, room))
        seconds -= room
    return None


# In words


def moment_words(at: datetime.datetime, zone: ZoneInfo) -> str:
    """Tue 25 Nov, 09:00 Europe/Berlin; with the year when it is another one."""
    local = at.astimezone(zone)
    year = f" {local.year}" if local.year != timezone.now().astimezone(zone).year else ""
    return f"{local:%a} {local.day} {local:%b}{year}, {local:%H:%M} {zone.key}"


def distance_words(at: datetime.datetime, now: datetime.datetime) -> str:
    """In 3 days, in 5 hours, in 10 minutes, now."""
    seconds = (at - now).total_seconds()
    for size, name in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        count = round(seconds / size)
        if seconds >= size * 0.95:
            return f"in {count} {name}{'' if count == 1 else 's'}"
    return "now"
