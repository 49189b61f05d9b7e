"""Audience growth: who came, who left, where people came from, and how alive the list is."""

import datetime
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from django.urls import reverse

from core.tracking.audience.choices import ARRIVALS, DEPARTURES, Activity, Turn
from core.tracking.choices import PeriodLength
from core.tracking.queries.audience import (
    GroupSize,
    ListDay,
    counted_at,
    group_sizes,
    list_cohorts,
    list_days,
    list_sources,
)
from dashboards.audience_figures import growth_figure
from dashboards.charts import Bar, Chart, Line, bars_figure, clock, lines_figure, plain
from dashboards.filters import Range, months_before
from dashboards.numbers import count_text, share, share_text
from dashboards.overviews import Asked, Overview, bucket_text, bucket_title, overview, time_axis
from dashboards.tables import Column, Table
from dashboards.tiles import Tile, count_change, points_change

MOST_SOURCES = 10
MOST_GROUPS = 50
COHORTS = 12
"""Months of joining that have a row of their own."""
MONTH_DAYS = 30
_LONGEST_NAME = 44


@dataclass(frozen=True)
class Slot:
    """A stretch of days told as one: `start` is its first, `total` the size of the list at its end."""

    start: datetime.date
    days: int
    turns: dict[str, int]
    total: int

    def of(self, *turns: Turn) -> int:
        return sum(self.turns[turn] for turn in turns)

    @property
    def arrived(self) -> int:
        return self.of(*ARRIVALS)

    @property
    def left(self) -> int:
        return self.of(*DEPARTURES)

    @property
    def net(self) -> int:
        return self.arrived - self.left

    @property
    def began_with(self) -> int:
        return self.total - self.net


@overview("audience_growth", title="Audience growth")
def audience_growth(asked: Asked) -> Overview:
    """Everything of the page (6 queries with a comparison)."""
    found = asked.range
    days = list_days(found.first, found.last)
    if not any(day.total or day.of(*ARRIVALS, *DEPARTURES) for day in days):
        return _nothing(asked)
    previous = found.previous
    before = list_days(previous.first, previous.last) if previous else []
    slots = _slots(days, _bucket_of(found))
    sources = list_sources(asked.ids, days[0].day, found.last)
    groups = _groups_table(asked, group_sizes(asked.ids, found.first, found.last, most=MOST_GROUPS))
    cohorts = cohort_rows(list_cohorts())
    charts = {
        "growth": _growth_chart(found, slots),
        "total": _total_chart(found, slots, _slots(before, _bucket_of(found))),
        "churn": _churn_chart(found, _slots(days, _churn_bucket(found))),
        "sources": _sources_chart(sources),
    }
    context = {
        "cohorts": cohorts,
        "cohort_titles": Activity.labels,
        "groups": groups,
        "counted_at": counted_at(),
        "alive": _alive_sentence(cohorts),
        "contacts_url": reverse("admin:contacts_contact_changelist"),
    }
    tables = [_cohorts_table(cohorts), groups]
    return Overview(tiles=_tiles(found, slots, days, before), charts=charts, tables=tables, context=context)


def _nothing(asked: Asked) -> Overview:
    if not asked.clients or counted_at() is None:
        words = "The people of the lists have not been counted yet. That happens every quarter of an hour."
    else:
        words = f"Nobody was on the list yet: {asked.range.words}. Bring the list in, and its growth shows here."
    return Overview(
        empty=words, empty_url=reverse("admin:contacts_contact_changelist"), empty_button="Open the contacts"
    )


def _slots(days: Sequence[ListDay], bucket_of: Callable[[datetime.date], datetime.date]) -> list[Slot]:
    slots: dict[datetime.date, Slot] = {}
    for day in days:
        start = bucket_of(day.day)
        old = slots.get(start)
        turns = {name: number + (old.turns[name] if old else 0) for name, number in day.turns.items()}
        slots[start] = Slot(start, (old.days if old else 0) + 1, turns, day.total)
    return list(slots.values())


def _bucket_of(found: Range) -> Callable[[datetime.date], datetime.date]:
    return (lambda day: day) if found.length == PeriodLength.DAY else (lambda day: day.replace(day=1))


def _churn_bucket(found: Range) -> Callable[[datetime.date], datetime.date]:
    """By weeks where the range is told by days: a day's churn is noise."""
    if found.length == PeriodLength.MONTH:
        return _bucket_of(found)
    return lambda day: day - datetime.timedelta(days=day.weekday())


# --- Tiles ------------------------------------------------------------------------------------------------------------


def _tiles(found: Range, slots: Sequence[Slot], days: Sequence[ListDay], before: Sequence[ListDay]) -> list[Tile]:
    now, earlier = _whole(days), _whole(before) if before else None
    against = found.previous_words
    churn, old_churn = monthly_churn(now), monthly_churn(earlier) if earlier else None
    return [
        Tile(
            "Subscribed contacts",
            count_text(now.total),
            note=f"on {found.last:%-d %b %Y}",
            change=count_change(now.total, now.began_with, against="the start of the range"),
            trend=[slot.total for slot in slots],
            url=f"{reverse('admin:contacts_contact_changelist')}?status__exact=subscribed",
        ),
        Tile(
            "Came",
            count_text(now.arrived),
            note=f"{count_text(now.of(Turn.RESUBSCRIBED))} of them came back",
            change=count_change(now.arrived, earlier.arrived, against=against) if earlier else None,
            trend=[slot.arrived for slot in slots],
        ),
        Tile(
            "Left",
            count_text(now.left),
            note=f"{count_text(now.of(Turn.UNSUBSCRIBED))} unsubscribed",
            change=count_change(now.left, earlier.left, against=against, better="down") if earlier else None,
            trend=[slot.left for slot in slots],
            role="clicked",
        ),
        Tile(
            "Net growth",
            _signed(now.net),
            base=f"{count_text(now.arrived)} came, {count_text(now.left)} left",
            note=f"{share_text(abs(now.net), now.began_with)} of the list at the start" if now.began_with else "",
        ),
        Tile(
            "Churn a month",
            "–" if churn is None else share_text(round(churn * 100), 10_000),
            base=f"{count_text(now.left)} of {count_text(now.began_with)} at the start left, by 30 days",
            note="of the list, leaving in 30 days",
            change=points_change(churn, old_churn, against=against, better="down", digits=2),
            role="bad",
        ),
    ]


def _whole(days: Sequence[ListDay]) -> Slot:
    slots = _slots(days, lambda _day: days[0].day)
    return slots[0]


def monthly_churn(slot: Slot) -> float | None:
    """Percent of the people who left within 30 days, of the mean of the list's size at start and end; None without
    people."""
    percent = share(slot.left, (slot.began_with + slot.total + 1) // 2)
    return None if percent is None else percent * MONTH_DAYS / slot.days


def _signed(number: int) -> str:
    return f"{'+' if number > 0 else '−' if number < 0 else ''}{count_text(abs(number))}"


# --- Charts -----------------------------------------------------------------------------------------------------------


def _growth_chart(found: Range, slots: Sequence[Slot]) -> Chart:
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


def _total_chart(found: Range, slots: Sequence[Slot], before: Sequence[Slot]) -> Chart:
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


def _churn_chart(found: Range, slots: Sequence[Slot]) -> Chart:
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


def _sources_chart(sources: Sequence[tuple[str, int]]) -> Chart:
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


# --- Cohorts and groups -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Cell:
    """`level` from 0 to 5 is how strongly the cell is coloured."""

    activity: Activity
    people: int
    text: str
    level: int
    words: str

    @property
    def is_fading(self) -> bool:
        return self.activity in (Activity.LONGER, Activity.NEVER)


@dataclass(frozen=True)
class CohortRow:
    title: str
    people: int
    counts: dict[str, int]

    @property
    def people_text(self) -> str:
        return count_text(self.people)

    @property
    def cells(self) -> list[Cell]:
        return [self._cell(activity) for activity in Activity]

    def _cell(self, activity: Activity) -> Cell:
        people = self.counts.get(activity, 0)
        percent = share(people, self.people) or 0
        words = f"{count_text(people)} of {count_text(self.people)}"
        return Cell(activity, people, share_text(people, self.people) if people else "–", _level(percent), words)


def cohort_rows(cohorts: dict[datetime.date, dict[str, int]]) -> list[CohortRow]:
    """The newest COHORTS months of joining, everybody before them, and all together."""
    months = sorted(cohorts, reverse=True)
    first = months_before(max(months), COHORTS - 1) if months else None
    rows = [_cohort(f"{month:%B %Y}", [cohorts[month]]) for month in months if first and month >= first]
    earlier = [cohorts[month] for month in months if first and month < first]
    if earlier:
        rows.append(_cohort("Earlier", earlier))
    return [*rows, _cohort("Everybody", list(cohorts.values()))] if rows else []


def _cohort(title: str, counts: Sequence[dict[str, int]]) -> CohortRow:
    summed = {activity.value: sum(one.get(activity, 0) for one in counts) for activity in Activity}
    return CohortRow(title, sum(summed.values()), summed)


def _level(percent: float) -> int:
    return 0 if percent <= 0 else min(5, 1 + int(percent // 20))


def _alive_sentence(rows: Sequence[CohortRow]) -> str:
    """The list in one sentence; "" without people."""
    if not rows:
        return ""
    everybody = rows[-1].counts
    present = rows[-1].people - everybody[Activity.LEFT]
    fading = everybody[Activity.LONGER] + everybody[Activity.NEVER]
    return (
        f"Of {count_text(present)} people on the list, {share_text(everybody[Activity.MONTH], present)} opened or "
        f"clicked in the last 30 days; {share_text(fading, present)} have not for a year, or never did."
    )


def _cohorts_table(rows: Sequence[CohortRow]) -> Table:
    columns = (
        Column("Joined in", lambda row: row.title),
        Column("People", lambda row: row.people, is_number=True),
        *(Column(activity.label, _people_of(activity), is_number=True) for activity in Activity),
    )
    return Table("cohorts", "How long ago people were active", columns, list(rows))


def _people_of(activity: Activity) -> Callable[[CohortRow], int]:
    return lambda row: row.counts[activity]


def _groups_table(asked: Asked, groups: Sequence[GroupSize]) -> Table:
    names = asked.names
    client = (Column("Client", lambda row: names.get(row.organization_id, "")),) if asked.current is None else ()
    columns: tuple[Column, ...] = (
        Column("Group", lambda row: row.name, link=_group_url),
        *client,
        Column("Members", lambda row: row.members, is_number=True),
    )
    if asked.range.first is not None:
        columns += (
            Column("Change", lambda row: _signed(row.members - row.before), is_number=True),
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
