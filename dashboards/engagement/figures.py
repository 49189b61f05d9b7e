"""Figures that only the engagement page draws."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from dashboards.charts import Figure, counting_axis, layout, meta, percent_axis, role


@dataclass(frozen=True)
class RatePoint:
    """A campaign: rates in percent, `name` as Plotly may read it."""

    at: str
    name: str
    opened: float
    clicked: float
    url: str


def rates_figure(points: Sequence[RatePoint], *, x_axis: Figure) -> Figure:
    """Two dots for each campaign: round ones for opens, diamonds for clicks."""
    highest = max((point.opened for point in points), default=0)
    return {
        "data": [
            _dots(points, "Opened", "opened", "circle", [point.opened for point in points]),
            _dots(points, "Clicked", "clicked", "diamond", [point.clicked for point in points]),
        ],
        "layout": layout(
            300,
            margin={"l": 8, "r": 16, "t": 12, "b": 8},
            hovermode="closest",
            showlegend=True,
            legend={"orientation": "h", "y": 1.04, "yanchor": "bottom", "x": 0},
            xaxis={"fixedrange": True, "automargin": True, "showgrid": False, **x_axis},
            yaxis=percent_axis(highest),
        ),
    }


def _dots(points: Sequence[RatePoint], title: str, colour: str, symbol: str, values: Sequence[float]) -> Figure:
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "name": title,
        "x": [point.at for point in points],
        "y": list(values),
        "text": [point.name for point in points],
        "line": {"color": role(colour), "width": 1, "dash": "dot"},
        "marker": {"color": role(colour), "size": 9, "symbol": symbol},
        "hovertemplate": "%{text}<br>" + title + ": %{y:.1f} %<extra>%{x}</extra>",
        "meta": meta(colour, [point.url for point in points]),
    }


def stacked_figure(
    x: Sequence[str], series: Sequence[tuple[str, str, Sequence[int]]], *, x_axis: Figure, height: int = 260
) -> Figure:
    """Bars on each other over time, from (title, role, values)."""
    data: list[dict[str, Any]] = [
        {
            "type": "bar",
            "name": title,
            "x": list(x),
            "y": list(values),
            "marker": {"color": role(colour)},
            "hovertemplate": "%{y:,}",
            "meta": meta(colour),
        }
        for title, colour, values in series
    ]
    return {
        "data": data,
        "layout": layout(
            height,
            margin={"l": 8, "r": 16, "t": 12, "b": 8},
            barmode="relative",
            bargap=0.25,
            hovermode="x unified",
            showlegend=len(series) > 1,
            legend={"orientation": "h", "y": 1.04, "yanchor": "bottom", "x": 0, "traceorder": "normal"},
            xaxis={"fixedrange": True, "automargin": True, "showgrid": False, **x_axis},
            yaxis=counting_axis(nticks=5),
        ),
    }
