"""An import while workers have it, and what a person can do meanwhile and afterwards."""

import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from core.accounts import audit
from core.common.tasks import wake
from core.contacts.choices import ImportStatus
from core.contacts.errors import WrongImportState
from core.contacts.imports.preview import count_import
from core.contacts.imports.runner import read_import, run_import
from core.contacts.imports.undo import UNDO_DAYS, undo_import
from core.contacts.models import ContactImport, ImportPart

_ENDED_IN_PART = (ImportStatus.DONE, ImportStatus.FAILED, ImportStatus.CANCELLED)
_CANCELLABLE = (
    ImportStatus.READING,
    ImportStatus.DRAFT,
    ImportStatus.QUEUED,
    ImportStatus.RUNNING,
    ImportStatus.PAUSED,
)


def import_read(*, contact_import_id: UUID) -> dict[str, Any]:
    """Read an upload that waits for it, or begin again after a worker that died. Returns a summary."""
    return read_import(contact_import_id)


def import_count(*, contact_import_id: UUID) -> dict[str, Any]:
    """Count what the whole file of a draft would do with its present choices. Returns a summary."""
    return count_import(contact_import_id)


def import_run(*, contact_import_id: UUID) -> dict[str, Any]:
    """Run a confirmed import, or go on with one whose worker died; a transaction a chunk. Returns a summary."""
    return run_import(contact_import_id)


def import_undo_run(*, contact_import_id: UUID) -> dict[str, Any]:
    """Carry out an undo, or go on with one whose worker died; a transaction a chunk. Returns a summary."""
    return undo_import(contact_import_id)


@transaction.atomic
def import_pause(*, contact_import_id: UUID) -> bool:
    """Stop a run after its current chunk, to go on later. False when there was nothing to pause."""
    contact_import = _locked(contact_import_id)
    if contact_import.status not in (ImportStatus.QUEUED, ImportStatus.RUNNING):
        return False
    _move(contact_import, ImportStatus.PAUSED, "import.paused")
    return True


@transaction.atomic
def import_resume(*, contact_import_id: UUID) -> bool:
    """Go on with a paused run. False when it was not paused."""
    contact_import = _locked(contact_import_id)
    if contact_import.status != ImportStatus.PAUSED:
        return False
    now = timezone.now()
    if contact_import.started_at and contact_import.heartbeat_at:
        # The pause is no part of the time that the rate is worked out from.
        contact_import.started_at += now - contact_import.heartbeat_at
    contact_import.heartbeat_at = now
    _move(contact_import, ImportStatus.QUEUED, "import.resumed")
    wake("contacts.run_import", organization_id=contact_import.organization_id, import_id=contact_import.pk)
    return True


@transaction.atomic
def import_cancel(*, contact_import_id: UUID) -> bool:
    """Discard a draft, or stop a run after its current chunk; what is imported stays. False when it had ended."""
    contact_import = _locked(contact_import_id)
    if contact_import.status not in _CANCELLABLE:
        return False
    contact_import.finished_at = timezone.now()
    _move(contact_import, ImportStatus.CANCELLED, "import.cancelled")
    ImportPart.objects.filter(contact_import=contact_import).delete()
    return True


@transaction.atomic
def import_undo(*, contact_import_id: UUID) -> bool:
    """Begin to put back what an import changed. False when it is being undone, or was, already.

    Raises WrongImportState when it has not ended, did nothing, or ended more than UNDO_DAYS days ago.
    """
    contact_import = _locked(contact_import_id)
    if contact_import.status in (ImportStatus.UNDOING, ImportStatus.UNDONE):
        return False
    if problem := undo_problem(contact_import):
        raise WrongImportState(problem)
    contact_import.heartbeat_at = timezone.now()
    _move(contact_import, ImportStatus.UNDOING, "import.undo_started")
    wake("contacts.undo_import", organization_id=contact_import.organization_id, import_id=contact_import.pk)
    return True


def undo_problem(contact_import: ContactImport) -> str:
    """Why this import cannot be undone, as a sentence; "" when it can."""
    if contact_import.status not in _ENDED_IN_PART or contact_import.finished_at is None:
        return f"{contact_import} has not ended yet. Stop it first."
    if timezone.now() - contact_import.finished_at > datetime.timedelta(days=UNDO_DAYS):
        return f"{contact_import} ended more than {UNDO_DAYS} days ago: an import can be undone for {UNDO_DAYS} days."
    if not contact_import.rows_done:
        return f"{contact_import} changed nothing."
    return ""


def _locked(contact_import_id: UUID) -> ContactImport:
    return ContactImport.objects.select_for_update().get(pk=contact_import_id)


def _move(contact_import: ContactImport, status: ImportStatus, action: str) -> None:
    before = contact_import.status
    contact_import.status = status
    contact_import.save()
    audit.record(action=action, obj=contact_import, changes={"status": [before, status.value]})
