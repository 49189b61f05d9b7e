"""Who holds data about people. Packages above contacts register theirs in AppConfig.ready().

Tables that nobody registered are searched for the address word by word (`scan`), so that a new table is covered the day
it is written; a holder's own tables are reached by the contact's id, because they are too large to search.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import Model


@dataclass(frozen=True)
class Person:
    """Somebody as one client knows them. `contact_ids` holds the contact and those merged into it; `emails` every
    spelling of their addresses."""

    organization_id: UUID
    contact_ids: tuple[UUID, ...]
    emails: tuple[str, ...]
    address_hashes: tuple[str, ...]


@dataclass(frozen=True)
class DataHolder:
    """`tables` are the models it answers for. `sections` maps a heading to the rows of a person's copy; `erase` removes
    or blanks what it holds, inside the caller's transaction."""

    tables: tuple[type[Model], ...]
    sections: Callable[[Person], dict[str, Iterable[dict[str, Any]]]]
    erase: Callable[[Person], None]


_holders: list[DataHolder] = []
_references: list[str] = []


def register_data_holder(holder: DataHolder) -> None:
    _holders.append(holder)


def data_holders() -> tuple[DataHolder, ...]:
    return tuple(_holders)


def register_reference(sql: str) -> None:
    """SQL that is true when something that must outlive the contact `contact.id` names it, such as a mail of the
    ledger: such a contact is blanked, not deleted, when its time is over."""
    _references.append(sql)


def references_sql() -> str:
    return " OR ".join(f"({sql})" for sql in _references) or "false"
