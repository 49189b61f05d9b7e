"""The section about the people a client can write to."""

from core.reports.document import CLICK_COLOR, PEOPLE_COLOR, Chart, ChartKind, Column, Part, Series, Table, Tile
from core.reports.figures import Figures
from core.reports.numbers import count_text, short_day, short_month
from core.reports.wording import Wording

_LONGEST_BY_DAY = 7


def audience(figures: Figures, words: Wording) -> Part:
    """Call only for figures that have an audience."""
    found = figures.audience
    assert found is not None
    title = words.section_titles["audience"]
    change = found.joined - found.left
    sign = "+" if change > 0 else "−" if change < 0 else "±"
    before = words.was.format(value=count_text(found.at_start)) if found.at_start is not None else words.no_before
    tiles = (
        Tile(words.audience_now, count_text(found.at_end), "", f"{sign}{count_text(abs(change))} · {before}"),
        Tile(words.joined, count_text(found.joined), ""),
        Tile(words.left, count_text(found.left), ""),
    )
    if not any(slot.joined or slot.left for slot in found.slots):
        return Part("audience", title, tiles=tiles)
    joined = tuple(float(slot.joined) for slot in found.slots)
    left = tuple(float(slot.left) for slot in found.slots)
    named = short_day if figures.slot_days <= _LONGEST_BY_DAY else short_month
    chart = Chart(
        "audience",
        ChartKind.LINES,
        words.audience_title,
        f"{words.joined}: {count_text(found.joined)}. {words.left}: {count_text(found.left)}.",
        tuple(named(slot.start) for slot in found.slots),
        (Series(words.joined, joined, PEOPLE_COLOR), Series(words.left, left, CLICK_COLOR)),
    )
    columns = (Column(words.day), Column(words.joined, True), Column(words.left, True))
    rows = tuple((slot.start, slot.joined, slot.left) for slot in found.slots)
    table = Table("audience", title, columns, rows, shown_rows=0)
    return Part("audience", title, tiles=tiles, charts=(chart,), tables=(table,))
