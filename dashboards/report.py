"""A campaign's results: funnel, timeline and links, each as rows first and as a chart of those rows."""

import datetime
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from core.delivery.queries import accepted_per_hour, campaign_progress
from core.delivery.states import SendState
from core.tracking.choices import EventType
from core.tracking.queries import Moment, campaign_links, campaign_timeline, campaign_totals
from dashboards.addresses import events_url, ledger_url
from dashboards.charts import Chart, Series, funnel_figure, timeline_figure
from dashboards.numbers import count_text, share_text
from dashboards.tables import Column, Table

HOUR, DAY = datetime.timedelta(hours=1), datetime.timedelta(days=1)
_HOURLY_FOR = datetime.timedelta(days=5)
"""A longer story is told by the day, so that page and payload stay small."""


@dataclass(frozen=True)
class Step:
    """One step of the funnel; `base` is what its share is of."""

    title: str
    count: int
    base: int
    url: str


@dataclass(frozen=True)
class Slot:
    """What happened from `at` on, in the client's time."""

    at: datetime.datetime
    accepted: int
    opened_people: int
    opened_machines: int
    clicked_people: int
    clicked_machines: int
    unsubscribed: int


def funnel_steps(campaign: Any) -> list[Step]:
    """Audience → accepted → opened → clicked → unsubscribed; from accepted on people, each once."""
    progress = campaign_progress(campaign.pk)
    totals = campaign_totals(campaign.pk)
    pk, accepted = campaign.pk, progress.accepted
    return [
        Step("Audience", progress.total, progress.total, ledger_url(pk)),
        Step("Accepted", accepted, progress.total, ledger_url(pk, SendState.ACCEPTED)),
        Step("Opened", totals.opened.people_once, accepted, events_url(pk, EventType.OPENED)),
        Step("Clicked", totals.clicked.people_once, accepted, events_url(pk, EventType.CLICKED)),
        Step("Unsubscribed", totals.unsubscribed.people_once, accepted, events_url(pk, EventType.UNSUBSCRIBED)),
    ]


def funnel_table(steps: list[Step]) -> Table:
    columns = (
        Column("Step", lambda step: step.title, link=lambda step: step.url),
        Column("People", lambda step: step.count, is_number=True),
        Column("Share", lambda step: share_text(step.count, step.base), is_number=True),
        Column("Of", lambda step: step.base, is_number=True),
    )
    return Table("funnel", "From the audience to the unsubscribed", columns, steps)


def funnel_chart(steps: list[Step]) -> Chart:
    labels = [f"{count_text(step.count)} · {share_text(step.count, step.base)}" for step in steps]
    labels[0] = count_text(steps[0].count)
    bars = [(step.title, step.count, label, step.url) for step, label in zip(steps, labels, strict=True)]
    return Chart(
        name="funnel",
        title="From audience to click",
        summary="; ".join(f"{step.title}: {label}" for step, label in zip(steps, labels, strict=True)),
        figure=funnel_figure(bars),
        table=funnel_table(steps),
        note="People only, each counted once. Shares from “Opened” on are of the accepted mails.",
    )


def campaign_slots(campaign: Any) -> tuple[list[Slot], datetime.timedelta]:
    """The campaign's story in the client's time zone, and the length of a slot: an hour, or a day for long ones."""
    zone = ZoneInfo(campaign.organization.time_zone)
    moments = campaign_timeline(campaign.pk)
    accepted = {row.hour: row.accepted for row in accepted_per_hour(campaign.pk) if row.accepted}
    times = [moment.at for moment in moments] + list(accepted)
    step = DAY if times and max(times) - min(times) > _HOURLY_FOR else HOUR
    return slots_of(moments, accepted, zone=zone, step=step), step


def slots_of(
    moments: Iterable[Moment],
    accepted: dict[datetime.datetime, int],
    *,
    zone: ZoneInfo,
    step: datetime.timedelta,
) -> list[Slot]:
    """Put hours of UTC into slots of the zone's clock, in order of time; slots without anything are left out."""
    sums: dict[datetime.datetime, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for at, count in accepted.items():
        sums[_slot_start(at, zone, step)]["accepted"] += count
    for moment in moments:
        slot = sums[_slot_start(moment.at, zone, step)]
        for name, happened in (("opened", moment.opened), ("clicked", moment.clicked)):
            slot[f"{name}_people"] += happened.people
            slot[f"{name}_machines"] += happened.machines
        slot["unsubscribed"] += moment.unsubscribed.people
    names = [name for name in Slot.__dataclass_fields__ if name != "at"]
    return [Slot(at, **{name: values[name] for name in names}) for at, values in sorted(sums.items())]


def _slot_start(at: datetime.datetime, zone: ZoneInfo, step: datetime.timedelta) -> datetime.datetime:
    """Without the zone: what the clock on the client's wall said."""
    local = at.astimezone(zone).replace(tzinfo=None)
    return local.replace(hour=0, minute=0) if step == DAY else local


def timeline_table(slots: list[Slot], *, step: datetime.timedelta, zone_name: str) -> Table:
    shape = "%Y-%m-%d" if step == DAY else "%Y-%m-%d %H:%M"
    columns = (
        Column(f"From ({zone_name})", lambda slot: slot.at.strftime(shape)),
        Column("Accepted", lambda slot: slot.accepted, is_number=True),
        Column("Opens by people", lambda slot: slot.opened_people, is_number=True),
        Column("Opens by machines", lambda slot: slot.opened_machines, is_number=True),
        Column("Clicks by people", lambda slot: slot.clicked_people, is_number=True),
        Column("Clicks by machines", lambda slot: slot.clicked_machines, is_number=True),
        Column("Unsubscribed", lambda slot: slot.unsubscribed, is_number=True),
    )
    return Table("timeline", f"By {'day' if step == DAY else 'hour'}, times in {zone_name}", columns, slots)


def timeline_chart(slots: list[Slot], *, step: datetime.timedelta, zone_name: str) -> Chart:
    series = (
        Series("Opens by people", "opened", "opens", [slot.opened_people for slot in slots]),
        Series("Opens by machines", "opened_machines", "opens", [slot.opened_machines for slot in slots]),
        Series("Clicks by people", "clicked", "clicks", [slot.clicked_people for slot in slots]),
        Series("Clicks by machines", "clicked_machines", "clicks", [slot.clicked_machines for slot in slots]),
    )
    opens, clicks = sum(slot.opened_people for slot in slots), sum(slot.clicked_people for slot in slots)
    figure = timeline_figure([slot.at for slot in slots], [slot.accepted for slot in slots], series, step=step)
    unit = "day" if step == DAY else "hour"
    return Chart(
        name="timeline",
        title=f"What happened, {unit} by {unit}",
        summary=f"{count_text(opens)} opens and {count_text(clicks)} clicks by people, by the {unit}.",
        figure=figure,
        table=timeline_table(slots, step=step, zone_name=zone_name),
        note=f"Times in {zone_name}. Above: mails that were accepted. Paler: mail apps and link scanners, not people.",
    )


def links_table(campaign: Any) -> Table:
    rows, pk = campaign_links(campaign.pk), campaign.pk
    clickers = sum(row.clicks.people_once for row in rows)
    columns = (
        Column("No.", lambda row: row.number, is_number=True),
        Column("Link", lambda row: row.url, link=lambda row: events_url(pk, EventType.CLICKED, link_id=row.pk)),
        Column("People", lambda row: row.clicks.people_once, is_number=True),
        Column("Share", lambda row: share_text(row.clicks.people_once, clickers), is_number=True),
        Column("Clicks by people", lambda row: row.clicks.people, is_number=True),
        Column("Clicks by machines", lambda row: row.clicks.machines, is_number=True),
    )
    return Table("links", "Links of the mail and who followed them", columns, rows)
