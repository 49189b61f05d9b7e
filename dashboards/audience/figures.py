"""The figure that only the audience page draws."""

from collections.abc import Sequence

from dashboards.charts import Figure, meta, role
from dashboards.engagement.figures import stacked_figure


def growth_figure(
    x: Sequence[str], series: Sequence[tuple[str, str, Sequence[int]]], *, net: Sequence[int], x_axis: Figure
) -> Figure:
    """Arrivals above zero, departures below (given as negative numbers), and the line of what remains."""
    figure = stacked_figure(x, series, x_axis=x_axis, height=330)
    line = {
        "type": "scatter",
        "mode": "lines",
        "name": "Net",
        "x": list(x),
        "y": list(net),
        "line": {"color": role("text"), "width": 2},
        "hovertemplate": "%{y:+,}",
        "meta": meta("text"),
    }
    figure["data"].append(line)
    figure["layout"]["yaxis"] |= {"rangemode": "normal", "zeroline": True, "zerolinewidth": 2}
    return figure
