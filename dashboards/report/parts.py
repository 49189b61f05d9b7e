"""Devices, mailbox providers, domains, groups, and why mails came back."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from core.delivery.bounces import ABOUT_SENDER, COUNTED, HARD, BounceClass
from core.tracking.choices import Device, EventType, Part
from core.tracking.queries import PartRow
from dashboards.addresses import events_url
from dashboards.charts import Bar, Chart, bars_figure
from dashboards.numbers import count_text, share, share_text
from dashboards.report.counted import Report
from dashboards.tables import Column, Table

_MOST_BARS = 8
_FEW_MAILS = 20
"""Shares of fewer mails say little; the picture leaves them to the table."""
_DEVICES_NOTE = (
    "Shares of all opens and of all clicks, each mail once for its first. "
    "Hidden: the mail app fetches pictures itself, so nobody can tell."
)
_ORDER = (Device.PHONE, Device.COMPUTER, Device.TABLET, Device.HIDDEN, Device.UNKNOWN)


@dataclass(frozen=True)
class _Rate:
    title: str
    type: EventType
    digits: int = 1


_RATES = (
    _Rate("Opened", EventType.OPENED),
    _Rate("Clicked", EventType.CLICKED),
    _Rate("Bounced", EventType.BOUNCED),
    _Rate("Complained", EventType.COMPLAINED, 2),
)


def devices_chart(report: Report) -> Chart:
    """What opens and clicks came from."""
    by_value = {row.value: row for row in report.parts[Part.DEVICE]}
    rows = [by_value[device.value] for device in _ORDER if device.value in by_value]
    opened, clicked = (sum(_once(report, row, kind) for row in rows) for kind in (EventType.OPENED, EventType.CLICKED))
    bars = [
        Bar(
            Device(row.value).label,
            share(_once(report, row, kind), whole) or 0,
            f"{share_text(_once(report, row, kind), whole)} · {count_text(_once(report, row, kind))}",
            _events(report, kind, device__exact=row.value),
            kind.value,
            str(kind.label),
        )
        for kind, whole in ((EventType.OPENED, opened), (EventType.CLICKED, clicked))
        for row in rows
        if whole
    ]
    return Chart(
        name="devices",
        title="Devices",
        summary="; ".join(
            f"{Device(row.value).label} {count_text(_once(report, row, EventType.OPENED))}" for row in rows
        ),
        figure=bars_figure(bars, bar_height=38),
        table=_devices_table(report, rows, opened, clicked),
        note=_DEVICES_NOTE if bars else "",
        empty="" if bars else "Nobody has opened or clicked it yet.",
    )


def _devices_table(report: Report, rows: list[PartRow], opened: int, clicked: int) -> Table:
    columns = (
        Column("Device", lambda row: Device(row.value).label),
        *_reactions(report, _Rate("Opened", EventType.OPENED), lambda row: opened, "device__exact"),
        *_reactions(report, _Rate("Clicked", EventType.CLICKED), lambda row: clicked, "device__exact"),
    )
    return Table("devices", "What it was opened and clicked on", columns, rows)


def providers_chart(report: Report) -> Chart:
    return _dimension_chart(
        report,
        report.parts[Part.PROVIDER],
        name="providers",
        title="Mailbox providers",
        filter_name="provider",
        note="By the recipients' domains; “Other” are all the smaller ones and companies' own servers.",
        is_table_open=True,
    )


def domains_chart(report: Report) -> Chart:
    top = report.domains
    rows = [*top.rows, *([top.others] if top.others.sent else [])]
    return _dimension_chart(
        report,
        rows,
        name="domains",
        title="Top recipient domains",
        filter_name="domain",
        label=lambda row: row.value or "All others",
        note=f"The {len(top.rows)} domains with the most mails." if top.others.sent else "",
    )


def groups_chart(report: Report) -> Chart:
    names = {
        group["id"]: group["name"] for version in report.versions for group in version.audience.get("included", [])
    }
    rows = [row for row in report.parts[Part.GROUP] if row.value in names]
    return _dimension_chart(
        report,
        rows,
        name="groups",
        title="Groups",
        filter_name="group",
        label=lambda row: names[row.value],
        note="Somebody in two groups counts in both.",
    )


def _dimension_chart(
    report: Report,
    rows: list[PartRow],
    *,
    name: str,
    title: str,
    filter_name: str,
    note: str,
    label: Callable[[PartRow], str] = lambda row: row.value,
    is_table_open: bool = False,
) -> Chart:
    """Open and click rates by one dimension as bars, everything else in the table."""
    drawn = [row for row in rows if row.sent >= _FEW_MAILS][:_MOST_BARS] or rows[:_MOST_BARS]
    bars = [
        Bar(
            f"{label(row)} ({count_text(row.sent)})",
            share(_once(report, row, kind), row.sent) or 0,
            share_text(_once(report, row, kind), row.sent),
            _events(report, kind, **({filter_name: row.value} if row.value else {})),
            kind.value,
            str(kind.label),
        )
        for kind in (EventType.OPENED, EventType.CLICKED)
        for row in drawn
    ]
    left_out = len(rows) - len(drawn)
    more = f" {left_out} smaller in the table." if left_out else ""
    return Chart(
        name=name,
        title=title,
        summary="; ".join(
            f"{label(row)}: {share_text(_once(report, row, EventType.OPENED), row.sent)} opened" for row in drawn
        ),
        figure=bars_figure(bars, bar_height=38),
        table=_dimension_table(report, rows, name=name, title=title, filter_name=filter_name, label=label),
        note=f"Shares of the accepted mails, whose number stands in brackets. {note}{more}".strip(),
        empty="" if rows else "No mail has been accepted yet.",
        is_table_open=is_table_open and bool(rows),
    )


def _dimension_table(
    report: Report, rows: list[PartRow], *, name: str, title: str, filter_name: str, label: Callable[[PartRow], str]
) -> Table:
    reactions = [column for rate in _RATES for column in _reactions(report, rate, lambda row: row.sent, filter_name)]
    columns = (Column(title, label), Column("Accepted", lambda row: row.sent, is_number=True), *reactions)
    return Table(name, f"{title}: mails and what became of them", columns, rows)


def _reactions(report: Report, rate: _Rate, base: Callable[[PartRow], int], filter_name: str) -> tuple[Column, Column]:
    """A count that leads to its people, and its share."""

    def count(row: PartRow) -> int:
        return _once(report, row, rate.type)

    def url(row: PartRow) -> str:
        return _events(report, rate.type, **{filter_name: row.value}) if count(row) and row.value else ""

    is_reaction = rate.type in (EventType.OPENED, EventType.CLICKED)
    title = report.counted.titled(rate.title) if is_reaction else rate.title
    return (
        Column(title, count, is_number=True, link=url),
        Column(f"{title}, share", lambda row: share_text(count(row), base(row), digits=rate.digits), is_number=True),
    )


def _once(report: Report, row: PartRow, event_type: EventType) -> int:
    return report.once(row.of(event_type), event_type)


def _events(report: Report, event_type: EventType, **filters: Any) -> str:
    is_reaction = event_type in (EventType.OPENED, EventType.CLICKED)
    if is_reaction:
        filters["behind"] = report.counted.value
    return events_url(report.campaign.pk, event_type, **filters)


@dataclass(frozen=True)
class BounceRow:
    """Mails that came back for one reason, and what follows from it."""

    bounce: BounceClass
    count: int
    url: str

    @property
    def follows(self) -> str:
        return consequence(self.bounce)

    @property
    def role(self) -> str:
        if self.bounce in HARD:
            return "bad"
        return "fourth" if self.bounce in ABOUT_SENDER else "other"


def consequence(bounce: BounceClass) -> str:
    """What a bounce means for the person (core/tracking/consequences.py)."""
    if bounce in HARD:
        return "Not written to again."
    if bounce in COUNTED:
        return "Written to again; no longer after several such days in a month."
    if bounce in ABOUT_SENDER:
        return "Nothing is held against the person: it is about the sender. Look at the sending domain."
    if bounce == BounceClass.LEFT_THERE:
        return "Unsubscribed, not written to again."
    if bounce == BounceClass.COMPLAINED_THERE:
        return "Complained, not written to again."
    return "Written to again."


def bounce_rows(report: Report) -> list[BounceRow]:
    """Of what came back and of what the provider did not even send, the commonest first."""
    rows = [
        BounceRow(
            BounceClass(row.value), count, events_url(report.campaign.pk, event_type, bounce_class__exact=row.value)
        )
        for row in report.parts[Part.BOUNCE]
        for event_type in (EventType.BOUNCED, EventType.DROPPED)
        if (count := _once(report, row, event_type))
    ]
    return sorted(rows, key=lambda row: (-row.count, row.bounce.label))


def bounces_chart(report: Report) -> Chart:
    rows = bounce_rows(report)
    bars = [
        Bar(
            row.bounce.label,
            row.count,
            f"{count_text(row.count)} · {share_text(row.count, report.accepted, digits=2)}",
            row.url,
            row.role,
        )
        for row in rows
    ]
    columns = (
        Column("Why it came back", lambda row: row.bounce.label, link=lambda row: row.url),
        Column("Mails", lambda row: row.count, is_number=True),
        Column("Share of accepted", lambda row: share_text(row.count, report.accepted, digits=2), is_number=True),
        Column("What follows", lambda row: row.follows),
    )
    return Chart(
        name="bounces",
        title="Bounces by reason",
        summary="; ".join(f"{row.bounce.label} {count_text(row.count)}" for row in rows),
        figure=bars_figure(bars, bar_height=38, is_one_series=True),
        table=Table("bounces", "Why mails came back, and what follows", columns, rows),
        note="Red: nobody is there. Yellow: about the sender, not the person. Grey: may pass." if rows else "",
        empty="" if rows else "No mail came back.",
        is_table_open=bool(rows),
    )
