"""When, on what and with whom mails are opened."""

import datetime
from collections.abc import Callable, Mapping
from typing import Any

from core.tracking.choices import Device, EventType
from core.tracking.queries.periods import (
    Figures,
    opens_of_week,
)
from dashboards.charts import (
    Bar,
    Chart,
    bars_figure,
    heatmap_figure,
)
from dashboards.engagement.slots import rate, rate_text
from dashboards.filters import Range, months_before
from dashboards.numbers import count_text, share_text
from dashboards.overviews import (
    Asked,
)
from dashboards.tables import Column, Table

MONTHS_OF_HOURS, MONTHS_OF_HOURS_OF_ALL = 12, 3

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def hours_chart(asked: Asked, earliest: datetime.date) -> Chart:
    found = asked.range
    months = _months(found, earliest, MONTHS_OF_HOURS if asked.current else MONTHS_OF_HOURS_OF_ALL)
    counts = opens_of_week(asked.ids, months, found.counted)
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


def devices_chart(found: Range, devices: Mapping[str, Figures]) -> Chart:
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


def providers_chart(found: Range, by_provider: Mapping[str, Figures]) -> Chart:
    rows = sorted(by_provider.items(), key=lambda row: -row[1].sent)
    bars = [
        Bar(
            name or "Unknown",
            rate(figures, EventType.OPENED, found.counted) or 0,
            f"{rate_text(figures, EventType.OPENED, found.counted)} of {count_text(figures.sent)}",
            role="opened",
        )
        for name, figures in rows
        if figures.sent
    ]

    def once(kind: EventType) -> Any:
        return lambda row: row[1].of(kind).once(found.counted)

    opened, clicked = map(found.counted.titled, ("Opened", "Clicked"))
    columns = (
        Column("Mailbox provider", lambda row: row[0] or "Unknown"),
        Column("Accepted", lambda row: row[1].sent, is_number=True),
        Column(opened, once(EventType.OPENED), is_number=True),
        Column(f"{opened}, rate", lambda row: rate_text(row[1], EventType.OPENED, found.counted), is_number=True),
        Column(clicked, once(EventType.CLICKED), is_number=True),
        Column(f"{clicked}, rate", lambda row: rate_text(row[1], EventType.CLICKED, found.counted), is_number=True),
    )
    return Chart(
        name="providers",
        title=f"{found.counted.titled('Opened')}, by mailbox provider",
        summary="Open rates: " + ", ".join(f"{bar.title} {bar.label}" for bar in bars[:5]) + ".",
        figure=bars_figure(bars),
        table=Table("providers", "Mailbox providers", columns, rows),
        note="Of the mails accepted in these days. A rate far below the others may mean the spam folder.",
        empty="" if bars else "Nothing was accepted in these days.",
    )
