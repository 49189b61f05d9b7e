"""Background work of the audience."""

import datetime
from typing import Any
from uuid import UUID

from django.utils import timezone

from core.common.tasks import agency_task, enqueue, organization_task
from core.contacts.imports.runner import UNDER_WAY
from core.contacts.models import ContactImport
from core.contacts.services import import_run

STALLED_AFTER = datetime.timedelta(seconds=30)
"""Without a chunk for this long, an import's worker is dead or was never told. Being wrong is harmless."""


@organization_task(name="contacts.run_import")
def run_import(*, organization_id: str, import_id: str) -> dict[str, Any]:
    """Run one import to its end. Safe to run twice, also at once."""
    return import_run(contact_import_id=UUID(import_id))


@agency_task(name="contacts.resume_imports")
def resume_imports() -> dict[str, Any]:
    """Wake the imports that should be running and show no sign of life."""
    stalled = ContactImport.objects.filter(status__in=UNDER_WAY, heartbeat_at__lt=timezone.now() - STALLED_AFTER)
    rows = list(stalled.values_list("organization_id", "pk"))
    for organization_id, pk in rows:
        enqueue(run_import, organization_id=organization_id, import_id=pk)
    return {"resumed": len(rows)}
