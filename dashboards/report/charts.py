"""The report's charts in the order of the page, and their tables by name."""

from collections.abc import Callable

from dashboards.charts import Chart
from dashboards.report.ab import ab_chart
from dashboards.report.counted import Report
from dashboards.report.links import links_table
from dashboards.report.parts import bounces_chart, devices_chart, domains_chart, groups_chart, providers_chart
from dashboards.report.story import funnel_chart, hours_chart, timeline_chart
from dashboards.tables import Table

CHARTS: dict[str, Callable[[Report], Chart | None]] = {
    "funnel": funnel_chart,
    "timeline": timeline_chart,
    "ab": ab_chart,
    "devices": devices_chart,
    "hours": hours_chart,
    "providers": providers_chart,
    "domains": domains_chart,
    "groups": groups_chart,
    "bounces": bounces_chart,
}


def charts(report: Report) -> dict[str, Chart]:
    """By name; what a campaign does not have is missing."""
    made = {name: make(report) for name, make in CHARTS.items()}
    return {name: chart for name, chart in made.items() if chart is not None}


def table_named(report: Report, name: str) -> Table | None:
    """The table behind a chart, or None when there is none of that name."""
    if name == "links":
        return links_table(report)
    chart = CHARTS[name](report) if name in CHARTS else None
    return chart.table if chart else None
