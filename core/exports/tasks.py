"""Background work of exports."""

import datetime
from typing import Any
from uuid import UUID

from core.common.tasks import agency_task, enqueue, organization_task
from core.exports import services
from core.exports.runner import run_export as run

STALLED_AFTER = datetime.timedelta(minutes=2)


@organization_task(name="exports.run_export")
def run_export(*, organization_id: str, list_export_id: str) -> dict[str, Any]:
    """Write one export. Safe to run twice, also at once."""
    return run(UUID(list_export_id))


@agency_task(name="exports.tidy_up")
def tidy_up() -> dict[str, Any]:
    """Remove expired files and wake runs whose worker died or was never told."""
    stalled = services.stalled_exports(older_than=STALLED_AFTER)
    for organization_id, pk in stalled:
        enqueue(run_export, organization_id=organization_id, list_export_id=pk)
    return {**services.exports_expire(), "resumed": len(stalled)}
