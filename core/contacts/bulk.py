"""Doing one thing to all contacts that match, chunk by chunk.

A chunk and the checkpoint behind it are one transaction under the lock of the change's own row: a killed worker leaves
whole chunks, the next one goes on after them, and two at once take turns.
"""

import datetime
from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.utils import timezone

from core.accounts import audit
from core.accounts.permissions import Permission
from core.common.errors import DomainError
from core.contacts import services
from core.contacts.choices import BulkKind, BulkStatus
from core.contacts.models import BulkChange, Contact
from core.contacts.refusals import refused_on
from core.contacts.services.bulk import UNDER_WAY
from core.contacts.services.fields import apply_to_field
from core.contacts.services.tags import apply_to_tags
from core.exports.lists import exportable_admin, list_request

CHUNK = 2_000

NEEDED: dict[str, Permission] = {
    BulkKind.JOIN_GROUP: Permission.CONTACTS_MANAGE,
    BulkKind.LEAVE_GROUP: Permission.CONTACTS_MANAGE,
    BulkKind.ADD_TAGS: Permission.CONTACTS_MANAGE,
    BulkKind.REMOVE_TAGS: Permission.CONTACTS_MANAGE,
    BulkKind.UNSUBSCRIBE: Permission.CONTACTS_MANAGE,
    BulkKind.SUPPRESS: Permission.SUPPRESSIONS_MANAGE,
    BulkKind.DELETE: Permission.CONTACTS_MANAGE,
}
"""The right that each kind over a filtered list needs, when it is asked for and when it runs."""


def _in_group(service: Callable[..., int]) -> Callable[[BulkChange, Sequence[UUID]], int]:
    return lambda change, ids: service(group_id=UUID(change.values["group"]), contact_ids=ids)


def _with_tags(service: Callable[..., int]) -> Callable[[BulkChange, Sequence[UUID]], int]:
    return lambda change, ids: service(
        organization_id=change.organization_id, contact_ids=ids, tags=change.values["tags"]
    )


def _on_tag(change: BulkChange, ids: Sequence[UUID]) -> int:
    return apply_to_tags(kind=change.kind, organization_id=change.organization_id, values=change.values, ids=ids)


def _on_field(change: BulkChange, ids: Sequence[UUID]) -> int:
    return apply_to_field(kind=change.kind, organization_id=change.organization_id, values=change.values, ids=ids)


_PERFORM: dict[str, Callable[[BulkChange, Sequence[UUID]], int]] = {
    BulkKind.JOIN_GROUP: _in_group(services.group_add_contacts),
    BulkKind.LEAVE_GROUP: _in_group(services.group_remove_contacts),
    BulkKind.ADD_TAGS: _with_tags(services.contacts_add_tags),
    BulkKind.REMOVE_TAGS: _with_tags(services.contacts_remove_tags),
    BulkKind.UNSUBSCRIBE: lambda change, ids: services.contacts_unsubscribe(contact_ids=ids),
    BulkKind.SUPPRESS: lambda change, ids: services.contacts_suppress(contact_ids=ids),
    BulkKind.DELETE: lambda change, ids: services.contacts_delete(contact_ids=ids),
    BulkKind.RENAME_TAG: _on_tag,
    BulkKind.DELETE_TAG: _on_tag,
    BulkKind.CLEAR_FIELD: _on_field,
    BulkKind.RETYPE_FIELD: _on_field,
    BulkKind.LIFT_REFUSED: lambda change, ids: services.refusals_lift(
        organization_id=change.organization_id, suppression_ids=ids, why=change.values["why"]
    ),
}


def run_bulk_change(bulk_change_id: UUID) -> dict[str, Any]:
    """Run a change to its end. Returns a summary; safe to run twice, also at once."""
    change = BulkChange.objects.select_related("created_by", "organization").get(pk=bulk_change_id)
    if change.status not in UNDER_WAY:
        return {"skipped": "ended already"}
    try:
        matching = _matching(change)
        while _one_chunk(change, matching):
            pass
    except PermissionDenied:
        _failed(change, "The role of whoever asked does not include this any more.")
    except DomainError as error:
        _failed(change, str(error))
    return {"changed": change.changed_count, "seen": change.seen_count}


def _matching(change: BulkChange) -> Any:
    """The contacts, or suppressions, that were there when the change was asked for; ids rise with time."""
    if change.kind == BulkKind.LIFT_REFUSED:
        return _refused(change)
    if change.kind not in NEEDED:
        return Contact.objects.filter(organization_id=change.organization_id, pk__lt=change.pk)
    if change.created_by is None or not change.created_by.is_active:
        raise PermissionDenied
    request = list_request(user=change.created_by, organization_id=change.organization_id, query=change.query)
    request.access.require(NEEDED[change.kind], change.organization_id)  # type: ignore[attr-defined]
    matching = exportable_admin("contacts.contact").get_export_queryset(request)
    return matching.filter(organization_id=change.organization_id, pk__lt=change.pk)


def _refused(change: BulkChange) -> Any:
    values = change.values
    day = datetime.date.fromisoformat(values["day"])
    found = refused_on(organization_id=change.organization_id, time_zone=values["zone"], day=day, note=values["note"])
    return found.filter(pk__lt=change.pk)


@transaction.atomic
def _one_chunk(change: BulkChange, matching: Any) -> bool:
    """False when it has ended: by itself, by somebody's wish, or by another worker."""
    change.refresh_from_db(from_queryset=BulkChange.objects.select_for_update(of=("self",)))
    if change.status not in UNDER_WAY:
        return False
    after = matching.filter(pk__gt=change.last_id) if change.last_id else matching
    ids = list(after.order_by("pk").values_list("pk", flat=True)[:CHUNK])
    if ids:
        change.changed_count += _PERFORM[change.kind](change, ids)
        change.seen_count += len(ids)
        change.last_id = ids[-1]
    change.status = BulkStatus.RUNNING
    change.heartbeat_at = timezone.now()
    if len(ids) < CHUNK:
        _finish(change)
    change.save()
    return change.status == BulkStatus.RUNNING


def _finish(change: BulkChange) -> None:
    change.status = BulkStatus.DONE
    change.query = ""
    change.finished_at = timezone.now()
    audit.record(action="bulkchange.finished", obj=change, changes={"changed": [None, change.changed_count]})


def _failed(change: BulkChange, problem: str) -> None:
    BulkChange.objects.filter(pk=change.pk, status__in=UNDER_WAY).update(
        status=BulkStatus.FAILED, query="", problem=problem[:500], finished_at=timezone.now()
    )
