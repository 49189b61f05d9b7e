"""What went out over the last thirty days and what came of it, over one client's campaigns or all of them."""

import datetime
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from django.utils import timezone

from core.tracking.queries import SentCampaign, accepted_per_day, campaigns_sent_since, days_since
from dashboards.addresses import report_url
from dashboards.charts import Chart, Series, timeline_figure
from dashboards.numbers import count_text, share_text
from dashboards.report.story import DAY, Slot, slots_of
from dashboards.tables import Column, Table

DAYS = 30
MOST_CAMPAIGNS = 100
"""Of the page's table; a client with more in thirty days sees the newest."""


@dataclass(frozen=True)
class Results:
    """`days` has a row for every day, quiet ones included; `campaigns` the newest first."""

    zone_name: str
    days: list[Slot]
    campaigns: list[SentCampaign]

    @property
    def is_empty(self) -> bool:
        return not self.campaigns and not any(day.accepted or day.opened_people for day in self.days)


def last_thirty_days(zone: ZoneInfo) -> Results:
    """The results in the open scope, up to today in the given zone (5 queries, whatever the number of rows)."""
    today = timezone.now().astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    since = today - datetime.timedelta(days=DAYS - 1)
    happened = slots_of(days_since(since, zone), accepted_per_day(since, zone), zone=zone, step=DAY)
    by_day = {slot.at: slot for slot in happened}
    first = since.replace(tzinfo=None)
    days = [first + datetime.timedelta(days=number) for number in range(DAYS)]
    return Results(
        zone_name=zone.key,
        days=[by_day.get(day, Slot(day, 0, 0, 0, 0, 0, 0)) for day in days],
        campaigns=campaigns_sent_since(since, limit=MOST_CAMPAIGNS),
    )


def days_table(results: Results) -> Table:
    columns = (
        Column(f"Day ({results.zone_name})", lambda day: day.at.strftime("%Y-%m-%d")),
        Column("Accepted", lambda day: day.accepted, is_number=True),
        Column("Opens by people", lambda day: day.opened_people, is_number=True),
        Column("Clicks by people", lambda day: day.clicked_people, is_number=True),
        Column("Opens and clicks by machines", lambda day: day.opened_machines + day.clicked_machines, is_number=True),
        Column("Unsubscribed", lambda day: day.unsubscribed, is_number=True),
    )
    return Table("days", f"By day, {results.zone_name}", columns, results.days)


def days_chart(results: Results) -> Chart:
    series = (
        Series("Opens by people", "opened", "opens", [day.opened_people for day in results.days]),
        Series("Clicks by people", "clicked", "clicks", [day.clicked_people for day in results.days]),
    )
    moments = [day.at for day in results.days]
    accepted = [day.accepted for day in results.days]
    return Chart(
        name="days",
        title=f"The last {DAYS} days",
        summary=f"{count_text(sum(accepted))} mails accepted over {DAYS} days.",
        figure=timeline_figure(moments, accepted, series, step=DAY),
        table=days_table(results),
        note=f"Days of {results.zone_name}. Above: mails that were accepted. Below: what people did, no machines.",
    )


def campaigns_table(results: Results, *, with_client: bool) -> Table:
    """Rates are people, each once, of the accepted mails."""
    client = (Column("Client", lambda row: row.campaign.organization.name),) if with_client else ()
    columns = (
        Column("Campaign", lambda row: row.campaign.name, link=lambda row: report_url(row.campaign.pk)),
        *client,
        Column("Started", lambda row: _local(row, results.zone_name)),
        Column("Accepted", lambda row: row.accepted, is_number=True),
        Column("Opened", lambda row: share_text(row.totals.opened.people_once, row.accepted), is_number=True),
        Column("Clicked", lambda row: share_text(row.totals.clicked.people_once, row.accepted), is_number=True),
        Column(
            "Unsubscribed", lambda row: share_text(row.totals.unsubscribed.people_once, row.accepted), is_number=True
        ),
    )
    return Table("campaigns", "Campaigns, the newest first", columns, results.campaigns)


def _local(row: SentCampaign, zone_name: str) -> datetime.datetime | None:
    started_at = row.campaign.started_at
    return started_at.astimezone(ZoneInfo(zone_name)).replace(tzinfo=None) if started_at else None
