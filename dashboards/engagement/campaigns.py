"""The campaigns of the range, one by one."""

from collections.abc import Sequence
from typing import Any

from core.tracking.choices import EventType
from core.tracking.queries import Counted
from core.tracking.queries.periods import (
    Figures,
)
from dashboards.addresses import report_url
from dashboards.charts import (
    Chart,
    clock,
    plain,
)
from dashboards.engagement.figures import RatePoint, rates_figure
from dashboards.numbers import count_text, share, share_text
from dashboards.overviews import (
    Asked,
    time_axis,
)
from dashboards.tables import Column, Table

TOP = 10

FEWEST_MAILS = 50
"""A rate of fewer mails is chance and wins no prize."""

Row = tuple[Any, Figures]


def rates_chart(asked: Asked, campaigns: Sequence[Row]) -> Chart:
    counted = asked.range.counted
    zone = asked.range.zone
    shown = [row for row in reversed(campaigns) if row[1].sent]
    points = [
        RatePoint(
            at=clock(campaign.started_at.astimezone(zone)),
            name=plain(campaign.name),
            opened=share(figures.of(EventType.OPENED).once(counted), figures.sent) or 0,
            clicked=share(figures.of(EventType.CLICKED).once(counted), figures.sent) or 0,
            url=report_url(campaign.pk),
        )
        for campaign, figures in shown
    ]
    return Chart(
        name="rates",
        title="Rates, campaign by campaign",
        summary=f"Open and click rates of {count_text(len(points))} campaigns in the order of time.",
        figure=rates_figure(points, x_axis={**time_axis(asked.range), "hoverformat": "%-d %b %Y, %H:%M"}),
        table=_campaigns_table(asked, "campaigns", "Campaigns of these days, the newest first", campaigns),
        note="Each campaign on the day it started, all its opens and clicks until now. Click a dot for its report.",
        empty="" if points else "No campaign started in these days; what you see above are late opens and clicks.",
    )


def _campaigns_table(asked: Asked, name: str, caption: str, rows: Sequence[Row]) -> Table:
    counted, zone = asked.range.counted, asked.range.zone
    client = (Column("Client", lambda row: row[0].organization.name),) if asked.current is None else ()

    def rate(kind: EventType) -> Any:
        whose = counted if kind in (EventType.OPENED, EventType.CLICKED) else Counted.EVERYBODY
        return lambda row: share_text(row[1].of(kind).once(whose), row[1].sent)

    columns = (
        Column("Campaign", lambda row: row[0].name, link=lambda row: report_url(row[0].pk)),
        *client,
        Column(f"Started ({zone.key})", lambda row: row[0].started_at.astimezone(zone).replace(tzinfo=None)),
        Column("Accepted", lambda row: row[1].sent, is_number=True),
        Column(counted.titled("Opened"), rate(EventType.OPENED), is_number=True),
        Column(counted.titled("Clicked"), rate(EventType.CLICKED), is_number=True),
        Column("Unsubscribed", rate(EventType.UNSUBSCRIBED), is_number=True),
    )
    return Table(name, caption, columns, list(rows))


def top_table(asked: Asked, campaigns: Sequence[Row]) -> Table:
    counted = asked.range.counted
    worthy = [row for row in campaigns if row[1].sent >= FEWEST_MAILS]

    def clicked(row: Row) -> float:
        return share(row[1].of(EventType.CLICKED).once(counted), row[1].sent) or 0

    best = sorted(worthy, key=clicked, reverse=True)[:TOP]
    return _campaigns_table(asked, "top", "Top campaigns by clicks", best)
