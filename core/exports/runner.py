"""Writing an export: rows to a temporary file, the file to the database in pieces.

What can happen to a run:
1. The worker is killed: its file is gone with it; the sweeper wakes another run, which writes from the beginning.
2. Two runs at once: each takes the export by raising `attempt`; the older one notices at its next sign of life.
3. The person who asked lost the right meanwhile: the run asks again before it reads.
"""

import tempfile
from typing import IO, Any
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.utils import timezone

from core.accounts import audit
from core.common.errors import DomainError
from core.exports.choices import UNDER_WAY, ExportFormat, ExportStatus
from core.exports.errors import ExportTakenOver
from core.exports.lists import chosen_columns, exportable_admin, list_request, rows_by_key
from core.exports.models import ExportPart, ListExport
from core.exports.services import KEPT_FOR
from core.exports.writers import open_writer

PART_BYTES = 1024 * 1024


def run_export(list_export_id: UUID) -> dict[str, Any]:
    """Write an export that was asked for. Returns a summary; safe to run twice, also at once."""
    list_export = _taken(list_export_id)
    if list_export is None:
        return {"skipped": "ended already"}
    try:
        with tempfile.TemporaryFile() as file:
            _write(list_export, file)
            return _finished(list_export, file)
    except ExportTakenOver as error:
        return {"skipped": str(error)}
    except PermissionDenied:
        return _failed(list_export, "Your role does not include this export any more.")
    except DomainError as error:
        return _failed(list_export, str(error))


@transaction.atomic
def _taken(list_export_id: UUID) -> ListExport | None:
    list_export = (
        ListExport.objects.select_for_update(of=("self",))
        .select_related("created_by")
        .filter(pk=list_export_id, status__in=UNDER_WAY)
        .first()
    )
    if list_export is None:
        return None
    list_export.attempt += 1
    list_export.status = ExportStatus.RUNNING
    list_export.rows_done = 0
    list_export.heartbeat_at = timezone.now()
    list_export.save(update_fields=["attempt", "status", "rows_done", "heartbeat_at", "updated_at"])
    return list_export


def _write(list_export: ListExport, file: IO[bytes]) -> None:
    model_admin = exportable_admin(list_export.model_label)
    request = list_request(
        user=list_export.created_by, organization_id=list_export.organization_id, query=list_export.query
    )
    if not list_export.created_by.is_active or not model_admin.has_export_permission(request):
        raise PermissionDenied
    columns = chosen_columns(model_admin.export_resource(list_export.organization_id), list_export.columns)
    getters = [column.value for column in columns]
    writer = open_writer(ExportFormat(list_export.file_format), file, [column.header for column in columns])
    queryset = model_admin.get_export_queryset(request).filter(organization_id=list_export.organization_id)
    for batch in rows_by_key(queryset):
        for row in batch:
            writer.write([get(row) for get in getters])
        _check_in(list_export, len(batch))
    writer.close()


def _check_in(list_export: ListExport, rows: int) -> None:
    list_export.rows_done += rows
    mine = ListExport.objects.filter(pk=list_export.pk, attempt=list_export.attempt, status=ExportStatus.RUNNING)
    if not mine.update(rows_done=list_export.rows_done, heartbeat_at=timezone.now()):
        raise ExportTakenOver("Another worker writes this export.")


@transaction.atomic
def _finished(list_export: ListExport, file: IO[bytes]) -> dict[str, Any]:
    stored = ListExport.objects.select_for_update().get(pk=list_export.pk)
    if stored.attempt != list_export.attempt or stored.status != ExportStatus.RUNNING:
        raise ExportTakenOver("Another worker writes this export.")
    file.seek(0)
    number = 0
    while piece := file.read(PART_BYTES):
        number += 1
        ExportPart.objects.create(
            organization_id=stored.organization_id, list_export=stored, number=number, content=piece
        )
    stored.bytes_total = file.tell()
    stored.rows_done = list_export.rows_done
    stored.status = ExportStatus.DONE
    stored.finished_at = timezone.now()
    stored.expires_at = stored.finished_at + KEPT_FOR
    stored.save()
    audit.record(action="export.finished", obj=stored, changes={"rows": [None, stored.rows_done]})
    return {"rows": stored.rows_done, "bytes": stored.bytes_total}


def _failed(list_export: ListExport, problem: str) -> dict[str, Any]:
    ListExport.objects.filter(pk=list_export.pk, attempt=list_export.attempt).update(
        status=ExportStatus.FAILED, problem=problem[:500], finished_at=timezone.now()
    )
    return {"problem": problem}
