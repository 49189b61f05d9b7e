"""Two panels over one axis of time: what went out above, what recipients did below."""

import datetime
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from dashboards.charts.base import Figure, clock, counting_axis, layout, meta, role

FEWEST_SLOTS = 6
"""A timeline shows at least so many hours or days."""


@dataclass(frozen=True)
class Series:
    """One row of bars over time. `group` puts people and machines of one kind on top of each other; `urls` are what a
    click on each bar opens."""

    title: str
    role: str
    group: str
    values: Sequence[int]
    urls: Sequence[str] = ()


def timeline_figure(
    moments: Sequence[datetime.datetime], accepted: Sequence[int], series: Sequence[Series], *, step: datetime.timedelta
) -> Figure:
    """Above the mails that went out, below the series. Times come in the zone they are shown in."""
    x = [clock(moment) for moment in moments]
    width = step.total_seconds() * 1000
    sent = _bars("Accepted", "accepted", x, accepted) | {"yaxis": "y2", "width": width * 0.7, "offset": width * 0.15}
    groups = list(dict.fromkeys(one.group for one in series))
    slot = width * 0.8 / max(1, len(groups))
    bars = []
    below: dict[str, list[int]] = {}
    for one in series:
        base = below.get(one.group, [0] * len(x))
        place = {"base": base, "width": slot, "offset": width * 0.1 + slot * groups.index(one.group)}
        bars.append(_bars(one.title, one.role, x, one.values, one.urls) | place)
        below[one.group] = [lower + value for lower, value in zip(base, one.values, strict=True)]
    shape = layout(
        380,
        barmode="overlay",
        showlegend=True,
        xaxis={"type": "date", "fixedrange": True, "anchor": "y", "automargin": True, **_room_around(moments, step)},
        yaxis=counting_axis(domain=[0, 0.62], nticks=5, **_small_axis(below.values())),
        yaxis2=counting_axis(domain=[0.72, 1], nticks=3),
        legend={"orientation": "h", "y": -0.18, "x": 0, "yanchor": "top"},
        hovermode="x unified",
    )
    return {"data": [sent, *bars], "layout": shape}


def _room_around(moments: Sequence[datetime.datetime], step: datetime.timedelta) -> Figure:
    """A range with empty slots at the sides while there are few: one lonely bar would fill the whole width."""
    missing = FEWEST_SLOTS - len(moments)
    if missing <= 0 or not moments:
        return {}
    ends = (moments[0] - step, moments[-1] + step * (missing + 1))
    return {"range": [clock(end) for end in ends]}


def _small_axis(stacks: Iterable[Sequence[int]]) -> Figure:
    """Where little happened yet, an axis of its own choosing would count in fractions."""
    highest = max((value for values in stacks for value in values), default=0)
    return {} if highest > 4 else {"range": [0, 4], "dtick": 1}


def _bars(title: str, colour: str, x: list[str], values: Sequence[int], urls: Sequence[str] = ()) -> Figure:
    return {
        "type": "bar",
        "name": title,
        "x": x,
        "y": list(values),
        "customdata": list(values),
        "hovertemplate": "%{customdata:,}",
        "marker": {"color": role(colour)},
        "meta": meta(colour, list(urls)),
    }
