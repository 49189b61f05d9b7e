"""Lines over time or over steps: each with its name at its end, the period before as a pale one."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from dashboards.charts.base import Figure, counting_axis, layout, meta, percent_axis, plain, role

_FEW_POINTS = 32
DASHES = ("solid", "dash", "dot", "dashdot", "longdash")


@dataclass(frozen=True)
class Line:
    """`values` may hold None where nothing is known. `is_before`: the period compared with, drawn pale and dashed.

    `dash` (0 to 4) tells lines apart that share a colour, so that colour alone never does.
    """

    title: str
    role: str
    values: Sequence[float | None]
    is_before: bool = False
    dash: int = 0


@dataclass(frozen=True)
class Threshold:
    """A level that must not be passed, with its name on it."""

    title: str
    value: float
    role: str = "bad"


def lines_figure(
    x: Sequence[Any],
    lines: Sequence[Line],
    *,
    is_percent: bool = False,
    thresholds: Sequence[Threshold] = (),
    height: int = 300,
    x_axis: Figure | None = None,
    fill: bool = False,
) -> Figure:
    """Lines over the same points, from zero. `fill` puts a pale ground under a single line."""
    highest = max((value for line in lines for value in line.values if value is not None), default=0)
    y_axis = percent_axis(highest) if is_percent else counting_axis(nticks=5)
    traces = [_trace(x, line, is_percent=is_percent, fill=fill and not line.is_before) for line in lines]
    return {
        "data": traces,
        "layout": layout(
            height,
            margin={"l": 8, "r": 16, "t": 12, "b": 8},
            hovermode="x unified",
            showlegend=len(lines) > 1,
            legend={"orientation": "h", "y": 1.04, "yanchor": "bottom", "x": 0},
            xaxis={"fixedrange": True, "automargin": True, "showgrid": False, **(x_axis or {})},
            yaxis=y_axis,
            shapes=[_level(one) for one in thresholds],
            annotations=[_level_name(one) for one in thresholds],
        ),
    }


def _trace(x: Sequence[Any], line: Line, *, is_percent: bool, fill: bool) -> Figure:
    colour = f"{line.role}_before" if line.is_before else line.role
    trace = {
        "type": "scatter",
        "mode": "lines+markers" if len(x) <= _FEW_POINTS and not line.is_before else "lines",
        "name": plain(line.title),
        "x": list(x),
        "y": list(line.values),
        "line": {
            "color": role(colour),
            "width": 1.75 if line.is_before else 2.5,
            "shape": "linear",
            "dash": "dash" if line.is_before else DASHES[line.dash % len(DASHES)],
        },
        "marker": {"color": role(colour), "size": 5},
        "hovertemplate": "%{y:.1f} %" if is_percent else "%{y:,}",
        "connectgaps": False,
        "meta": meta(colour),
    }
    return trace | ({"fill": "tozeroy", "fillcolor": role(f"{line.role}_fill")} if fill else {})


def _level(threshold: Threshold) -> Figure:
    line = {"color": role(threshold.role), "width": 1.5, "dash": "dot"}
    place = {"x0": 0, "x1": 1, "xref": "paper", "y0": threshold.value, "y1": threshold.value}
    return {"type": "line", "line": line, "layer": "above", **place}


def _level_name(threshold: Threshold) -> Figure:
    return {
        "text": plain(threshold.title),
        "x": 1,
        "xref": "paper",
        "xanchor": "right",
        "y": threshold.value,
        "yanchor": "bottom",
        "showarrow": False,
        "font": {"size": 12, "color": role(threshold.role)},
    }
