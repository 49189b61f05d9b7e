"""What a page of figures is asked for, read from its address and written back into it, so that a view can be kept and
shared: the range of days, the period to compare with, and whose opens and clicks count.

    found = range_of(request.GET, zone=zone, kept=("sender",))   # never raises: what cannot be read is explained
    found.first, found.last, found.length, found.previous        # days of the zone, both included
    filter_bar(found, choices=[Choice("sender", "Sender", options, value)])   # for dashboards/_filters.html

| in the address | |
|---|---|
| `range` | 7d, 30d (the default), 90d, year, all, or custom with `from` and `to` as YYYY-MM-DD |
| `compare` | `none`: without the period before |
| `count` | `machines`: what machines opened and clicked (people is the default) |
"""

import dataclasses
import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from django.utils import formats, timezone
from django.utils.http import urlencode

from core.tracking.choices import PeriodLength
from core.tracking.queries import Counted

DAY = datetime.timedelta(days=1)
PRESETS = {"7d": "7 days", "30d": "30 days", "90d": "90 days", "year": "12 months", "all": "All time"}
DEFAULT, CUSTOM, ALL, YEAR = "30d", "custom", "all", "year"
LONGEST_BY_DAY = 124
"""Days. A longer range is told and counted by whole months."""
_EARLIEST = datetime.date(2000, 1, 1)
_LONGEST_VALUE = 400


@dataclass(frozen=True)
class Range:
    """Days of the zone's calendar from `first` (None: since the beginning) to `last`, both included.

    `problem` is a sentence about what the address asked for and cannot be had, else "". `kept` are the page's other
    filters, for its links.
    """

    key: str
    zone: ZoneInfo
    first: datetime.date | None
    last: datetime.date
    compare: bool = True
    counted: Counted = Counted.PEOPLE
    problem: str = ""
    kept: tuple[tuple[str, str], ...] = ()

    @property
    def days(self) -> int | None:
        return (self.last - self.first).days + 1 if self.first else None

    @property
    def length(self) -> PeriodLength:
        """By what the range is told and its counters are read."""
        return PeriodLength.DAY if self.days is not None and self.days <= LONGEST_BY_DAY else PeriodLength.MONTH

    @property
    def previous(self) -> "Range | None":
        """As many days (or months) just before; None without a beginning, or when nobody wants to compare."""
        if self.first is None or not self.compare:
            return None
        last = self.first - DAY
        if self.length == PeriodLength.MONTH:
            months = (self.last.year - self.first.year) * 12 + self.last.month - self.first.month + 1
            first = months_before(self.first, months)
        else:
            first = last - (self.last - self.first)
        return dataclasses.replace(self, key=CUSTOM, first=first, last=last, compare=False)

    @property
    def starts_at(self) -> datetime.datetime | None:
        return self._midnight(self.first) if self.first else None

    @property
    def ends_at(self) -> datetime.datetime:
        """The first moment that is no longer in the range."""
        return self._midnight(self.last + DAY)

    @property
    def words(self) -> str:
        """ "1 Nov 2026 to 21 Nov 2026"."""
        until = formats.date_format(self.last, "j M Y")
        return f"{formats.date_format(self.first, 'j M Y')} to {until}" if self.first else f"All time to {until}"

    @property
    def previous_words(self) -> str:
        """What a change is against: "the 30 days before"."""
        if self.length == PeriodLength.MONTH:
            return "the months before"
        return "the day before" if self.days == 1 else f"the {self.days} days before"

    def query(self, **changes: str) -> str:
        """The address' query for this view with some parameters changed; "" as a value leaves one out."""
        asked = {"range": self.key} if self.key != DEFAULT else {}
        if self.key == CUSTOM and self.first:
            asked |= {"from": self.first.isoformat(), "to": self.last.isoformat()}
        if not self.compare:
            asked["compare"] = "none"
        if self.counted is Counted.MACHINES:
            asked["count"] = Counted.MACHINES.value
        asked |= dict(self.kept) | changes
        return "?" + urlencode({name: value for name, value in asked.items() if value})

    def _midnight(self, day: datetime.date) -> datetime.datetime:
        return datetime.datetime.combine(day, datetime.time.min, tzinfo=self.zone)


@dataclass(frozen=True)
class Option:
    """One of several views, as a link."""

    label: str
    url: str
    is_current: bool


@dataclass(frozen=True)
class Choice:
    """A page's own filter as a drop-down: (value, label) pairs; the empty value is everything."""

    name: str
    label: str
    options: Sequence[tuple[str, str]]
    value: str = ""


@dataclass(frozen=True)
class FilterBar:
    """What dashboards/_filters.html shows. Empty parts are left out."""

    range: Range
    presets: list[Option]
    compares: list[Option]
    counts: list[Option]
    choices: Sequence[Choice]
    hidden_of_dates: list[tuple[str, str]]
    hidden_of_choices: list[tuple[str, str]]


def range_of(asked: Mapping[str, str], *, zone: ZoneInfo, default: str = DEFAULT, kept: Sequence[str] = ()) -> Range:
    """Read a view from an address. Whatever stands there, a usable range comes out."""
    today = timezone.now().astimezone(zone).date()
    found = Range(
        key=default,
        zone=zone,
        first=_first_day(default, today),
        last=today,
        compare=asked.get("compare") != "none",
        counted=counted_of(asked),
        kept=tuple((name, asked[name]) for name in kept if 0 < len(asked.get(name, "")) <= _LONGEST_VALUE),
    )
    key = asked.get("range") or (CUSTOM if asked.get("from") or asked.get("to") else default)
    if key in PRESETS:
        return dataclasses.replace(found, key=key, first=_first_day(key, today))
    if key == CUSTOM:
        return _custom(found, asked.get("from", ""), asked.get("to", ""))
    return dataclasses.replace(found, problem=f"There is no range of that name. You see {PRESETS[default].lower()}.")


COUNTS = (Counted.PEOPLE, Counted.MACHINES)


def counted_of(asked: Mapping[str, str]) -> Counted:
    return Counted.MACHINES if asked.get("count") == Counted.MACHINES else Counted.PEOPLE


def filter_bar(found: Range, *, choices: Sequence[Choice] = (), with_compare: bool = True) -> FilterBar:
    dates = {"from": "", "to": ""}
    presets = [
        Option(label, found.query(range=key if key != DEFAULT else "", **dates), found.key == key)
        for key, label in PRESETS.items()
    ]
    compares = [
        Option("Compare with the time before", found.query(compare=""), found.compare),
        Option("Do not compare", found.query(compare="none"), not found.compare),
    ]
    own = [("range", found.key), ("from", _iso(found.first)), ("to", _iso(found.last))]
    count = Counted.MACHINES.value if found.counted is Counted.MACHINES else ""
    modes = [("compare", "" if found.compare else "none"), ("count", count)]
    names = {choice.name for choice in choices}
    others = [(name, value) for name, value in found.kept if name not in names]
    return FilterBar(
        range=found,
        presets=presets,
        compares=compares if with_compare and found.first else [],
        counts=count_options(found.counted, {one: found.query(count=_asked(one)) for one in COUNTS}),
        choices=choices,
        hidden_of_dates=[("range", CUSTOM), *_filled([*modes, *found.kept])],
        hidden_of_choices=_filled([*(own if found.key == CUSTOM else own[:1]), *modes, *others]),
    )


def count_options(counted: Counted, urls: Mapping[Counted, str]) -> list[Option]:
    """The switch between people and machines."""
    return [Option(one.value.capitalize(), urls[one], counted is one) for one in COUNTS]


def _asked(counted: Counted) -> str:
    return "" if counted is Counted.PEOPLE else counted.value


def months_before(day: datetime.date, months: int) -> datetime.date:
    """The first day of the month so many months before."""
    number = day.year * 12 + day.month - 1 - months
    return datetime.date(number // 12, number % 12 + 1, 1)


def _first_day(key: str, today: datetime.date) -> datetime.date | None:
    if key == ALL:
        return None
    if key == YEAR:
        return months_before(today, 11)
    return today - (int(key.removesuffix("d")) - 1) * DAY


def _custom(default: Range, first_text: str, last_text: str) -> Range:
    first, last = _day(first_text), _day(last_text)
    you_see = f"You see {PRESETS[default.key].lower()}."
    if first is None or last is None:
        return dataclasses.replace(default, problem=f"A range needs two days, written like 2026-05-31. {you_see}")
    if first > last:
        return dataclasses.replace(default, problem=f"That range ends before it starts. {you_see}")
    if first > default.last:
        return dataclasses.replace(default, problem=f"That range lies in the future. {you_see}")
    found = dataclasses.replace(default, key=CUSTOM, first=max(first, _EARLIEST), last=min(last, default.last))
    return _in_whole_months(found, today=default.last) if found.length == PeriodLength.MONTH else found


def _in_whole_months(found: Range, *, today: datetime.date) -> Range:
    """Long ranges are counted by months: from the first of one to the last of one."""
    assert found.first is not None
    last = min(months_before(found.last, -1) - DAY, today)
    return dataclasses.replace(found, first=found.first.replace(day=1), last=last)


def _day(text: str) -> datetime.date | None:
    try:
        day = datetime.date.fromisoformat(text) if len(text) == len("2026-05-31") else None
    except ValueError:
        return None
    return day if day and day.year < 9999 else None


def _iso(day: datetime.date | None) -> str:
    return day.isoformat() if day else ""


def _filled(pairs: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    return [pair for pair in pairs if pair[1]]
