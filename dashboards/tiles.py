"""The few numbers at the head of a page (dashboards/_tiles.html): value, base on hover, change, small curve.

Tile("Opened", "38.2 %", base="of 4,731 accepted", note="1,807 people",
     change=points_change(38.2, 35.9, against="the 30 days before"), trend=[…], url=…)
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from django.utils import formats

from dashboards.numbers import count_text, share

Better = Literal["up", "down", "neither"]
_SMALLEST_SHARE = 0.5


@dataclass(frozen=True)
class Change:
    """`text` stands on the tile; `direction` is up, down or same; `is_good` None where neither is better."""

    text: str
    direction: str
    is_good: bool | None
    against: str

    @property
    def icon(self) -> str:
        return {"up": "trending_up", "down": "trending_down"}.get(self.direction, "trending_flat")

    @property
    def judgement(self) -> str:
        """In words, for those who see no colour."""
        return "" if self.is_good is None else ("better" if self.is_good else "worse")


@dataclass(frozen=True)
class Tile:
    """`trend` are the values of the small curve, in order of time; fewer than two draw nothing."""

    title: str
    value: str
    base: str = ""
    note: str = ""
    change: Change | None = None
    url: str = ""
    trend: Sequence[float] = ()
    role: str = "accepted"


def points_change(
    now: float | None, before: float | None, *, against: str, better: Better = "up", digits: int = 1
) -> Change | None:
    """The change of a rate in percent, said in points; None where one of the two is not known."""
    if now is None or before is None:
        return None
    difference = now - before
    if round(abs(difference), digits) == 0:
        return Change("unchanged", "same", None, against)
    text = formats.number_format(abs(difference), decimal_pos=digits, use_l10n=True)
    return _change(difference, f"{text} points", against, better)


def count_change(now: int, before: int, *, against: str, better: Better = "up") -> Change | None:
    """The change of a count, said in percent of what was; None where there was nothing."""
    percent = share(now - before, before)
    if percent is None:
        return None
    if abs(percent) < _SMALLEST_SHARE:
        return Change("unchanged", "same", None, against)
    return _change(percent, f"{count_text(round(abs(percent)))} %", against, better)


def _change(difference: float, text: str, against: str, better: Better) -> Change:
    direction = "up" if difference > 0 else "down"
    return Change(
        f"{'+' if difference > 0 else '−'}{text}",
        direction,
        None if better == "neither" else direction == better,
        against,
    )
