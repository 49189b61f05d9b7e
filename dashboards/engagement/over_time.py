"""Opens and clicks over time, by people and machines."""

from collections.abc import Sequence
from typing import Any

from core.tracking.choices import EventType
from core.tracking.queries import Counted
from core.tracking.queries.periods import summed
from dashboards.charts import (
    Chart,
    Line,
    clock,
    lines_figure,
)
from dashboards.engagement.figures import stacked_figure
from dashboards.engagement.slots import Slot
from dashboards.filters import Range
from dashboards.numbers import count_text, share_text
from dashboards.overviews import (
    bucket_text,
    bucket_title,
    time_axis,
)
from dashboards.tables import Column, Table


def activity_chart(found: Range, slots: Sequence[Slot]) -> Chart:
    counted = found.counted
    lines = []
    for title, kind, role in (("Opened", EventType.OPENED, "opened"), ("Clicked", EventType.CLICKED, "clicked")):
        title = counted.titled(title)
        lines.append(Line(title, role, [slot.now.of(kind).once(counted) for slot in slots]))
        if found.previous:
            old = [slot.before.of(kind).once(counted) if slot.before else None for slot in slots]
            lines.append(Line(f"{title}, {found.previous_words}", role, old, is_before=True))
    total = summed([slot.now for slot in slots])
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


def kinds_chart(found: Range, slots: Sequence[Slot]) -> Chart:
    total = summed([slot.now for slot in slots])
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
