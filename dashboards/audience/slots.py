"""A day, week or month of a list."""

import datetime
from dataclasses import dataclass

from core.tracking.audience.choices import ARRIVALS, DEPARTURES, Turn
from dashboards.numbers import count_text, share

MONTH_DAYS = 30


@dataclass(frozen=True)
class Slot:
    """A stretch of days told as one: `start` is its first, `total` the size of the list at its end."""

    start: datetime.date
    days: int
    turns: dict[str, int]
    total: int

    def of(self, *turns: Turn) -> int:
        return sum(self.turns[turn] for turn in turns)

    @property
    def arrived(self) -> int:
        return self.of(*ARRIVALS)

    @property
    def left(self) -> int:
        return self.of(*DEPARTURES)

    @property
    def net(self) -> int:
        return self.arrived - self.left

    @property
    def began_with(self) -> int:
        return self.total - self.net


def monthly_churn(slot: Slot) -> float | None:
    """Percent of the people who left within 30 days, of the mean of the list's size at start and end; None without
    people."""
    percent = share(slot.left, (slot.began_with + slot.total + 1) // 2)
    return None if percent is None else percent * MONTH_DAYS / slot.days


def signed(number: int) -> str:
    return f"{'+' if number > 0 else '−' if number < 0 else ''}{count_text(abs(number))}"
