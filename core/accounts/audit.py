"""The one writer of the audit log. Services call it inside the transaction of the change."""

import datetime
import decimal
import uuid
from collections.abc import Iterable
from contextlib import nullcontext
from typing import Any

from django.db import connection, models

from core.accounts.models import AuditEvent, Organization
from core.common.encryption import EncryptedTextField
from core.common.request_context import RequestContext, current_context
from core.common.tenancy import all_organizations, require

Changes = dict[str, list[Any]]
_LONGEST_VALUE = 2000
SECRET = "•••"
ERASED = "erased"


def record(*, action: str, obj: models.Model, changes: Changes | None = None) -> AuditEvent:
    """Append what happened to `obj`: `action` is dotted ("campaign.sent"), `changes` is {field: [before, after]}."""
    context = current_context()
    organization_id = obj.pk if isinstance(obj, Organization) else getattr(obj, "organization_id", None)
    with (
        nullcontext() if organization_id else all_organizations(reason="an event of the agency is in no client's scope")
    ):
        event = _event(organization_id, context, action, obj, changes or {})
        event.save(force_insert=True)
        return event


def record_all(*, action: str, changes: Iterable[tuple[models.Model, Changes]]) -> None:
    """Append the same action for many rows of clients, each with its own changes, in a few statements."""
    context = current_context()
    AuditEvent.objects.bulk_create(
        [_event(getattr(obj, "organization_id", None), context, action, obj, own) for obj, own in changes],
        batch_size=1000,
    )


def _event(
    organization_id: uuid.UUID | None, context: RequestContext, action: str, obj: models.Model, changes: Changes
) -> AuditEvent:
    return AuditEvent(
        organization_id=organization_id,
        actor_id=context.actor_id,
        actor_label=context.actor_label,
        action=action,
        object_type=obj._meta.label_lower,
        object_id=str(obj.pk),
        object_label=str(obj)[:200],
        changes={name: [_storable(value) for value in pair] for name, pair in changes.items()},
        ip_address=context.ip_address,
        request_id=context.request_id,
    )


def erase(*, organization_id: uuid.UUID, object_type: str, object_ids: list[str], words: list[str]) -> int:
    """Blank what the log says of erased persons; returns how many events were touched. Inside a transaction.

    Events about the objects themselves keep that something happened and to which field; in all others of the client the
    words (addresses) are replaced. The database lets through exactly this (migration 0002).
    """
    require(organization_id)
    patterns = [f"***={word}" for word in words if word]
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL engagex.audit_erasure = 'on'")
        cursor.execute(_ERASE_OWN, [ERASED, ERASED, organization_id, object_type, object_ids])
        touched = cursor.rowcount
        for pattern in patterns:
            cursor.execute(_ERASE_WORD, {"pattern": pattern, "erased": ERASED, "organization_id": organization_id})
            touched += cursor.rowcount
        cursor.execute("SET LOCAL engagex.audit_erasure = 'off'")
    return touched


# "***=" makes the rest of a pattern literal (PostgreSQL, 9.7.3.4).
_ERASE_OWN = """
    UPDATE accounts_auditevent
       SET object_label = %s, ip_address = CASE WHEN actor_id IS NULL THEN NULL ELSE ip_address END,
           changes = (SELECT coalesce(jsonb_object_agg(key, jsonb_build_array(NULL, %s::text)), '{}')
                        FROM jsonb_each(changes))
     WHERE organization_id = %s AND object_type = %s AND object_id = ANY(%s)
"""
_ERASE_WORD = """
    UPDATE accounts_auditevent
       SET object_label = regexp_replace(object_label, %(pattern)s, %(erased)s, 'gi'),
           actor_label = regexp_replace(actor_label, %(pattern)s, %(erased)s, 'gi'),
           changes = regexp_replace(changes::text, %(pattern)s, %(erased)s, 'gi')::jsonb
     WHERE organization_id = %(organization_id)s
       AND (object_label ~* %(pattern)s OR actor_label ~* %(pattern)s OR changes::text ~* %(pattern)s)
"""


def field_values(obj: models.Model, names: list[str]) -> dict[str, Any]:
    """The current values of these concrete fields; secrets come out masked, relations by the name people know."""
    values = {}
    for name in names:
        field, value = obj._meta.get_field(name), getattr(obj, name)
        if isinstance(field, models.ForeignKey):
            value = None if value is None else str(value)
        values[name] = (SECRET if value else "") if isinstance(field, EncryptedTextField) else value
    return values


def changed_fields(before: dict[str, Any], after: dict[str, Any]) -> Changes:
    return {name: [before.get(name), value] for name, value in after.items() if before.get(name) != value}


def changed_secrets(before: models.Model, after: models.Model, names: list[str]) -> Changes:
    """Secrets that were replaced by others: masked they look the same, and the change itself is no secret."""
    return {
        name: [SECRET, SECRET]
        for name in names
        if isinstance(after._meta.get_field(name), EncryptedTextField)
        and getattr(before, name)
        and getattr(after, name)
        and getattr(before, name) != getattr(after, name)
    }


def _storable(value: Any) -> Any:
    """Values as JSON keeps them; long texts are cut, the objects themselves hold the whole."""
    if isinstance(value, str):
        return value if len(value) <= _LONGEST_VALUE else value[:_LONGEST_VALUE] + "…"
    if isinstance(value, (datetime.datetime, datetime.date)):
        return value.isoformat()
    if isinstance(value, (uuid.UUID, decimal.Decimal)):
        return str(value)
    if value is None or isinstance(value, (bool, int, float, list, dict)):
        return value
    return str(value)
