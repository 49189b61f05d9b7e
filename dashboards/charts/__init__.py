"""Plotly figures from plain rows, as plain data, one module a kind.

A figure names roles instead of colours (`role("opened")`); charts.js gives each role the colour of the theme in use,
from the variables in dashboards.css (`--ex-chart-opened`), in light and dark. No Plotly template travels with the page.
A trace's `meta` (from `meta(role, urls)`) says where its points lead. The roles: accepted, opened, clicked, fourth,
fifth, good, bad, other; with `_machines` (paler), `_before` (the period before), `_fill` and `_none` (grounds).
"""

from dashboards.charts.bars import Bar, bars_figure
from dashboards.charts.base import Chart, Figure, clock, counting_axis, layout, meta, percent_axis, plain, role
from dashboards.charts.heatmaps import heatmap_figure
from dashboards.charts.intervals import Interval, intervals_figure
from dashboards.charts.lines import Line, Threshold, lines_figure
from dashboards.charts.timeline import Series, timeline_figure

__all__ = [
    "Bar",
    "Chart",
    "Figure",
    "Interval",
    "Line",
    "Series",
    "Threshold",
    "bars_figure",
    "clock",
    "counting_axis",
    "heatmap_figure",
    "intervals_figure",
    "layout",
    "lines_figure",
    "meta",
    "percent_axis",
    "plain",
    "role",
    "timeline_figure",
]
