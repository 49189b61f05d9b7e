"""The sections about where mails arrive: providers, devices, hours, and what came back."""

from core.reports.document import (
    CLICK_COLOR,
    PEOPLE_COLOR,
    Chart,
    ChartKind,
    Column,
    Part,
    Series,
    Share,
    Table,
    Tile,
    Value,
)
from core.reports.figures import Figures, PartRow
from core.reports.numbers import count_text, share, share_text
from core.reports.summary import BOUNCE_LIMIT, BOUNCE_NOTICE, COMPLAINT_LIMIT, COMPLAINT_WARNING
from core.reports.wording import Wording
from core.tracking.mailbox_providers import OTHER

MOST_PROVIDERS = 8


def providers(figures: Figures, words: Wording) -> Part:
    title = words.section_titles["providers"]
    rows = figures.providers
    if not rows:
        return Part("providers", title, (words.nothing_here,))
    shown = rows[:MOST_PROVIDERS]
    names = tuple(_provider(row, words) for row in shown)
    opens = tuple(share_text(row.tally.opened, row.tally.sent) for row in shown)
    clicks = tuple(share_text(row.tally.clicked, row.tally.sent) for row in shown)
    chart = Chart(
        "providers",
        ChartKind.BARS,
        words.providers_title,
        "; ".join(
            words.chart_rates.format(name=name, open=open_rate, click=click_rate)
            for name, open_rate, click_rate in zip(names, opens, clicks, strict=True)
        )
        + ".",
        names,
        (Series(words.opened, tuple(_rate(row.tally.opened, row) for row in shown), PEOPLE_COLOR, opens),),
        is_share=True,
    )
    columns = (
        Column(words.provider),
        Column(words.mails, True),
        *(Column(name, True) for name in (words.opened, words.clicked, words.bounced, words.complained)),
    )
    table = Table("providers", title, columns, tuple(_provider_cells(row, words) for row in rows))
    return Part("providers", title, charts=(chart,), tables=(table,), note=words.providers_note)


def _provider(row: PartRow, words: Wording) -> str:
    return words.other if row.name in (OTHER, "") else row.name


def _provider_cells(row: PartRow, words: Wording) -> tuple[str | int | Share, ...]:
    tally = row.tally
    counts = (tally.opened, tally.clicked, tally.bounced, tally.complained)
    return (_provider(row, words), tally.sent, *(Share(count, tally.sent) for count in counts))


def _rate(count: int, row: PartRow) -> float:
    return share(count, row.tally.sent) or 0.0


def devices(figures: Figures, words: Wording) -> Part:
    title = words.section_titles["devices"]
    opens = sum(row.tally.opened for row in figures.devices)
    if not opens:
        return Part("devices", title, (words.nothing_here,))
    names = tuple(words.devices.get(row.name, words.other) for row in figures.devices)
    labels = tuple(f"{share_text(row.tally.opened, opens)} · {count_text(row.tally.opened)}" for row in figures.devices)
    chart = Chart(
        "devices",
        ChartKind.BARS,
        words.devices_title,
        "; ".join(f"{name}: {label}" for name, label in zip(names, labels, strict=True)) + ".",
        names,
        (Series(words.opens_line, tuple(float(row.tally.opened) for row in figures.devices), PEOPLE_COLOR, labels),),
    )
    columns = (
        Column(words.device),
        Column(words.opens_line, True),
        Column(words.share, True),
        Column(words.clicks_line, True),
    )
    rows = tuple(
        (name, row.tally.opened, Share(row.tally.opened, opens), row.tally.clicked)
        for name, row in zip(names, figures.devices, strict=True)
    )
    return Part("devices", title, charts=(chart,), tables=(Table("devices", title, columns, rows),))


def best_hours(figures: Figures, words: Wording) -> Part:
    title = words.section_titles["best_hours"]
    opens = sum(map(sum, figures.hours))
    if not opens:
        return Part("best_hours", title, (words.nothing_here,))
    most = max((mails, -day, -hour) for day, row in enumerate(figures.hours) for hour, mails in enumerate(row))
    count, day, hour = most[0], -most[1], -most[2]
    best = words.best_hour.format(weekday=words.weekdays[day], start=hour, end=hour + 1, count=count_text(count))
    chart = Chart(
        "best_hours",
        ChartKind.HEAT,
        words.hours_title,
        best,
        tuple(str(hour) for hour in range(24)),
        tuple(
            Series(name, tuple(map(float, row)), PEOPLE_COLOR)
            for name, row in zip(words.weekdays, figures.hours, strict=True)
        ),
    )
    columns = (Column(words.weekday), *(Column(f"{hour:02}", True) for hour in range(24)))
    rows: tuple[tuple[Value, ...], ...] = tuple(
        (name, *row) for name, row in zip(words.weekdays, figures.hours, strict=True)
    )
    table = Table("best_hours", title, columns, rows, shown_rows=0)
    note = words.hours_note.format(zone=figures.zone)
    return Part("best_hours", title, (best,), charts=(chart,), tables=(table,), note=note)


def deliverability(figures: Figures, words: Wording) -> Part:
    title = words.section_titles["deliverability"]
    if not figures.now.sent:
        return Part("deliverability", title, (words.nothing_sent,))
    tiles = (
        _limit_tile(figures, words, "bounced", (BOUNCE_NOTICE, BOUNCE_LIMIT)),
        _limit_tile(figures, words, "complained", (COMPLAINT_WARNING, COMPLAINT_LIMIT)),
    )
    reasons = figures.reasons
    if not reasons:
        return Part("deliverability", title, tiles=tiles)
    names = tuple(words.reasons.get(row.name, words.other) for row in reasons)
    mails = sum(row.mails for row in reasons)
    labels = tuple(count_text(row.mails) for row in reasons)
    chart = Chart(
        "deliverability",
        ChartKind.BARS,
        words.reasons_title,
        "; ".join(f"{name}: {label}" for name, label in zip(names, labels, strict=True)) + ".",
        names,
        (Series(words.mails, tuple(float(row.mails) for row in reasons), CLICK_COLOR, labels),),
    )
    columns = (Column(words.reason), Column(words.mails, True), Column(words.share, True))
    rows = tuple((name, row.mails, Share(row.mails, mails)) for name, row in zip(names, reasons, strict=True))
    table = Table("deliverability", title, columns, rows)
    return Part("deliverability", title, tiles=tiles, charts=(chart,), tables=(table,))


def _limit_tile(figures: Figures, words: Wording, name: str, limits: tuple[float, float]) -> Tile:
    """A rate against the limits from which providers warn about a sender, and block it."""
    count, sent = getattr(figures.now, name), figures.now.sent
    rate = share(count, sent) or 0.0
    near, over = limits
    standing = words.is_over if rate >= over else words.is_near if rate >= near else words.is_good
    label, limit = (
        (words.bounced, words.limit_bounces) if name == "bounced" else (words.complained, words.limit_complaints)
    )
    base = words.of_mails.format(part=count_text(count), whole=count_text(sent))
    is_good = None if near <= rate < over else rate < near
    return Tile(label, share_text(count, sent), base, f"{standing} · {limit}", 0, is_good)
