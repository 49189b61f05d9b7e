"""A day or month of the range, and its rates."""

import datetime
from dataclasses import dataclass

from core.tracking.choices import EventType
from core.tracking.queries import Counted
from core.tracking.queries.periods import (
    Figures,
)
from dashboards.numbers import share, share_text


@dataclass(frozen=True)
class Slot:
    """A day or month with its figures and those of the same place in the time before."""

    start: datetime.date
    now: Figures
    before: Figures | None


def who(counted: Counted) -> str:
    return "mails" if counted is Counted.EVERYBODY else f"mails, by {counted.value}"


def rate(figures: Figures, kind: EventType, counted: Counted) -> float | None:
    """None without mails, and where late reactions to earlier mails outnumber the mails of these days."""
    once = figures.of(kind).once(counted)
    return share(once, figures.sent) if once <= figures.sent else None


def rate_text(figures: Figures, kind: EventType, counted: Counted) -> str:
    once = figures.of(kind).once(counted)
    return share_text(once, figures.sent if once <= figures.sent else 0)
