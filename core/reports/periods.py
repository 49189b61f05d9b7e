"""The days a report is about, and the moments at which a planned one is due. All days are the client's own."""

import calendar
import datetime
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from core.reports.choices import Frequency, Period
from core.reports.errors import ReportRefused

LONGEST_DAYS = 366
_EARLIEST = datetime.date(2000, 1, 1)
_DAY = datetime.timedelta(days=1)
_FIXED_DAYS = {Period.LAST_7_DAYS: 7, Period.LAST_30_DAYS: 30}


@dataclass(frozen=True, slots=True)
class Days:
    """From `first` to `last`, both included."""

    first: datetime.date
    last: datetime.date

    @property
    def count(self) -> int:
        return (self.last - self.first).days + 1

    def moments(self, zone: ZoneInfo) -> tuple[datetime.datetime, datetime.datetime]:
        """The beginning of the first day, and the end of the last one."""
        midnight = datetime.time()
        return (
            datetime.datetime.combine(self.first, midnight, zone),
            datetime.datetime.combine(self.last + _DAY, midnight, zone),
        )


def days_of(
    period: Period,
    today: datetime.date,
    first: datetime.date | None = None,
    last: datetime.date | None = None,
) -> Days:
    """The days meant on the day `today`; whole days only, so today itself is never among them but with CUSTOM.

    Raises ReportRefused for days that make no period.
    """
    if period == Period.CUSTOM:
        return _custom(first, last, today)
    if period in _FIXED_DAYS:
        return Days(today - _FIXED_DAYS[period] * _DAY, today - _DAY)
    months = 3 if period == Period.LAST_QUARTER else 1
    end = today.replace(day=1, month=(today.month - 1) // months * months + 1) - _DAY
    return Days(_months_back(end, months - 1).replace(day=1), end)


def _custom(first: datetime.date | None, last: datetime.date | None, today: datetime.date) -> Days:
    if first is None or last is None:
        raise ReportRefused("Say from which day to which day the report goes.")
    if last < first:
        raise ReportRefused("The last day of the report lies before the first.")
    if first < _EARLIEST:
        raise ReportRefused(f"A report cannot begin before {_EARLIEST.year}.")
    if first > today:
        raise ReportRefused("The report would begin in the future.")
    if (last - first).days >= LONGEST_DAYS:
        raise ReportRefused(f"A report covers {LONGEST_DAYS} days at most.")
    return Days(first, min(last, today))


def before(days: Days) -> Days:
    """What the days are compared with: as many whole months before whole months, else as many days before."""
    months = whole_months(days)
    if not months:
        return Days(days.first - days.count * _DAY, days.first - _DAY)
    return Days(_months_back(days.first, months), days.first - _DAY)


def whole_months(days: Days) -> int:
    """How many calendar months these days are; 0 when they are none."""
    if days.first.day != 1 or (days.last + _DAY).day != 1:
        return 0
    return (days.last.year - days.first.year) * 12 + days.last.month - days.first.month + 1


def _months_back(day: datetime.date, months: int) -> datetime.date:
    """The first of the month that lies so many months before."""
    index = day.year * 12 + day.month - 1 - months
    return datetime.date(index // 12, index % 12 + 1, 1)


@dataclass(frozen=True, slots=True)
class Plan:
    """When a report goes out by itself. `day`: of the week (Monday is 0), or of the month (1 to 31; in shorter months
    the last day counts for those it lacks). `hour` is the client's wall clock."""

    frequency: Frequency
    day: int
    hour: int

    def first_after(self, moment: datetime.datetime, zone: ZoneInfo) -> datetime.datetime:
        """The next due moment after this one, in UTC. An hour that the clock skips comes as the hour after it, one
        that it shows twice is its first: each day has one."""
        day = moment.astimezone(zone).date() - _DAY
        while True:
            day += _DAY
            if self._is_day(day) and (due := self._at(day, zone)) > moment:
                return due

    def last_until(self, moment: datetime.datetime, zone: ZoneInfo) -> datetime.datetime:
        """The latest due moment that is not after this one, in UTC."""
        day = moment.astimezone(zone).date() + _DAY
        while True:
            day -= _DAY
            if self._is_day(day) and (due := self._at(day, zone)) <= moment:
                return due

    def _is_day(self, day: datetime.date) -> bool:
        if self.frequency == Frequency.WEEKLY:
            return day.weekday() == self.day
        return day.day == min(self.day, calendar.monthrange(day.year, day.month)[1])

    def _at(self, day: datetime.date, zone: ZoneInfo) -> datetime.datetime:
        return datetime.datetime.combine(day, datetime.time(self.hour), zone).astimezone(datetime.UTC)
