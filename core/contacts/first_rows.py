"""The first rows of an import as people see them: values of each column, and what would become of each row.

Validated by the RowParser of the run; what becomes of a row is said by the same rules as imports/upsert_sql.py.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from core.contacts.address_standing import address_keys
from core.contacts.choices import ContactStatus, ImportMode
from core.contacts.imports.chunks import row_parser
from core.contacts.imports.columns import ATTRIBUTE, FIELD_LABELS
from core.contacts.imports.parts import Part, read_parts
from core.contacts.imports.rows import TEXT_FIELDS, ParsedPart, Refused
from core.contacts.models import AgencySuppression, Contact, ContactField, ContactImport, Suppression

SAMPLE_ROWS = 50
SAMPLES = 3
SAMPLE_CHARACTERS = 60
_REACHABLE = (ContactStatus.SUBSCRIBED, ContactStatus.PENDING)


@dataclass(frozen=True)
class Cell:
    """A value as it will be; `old` is what it replaces where it `is_changed`."""

    label: str
    new: str
    old: str = ""
    is_changed: bool = False


@dataclass(frozen=True)
class FirstRow:
    """A row of the file as it will be. `variant` colours the label, `flags` are what else there is to know."""

    number: int
    label: str
    variant: str
    cells: list[Cell]
    flags: list[str] = field(default_factory=list)
    reason: str = ""


def column_samples(contact_import: ContactImport) -> list[list[str]]:
    """Of each column the first few values that differ."""
    rows = _first_part(contact_import, SAMPLE_ROWS).rows
    samples: list[list[str]] = []
    for position in range(len(contact_import.columns)):
        values = (cells[position].strip() for cells in rows if position < len(cells))
        distinct = dict.fromkeys(value[:SAMPLE_CHARACTERS] for value in values if value)
        samples.append(list(distinct)[:SAMPLES])
    return samples


def column_labels(contact_import: ContactImport) -> dict[str, str]:
    """What people call the fields of the columns that are taken, in the order of the file."""
    fields = [column["field"] for column in contact_import.columns if column["field"]]
    custom = ContactField.objects.filter(organization_id=contact_import.organization_id)
    known = dict(custom.values_list("key", "label"))
    return {
        name: known.get(key) or FIELD_LABELS.get(name) or key.replace("_", " ").capitalize()
        for name in fields
        for key in [name.removeprefix(ATTRIBUTE)]
    }


def first_rows(contact_import: ContactImport, *, limit: int) -> list[FirstRow]:
    """What would become of the first rows with the choices as they are. The columns must have passed check_columns."""
    return _Preview(contact_import, _first_part(contact_import, limit)).rows()


def _first_part(contact_import: ContactImport, limit: int) -> Part:
    for part in read_parts(contact_import):
        problems = {at: problem for at, problem in part.problems.items() if at < limit}
        return replace(part, numbers=part.numbers[:limit], rows=part.rows[:limit], problems=problems)
    return Part(0, [], [])


class _Standing:
    """What this client and the agency have of some addresses already. Three queries."""

    def __init__(self, contact_import: ContactImport, email_keys: Sequence[str]) -> None:
        organization_id = contact_import.organization_id
        found = Contact.objects.filter(organization_id=organization_id, email_key__in=email_keys)
        self._contact_by_key = {contact.email_key: contact for contact in found}
        self._keys = {email_key: address_keys(email_key) for email_key in email_keys}
        keys = {key for own in self._keys.values() for key in own}
        listed = Suppression.objects.filter(organization_id=organization_id, group=None, key__in=keys)
        everywhere = AgencySuppression.objects.filter(key__in=keys)
        self._listed = {*listed.values_list("key", flat=True), *everywhere.values_list("key", flat=True)}

    def contact(self, email_key: str) -> Contact | None:
        return self._contact_by_key.get(email_key)

    def protection(self, email_key: str) -> str:
        """Why nobody writes to this address, also after the import; "" when somebody may."""
        contact = self.contact(email_key)
        if contact is not None and contact.status not in _REACHABLE:
            return f"Stays {contact.get_status_display().lower()}"
        return "" if self._listed.isdisjoint(self._keys[email_key]) else "Stays on the suppression list"


class _Preview:
    """Some rows of an import beside what is there already."""

    def __init__(self, contact_import: ContactImport, part: Part) -> None:
        self._import = contact_import
        self._part = part
        self._parsed = row_parser(contact_import).parse(part)
        self._standing = _Standing(contact_import, self._parsed.email_keys)
        self._labels = column_labels(contact_import)

    def rows(self) -> list[FirstRow]:
        """In the order of the file. Of two equal addresses the first one counts."""
        first_by_key: dict[str, int] = {}
        rows = [self._refused(refused) for refused in self._parsed.refused]
        for at, (number, email_key) in enumerate(zip(self._parsed.row_numbers, self._parsed.email_keys, strict=True)):
            first = first_by_key.setdefault(email_key, number)
            rows.append(self._taken(at) if first == number else self._repeated(at, number, first))
        return sorted(rows, key=lambda row: row.number)

    def _taken(self, at: int) -> FirstRow:
        email_key = self._parsed.email_keys[at]
        stored = self._standing.contact(email_key)
        cells = self._cells(at, stored)
        flags = []
        if self._parsed.is_role[at]:
            flags.append("Role address: read by several people")
        if self._parsed.is_disposable[at]:
            flags.append("Disposable address")
        if protection := self._standing.protection(email_key):
            flags.append(protection)
        if stored is None or stored.deleted_at is not None:
            return FirstRow(self._parsed.row_numbers[at], "New", "success", cells, flags)
        gains = self._gains(stored)
        is_changed = gains or any(cell.is_changed for cell in cells)
        label, variant = ("Changed", "info") if is_changed else ("Same", "")
        return FirstRow(self._parsed.row_numbers[at], label, variant, cells, [*flags, *gains])

    def _repeated(self, at: int, number: int, first: int) -> FirstRow:
        cells = self._part.rows[self._part.numbers.index(number)]
        reason = f"“{self._parsed.emails[at]}” is the same address as row {first:,}."
        return self._refused(Refused(number, cells, reason))

    def _refused(self, refused: Refused) -> FirstRow:
        """Its cells as they came: it may have fewer than the file has columns."""
        cells = [
            Cell(self._labels[column["field"]], cell)
            for cell, column in zip(refused.cells, self._import.columns, strict=False)
            if column["field"]
        ]
        return FirstRow(refused.row_number, "Refused", "danger", cells, reason=refused.reason)

    def _gains(self, stored: Contact) -> list[str]:
        """What a known contact gets beside the file's own values."""
        if self._import.mode == ImportMode.ADD_ONLY:
            return []
        gains = []
        if tags := [tag for tag in self._import.tags if tag not in stored.tags]:
            gains.append(f"Gets the {'tag' if len(tags) == 1 else 'tags'} {', '.join(tags)}")
        lacks_consent = not stored.consent_basis and stored.consent_at is None and stored.status in _REACHABLE
        if self._import.consent_basis and lacks_consent:
            gains.append("Consent is noted")
        return gains

    def _cells(self, at: int, stored: Contact | None) -> list[Cell]:
        return [self._cell(name, at, stored) for name in self._labels]

    def _cell(self, name: str, at: int, stored: Contact | None) -> Cell:
        if name == "email":
            return Cell(self._labels[name], stored.email if stored else self._parsed.emails[at])
        said = _said(self._parsed, at, name)
        if stored is None:
            return Cell(self._labels[name], said)
        old = _old(stored, name)
        new = self._merged(said, old)
        return Cell(self._labels[name], new, old, is_changed=new != old)

    def _merged(self, said: str, old: str) -> str:
        """A known contact's value after the import: see imports/upsert_sql.py."""
        if self._import.mode == ImportMode.ADD_ONLY:
            return old
        return said if self._import.mode == ImportMode.OVERWRITE_EMPTY else said or old


def _said(parsed: ParsedPart, at: int, name: str) -> str:
    if name in TEXT_FIELDS:
        return parsed.texts[name][at]
    return _as_text(parsed.attributes[at].get(name.removeprefix(ATTRIBUTE)))


def _old(stored: Contact, name: str) -> str:
    if name in TEXT_FIELDS:
        return str(getattr(stored, name))
    return _as_text(stored.attributes.get(name.removeprefix(ATTRIBUTE)))


def _as_text(value: Any) -> str:
    if isinstance(value, bool):
        return "Yes" if value else "No"
    return "" if value is None else str(value)
