"""When people of each month joined last opened or clicked."""

import datetime
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from core.tracking.audience.choices import Activity
from dashboards.filters import months_before
from dashboards.numbers import count_text, share, share_text
from dashboards.tables import Column, Table

COHORTS = 12
"""Months of joining that have a row of their own."""


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


def alive_sentence(rows: Sequence[CohortRow]) -> str:
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


def cohorts_table(rows: Sequence[CohortRow]) -> Table:
    columns = (
        Column("Joined in", lambda row: row.title),
        Column("People", lambda row: row.people, is_number=True),
        *(Column(activity.label, _people_of(activity), is_number=True) for activity in Activity),
    )
    return Table("cohorts", "How long ago people were active", columns, list(rows))


def _people_of(activity: Activity) -> Callable[[CohortRow], int]:
    return lambda row: row.counts[activity]
