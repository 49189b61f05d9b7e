"""Who came and who left, over time."""

from collections.abc import Callable, Sequence

from core.tracking.audience.choices import Turn
from core.tracking.choices import PeriodLength
from dashboards.audience.figures import growth_figure
from dashboards.audience.slots import Slot, monthly_churn
from dashboards.charts import Chart, Line, clock, lines_figure
from dashboards.filters import Range
from dashboards.numbers import count_text
from dashboards.overviews import bucket_text, bucket_title, time_axis
from dashboards.tables import Column, Table


def growth_chart(found: Range, slots: Sequence[Slot]) -> Chart:
    came, left = sum(slot.arrived for slot in slots), sum(slot.left for slot in slots)
    series = [
        ("Came", "accepted", [slot.arrived for slot in slots]),
        ("Unsubscribed", "clicked", [-slot.of(Turn.UNSUBSCRIBED) for slot in slots]),
        ("Bounced or complained", "bad", [-slot.of(Turn.BOUNCED, Turn.COMPLAINED) for slot in slots]),
        ("Deleted or merged", "other", [-slot.of(Turn.DELETED) for slot in slots]),
    ]
    shown = [one for one in series if one[0] == "Came" or any(one[2])]
    columns = (
        Column(bucket_title(found), lambda slot: bucket_text(found, slot.start)),
        *(Column(turn.label, _people_by(turn), is_number=True) for turn in Turn),
        Column("Net", lambda slot: slot.net, is_number=True),
        Column("Subscribed at the end", lambda slot: slot.total, is_number=True),
    )
    return Chart(
        name="growth",
        title="Who came and who left",
        summary=f"{count_text(came)} people came and {count_text(left)} left, {found.words}.",
        figure=growth_figure(
            [clock(slot.start) for slot in slots], shown, net=[slot.net for slot in slots], x_axis=time_axis(found)
        ),
        table=Table("growth", "Who came and who left", columns, list(slots)),
        note="Above the line who came, below it who left; the dark line is what remains.",
        empty="" if came or left else "Nobody came and nobody left in these days.",
    )


def _people_by(turn: Turn) -> Callable[[Slot], int]:
    return lambda slot: slot.of(turn)


def total_chart(found: Range, slots: Sequence[Slot], before: Sequence[Slot]) -> Chart:
    lines = [Line("Subscribed", "accepted", [slot.total for slot in slots])]
    if before:
        old: list[float | None] = [slot.total for slot in before[: len(slots)]]
        old += [None] * (len(slots) - len(old))
        lines.append(Line(found.previous_words.capitalize(), "accepted", old, is_before=True))
    columns = (
        Column(bucket_title(found), lambda slot: bucket_text(found, slot.start)),
        Column("Subscribed at the end", lambda slot: slot.total, is_number=True),
    )
    return Chart(
        name="total",
        title="Subscribed contacts",
        summary=f"From {count_text(slots[0].began_with)} to {count_text(slots[-1].total)} subscribed contacts.",
        figure=lines_figure(
            [clock(slot.start) for slot in slots], lines, x_axis=time_axis(found), fill=True, height=260
        ),
        table=Table("total", "Subscribed contacts", columns, list(slots)),
    )


def churn_chart(found: Range, slots: Sequence[Slot]) -> Chart:
    values = [monthly_churn(slot) for slot in slots]
    known = [value for value in values if value is not None]
    by = "month" if found.length == PeriodLength.MONTH else "week"
    columns = (
        Column(by.capitalize(), lambda row: row[0].start.strftime("%Y-%m" if by == "month" else "%Y-%m-%d")),
        Column("Left", lambda row: row[0].left, is_number=True),
        Column("Subscribed at its start", lambda row: row[0].began_with, is_number=True),
        Column("Churn in 30 days, %", lambda row: None if row[1] is None else round(row[1], 2), is_number=True),
    )
    return Chart(
        name="churn",
        title="Churn",
        summary=f"The share of the list that leaves in 30 days, by {by}.",
        figure=lines_figure(
            [clock(slot.start) for slot in slots],
            [Line("Churn", "bad", values)],
            x_axis=time_axis(found),
            is_percent=True,
            height=260,
        ),
        table=Table("churn", f"Churn by {by}", columns, list(zip(slots, values, strict=True))),
        note=f"By {by}, as if 30 days went on like that. Unsubscribed, bounced, complained and deleted together.",
        empty="" if known else "There was nobody who could have left.",
    )
