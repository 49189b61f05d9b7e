"""What all figures share: roles for colours, axes, and the chart with its table."""

import datetime
from dataclasses import dataclass
from typing import Any

from dashboards.tables import Table

Figure = dict[str, Any]
MARGIN = {"l": 8, "r": 8, "t": 8, "b": 8}


@dataclass(frozen=True)
class Chart:
    """A figure with its table. `summary` says in words what the picture shows; `csv_url` is "" without that right.

    `empty` is the sentence that stands in place of a picture of nothing; "" draws the picture. `actions` are links
    beside the title, (label, address).
    """

    name: str
    title: str
    summary: str
    figure: Figure
    table: Table
    csv_url: str = ""
    note: str = ""
    empty: str = ""
    actions: tuple[tuple[str, str], ...] = ()
    is_table_open: bool = False


def role(name: str) -> str:
    """A colour by what it stands for: charts.js puts the theme's own in its place (--ex-chart-<name> in
    dashboards.css)."""
    return f"role:{name}"


def meta(name: str, urls: list[Any] | None = None) -> Figure:
    """`urls`: where each point leads on a click."""
    return {"role": name, "urls": urls} if urls else {"role": name}


def plain(text: str) -> str:
    """Words of people and of the outside world, which Plotly would read as markup."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def clock(moment: datetime.date | datetime.datetime) -> str:
    """Times are written without their zone, so that every browser shows the same."""
    return moment.strftime("%Y-%m-%d %H:%M" if isinstance(moment, datetime.datetime) else "%Y-%m-%d")


def counting_axis(**fields: Any) -> Figure:
    """From zero, in whole numbers with thousands separated."""
    return {"rangemode": "tozero", "tickformat": ",d", "automargin": True, "fixedrange": True, **fields}


def percent_axis(highest: float, **fields: Any) -> Figure:
    """From zero, in percent; of values that are percents already."""
    room = {"range": [0, 1]} if highest <= 0 else {}
    fields = {"fixedrange": True, "nticks": 5, **room, **fields}
    return {"rangemode": "tozero", "ticksuffix": " %", "automargin": True, **fields}


def layout(height: int, **fields: Any) -> Figure:
    return {"height": height, "margin": MARGIN, "showlegend": False, **fields}
