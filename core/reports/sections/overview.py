"""The sections about the period as a whole."""

from collections.abc import Callable

from core.reports.document import (
    CLICK_COLOR,
    MACHINE_COLOR,
    PALE_COLOR,
    PEOPLE_COLOR,
    SCANNER_COLOR,
    Chart,
    ChartKind,
    Column,
    Part,
    Series,
    Table,
    Tile,
)
from core.reports.figures import Figures, Slot, Tally
from core.reports.numbers import count_text, decimal_text, is_certain, share, share_text, short_day, short_month
from core.reports.summary import change_text
from core.reports.wording import Wording

_DAY, _WEEK = 1, 7


def headline(figures: Figures, words: Wording) -> Part:
    tiles = (
        _mails_tile(figures, words),
        _rate_tile(figures, words, words.open_rate, lambda tally: tally.opened, good=1),
        _rate_tile(figures, words, words.click_rate, lambda tally: tally.clicked, good=1),
        _rate_tile(figures, words, words.unsubscribed, lambda tally: tally.unsubscribed, good=-1),
    )
    return Part("headline", words.section_titles["headline"], tiles=tiles, tables=(_headline_table(figures, words),))


def _mails_tile(figures: Figures, words: Wording) -> Tile:
    now, then = figures.now.sent, figures.before.sent
    base = f"{words.campaigns}: {count_text(len(figures.campaigns))}"
    if not then:
        return Tile(words.mails, count_text(now), base, words.no_before)
    change = f"{change_text(now, then, words)} · {words.was.format(value=count_text(then))}"
    return Tile(words.mails, count_text(now), base, change, _sign(now - then))


def _rate_tile(figures: Figures, words: Wording, label: str, count: Callable[[Tally], int], *, good: int) -> Tile:
    """`good` 1: more is better, -1: less is. A change that chance explains is neither."""
    now, then = figures.now, figures.before
    base = words.of_mails.format(part=count_text(count(now)), whole=count_text(now.sent))
    rate, rate_then = share(count(now), now.sent), share(count(then), then.sent)
    value = share_text(count(now), now.sent)
    if rate is None or rate_then is None:
        return Tile(label, value, base, words.no_before)
    points = round(rate - rate_then, 1)
    form = words.points_up if points > 0 else words.points_down if points < 0 else words.unchanged
    before = words.was.format(value=share_text(count(then), then.sent))
    change = f"{form.format(points=decimal_text(abs(points)))} · {before}"
    certain = is_certain(count(now), now.sent, count(then), then.sent)
    return Tile(label, value, base, change, _sign(points), _sign(points) == good if certain and points else None)


def _sign(number: float) -> int:
    return (number > 0) - (number < 0)


def _headline_table(figures: Figures, words: Wording) -> Table:
    """Every counted figure of both periods."""
    rows: list[tuple[str, int, int]] = [(words.campaigns, len(figures.campaigns), figures.campaigns_before)]
    for title, name in (
        (words.mails, "sent"),
        (words.opened, "opened"),
        (words.clicked, "clicked"),
        (words.unsubscribed, "unsubscribed"),
        (words.bounced, "bounced"),
        (words.complained, "complained"),
    ):
        rows.append((title, getattr(figures.now, name), getattr(figures.before, name)))
    columns = (Column(""), Column(words.total, True), Column(words.before, True))
    return Table("headline", words.section_titles["headline"], columns, tuple(rows), shown_rows=0)


def over_time(figures: Figures, words: Wording) -> Part:
    slots = figures.slots
    title = words.section_titles["over_time"]
    if not any(slot.opened or slot.clicked or slot.sent for slot in slots):
        return Part("over_time", title, (words.nothing_here,))
    per = {_DAY: words.per_day, _WEEK: words.per_week}.get(figures.slot_days, words.per_month)
    opens = tuple(float(slot.opened) for slot in slots)
    series = [Series(words.opens_line, opens, PEOPLE_COLOR)]
    series.append(Series(words.clicks_line, tuple(float(slot.clicked) for slot in slots), CLICK_COLOR))
    if any(slot.opened_before for slot in slots):
        earlier = tuple(float(slot.opened_before) for slot in slots)
        series.insert(0, Series(words.opens_before_line, earlier, PALE_COLOR, is_pale=True))
    chart = Chart(
        "over_time",
        ChartKind.LINES,
        f"{words.over_time_title}, {per}",
        f"{words.opens_line}: {count_text(int(sum(opens)))}. "
        f"{words.clicks_line}: {count_text(sum(slot.clicked for slot in slots))}.",
        tuple(_slot_name(slot, figures.slot_days) for slot in slots),
        tuple(series),
    )
    return Part("over_time", title, charts=(chart,), tables=(_slots_table(figures, words),), note=words.over_time_note)


def _slot_name(slot: Slot, slot_days: int) -> str:
    return short_day(slot.start) if slot_days in (_DAY, _WEEK) else short_month(slot.start)


def _slots_table(figures: Figures, words: Wording) -> Table:
    columns = (
        Column(words.day),
        Column(words.mails, True),
        Column(words.opens_line, True),
        Column(words.clicks_line, True),
        Column(words.opens_before_line, True),
    )
    rows = tuple((slot.start, slot.sent, slot.opened, slot.clicked, slot.opened_before) for slot in figures.slots)
    return Table("over_time", words.section_titles["over_time"], columns, rows, shown_rows=0)


def honest_opens(figures: Figures, words: Wording) -> Part:
    now = figures.now
    title = words.section_titles["honest_opens"]
    if not now.sent:
        return Part("honest_opens", title, (words.nothing_sent,))
    kinds = (
        (words.by_people, now.opened, PEOPLE_COLOR),
        (words.by_prefetch, now.prefetched, MACHINE_COLOR),
        (words.by_scanners, now.scanned, SCANNER_COLOR),
    )
    labels = [f"{count_text(mails)} · {share_text(mails, now.sent)}" for _name, mails, _color in kinds]
    chart = Chart(
        "honest_opens",
        ChartKind.BARS,
        words.honest_title,
        ". ".join(f"{name}: {label}" for (name, _mails, _color), label in zip(kinds, labels, strict=True)) + ".",
        tuple(name for name, _mails, _color in kinds),
        tuple(
            Series(name, tuple(float(mails) if row == place else 0.0 for row in range(3)), color, (label,))
            for place, ((name, mails, color), label) in enumerate(zip(kinds, labels, strict=True))
        ),
    )
    clicks = now.scanned_clicks
    machines = (words.clicks_by_machines.format(mails=count_text(clicks)),) if clicks else ()
    table = Table(
        "honest_opens",
        title,
        (Column(""), Column(words.mails, True)),
        tuple((name, mails) for name, mails, _color in kinds),
        shown_rows=0,
    )
    return Part("honest_opens", title, machines, charts=(chart,), tables=(table,), note=words.honest_note)
