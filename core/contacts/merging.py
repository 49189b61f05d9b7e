"""Contacts side by side: which fields differ, and whose value is kept. Shared by the merge page and the merge."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from core.contacts.choices import ContactStatus
from core.contacts.models import Contact, ContactField

MOST_MERGED = 5
"""As many as fit side by side."""
MERGED_FIELDS = ("first_name", "last_name", "phone", "company", "time_zone", "language")
ATTRIBUTE = "attributes."


@dataclass(frozen=True, slots=True)
class MergedField:
    """One line of the comparison. `values` are in the order of the contacts; `default` is whose is kept unasked."""

    name: str
    label: str
    values: tuple[Any, ...]
    default: UUID

    @property
    def differs(self) -> bool:
        return len({str(value) for value in self.values}) > 1


def is_strict(contact: Contact) -> bool:
    """Has this person said no anywhere?"""
    return contact.status in (ContactStatus.COMPLAINED, ContactStatus.UNSUBSCRIBED)


def merged_fields(contacts: Sequence[Contact], fields: Sequence[ContactField] = ()) -> list[MergedField]:
    """Every field that one of the contacts has a value in, custom ones by the labels of `fields`."""
    labels = {field.key: field.label for field in fields}
    keys = sorted({key for contact in contacts for key in contact.attributes})
    own = {field.name: str(field.verbose_name) for field in Contact._meta.fields}
    names = [
        *((name, own[name].capitalize()) for name in MERGED_FIELDS),
        *((f"{ATTRIBUTE}{key}", labels.get(key, key)) for key in keys),
    ]
    compared = [_compared(name, label, contacts) for name, label in names]
    return [field for field in compared if any(not _is_empty(value) for value in field.values)]


def _compared(name: str, label: str, contacts: Sequence[Contact]) -> MergedField:
    return MergedField(
        name, label, tuple(value_of(contact, name) for contact in contacts), _newest_filled(name, contacts).pk
    )


def chosen_values(contacts: Sequence[Contact], choices: Mapping[str, UUID]) -> dict[str, Any]:
    """The values of MERGED_FIELDS and attributes that remain. A choice of somebody not among the contacts is none."""
    by_id = {contact.pk: contact for contact in contacts}

    def kept(name: str) -> Any:
        chosen = by_id.get(choices[name]) if name in choices else None
        return value_of(chosen or _newest_filled(name, contacts), name)

    keys = sorted({key for contact in contacts for key in contact.attributes})
    attributes = {key: kept(f"{ATTRIBUTE}{key}") for key in keys}
    return {
        **{name: kept(name) for name in MERGED_FIELDS},
        "attributes": {key: value for key, value in attributes.items() if value is not None},
    }


def value_of(contact: Contact, name: str) -> Any:
    if name.startswith(ATTRIBUTE):
        return contact.attributes.get(name.removeprefix(ATTRIBUTE))
    return getattr(contact, name)


def _newest_filled(name: str, contacts: Sequence[Contact]) -> Contact:
    """Of whom the value comes when nobody chooses: who was changed last, of those who have one."""
    filled = [contact for contact in contacts if not _is_empty(value_of(contact, name))]
    return max(filled or contacts, key=lambda contact: (contact.updated_at, contact.pk))


def _is_empty(value: Any) -> bool:
    return value is None or value == ""
