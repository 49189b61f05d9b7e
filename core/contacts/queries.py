"""Reads of contacts, groups and imports for the packages above."""

import datetime
import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.utils import timezone

from core.common.tenancy import as_organization_id
from core.contacts.choices import ImportStatus
from core.contacts.models import Contact, ContactField, ContactImport

_MERGE_COLUMNS = ("email", "first_name", "last_name", "phone", "company", "language", "time_zone", "attributes")


@dataclass(frozen=True, slots=True)
class ContactValues:
    """What a mail may say to one person: `values` maps "contact.first_name", "contact.attributes.city" … to text."""

    address: str
    name: str
    values: dict[str, str]


def contact_merge_values(*, organization_id: UUID, contact_ids: Collection[UUID]) -> dict[UUID, ContactValues]:
    """The merge values of these contacts, deleted ones included; ids of other organizations are left out. One query."""
    rows = Contact.objects.filter(
        organization_id=as_organization_id(organization_id), id__in=list(contact_ids)
    ).values_list("id", *_MERGE_COLUMNS)
    return {row[0]: _merge_values(dict(zip(_MERGE_COLUMNS, row[1:], strict=True))) for row in rows}


def _merge_values(columns: dict[str, Any]) -> ContactValues:
    attributes = columns.pop("attributes")
    name = f"{columns['first_name']} {columns['last_name']}".strip()
    values = {f"contact.{field}": value for field, value in columns.items()}
    values["contact.full_name"] = name
    values.update({f"contact.attributes.{key}": _as_text(value) for key, value in attributes.items()})
    return ContactValues(address=columns["email"], name=name, values=values)


class MergeReader:
    """Reads just those merge values that a mail depends on, out of a statement of somebody else's.

    `columns` belong into its SELECT, over the alias `contact`; `read` takes what came back for them.
    """

    def __init__(self, keys: Collection[str]) -> None:
        """`keys` such as "contact.first_name" and "contact.attributes.city"; others are no business of a contact."""
        self._fields = tuple(name for name in _MERGE_COLUMNS[:-1] if f"contact.{name}" in keys)
        prefix = "contact.attributes."
        self._attributes = tuple(sorted(key.removeprefix(prefix) for key in keys if key.startswith(prefix)))
        names = ("email", "first_name", "last_name", *self._fields, *(("attributes",) if self._attributes else ()))
        self.columns = ", ".join(f"contact.{name}" for name in names)

    def read(self, columns: Sequence[Any]) -> ContactValues:
        """The values of one person. Those of fields that she has no value for are missing."""
        address, first_name, last_name = columns[:3]
        values = {f"contact.{name}": value for name, value in zip(self._fields, columns[3:], strict=False)}
        name = f"{first_name} {last_name}".strip()
        values["contact.full_name"] = name
        if self._attributes:
            found = columns[-1] if isinstance(columns[-1], dict) else json.loads(columns[-1])
            for key in self._attributes:
                if key in found:
                    values[f"contact.attributes.{key}"] = _as_text(found[key])
        return ContactValues(address=address, name=name, values=values)


def _as_text(value: Any) -> str:
    return "" if value is None else str(value)


@dataclass(frozen=True)
class ImportProgress:
    """Where an import stands, from its own row. `rate_per_second` and `seconds_left` are None until known.

    While a draft is counted, `rows_done` is how far that is; while an import is undone, rows are the contacts that it
    made and changed.
    """

    status: ImportStatus
    rows_total: int
    rows_done: int
    created: int
    updated: int
    unchanged: int
    refused: int
    protected: int
    rate_per_second: float | None
    seconds_left: float | None
    is_behind: bool

    @property
    def is_under_way(self) -> bool:
        return self.status in (ImportStatus.QUEUED, ImportStatus.RUNNING)

    @property
    def percent(self) -> float:
        return 100.0 * self.rows_done / self.rows_total if self.rows_total else 0.0


BEHIND_AFTER = datetime.timedelta(seconds=15)
"""A chunk takes well under a second: after this long without one, something is holding the import up."""


_AT_WORK = (ImportStatus.READING, ImportStatus.QUEUED, ImportStatus.RUNNING, ImportStatus.UNDOING)


def import_progress(contact_import: ContactImport) -> ImportProgress:
    """The progress of an import, without a query."""
    status = ImportStatus(contact_import.status)
    total, done = contact_import.rows_total, contact_import.rows_done
    if status == ImportStatus.UNDOING:
        total = contact_import.created_count + contact_import.updated_count
        done = contact_import.restored_count + contact_import.kept_count
    rate = _rate_per_second(contact_import) if status != ImportStatus.UNDOING else None
    heartbeat_at = contact_import.heartbeat_at
    return ImportProgress(
        status=status,
        rows_total=total,
        rows_done=done,
        created=contact_import.created_count,
        updated=contact_import.updated_count,
        unchanged=contact_import.unchanged_count,
        refused=contact_import.refused_count,
        protected=contact_import.protected_count,
        rate_per_second=rate,
        seconds_left=(total - done) / rate if rate else None,
        is_behind=bool(status in _AT_WORK and heartbeat_at and timezone.now() - heartbeat_at > BEHIND_AFTER),
    )


def _rate_per_second(contact_import: ContactImport) -> float | None:
    started_at = contact_import.started_at
    last_at = contact_import.finished_at or contact_import.heartbeat_at
    if not started_at or not last_at or last_at <= started_at or not contact_import.rows_done:
        return None
    return contact_import.rows_done / (last_at - started_at).total_seconds()


def contact_attribute_names(*, organization_id: UUID) -> frozenset[str]:
    """The names of custom fields this client's contacts have, by the newest thousand of them."""
    newest = Contact.objects.filter(organization_id=as_organization_id(organization_id)).order_by("-id")[:1000]
    return frozenset(name for attributes in newest.values_list("attributes", flat=True) for name in attributes)


def field_labels(organization_id: UUID) -> dict[str, str]:
    """The labels of the client's custom fields by key, in their order; behind them what contacts have without one."""
    fields = ContactField.objects.filter(organization_id=as_organization_id(organization_id))
    labels = dict(fields.order_by("position", "label").values_list("key", "label"))
    others = sorted(contact_attribute_names(organization_id=organization_id) - labels.keys())
    return labels | {name: name for name in others}
