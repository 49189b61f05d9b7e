"""Charts as SVG that stands alone: for the web page at two widths, and for the PDF.

Shapes and texts only, no script, no address. Values begin at zero; labels stand at the values themselves.
"""

import math
from collections.abc import Iterator
from xml.sax.saxutils import escape, quoteattr

from core.reports.document import Chart, ChartKind, Series
from core.reports.numbers import count_text

INK, QUIET, LINE = "#1f2937", "#4b5563", "#e2e6ea"
FONT = "Inter, system-ui, -apple-system, 'Segoe UI', Roboto, Helvetica, Arial, sans-serif"
SIZE = 12
_GLYPH = 0.6
"""Of the font's size: how wide a letter is at most, on average. Wide enough for capitals in names."""
_NARROW_GLYPH = 0.54
"""The same for long texts, where wide and narrow letters even out."""


def chart_svg(chart: Chart, width: int) -> str:
    """The picture, `width` units wide, so many pixels at most; its height is what it needs."""
    body, height = _KINDS[chart.kind](chart, width)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {_n(height)}" width="{width}" '
        f'height="{_n(height)}" role="img" aria-label={quoteattr(f"{chart.title}. {chart.description}")} '
        f'font-family="{FONT}" font-size="{SIZE}">{"".join(body)}</svg>'
    )


def _n(number: float) -> str:
    return f"{number:.1f}".rstrip("0").rstrip(".")


def _text(x: float, y: float, words: str, *, anchor: str = "start", color: str = QUIET, weight: str = "") -> str:
    bold = f' font-weight="{weight}"' if weight else ""
    return f'<text x="{_n(x)}" y="{_n(y)}" text-anchor="{anchor}" fill="{color}"{bold}>{escape(_plain(words))}</text>'


def _plain(words: str) -> str:
    """Without control characters, which XML cannot hold."""
    return "".join(character if character.isprintable() else " " for character in words)


def _rect(x: float, y: float, width: float, height: float, color: str, extra: str = "") -> str:
    size = f'width="{_n(width)}" height="{_n(height)}"'
    return f'<rect x="{_n(x)}" y="{_n(y)}" {size} fill="{color}"{extra}/>'


def _width(words: str) -> float:
    return len(words) * SIZE * _GLYPH


def _cut(words: str, room: float) -> str:
    letters = max(int(room / (SIZE * _NARROW_GLYPH)), 4)
    return words if len(words) <= letters else words[: letters - 1].rstrip() + "…"


def _legend(series: tuple[Series, ...], y: float) -> Iterator[str]:
    x = 0.0
    for one in series:
        yield _rect(x, y - 9, 11, 11, one.color, ' rx="2"')
        yield _text(x + 16, y, one.name)
        x += _width(one.name) + 34


def _bars(chart: Chart, width: int) -> tuple[list[str], float]:
    """One row a category; each series with a value there has its bar with its label behind it. On a narrow picture
    the name stands above its bars."""
    is_narrow = width < 500
    is_split = all(len(one.labels) == 1 for one in chart.series) and len(chart.series) > 1
    has_legend = len(chart.series) > 1 and not is_split
    names = 0.0 if is_narrow else min(max(map(_width, chart.categories)) + 12, width * 0.4)
    labels = max(_width(label) for one in chart.series for label in one.labels) + 10
    room = width - names - labels
    most = max(max(one.values) for one in chart.series) or 1
    body: list[str] = list(_legend(chart.series, 12)) if has_legend else []
    y = 26.0 if has_legend else 4.0
    thick, gap = (13, 3) if has_legend else (20, 3)
    for row, category in enumerate(chart.categories):
        shown = [chart.series[row]] if is_split else list(chart.series)
        if is_narrow:
            body.append(_text(0, y + 12, _cut(category, width), color=INK))
            y += 18
        else:
            middle = y + (len(shown) * (thick + gap) - gap) / 2 + 4
            body.append(_text(names - 10, middle, _cut(category, names - 10), anchor="end", color=INK))
        for one in shown:
            length = room * one.values[row] / most
            label = one.labels[0] if is_split else one.labels[row]
            body.append(_rect(names, y, max(length, 1.5), thick, one.color, ' rx="2"'))
            body.append(_text(names + max(length, 1.5) + 6, y + thick / 2 + 4, label, color=INK, weight="600"))
            y += thick + gap
        y += 9
    return body, y


def _lines(chart: Chart, width: int) -> tuple[list[str], float]:
    """Lines from zero with a thin grid; names stand at the lines' ends where there is room, else above."""
    height, top, bottom = 230.0, 30.0, 26.0
    most = _nice(max(max(one.values) for one in chart.series))
    left = _width(count_text(int(most))) + 12
    right, plot = 14.0, height - top - bottom
    span = width - left - right
    count = len(chart.categories)
    body = list(_legend(chart.series, 12))

    def place(index: int, value: float) -> tuple[float, float]:
        x = left + (span * index / (count - 1) if count > 1 else span / 2)
        return x, top + plot * (1 - value / most)

    for step in range(5):
        y = top + plot * step / 4
        body.append(f'<line x1="{_n(left)}" x2="{_n(width - right)}" y1="{_n(y)}" y2="{_n(y)}" stroke="{LINE}"/>')
        if step % 2 == 0:
            body.append(_text(left - 8, y + 4, count_text(int(most * (4 - step) / 4)), anchor="end"))
    for index in _ticks(count, span, max(map(_width, chart.categories))):
        anchor = "start" if index == 0 else "end" if index == count - 1 else "middle"
        body.append(_text(place(index, 0)[0], height - 6, chart.categories[index], anchor=anchor))
    for one in chart.series:
        body += _line(one, [place(index, value) for index, value in enumerate(one.values)])
    return body, height


def _line(one: Series, points: list[tuple[float, float]]) -> Iterator[str]:
    path = " ".join(f"{_n(x)},{_n(y)}" for x, y in points)
    style = 'stroke-width="2" stroke-dasharray="4 3"' if one.is_pale else 'stroke-width="2.4"'
    yield (
        f'<polyline points="{path}" fill="none" stroke="{one.color}" {style} '
        'stroke-linejoin="round" stroke-linecap="round"/>'
    )
    if one.is_pale:
        return
    highest = max(range(len(points)), key=lambda index: one.values[index])
    if one.values[highest]:
        x, y = points[highest]
        label = count_text(int(one.values[highest]))
        yield f'<circle cx="{_n(x)}" cy="{_n(y)}" r="3.5" fill="{one.color}"/>'
        is_last = highest > len(points) * 0.9
        yield _text(
            x + (-7 if is_last else 7), y + 1, label, anchor="end" if is_last else "start", color=INK, weight="600"
        )


def _ticks(count: int, span: float, widest: float) -> list[int]:
    """Which categories are named: the first, the last and as many between as have room."""
    fitting = max(int(span / (widest + 22)), 2)
    step = max(math.ceil((count - 1) / (fitting - 1)), 1)
    ticks = list(range(0, count, step))
    if ticks[-1] != count - 1:
        if len(ticks) > 1 and (count - 1 - ticks[-1]) * span / max(count - 1, 1) < widest + 14:
            ticks.pop()
        ticks.append(count - 1)
    return ticks


def _nice(most: float) -> float:
    """The smallest round number that is not below, divisible by four."""
    if most <= 4:
        return 4
    power = 10 ** math.floor(math.log10(most))
    return next(power * step for step in (1, 1.2, 1.6, 2, 2.4, 3.2, 4, 6, 8, 10) if power * step >= most)


def _heat(chart: Chart, width: int) -> tuple[list[str], float]:
    """A row a weekday, a field an hour; the more, the darker."""
    is_narrow = width < 500
    names = [one.name[:2].capitalize() if is_narrow else one.name.capitalize() for one in chart.series]
    left = max(map(_width, names)) + 18
    side = (width - left) / len(chart.categories)
    tall = max(side, 20.0) if not is_narrow else 20.0
    most = max(max(one.values) for one in chart.series) or 1
    body = []
    for row, (name, one) in enumerate(zip(names, chart.series, strict=True)):
        y = row * tall
        body.append(_text(left - 8, y + tall / 2 + 4, name, anchor="end", color=INK))
        for column, value in enumerate(one.values):
            opacity = f' fill-opacity="{0.10 + 0.90 * value / most:.2f}"' if value else ""
            color = one.color if value else "#f1f4f6"
            body.append(_rect(left + column * side + 1, y + 1, side - 2, tall - 2, color, f' rx="2"{opacity}'))
    y = len(chart.series) * tall + 15
    body += [
        _text(left + hour * side + side / 2, y, f"{hour}:00" if not is_narrow else str(hour), anchor="middle")
        for hour in range(0, 24, 6 if is_narrow else 3)
    ]
    return body, y + 6


_KINDS = {ChartKind.BARS: _bars, ChartKind.LINES: _lines, ChartKind.HEAT: _heat}
