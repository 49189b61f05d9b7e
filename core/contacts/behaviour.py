"""What people did with campaigns: known to the packages above, asked by segments.

The package that keeps the ledger registers its source when the application starts (`AppConfig.ready`).
"""

import datetime
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any
from uuid import UUID

ANY, LAST = "any", "last"


@dataclass(frozen=True, slots=True)
class Behaviour:
    """Which campaigns: "any", "last" (the `last` newest ones) or one's id; `days` limits how long ago it happened."""

    campaign: str
    last: int | None = None
    days: int | None = None


@dataclass(frozen=True, slots=True)
class Rows:
    """A condition that is met by having a row somewhere: `sql` goes from FROM to the end of WHERE, `column` of it holds
    the contact's id. `is_unique` when a contact has one such row at most."""

    sql: str
    parameters: list[Any]
    column: str
    is_unique: bool


@dataclass(frozen=True, slots=True)
class Asked:
    """One condition: `did` is "sent", "opened" or "clicked"; `alias` names the row of contacts; `now` ends the days."""

    organization_id: UUID
    did: str
    behaviour: Behaviour
    alias: str
    now: datetime.datetime


@dataclass(frozen=True, slots=True)
class BehaviourSource:
    """`condition` gives rows, or a boolean expression over the alias, never NULL, with its positional parameters.
    `campaign_names` gives the names of these of the client's campaigns; `campaigns` those that can be chosen, newest
    first."""

    condition: Callable[[Asked], Rows | tuple[str, list[Any]]]
    campaign_names: Callable[[UUID, Collection[str]], dict[str, str]]
    campaigns: Callable[[UUID], list[tuple[str, str]]]


def any_of(column: str, ids: list[str]) -> tuple[str, list[Any]]:
    """`column` is one of these ids. A single one by equality: with it PostgreSQL can tell from a unique index that a
    contact comes up once, and may begin with the few rows of that index instead of all contacts."""
    if len(ids) == 1:
        return f"{column} = %s::uuid", [ids[0]]
    return f"{column} = ANY(%s::uuid[])", [ids]


_sources: list[BehaviourSource] = []


def register_behaviour(source: BehaviourSource) -> None:
    """Called once, by the package that keeps the ledger."""
    _sources[:] = [source]


def source() -> BehaviourSource:
    """The registered source. Without one nothing can be asked: a mistake in our wiring."""
    if not _sources:
        raise LookupError("No package has registered what people did: AppConfig.ready calls register_behaviour.")
    return _sources[0]
