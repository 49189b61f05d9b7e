"""Where people came from, and the groups they are in."""

from collections.abc import Sequence

from django.urls import reverse

from core.tracking.queries.audience import (
    GroupSize,
)
from dashboards.audience.slots import signed
from dashboards.charts import Bar, Chart, bars_figure, plain
from dashboards.numbers import count_text, share_text
from dashboards.overviews import Asked
from dashboards.tables import Column, Table

MOST_SOURCES = 10

MOST_GROUPS = 50

_LONGEST_NAME = 44


def sources_chart(sources: Sequence[tuple[str, int]]) -> Chart:
    total = sum(people for _, people in sources)
    named = [(source, people) for source, people in sources if source]
    shown = named[:MOST_SOURCES]
    rest = total - sum(people for _, people in shown)
    rows = [*shown, *([("Others and unknown", rest)] if rest else [])]
    bars = [
        Bar(plain(_shortened(source)), people, f"{count_text(people)} · {share_text(people, total)}")
        for source, people in rows
    ]
    columns = (
        Column("Source", lambda row: row[0] or "Others and unknown"),
        Column("People", lambda row: row[1], is_number=True),
        Column("Share", lambda row: share_text(row[1], total), is_number=True),
    )
    return Chart(
        name="sources",
        title="Where people came from",
        summary="; ".join(f"{source}: {count_text(people)}" for source, people in rows[:5]) + ".",
        figure=bars_figure(bars),
        table=Table("sources", "Where people came from", columns, list(sources)),
        empty="" if total else "Nobody joined in these days.",
    )


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST_NAME else f"{text[: _LONGEST_NAME - 1]}…"


def groups_table(asked: Asked, groups: Sequence[GroupSize]) -> Table:
    names = asked.names
    client = (Column("Client", lambda row: names.get(row.organization_id, "")),) if asked.current is None else ()
    columns: tuple[Column, ...] = (
        Column("Group", lambda row: row.name, link=_group_url),
        *client,
        Column("Members", lambda row: row.members, is_number=True),
    )
    if asked.range.first is not None:
        columns += (
            Column("Change", lambda row: signed(row.members - row.before), is_number=True),
            Column("Change, %", _growth_text, is_number=True),
        )
    return Table("groups", "Groups by size", columns, list(groups))


def _group_url(row: GroupSize) -> str:
    return reverse("admin:contacts_contactgroup_change", args=[row.pk])


def _growth_text(row: GroupSize) -> str:
    if not row.before:
        return "new" if row.members else "–"
    difference = row.members - row.before
    sign = "+" if difference > 0 else "−" if difference < 0 else ""
    return f"{sign}{share_text(abs(difference), row.before)}"
