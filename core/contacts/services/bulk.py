"""Changes of many contacts: asked for, cancelled. The work itself is `core.contacts.bulk`."""

import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from core.accounts import audit
from core.accounts.models import User
from core.common.tasks import wake
from core.contacts.choices import BulkKind, BulkStatus
from core.contacts.errors import BulkRefused
from core.contacts.models import BulkChange

UNDER_WAY = (BulkStatus.QUEUED, BulkStatus.RUNNING)


@transaction.atomic
def bulk_start(
    *,
    organization_id: UUID,
    kind: BulkKind,
    title: str,
    values: dict[str, Any] | None = None,
    query: str = "",
    user: User | None = None,
) -> BulkChange:
    """Note the change and wake a worker. The caller has checked the right; kinds over a filtered list need the user."""
    change = BulkChange.objects.create(
        organization_id=organization_id,
        kind=kind,
        title=title[:200],
        values=values or {},
        query=query,
        created_by=user,
        heartbeat_at=timezone.now(),
    )
    audit.record(action="bulkchange.asked_for", obj=change, changes={"filter": [None, query]} if query else {})
    wake("contacts.run_bulk_change", organization_id=organization_id, bulk_change_id=change.pk)
    return change


@transaction.atomic
def bulk_cancel(*, bulk_change_id: UUID) -> BulkChange:
    """Stop after the chunk at hand; what is done stays done. Raises BulkRefused when it has ended."""
    change = BulkChange.objects.select_for_update().get(pk=bulk_change_id)
    if change.status not in UNDER_WAY:
        raise BulkRefused(f"“{change}” has ended already.")
    change.status = BulkStatus.CANCELLED
    change.query = ""
    change.finished_at = timezone.now()
    change.save(update_fields=["status", "query", "finished_at", "updated_at"])
    audit.record(action="bulkchange.cancelled", obj=change, changes={"changed": [None, change.changed_count]})
    return change


def stalled_bulk_changes(*, older_than: datetime.timedelta) -> list[tuple[UUID, UUID]]:
    """(organization id, id) of those that should be running and show no sign of life."""
    stalled = BulkChange.objects.filter(status__in=UNDER_WAY, heartbeat_at__lt=timezone.now() - older_than)
    return list(stalled.values_list("organization_id", "pk"))
