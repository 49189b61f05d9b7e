"""Bars from the top down, written on directly: for anything that has names."""

from collections.abc import Sequence
from dataclasses import dataclass

from dashboards.charts.base import Figure, layout, meta, plain, role

_SHORT = 0.2
_ROOM = 1.22
"""The longest bar leaves place for what is written behind it."""


@dataclass(frozen=True)
class Bar:
    """`label` stands on or behind the bar; `url` is what a click opens. Bars with the same `title` lie on each other,
    those of one `series` and `role` are one series; a series' name is ours."""

    title: str
    value: float
    label: str
    url: str = ""
    role: str = "accepted"
    series: str = ""


def bars_figure(
    bars: Sequence[Bar], *, is_stacked: bool = False, is_one_series: bool = False, bar_height: int = 40
) -> Figure:
    """One row a title, in the given order; several series beside each other or (`is_stacked`) on one another.

    `is_one_series`: a bar a row, whose roles only colour it.
    """
    titles = list(dict.fromkeys(plain(bar.title) for bar in bars))
    series = list(dict.fromkeys((bar.series, bar.role) for bar in bars))
    data = [
        _trace([bar for bar in bars if (bar.series, bar.role) == one], one, is_inside=is_stacked and not is_one_series)
        for one in series
    ]
    is_stacked = is_stacked or is_one_series
    has_legend = len(series) > 1 and not is_one_series
    rows = len(titles) * (1 if is_stacked else max(1, len(series) * 0.7))
    return {
        "data": data,
        "layout": layout(
            round((60 if has_legend else 24) + bar_height * rows),
            margin={"l": 8, "r": 16, "t": 4, "b": 4},
            barmode="stack" if is_stacked else "group",
            bargap=0.3 if is_stacked else 0.2,
            showlegend=has_legend,
            legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0, "traceorder": "normal"},
            xaxis={
                "visible": False,
                "rangemode": "tozero",
                "fixedrange": True,
                "range": _range(bars, has_labels_behind=not is_stacked or is_one_series, is_stacked=is_stacked),
            },
            yaxis={
                "autorange": "reversed",
                "automargin": True,
                "fixedrange": True,
                "showgrid": False,
                "ticks": "",
                "ticklabelstandoff": 6,
                "type": "category",
                "categoryorder": "array",
                "categoryarray": titles,
            },
        ),
    }


def _trace(bars: Sequence[Bar], series: tuple[str, str], *, is_inside: bool) -> Figure:
    name, colour = series
    return {
        "type": "bar",
        "orientation": "h",
        "name": name,
        "y": [plain(bar.title) for bar in bars],
        "x": [bar.value for bar in bars],
        "text": [plain(bar.label) for bar in bars],
        "textposition": "inside" if is_inside else _places(bars),
        "textangle": 0,
        "cliponaxis": False,
        "constraintext": "inside",
        "marker": {"color": role(colour)},
        "hovertemplate": f"%{{y}}{', ' + name.lower() if name else ''}: %{{text}}<extra></extra>",
        "meta": meta(colour, [bar.url for bar in bars]),
    }


def _places(bars: Sequence[Bar]) -> list[str]:
    """Short bars have no room inside, and those of nothing would not show their label at all."""
    highest = max((bar.value for bar in bars), default=0)
    return ["auto" if bar.value > _SHORT * highest else "outside" for bar in bars]


def _range(bars: Sequence[Bar], *, has_labels_behind: bool, is_stacked: bool) -> list[float]:
    sums: dict[str, float] = {}
    for bar in bars:
        sums[bar.title] = sums.get(bar.title, 0) + bar.value if is_stacked else max(sums.get(bar.title, 0), bar.value)
    return [0, (max(sums.values(), default=0) or 1) * (_ROOM if has_labels_behind else 1)]
