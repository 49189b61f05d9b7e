"""Counts of events, people and machines apart, and how counters are summed up into them."""

import enum
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import Case, CharField, QuerySet, Sum, Value, When

from core.tracking.choices import PEOPLE

KIND = Case(
    When(verdict__in=[verdict.value for verdict in PEOPLE], then=Value("people")),
    default=Value("machines"),
    output_field=CharField(),
)
"""Of a counter's row: was it people or machines?"""


class Counted(enum.StrEnum):
    """Whose opens and clicks a page counts: `?count=` in its address, PEOPLE or MACHINES. EVERYBODY is for what no
    machine does, such as bounces.

    There is no view of both together: a mail that a person and a machine opened stands in both counts, so that their
    sum is no number of mails.
    """

    PEOPLE = "people"
    MACHINES = "machines"
    EVERYBODY = "everybody"

    def titled(self, title: str) -> str:
        """The title of a figure: whose it is, where it is not people's."""
        return f"{title} by machines" if self is Counted.MACHINES else title


@dataclass(frozen=True, slots=True)
class Count:
    """Events of one type. `people` and `machines` count every event, the `_once` figures each mail's first one."""

    people: int = 0
    people_once: int = 0
    machines: int = 0
    machines_once: int = 0

    def once(self, counted: Counted = Counted.PEOPLE) -> int:
        """Mails with such an event, each once for people and once for machines."""
        people, machines = counted is not Counted.MACHINES, counted is not Counted.PEOPLE
        return self.people_once * people + self.machines_once * machines

    def events(self, counted: Counted = Counted.PEOPLE) -> int:
        people, machines = counted is not Counted.MACHINES, counted is not Counted.PEOPLE
        return self.people * people + self.machines * machines

    def __add__(self, other: "Count") -> "Count":
        return Count(
            self.people + other.people,
            self.people_once + other.people_once,
            self.machines + other.machines,
            self.machines_once + other.machines_once,
        )


def counts_by(rows: QuerySet[Any], *columns: str) -> dict[Any, dict[str, Count]]:
    """Sum a counter's rows by columns (1 query): {value: {"opened": Count, …}} with EventType values as keys. Several
    columns give a tuple."""
    figures: dict[Any, dict[str, dict[str, int]]] = defaultdict(lambda: defaultdict(dict))
    grouped = rows.order_by().annotate(kind=KIND).values(*columns, "type", "kind")
    for row in grouped.annotate(all=Sum("total"), once=Sum("firsts")):
        key = row[columns[0]] if len(columns) == 1 else tuple(row[column] for column in columns)
        figures[key][row["type"]] |= figures_of(row)
    return {key: {name: Count(**values) for name, values in by_type.items()} for key, by_type in figures.items()}


def figures_of(row: Mapping[str, Any]) -> dict[str, int]:
    return {row["kind"]: row["all"], f"{row['kind']}_once": row["once"]}


def summed(counts: Iterable[Count]) -> Count:
    return sum(counts, start=Count())


def less(whole: Count, part: Count) -> Count:
    """What `part` leaves of `whole`. Both are read one after the other while events come in, so that the part may be
    ahead: nothing is left then, and never less than that."""
    return Count(
        max(whole.people - part.people, 0),
        max(whole.people_once - part.people_once, 0),
        max(whole.machines - part.machines, 0),
        max(whole.machines_once - part.machines_once, 0),
    )
