"""The lines that mailbox providers draw, and on which side of them a stream of mails is.

Complaints: Gmail and Yahoo ask senders to stay below 0.1 % and refuse mail from 0.3 % on (their sender guidelines of
2024). Bounces: providers of sending services end accounts at 5 %.
"""

import datetime
import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.utils import formats

from core.tracking.choices import EventType
from core.tracking.queries.periods import Figures
from dashboards.numbers import count_text, share

WATCH_COMPLAINTS, STOP_COMPLAINTS, STOP_BOUNCES = 0.1, 0.3, 5.0
"""Percent of accepted mails."""
FEWEST_MAILS = 200
"""A rate of fewer mails alarms nobody: one complaint among them would be above every line."""
FEWEST_CASES = 3
"""Nor do one or two complaints or bounces, whatever their share: that is chance."""
WINDOW = 7
"""Days that a rate over time is taken over."""


class Standing(enum.IntEnum):
    """In the order of badness."""

    FEW = 0
    FINE = 1
    WATCH = 2
    STOP = 3


ROLES = {Standing.FEW: "other", Standing.FINE: "accepted", Standing.WATCH: "fourth", Standing.STOP: "bad"}


@dataclass(frozen=True)
class Trouble:
    """A line that is passed: `word` is "complaints" or "bounces", `line` in percent."""

    kind: EventType
    word: str
    line: float
    rate: float
    standing: Standing

    @property
    def line_text(self) -> str:
        return f"{self.line:g} %"


def rate(figures: Figures, kind: EventType) -> float | None:
    """Percent of accepted mails; None without any."""
    return share(figures.mails(kind), figures.sent)


def rate_text(figures: Figures, kind: EventType) -> str:
    """With two decimals: the lines are as fine as that."""
    return percent_text(rate(figures, kind))


def percent_text(percent: float | None) -> str:
    if percent is None:
        return "–"
    if 0 < percent < 0.01:
        return f"< {formats.number_format(0.01, use_l10n=True)} %"
    return f"{formats.number_format(round(percent, 2), decimal_pos=2, use_l10n=True)} %"


def troubles(figures: Figures) -> list[Trouble]:
    """The lines that these mails pass, the worst first; none for too few mails or cases."""
    if figures.sent < FEWEST_MAILS:
        return []
    found = []
    complaints, bounces = _judged(figures, EventType.COMPLAINED), _judged(figures, EventType.BOUNCED)
    if complaints >= STOP_COMPLAINTS:
        found.append(Trouble(EventType.COMPLAINED, "complaints", STOP_COMPLAINTS, complaints, Standing.STOP))
    elif complaints >= WATCH_COMPLAINTS:
        found.append(Trouble(EventType.COMPLAINED, "complaints", WATCH_COMPLAINTS, complaints, Standing.WATCH))
    if bounces >= STOP_BOUNCES:
        found.append(Trouble(EventType.BOUNCED, "bounces", STOP_BOUNCES, bounces, Standing.STOP))
    return sorted(found, key=lambda trouble: -trouble.standing)


def _judged(figures: Figures, kind: EventType) -> float:
    """The rate, 0 where it would be chance."""
    cases, sent = figures.mails(kind), figures.sent
    return (share(cases, sent) or 0) if sent >= FEWEST_MAILS and cases >= FEWEST_CASES else 0


def standing(figures: Figures, kind: EventType | None = None) -> Standing:
    """On which side of the lines: of one kind, or the worst of all."""
    if figures.sent < FEWEST_MAILS:
        return Standing.FEW
    found = [trouble.standing for trouble in troubles(figures) if kind in (None, trouble.kind)]
    return max(found, default=Standing.FINE)


def standing_text(figures: Figures) -> str:
    """In words, for tables."""
    if figures.sent < FEWEST_MAILS:
        return f"Too few to judge (fewer than {count_text(FEWEST_MAILS)})"
    found = troubles(figures)
    if found:
        return "; ".join(f"{one.word.capitalize()} above {one.line_text}" for one in found)
    few = figures.mails(EventType.COMPLAINED)
    if few and (rate(figures, EventType.COMPLAINED) or 0) >= WATCH_COMPLAINTS:
        return f"{few} complaint{'' if few == 1 else 's'}: too few to judge"
    return "Below every line"


Window = tuple[int, int]
"""(mails accepted, those of a kind)."""


def moving(
    starts: Sequence[datetime.date], by_start: Mapping[datetime.date, Figures], kind: EventType, width: int
) -> list[Window]:
    """For each start the sums over the `width` steps that end with it."""
    nothing = Figures()
    own = [by_start.get(start, nothing) for start in starts]
    sent, cases = [figures.sent for figures in own], [figures.mails(kind) for figures in own]
    firsts = [max(0, end - width + 1) for end in range(len(own))]
    return [(sum(sent[first : end + 1]), sum(cases[first : end + 1])) for end, first in enumerate(firsts)]


def since(
    trouble: Trouble, starts: Sequence[datetime.date], windows: Sequence[Window]
) -> tuple[bool, datetime.date] | None:
    """(is it above the line now, since when it is so), by the windows with enough mails; None where none has."""
    judged = [
        (start, (share(cases, sent) or 0) >= trouble.line)
        for start, (sent, cases) in zip(starts, windows, strict=True)
        if sent >= FEWEST_MAILS
    ]
    if not judged:
        return None
    is_above, first = judged[-1][1], judged[-1][0]
    for start, above in reversed(judged):
        if above != is_above:
            break
        first = start
    return is_above, first
