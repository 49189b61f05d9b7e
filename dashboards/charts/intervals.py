"""Rates with how far they can be trusted: a dot, and the range in which the true rate lies."""

from collections.abc import Sequence
from dataclasses import dataclass

from dashboards.charts.base import Figure, layout, meta, percent_axis, plain, role


@dataclass(frozen=True)
class Interval:
    """In percent. `label` is written over the dot."""

    title: str
    rate: float
    low: float
    high: float
    label: str
    url: str = ""
    role: str = "accepted"


def intervals_figure(intervals: Sequence[Interval]) -> Figure:
    """One row each, on a common scale from zero."""
    highest = max((one.high for one in intervals), default=0)
    return {
        "data": [_trace(one) for one in intervals],
        "layout": layout(
            70 + 62 * len(intervals),
            margin={"l": 8, "r": 24, "t": 8, "b": 8},
            xaxis=percent_axis(highest, zeroline=True, range=[0, max(highest * 1.15, 0.1)]),
            yaxis={
                "type": "category",
                "autorange": "reversed",
                "fixedrange": True,
                "automargin": True,
                "showgrid": False,
                "ticks": "",
                "ticklabelstandoff": 6,
            },
        ),
    }


def _trace(one: Interval) -> Figure:
    colour = role(one.role)
    return {
        "type": "scatter",
        "mode": "markers+text",
        "x": [one.rate],
        "y": [plain(one.title)],
        "text": [plain(one.label)],
        "textposition": "top center",
        "cliponaxis": False,
        "error_x": {
            "type": "data",
            "symmetric": False,
            "array": [one.high - one.rate],
            "arrayminus": [one.rate - one.low],
            "color": colour,
            "thickness": 3,
            "width": 9,
        },
        "marker": {"color": colour, "size": 14},
        "hovertemplate": "%{y}: %{text}<extra></extra>",
        "meta": meta(one.role, [one.url]),
    }
