"""Searching every table of a client for an address, and replacing it."""

from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.contrib.postgres.fields import ArrayField
from django.db import connection, models

from core.accounts import audit
from core.accounts.models import AuditEvent
from core.common.encryption import EncryptedTextField
from core.common.models import OrganizationOwned
from core.common.tenancy import require
from core.contacts.privacy.registry import Person, data_holders

_TEXTS = (models.CharField, models.TextField, models.JSONField, ArrayField)


def searched_columns() -> Iterator[tuple[type[models.Model], list[models.Field]]]:
    """The tables of clients that no holder answers for, with their columns of text."""
    held = {table for holder in data_holders() for table in holder.tables} | {AuditEvent}
    for model in apps.get_models():
        if issubclass(model, OrganizationOwned) and model not in held:
            columns = [field for field in model._meta.concrete_fields if _may_hold_words(field)]
            if columns:
                yield model, columns


def _may_hold_words(field: models.Field) -> bool:
    if isinstance(field, EncryptedTextField) or field.is_relation:
        return False
    if isinstance(field, ArrayField):
        return isinstance(field.base_field, (models.CharField, models.TextField))
    return isinstance(field, _TEXTS) and not field.choices


def replace_everywhere(person: Person) -> None:
    """Replace the person's addresses by a word in every table that no holder answers for. One statement a table."""
    require(person.organization_id)
    with connection.cursor() as cursor:
        for model, columns in searched_columns():
            for email in person.emails:
                parameters: dict[str, Any] = {
                    "pattern": f"***={email}",
                    "word": audit.ERASED,
                    "organization_id": person.organization_id,
                }
                cursor.execute(_statement(model, columns), parameters)


def _statement(model: type[models.Model], columns: list[models.Field]) -> str:
    """Names come from our models; "***=" makes the rest of the pattern literal (PostgreSQL, 9.7.3.4)."""
    quote = connection.ops.quote_name
    names = {quote(str(field.column)): field.db_type(connection) for field in columns}
    changes = ", ".join(
        f"{name} = regexp_replace({name}::text, %(pattern)s, %(word)s, 'gi')::{kind}" for name, kind in names.items()
    )
    holds = " OR ".join(f"{name}::text ~* %(pattern)s" for name in names)
    return (
        f"UPDATE {quote(model._meta.db_table)} SET {changes} "  # noqa: S608 - made of names of our models
        f"WHERE organization_id = %(organization_id)s AND ({holds})"
    )
