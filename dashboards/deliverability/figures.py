"""Rates against the lines that must not be passed: bars with upright lines."""

from collections.abc import Sequence

from dashboards.charts import Bar, Figure, Threshold, bars_figure, role

_ROOM = 1.6


def rate_bars_figure(bars: Sequence[Bar], thresholds: Sequence[Threshold]) -> Figure:
    """Bars in percent, the lines drawn across all of them with their names on top."""
    figure = bars_figure(bars)
    longest = max([bar.value for bar in bars] + [line.value for line in thresholds], default=1)
    shape = figure["layout"]
    for trace in figure["data"]:
        trace["textposition"] = "outside"
        # Several roles on one row: without this each would take a slice of its height.
        trace["width"] = 0.6
        trace["name"] = ""
        trace["hovertemplate"] = "%{y}: %{text}<extra></extra>"
    titles = len({bar.title for bar in bars})
    shape |= {
        "barmode": "overlay",
        "showlegend": False,
        "height": 64 + 40 * titles,
        "margin": {"l": 8, "r": 16, "t": 28, "b": 4},
        "shapes": [_upright(line) for line in thresholds],
        "annotations": [_name(line) for line in thresholds],
    }
    shape["xaxis"] |= {"range": [0, longest * _ROOM]}
    return figure


def _upright(line: Threshold) -> Figure:
    drawn = {"color": role(line.role), "width": 1.5, "dash": "dot"}
    place = {"x0": line.value, "x1": line.value, "y0": 0, "y1": 1, "yref": "paper"}
    return {"type": "line", "line": drawn, "layer": "below", **place}


def _name(line: Threshold) -> Figure:
    return {
        "text": line.title,
        "x": line.value,
        "y": 1,
        "yref": "paper",
        "yanchor": "bottom",
        "xanchor": "left",
        "showarrow": False,
        "font": {"size": 12, "color": role("text")},
    }
