"""The hours of the week in which a campaign may go out, by the clock on its client's wall.

The claim asks PostgreSQL (`engagex_in_window`, see the migration); this is the same rule for pages that tell when the
window opens. `tests/delivery/limits/test_window.py` holds the two together.
"""

import datetime
from collections.abc import Collection
from dataclasses import dataclass
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class Window:
    """From `begins` to `ends` (not included) on these weekdays (Monday is 0; none: every day).

    One that ends before it begins runs over midnight and belongs to the day on which it begins. Equal or no times mean
    the whole day.
    """

    begins: datetime.time | None
    ends: datetime.time | None
    days: Collection[int] = ()

    @property
    def is_limited(self) -> bool:
        return self.begins is not None or self.ends is not None or bool(self.days)

    def is_open(self, local: datetime.datetime) -> bool:
        """Whether it is open at this moment on the wall."""
        begins, time, day = self.begins or datetime.time.min, local.time(), local.weekday()
        if begins == self.ends or (self.begins is None and self.ends is None):
            return self._has(day)
        if self.ends is None or begins < self.ends:
            return begins <= time and (self.ends is None or time < self.ends) and self._has(day)
        return (begins <= time and self._has(day)) or (time < self.ends and self._has((day - 1) % 7))

    def opens_at(self, now: datetime.datetime, zone: ZoneInfo) -> datetime.datetime | None:
        """When it is open next, `now` if it is; None where it never is. In steps of the wall's clock, so that a change
        of the clocks moves it as people expect."""
        local = now.astimezone(zone)
        if self.is_open(local.replace(tzinfo=None)):
            return now
        begins = self.begins or datetime.time.min
        for ahead in range(9):
            for time in (datetime.time.min, begins):
                wall = datetime.datetime.combine(local.date() + datetime.timedelta(days=ahead), time)
                # An hour that the clocks leave out moves on, as PEP 495 has it.
                moment = wall.replace(tzinfo=zone).astimezone(datetime.UTC)
                if moment > now and self.is_open(moment.astimezone(zone).replace(tzinfo=None)):
                    return moment
        return None

    def _has(self, day: int) -> bool:
        return not self.days or day in self.days
