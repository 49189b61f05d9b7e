"""Plotly figures from plain rows, as plain data.

A figure names roles instead of colours (`meta.role`); charts.js gives each role the colour of the theme in use, from
the variables in dashboards.css. No Plotly template travels with the page.
"""

import datetime
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from dashboards.tables import Table

Figure = dict[str, Any]

FEWEST_SLOTS = 6
"""A timeline shows at least so many hours or days."""


@dataclass(frozen=True)
class Chart:
    """A figure with its table. `summary` says in words what the picture shows; `csv_url` is "" without that right."""

    name: str
    title: str
    summary: str
    figure: Figure
    table: Table
    csv_url: str = ""
    note: str = ""


@dataclass(frozen=True)
class Series:
    """One row of bars over time. `group` puts people and machines of one kind on top of each other."""

    title: str
    role: str
    group: str
    values: Sequence[int]


def funnel_figure(steps: Sequence[tuple[str, int, str, str]]) -> Figure:
    """Bars from the top down, from (title, count, label, address behind it)."""
    titles, counts, labels, urls = (list(part) for part in zip(*steps, strict=True))
    bars = {
        "type": "bar",
        "orientation": "h",
        "y": titles,
        "x": counts,
        "text": labels,
        "customdata": urls,
        "textposition": "auto",
        "cliponaxis": False,
        "hovertemplate": "%{y}: %{text}<extra></extra>",
        "meta": {"role": "accepted"},
    }
    layout = {
        "height": 60 + 48 * len(counts),
        "margin": {"l": 8, "r": 40, "t": 8, "b": 8},
        "xaxis": {"visible": False, "rangemode": "tozero", "fixedrange": True},
        "yaxis": {"autorange": "reversed", "automargin": True, "fixedrange": True, "showgrid": False},
        "bargap": 0.35,
        "showlegend": False,
    }
    return {"data": [bars], "layout": layout}


def timeline_figure(
    moments: Sequence[datetime.datetime], accepted: Sequence[int], series: Sequence[Series], *, step: datetime.timedelta
) -> Figure:
    """Two panels over one axis of time: above the mails that went out, below what recipients did.

    Times come in the zone they are shown in and are written without it, so that every browser shows the same.
    """
    x = [moment.strftime("%Y-%m-%d %H:%M") for moment in moments]
    width = step.total_seconds() * 1000
    sent = _bars("Accepted", "accepted", x, accepted) | {"yaxis": "y2", "width": width * 0.7, "offset": width * 0.15}
    groups = list(dict.fromkeys(one.group for one in series))
    slot = width * 0.8 / max(1, len(groups))
    bars = []
    below: dict[str, list[int]] = {}
    for one in series:
        base = below.get(one.group, [0] * len(x))
        place = {"base": base, "width": slot, "offset": width * 0.1 + slot * groups.index(one.group)}
        bars.append(_bars(one.title, one.role, x, one.values) | place)
        below[one.group] = [lower + value for lower, value in zip(base, one.values, strict=True)]
    layout = {
        "height": 380,
        "margin": {"l": 8, "r": 8, "t": 8, "b": 8},
        "barmode": "overlay",
        "xaxis": {"type": "date", "fixedrange": True, "anchor": "y", "automargin": True, **_room_around(moments, step)},
        "yaxis": _counting_axis(domain=[0, 0.62], nticks=5, **_small_axis(below.values())),
        "yaxis2": _counting_axis(domain=[0.72, 1], nticks=3),
        "legend": {"orientation": "h", "y": -0.18, "x": 0, "yanchor": "top"},
        "hovermode": "x unified",
    }
    return {"data": [sent, *bars], "layout": layout}


def _room_around(moments: Sequence[datetime.datetime], step: datetime.timedelta) -> Figure:
    """A range with empty slots at the sides while there are few: one lonely bar would fill the whole width."""
    missing = FEWEST_SLOTS - len(moments)
    if missing <= 0 or not moments:
        return {}
    ends = (moments[0] - step, moments[-1] + step * (missing + 1))
    return {"range": [end.strftime("%Y-%m-%d %H:%M") for end in ends]}


def _small_axis(stacks: Iterable[Sequence[int]]) -> Figure:
    """Where little happened yet, an axis of its own choosing would count in fractions."""
    highest = max((value for values in stacks for value in values), default=0)
    return {} if highest > 4 else {"range": [0, 4], "dtick": 1}


def _counting_axis(**fields: Any) -> Figure:
    """From zero, in whole numbers with thousands separated."""
    return {"rangemode": "tozero", "tickformat": ",d", "automargin": True, "fixedrange": True, **fields}


def _bars(title: str, role: str, x: list[str], values: Sequence[int]) -> Figure:
    return {
        "type": "bar",
        "name": title,
        "x": x,
        "y": list(values),
        "customdata": list(values),
        "hovertemplate": "%{customdata:,}",
        "meta": {"role": role},
    }
