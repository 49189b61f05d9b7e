"""Engagement: what people did with the mails of a range, against the time before."""

import dataclasses
import datetime
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.urls import reverse

from core.tracking.choices import Device, EventType
from core.tracking.queries import Counted
from core.tracking.queries.periods import (
    ENGAGEMENT,
    Figures,
    campaigns_started,
    devices_of,
    figures_of_page,
    week_hours,
)
from dashboards.addresses import report_url
from dashboards.charts import (
    Bar,
    Chart,
    Line,
    bars_figure,
    clock,
    heatmap_figure,
    lines_figure,
    plain,
)
from dashboards.engagement_figures import RatePoint, rates_figure, stacked_figure
from dashboards.filters import Range, months_before
from dashboards.numbers import count_text, share, share_text
from dashboards.overviews import (
    Asked,
    Overview,
    bucket_text,
    bucket_title,
    buckets_of,
    overview,
    span_of,
    split,
    time_axis,
)
from dashboards.tables import Column, Table
from dashboards.tiles import Tile, count_change, points_change

MOST_CAMPAIGNS = 200
"""Of a range, the newest; with more the page says so."""
TOP = 10
FEWEST_MAILS = 50
"""A rate of fewer mails is chance and wins no prize."""
MONTHS_OF_HOURS, MONTHS_OF_HOURS_OF_ALL = 12, 3
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

Row = tuple[Any, Figures]


@dataclass(frozen=True)
class Slot:
    """A day or month with its figures and those of the same place in the time before."""

    start: datetime.date
    now: Figures
    before: Figures | None


@overview("engagement", title="Engagement", with_counts=True)
def engagement(asked: Asked) -> Overview:
    """Everything of the page (5 queries)."""
    found = asked.range
    span, previous = span_of(found), found.previous
    begin = previous.first if previous else span.first
    every_start, by_provider = figures_of_page(asked.ids, span, begin, ENGAGEMENT, "provider")
    by_start, before = split(every_start, span)
    if not before:
        found = dataclasses.replace(found, compare=False)
    campaigns = campaigns_started(found.starts_at, found.ends_at, most=MOST_CAMPAIGNS)
    if not by_start and not campaigns:
        return _nothing(found)
    slots = _slots(found, by_start, before)
    devices = devices_of([campaign.pk for campaign, _ in campaigns])
    charts = {
        "activity": _activity_chart(found, slots),
        "kinds": _kinds_chart(found, slots),
        "rates": _rates_chart(asked, campaigns),
        "hours": _hours_chart(asked, min(by_start, default=found.last)),
        "devices": _devices_chart(found, devices),
        "providers": _providers_chart(found, {key[1]: value for key, value in by_provider.items() if key[0]}),
    }
    top = _top_table(asked, campaigns)
    context = {"top": top, "has_more": len(campaigns) == MOST_CAMPAIGNS, "most": MOST_CAMPAIGNS}
    return Overview(tiles=_tiles(found, slots), charts=charts, tables=[top], context=context)


def _nothing(found: Range) -> Overview:
    return Overview(
        empty=f"Nothing went out and nothing was read: {found.words}. Opens and clicks appear here once a campaign is "
        "on its way.",
        empty_url=reverse("admin:campaigns_campaign_changelist"),
        empty_button="Open the campaigns",
    )


def _slots(found: Range, by_start: Mapping[datetime.date, Figures], before: Mapping[datetime.date, Figures]) -> list:
    starts = buckets_of(found, list(by_start))
    earlier: list[Figures | None] = [None] * len(starts)
    if found.previous:
        told = [before.get(start, Figures()) for start in buckets_of(found.previous, list(before))]
        earlier = [*told[: len(starts)], *[None] * (len(starts) - len(told))]
    return [Slot(start, by_start.get(start, Figures()), old) for start, old in zip(starts, earlier, strict=True)]


# --- Tiles ------------------------------------------------------------------------------------------------------------


def _tiles(found: Range, slots: Sequence[Slot]) -> list[Tile]:
    now = _sum([slot.now for slot in slots])
    before = _sum([slot.before for slot in slots if slot.before]) if found.previous else None
    against = found.previous_words
    sent = Tile(
        "Mails accepted",
        count_text(now.sent),
        note="by the recipients' or our provider's servers",
        change=count_change(now.sent, before.sent, against=against, better="neither") if before else None,
        trend=[slot.now.sent for slot in slots],
    )
    kinds = (
        ("Opened", EventType.OPENED, "up", "opened"),
        ("Clicked", EventType.CLICKED, "up", "clicked"),
        ("Unsubscribed", EventType.UNSUBSCRIBED, "down", "other"),
        ("Complained", EventType.COMPLAINED, "down", "bad"),
    )
    return [sent, *(_rate_tile(found, slots, now, before, *kind) for kind in kinds)]


def _rate_tile(
    found: Range,
    slots: Sequence[Slot],
    now: Figures,
    before: Figures | None,
    title: str,
    kind: EventType,
    better: Any,
    role: str,
) -> Tile:
    once = now.of(kind).once(found.counted)
    digits = 2 if kind in (EventType.UNSUBSCRIBED, EventType.COMPLAINED) else 1
    change = None
    if before:
        change = points_change(
            _rate(now, kind, found.counted), _rate(before, kind, found.counted),
            against=found.previous_words, better=better, digits=digits,
        )  # fmt: skip
    return Tile(
        title,
        _rate_text(now, kind, found.counted),
        base=f"of {count_text(now.sent)} mails accepted in these days",
        note=f"{count_text(once)} {_who(found)}",
        change=change,
        trend=[slot.now.of(kind).once(found.counted) for slot in slots],
        role=role,
    )


def _who(found: Range) -> str:
    return "mails, by people" if found.counted is Counted.PEOPLE else "mails, machines included"


def _rate(figures: Figures, kind: EventType, counted: Counted) -> float | None:
    """None without mails, and where late reactions to earlier mails outnumber the mails of these days."""
    once = figures.of(kind).once(counted)
    return share(once, figures.sent) if once <= figures.sent else None


def _rate_text(figures: Figures, kind: EventType, counted: Counted) -> str:
    once = figures.of(kind).once(counted)
    return share_text(once, figures.sent if once <= figures.sent else 0)


def _sum(figures: Sequence[Figures]) -> Figures:
    return sum(figures, start=Figures())


# --- Over time --------------------------------------------------------------------------------------------------------


def _activity_chart(found: Range, slots: Sequence[Slot]) -> Chart:
    counted = found.counted
    lines = []
    for title, kind, role in (("Opened", EventType.OPENED, "opened"), ("Clicked", EventType.CLICKED, "clicked")):
        lines.append(Line(title, role, [slot.now.of(kind).once(counted) for slot in slots]))
        if found.previous:
            old = [slot.before.of(kind).once(counted) if slot.before else None for slot in slots]
            lines.append(Line(f"{title}, {found.previous_words}", role, old, is_before=True))
    total = _sum([slot.now for slot in slots])
    opened, clicked = (total.of(kind).once(counted) for kind in (EventType.OPENED, EventType.CLICKED))
    return Chart(
        name="activity",
        title="Opens and clicks over time",
        summary=f"{count_text(opened)} mails opened and {count_text(clicked)} clicked, {found.words}.",
        figure=lines_figure([clock(slot.start) for slot in slots], lines, x_axis=time_axis(found)),
        table=_time_table(found, slots),
        note="Each mail once, on the day of its first open or click. Pale and dashed: " + found.previous_words + "."
        if found.previous
        else "Each mail once, on the day of its first open or click.",
    )


def _time_table(found: Range, slots: Sequence[Slot]) -> Table:
    def once(kind: EventType, counted: Counted) -> Any:
        return lambda slot: slot.now.of(kind).once(counted)

    def machines(slot: Slot) -> int:
        return slot.now.of(EventType.OPENED).machines_once + slot.now.of(EventType.CLICKED).machines_once

    columns = [
        Column(bucket_title(found), lambda slot: bucket_text(found, slot.start)),
        Column("Accepted", lambda slot: slot.now.sent, is_number=True),
        Column("Opened by people", once(EventType.OPENED, Counted.PEOPLE), is_number=True),
        Column("Clicked by people", once(EventType.CLICKED, Counted.PEOPLE), is_number=True),
        Column("Opened or clicked by machines", machines, is_number=True),
        Column("Unsubscribed", once(EventType.UNSUBSCRIBED, Counted.PEOPLE), is_number=True),
    ]
    if found.previous:
        columns += [
            Column(
                "Opened by people, time before",
                lambda slot: slot.before.of(EventType.OPENED).people_once if slot.before else None,
                is_number=True,
            ),
            Column(
                "Clicked by people, time before",
                lambda slot: slot.before.of(EventType.CLICKED).people_once if slot.before else None,
                is_number=True,
            ),
        ]
    return Table("time", f"By {bucket_title(found).lower()}, {found.zone.key}", tuple(columns), list(slots))


def _kinds_chart(found: Range, slots: Sequence[Slot]) -> Chart:
    total = _sum([slot.now for slot in slots])
    opened, clicked = total.of(EventType.OPENED), total.of(EventType.CLICKED)
    machines, people = opened.machines + clicked.machines, opened.people + clicked.people
    series = [
        ("By people", "opened", [_both(slot, "people") for slot in slots]),
        ("By machines", "other", [_both(slot, "machines") for slot in slots]),
    ]
    columns = (
        Column(bucket_title(found), lambda slot: bucket_text(found, slot.start)),
        Column("Opens and clicks by people", lambda slot: _both(slot, "people"), is_number=True),
        Column("Opens and clicks by machines", lambda slot: _both(slot, "machines"), is_number=True),
    )
    return Chart(
        name="kinds",
        title="People and machines",
        summary=f"{count_text(people)} opens and clicks by people, {count_text(machines)} by machines.",
        figure=stacked_figure([clock(slot.start) for slot in slots], series, x_axis=time_axis(found)),
        table=Table("kinds", "People and machines", columns, list(slots)),
        note=f"{share_text(machines, people + machines)} of all opens and clicks were mail apps loading ahead, "
        "scanners and other machines. They are counted apart.",
        empty="" if people + machines else "Nobody opened or clicked in these days.",
    )


def _both(slot: Slot, name: str) -> int:
    return sum(getattr(slot.now.of(kind), name) for kind in (EventType.OPENED, EventType.CLICKED))


# --- Campaigns --------------------------------------------------------------------------------------------------------


def _rates_chart(asked: Asked, campaigns: Sequence[Row]) -> Chart:
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
        return lambda row: share_text(row[1].of(kind).once(counted), row[1].sent)

    columns = (
        Column("Campaign", lambda row: row[0].name, link=lambda row: report_url(row[0].pk)),
        *client,
        Column(f"Started ({zone.key})", lambda row: row[0].started_at.astimezone(zone).replace(tzinfo=None)),
        Column("Accepted", lambda row: row[1].sent, is_number=True),
        Column("Opened", rate(EventType.OPENED), is_number=True),
        Column("Clicked", rate(EventType.CLICKED), is_number=True),
        Column("Unsubscribed", rate(EventType.UNSUBSCRIBED), is_number=True),
    )
    return Table(name, caption, columns, list(rows))


def _top_table(asked: Asked, campaigns: Sequence[Row]) -> Table:
    counted = asked.range.counted
    worthy = [row for row in campaigns if row[1].sent >= FEWEST_MAILS]

    def clicked(row: Row) -> float:
        return share(row[1].of(EventType.CLICKED).once(counted), row[1].sent) or 0

    best = sorted(worthy, key=clicked, reverse=True)[:TOP]
    return _campaigns_table(asked, "top", "Top campaigns by clicks", best)


# --- Hours, devices, providers ----------------------------------------------------------------------------------------


def _hours_chart(asked: Asked, earliest: datetime.date) -> Chart:
    found = asked.range
    months = _months(found, earliest, MONTHS_OF_HOURS if asked.current else MONTHS_OF_HOURS_OF_ALL)
    by_hour = week_hours(months)
    counts = [
        [by_hour.get((day, hour), Figures()).of(EventType.OPENED).once(found.counted) for hour in range(24)]
        for day in range(1, 8)
    ]
    total = sum(map(sum, counts))
    best = max(((day, hour) for day in range(7) for hour in range(24)), key=lambda at: counts[at[0]][at[1]])
    texts = [[f"{count_text(value)} opened, {share_text(value, total)}" for value in row] for row in counts]
    words = f"{months[0]:%B %Y}" if len(months) == 1 else f"{months[0]:%B %Y} to {months[-1]:%B %Y}"
    columns = (
        Column("Weekday", lambda row: row[0]),
        *(Column(f"{hour:02}:00", _opens_at(hour), is_number=True) for hour in range(24)),
    )
    when = f"{WEEKDAYS[best[0]]} from {best[1]:02}:00 to {(best[1] + 1) % 24:02}:00"
    return Chart(
        name="hours",
        title="Best hours",
        summary=f"Most mails were opened on {when}.",
        figure=heatmap_figure(
            [f"{hour:02}:00" for hour in range(24)], WEEKDAYS, counts, texts=texts, marked=best, height=290
        ),
        table=Table("hours", "First opens by weekday and hour", columns, list(zip(WEEKDAYS, counts, strict=True))),
        note=f"First opens by the hour of the client's own clock, {words}. Framed: {when}. When mails went out shapes "
        "when they are read.",
        empty="" if total else "Nobody opened a mail in these months.",
    )


def _opens_at(hour: int) -> Callable[[tuple[str, list[int]]], int]:
    return lambda row: row[1][hour]


def _months(found: Range, earliest: datetime.date, most: int) -> list[datetime.date]:
    """The first days of the months that the range touches, the last `most` of them."""
    first = (found.first or earliest).replace(day=1)
    last = found.last.replace(day=1)
    number = min(most, (last.year - first.year) * 12 + last.month - first.month + 1)
    return [months_before(last, back) for back in reversed(range(number))]


def _devices_chart(found: Range, devices: Mapping[str, Figures]) -> Chart:
    rows = [(device, devices[device].of(EventType.OPENED)) for device in Device.values if device in devices]
    rows = sorted(rows, key=lambda row: -row[1].once(found.counted))
    total = sum(count.once(found.counted) for _, count in rows)
    bars = [
        Bar(
            Device(device).label, count.once(found.counted), share_text(count.once(found.counted), total), role="opened"
        )
        for device, count in rows
    ]
    columns: tuple[Column, ...] = (
        Column("Device", lambda row: Device(row[0]).label),
        Column("Mails opened by people", lambda row: row[1].people_once, is_number=True),
        Column("Mails opened by machines", lambda row: row[1].machines_once, is_number=True),
        Column("Share", lambda row: share_text(row[1].once(found.counted), total), is_number=True),
    )
    return Chart(
        name="devices",
        title="Devices",
        summary="What mails were opened on: " + ", ".join(f"{bar.title} {bar.label}" for bar in bars) + ".",
        figure=bars_figure(bars),
        table=Table("devices", "Devices", columns, rows),
        note="Of first opens of the campaigns of these days, as far as the mail app tells.",
        empty="" if total else "No campaign of these days was opened yet.",
    )


def _providers_chart(found: Range, by_provider: Mapping[str, Figures]) -> Chart:
    rows = sorted(by_provider.items(), key=lambda row: -row[1].sent)
    bars = [
        Bar(
            name or "Unknown",
            _rate(figures, EventType.OPENED, found.counted) or 0,
            f"{_rate_text(figures, EventType.OPENED, found.counted)} of {count_text(figures.sent)}",
            role="opened",
        )
        for name, figures in rows
        if figures.sent
    ]

    def once(kind: EventType) -> Any:
        return lambda row: row[1].of(kind).once(found.counted)

    columns = (
        Column("Mailbox provider", lambda row: row[0] or "Unknown"),
        Column("Accepted", lambda row: row[1].sent, is_number=True),
        Column("Opened", once(EventType.OPENED), is_number=True),
        Column("Opened, rate", lambda row: _rate_text(row[1], EventType.OPENED, found.counted), is_number=True),
        Column("Clicked", once(EventType.CLICKED), is_number=True),
        Column("Clicked, rate", lambda row: _rate_text(row[1], EventType.CLICKED, found.counted), is_number=True),
    )
    return Chart(
        name="providers",
        title="Opened, by mailbox provider",
        summary="Open rates: " + ", ".join(f"{bar.title} {bar.label}" for bar in bars[:5]) + ".",
        figure=bars_figure(bars),
        table=Table("providers", "Mailbox providers", columns, rows),
        note="Of the mails accepted in these days. A rate far below the others may mean the spam folder.",
        empty="" if bars else "Nothing was accepted in these days.",
    )
