"""django-import-export's view of contacts: the columns of an export, and the dry run behind an import's preview.

The run itself goes by COPY (`imports/runner.py`); both validate with the same RowParser.
"""

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any

import tablib
from django.core.exceptions import ValidationError
from import_export.fields import Field
from import_export.resources import ModelResource
from import_export.results import Result, RowResult

from core.contacts.imports.columns import ATTRIBUTE, field_label
from core.contacts.imports.files import Row, open_table
from core.contacts.imports.rows import ParsedRow, Refused, RowParser, contact_values
from core.contacts.models import Contact, ContactImport
from core.contacts.queries import contact_attribute_names

_EXPORTED = (
    "email",
    "first_name",
    "last_name",
    "phone",
    "company",
    "time_zone",
    "language",
    "status",
    "source",
    "consent_at",
    "created_at",
)


class _AttributeField(Field):
    """A custom field as a column of its own, headed so that an import finds it again."""

    def __init__(self, name: str) -> None:
        super().__init__(column_name=name, readonly=True)
        self.name = name

    def get_value(self, instance: Any) -> str:
        value = instance.attributes.get(self.name)
        return "" if value is None else str(value)


class ContactResource(ModelResource):
    """Columns of an export. `organization_ids` are the clients whose custom fields become columns."""

    class Meta:
        model = Contact
        fields = _EXPORTED
        export_order = _EXPORTED
        name = "Contacts"

    def __init__(self, organization_ids: Iterable[Any] = (), **kwargs: Any) -> None:
        super().__init__(**kwargs)
        names = {name for pk in organization_ids for name in contact_attribute_names(organization_id=pk)}
        for name in sorted(names - set(_EXPORTED)):
            self.fields[ATTRIBUTE + name] = _AttributeField(name)

    def import_data(self, dataset: Any, *args: Any, **kwargs: Any) -> Result:
        """Refused: contacts come in through an import, which previews, counts and keeps what it refuses."""
        raise NotImplementedError("Contacts are imported by core.contacts.services.import_confirm.")


class ImportPreviewResource(ModelResource):
    """The dry run of some rows of one import. Rows are found by address within the import's own client only."""

    class Meta:
        model = Contact
        fields = ()
        use_transactions = False
        skip_diff = True
        report_skipped = True

    def __init__(self, contact_import: ContactImport) -> None:
        super().__init__()
        self._import = contact_import
        self._parser = RowParser(contact_import.columns)
        self._stored: dict[str, Contact] = {}
        self._parsed: dict[int, ParsedRow | Refused] = {}

    def preview(self, rows: Sequence[Row]) -> Result:
        """What would become of these rows of the file, which must be its first ones. One query."""
        self._parsed = {row.number: self._parser.parse(row) for row in rows}
        keys = [row.email_key for row in self._parsed.values() if isinstance(row, ParsedRow)]
        found = Contact.objects.filter(organization_id=self._import.organization_id, email_key__in=keys)
        self._stored = {contact.email_key: contact for contact in found}
        dataset = tablib.Dataset(*[(row.number,) for row in rows], headers=["row_number"])
        return self.import_data(dataset, dry_run=True)

    def import_data(self, dataset: Any, dry_run: bool = False, **kwargs: Any) -> Result:
        if not dry_run:
            raise NotImplementedError("Contacts are imported by core.contacts.services.import_confirm.")
        return super().import_data(dataset, dry_run=True, **kwargs)

    def before_import_row(self, row: Any, **kwargs: Any) -> None:
        parsed = self._parsed[row["row_number"]]
        if isinstance(parsed, Refused):
            raise ValidationError(parsed.reason)

    def get_or_init_instance(self, instance_loader: Any, row: Any) -> tuple[Contact, bool]:
        parsed = self._valid(row)
        stored = self._stored.get(parsed.email_key)
        if stored is None:
            return Contact(email=parsed.email, email_key=parsed.email_key), True
        return stored, stored.deleted_at is not None

    def import_instance(self, instance: Contact, row: Any, **kwargs: Any) -> None:
        parsed = self._valid(row)
        values = contact_values(parsed)
        attributes = instance.attributes | parsed.attributes
        before = {name: getattr(instance, name) for name in values} | {"attributes": instance.attributes}
        row["is_changed"] = before != values | {"attributes": attributes}
        for name, value in values.items():
            setattr(instance, name, value)
        instance.attributes = attributes

    def skip_row(self, instance: Contact, original: Any, row: Any, import_validation_errors: Any = None) -> bool:
        is_new = instance._state.adding or instance.deleted_at is not None
        return not is_new and not row["is_changed"]

    def save_instance(self, instance: Contact, is_create: bool, row: Any, **kwargs: Any) -> None:
        """A preview writes nothing, not even something to roll back."""

    def _valid(self, row: Any) -> ParsedRow:
        parsed = self._parsed[row["row_number"]]
        assert isinstance(parsed, ParsedRow)
        return parsed


PREVIEW_LABELS = {
    RowResult.IMPORT_TYPE_NEW: ("New", "success"),
    RowResult.IMPORT_TYPE_UPDATE: ("Changed", "info"),
    RowResult.IMPORT_TYPE_SKIP: ("Same", ""),
    RowResult.IMPORT_TYPE_INVALID: ("Refused", "danger"),
}


def preview_rows(contact_import: ContactImport, *, limit: int) -> list[dict[str, Any]]:
    """The first rows as they will be: row number, label, its colour, reason, and (field, value) of its cells."""
    table = open_table(contact_import.content, encoding=contact_import.encoding)
    rows = list(islice(table.rows(), limit))
    resource = ImportPreviewResource(contact_import)
    result = resource.preview(rows)
    fields = [column["field"] for column in contact_import.columns if column["field"]]
    labels = [field_label(field) for field in fields]
    shown = []
    for row, row_result in zip(rows, result.rows, strict=True):
        label, variant = PREVIEW_LABELS[row_result.import_type]
        parsed = resource._parsed[row.number]
        stored = resource._stored.get(parsed.email_key) if isinstance(parsed, ParsedRow) else None
        shown.append(
            {
                "number": row.number,
                "label": label,
                "variant": variant,
                "reason": parsed.reason if isinstance(parsed, Refused) else "",
                # A refused row may have fewer cells than the file has columns.
                "cells": list(zip(labels, _values(parsed, stored, fields, contact_import), strict=False)),
            }
        )
    return shown


def _values(
    parsed: ParsedRow | Refused, stored: Contact | None, fields: list[str], contact_import: ContactImport
) -> list[str]:
    """The cells of a refused row as they came; else the contact as it will be."""
    if isinstance(parsed, Refused):
        cells = iter(parsed.cells)
        return [cell for cell, column in zip(cells, contact_import.columns, strict=False) if column["field"]]
    new = contact_values(parsed)
    values = []
    for field in fields:
        if field == "email":
            values.append(stored.email if stored else parsed.email)
        elif field.startswith(ATTRIBUTE):
            name = field.removeprefix(ATTRIBUTE)
            kept = stored.attributes.get(name, "") if stored else ""
            values.append(parsed.attributes.get(name) or str(kept))
        else:
            values.append(new.get(field) or (getattr(stored, field) if stored else ""))
    return values
