"""Small charts inside pages, drawn as SVG on the server in the colours of the theme."""

from collections.abc import Sequence
from dataclasses import dataclass

from django import template

register = template.Library()

_WIDTH, _HEIGHT = 120.0, 28.0
_EDGE = 2.0
"""Room for half of the line's width above and below."""


@dataclass(frozen=True, slots=True)
class Line:
    """What the SVG draws: the line, the area below it, and its last point."""

    path: str
    area: str
    last_x: float
    last_y: float


@register.inclusion_tag("adminsite/sparkline.html")
def ex_sparkline(
    values: Sequence[float | None], label: str = "", from_zero: bool = True, role: str = ""
) -> dict[str, object]:
    """A line through the values, the newest at the right. None is left out.

    `label` says in words what is drawn; without it the line is decoration beside a number that says the same.
    `role` names a colour of the charts (opened, clicked, bad, …).
    `from_zero` False stretches the values over the whole height: for a level, of which only the change is to be seen.
    """
    line = line_of(values, from_zero=from_zero)
    return {"line": line, "label": label, "role": role, "width": _WIDTH, "height": _HEIGHT}


def line_of(values: Sequence[float | None], *, from_zero: bool = True) -> Line | None:
    """The line in a box of 120 × 28; None when there are fewer than two values or nothing above zero."""
    known = [value for value in values if value is not None]
    top, bottom = max(known, default=0), 0 if from_zero else min(known, default=0)
    if len(values) < 2 or top <= 0:
        return None
    step, spread = _WIDTH / (len(values) - 1), top - bottom or 1
    points = [
        (place * step, _height((value - bottom) / spread)) for place, value in enumerate(values) if value is not None
    ]
    path = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
    area = f"{path}L{points[-1][0]:.1f} {_HEIGHT:g}L{points[0][0]:.1f} {_HEIGHT:g}Z"
    return Line(path, area, *points[-1])


def _height(share: float) -> float:
    return _HEIGHT - _EDGE - share * (_HEIGHT - 2 * _EDGE)
