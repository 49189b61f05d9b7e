"""The work of an import: reading the upload, then the run, chunk by chunk, each one transaction with its checkpoint.

What can happen to a run, and what holds it together:
1. The worker is killed: the open chunk rolls back, all before it is committed together with `rows_done`. The next run
   looks through the rows before it once more (addresses seen decide about duplicates) and writes from there on.
2. The task is delivered twice, or the sweeper sends another: the advisory lock lets one run at a time work.
3. The lock was lost with a dropped connection while the old run still lives: the import's row is locked and its
   `rows_done` compared in every chunk, so that the slower run stops without having written.
4. It is paused or cancelled: the same look stops it after the chunk at hand. Paused and resumed within one chunk, it
   just goes on.
5. Two imports of one client at once: they take turns (staging.py), and the usage counter comes last.
6. A group is deleted meanwhile: each chunk locks the groups that are there, and joins those only.
"""

import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any, BinaryIO
from uuid import UUID

import orjson
from django.db import Error as DatabaseError
from django.db import connection, transaction
from django.utils import timezone

from core.accounts import audit
from core.common.db import advisory_lock
from core.common.errors import DomainError
from core.common.ids import new_id
from core.common.tasks import wake
from core.contacts.choices import ImportStatus
from core.contacts.errors import ImportTakenOver
from core.contacts.imports.chunks import PreparedChunk, choices_of, prepared_chunks, row_parser
from core.contacts.imports.preview import in_row_order, refuse_beyond_plan
from core.contacts.imports.reading import read_upload
from core.contacts.imports.rows import Refused
from core.contacts.imports.staging import ChunkCounts, Staging
from core.contacts.models import ContactImport, ImportPart
from core.subscriptions import usage
from core.subscriptions.choices import Metric

UNDER_WAY = (ImportStatus.QUEUED, ImportStatus.RUNNING)

_KEEP_REFUSED = """
    COPY contacts_refusedrow (id, organization_id, contact_import_id, row_number, values, reason) FROM STDIN
"""
# What a crash of the server may take with it is whole chunks at the end, together with their checkpoint: the run goes
# on from there. The last word about a run waits for the disk as every other transaction does, and for all before it.
_NO_WAITING = "SET LOCAL synchronous_commit = off"


def read_import(contact_import_id: UUID) -> dict[str, Any]:
    """Read an upload into parts, all or nothing; afterwards it is a draft, or failed with the reason."""
    with advisory_lock(f"contacts.import:{contact_import_id}") as acquired:
        if not acquired:
            return {"skipped": "being read elsewhere"}
        try:
            return _read(contact_import_id)
        except ImportTakenOver as error:
            return {"skipped": str(error)}
        except DomainError as error:
            return _reading_failed(contact_import_id, str(error))
        except DatabaseError:
            raise
        except Exception:
            _reading_failed(contact_import_id, "The file could not be read. Save the list as CSV (UTF-8) and try that.")
            raise


@transaction.atomic
def _read(contact_import_id: UUID) -> dict[str, Any]:
    contact_import = ContactImport.objects.filter(pk=contact_import_id, status=ImportStatus.READING).first()
    if contact_import is None:
        return {"skipped": "not to be read, or done already"}
    with _raw_file(contact_import) as file:
        read_upload(contact_import, file)
    stored = ContactImport.objects.select_for_update().get(pk=contact_import_id)
    if stored.status != ImportStatus.READING:
        raise ImportTakenOver(f"{stored} was cancelled.")
    ImportPart.objects.filter(contact_import=contact_import, is_raw=True).delete()
    contact_import.status = ImportStatus.DRAFT
    contact_import.heartbeat_at = None
    contact_import.save()
    return {"rows": contact_import.rows_total}


@contextmanager
def _raw_file(contact_import: ContactImport) -> Iterator[BinaryIO]:
    """The upload as a file of this machine that has no name: workbooks are read from their end."""
    pieces = ImportPart.objects.filter(contact_import=contact_import, is_raw=True).order_by("number")
    with tempfile.TemporaryFile() as file:
        for number in pieces.values_list("number", flat=True):
            file.write(pieces.values_list("content", flat=True).get(number=number))
        file.seek(0)
        yield file


@transaction.atomic
def _reading_failed(contact_import_id: UUID, problem: str) -> dict[str, Any]:
    contact_import = ContactImport.objects.select_for_update().get(pk=contact_import_id)
    if contact_import.status != ImportStatus.READING:
        return {"skipped": f"{contact_import.get_status_display()} meanwhile"}
    return _end(contact_import, ImportStatus.FAILED, problem)


def run_import(contact_import_id: UUID) -> dict[str, Any]:
    """Run, or go on with, a confirmed import until it is done, stopped or taken away. Returns a summary."""
    with advisory_lock(f"contacts.import:{contact_import_id}") as acquired:
        if not acquired:
            return {"skipped": "running elsewhere"}
        contact_import = _begun(contact_import_id)
        if contact_import is None:
            return {"skipped": "not confirmed, or done already"}
        try:
            if contact_import.rows_done == 0:
                refuse_beyond_plan(contact_import)
            _write_all(contact_import)
        except ImportTakenOver as error:
            return {"skipped": str(error)}
        except ImportPart.DoesNotExist:
            return _ended(contact_import_id)  # cancelled, and the file is gone
        except DomainError as error:
            return _ended(contact_import_id, problem=str(error))
        finally:
            wake("contacts.index_imported_chunks")
        return _ended(contact_import_id)


@transaction.atomic
def _begun(contact_import_id: UUID) -> ContactImport | None:
    """The import, marked as running; None when it is in no state to run."""
    found = ContactImport.objects.select_for_update(of=("self",)).select_related("organization")
    contact_import = found.filter(pk=contact_import_id).first()
    if contact_import is None or contact_import.status not in UNDER_WAY:
        return None
    now = timezone.now()
    if contact_import.started_at is None:
        contact_import.started_at = now
        audit.record(action="import.started", obj=contact_import, changes={"rows": [None, contact_import.rows_total]})
    contact_import.status = ImportStatus.RUNNING
    contact_import.heartbeat_at = now
    contact_import.save(update_fields=["status", "started_at", "heartbeat_at", "updated_at"])
    return contact_import


def _write_all(contact_import: ContactImport) -> None:
    parser = row_parser(contact_import)
    staging = Staging(choices_of(contact_import, parser))
    done = 0
    with closing(prepared_chunks(contact_import, parser, checkpoint=contact_import.rows_done)) as chunks:
        for chunk in chunks:
            if done < contact_import.rows_done:
                _look_again(contact_import, staging, chunk)
            else:
                _write_chunk(contact_import, staging, done, chunk)
            done += chunk.rows
    staging.close()


@transaction.atomic
def _look_again(contact_import: ContactImport, staging: Staging, chunk: PreparedChunk) -> None:
    """Of a chunk that is written already, only the addresses are needed: later rows may repeat them."""
    staging.load(chunk)
    ContactImport.objects.filter(pk=contact_import.pk).update(heartbeat_at=timezone.now())


@transaction.atomic
def _write_chunk(contact_import: ContactImport, staging: Staging, done: int, chunk: PreparedChunk) -> None:
    """One chunk with everything that belongs to it. Raises ImportTakenOver, LimitReached or NoUsableSubscription."""
    with connection.cursor() as cursor:
        cursor.execute(_NO_WAITING)
    stored = ContactImport.objects.select_for_update().get(pk=contact_import.pk)
    if stored.status not in UNDER_WAY or stored.rows_done != done:
        raise ImportTakenOver(f"{stored} was paused, cancelled or went on elsewhere at row {stored.rows_done:,}.")
    refused = in_row_order(chunk, staging.load(chunk))
    counts = staging.write(number=done, group_ids=_groups_still_there(stored))
    _keep_refused(stored, refused)
    usage.reserve(organization_id=stored.organization_id, metric=Metric.CONTACTS, amount=counts.created)
    _check_in(stored, chunk.rows, len(refused), counts)


def _groups_still_there(contact_import: ContactImport) -> list[UUID]:
    """Locked against being deleted until the chunk is committed; not against being renamed."""
    if not contact_import.group_ids:
        return []
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id FROM contacts_contactgroup WHERE organization_id = %s AND id = ANY(%s) "
            "ORDER BY id FOR KEY SHARE",
            [contact_import.organization_id, contact_import.group_ids],
        )
        return [pk for (pk,) in cursor.fetchall()]


def _keep_refused(contact_import: ContactImport, refused: list[Refused]) -> None:
    if not refused:
        return
    with connection.cursor() as cursor, cursor.copy(_KEEP_REFUSED) as copy:
        for row in refused:
            cells = orjson.dumps(row.cells).decode()
            copy.write_row(
                (new_id(), contact_import.organization_id, contact_import.pk, row.row_number, cells, row.reason)
            )


def _check_in(contact_import: ContactImport, rows: int, refused: int, counts: ChunkCounts) -> None:
    contact_import.status = ImportStatus.RUNNING
    contact_import.rows_done += rows
    contact_import.created_count += counts.created
    contact_import.updated_count += counts.updated
    contact_import.unchanged_count += counts.unchanged
    contact_import.protected_count += counts.protected
    contact_import.refused_count += refused
    contact_import.heartbeat_at = timezone.now()
    contact_import.save()


@transaction.atomic
def _ended(contact_import_id: UUID, *, problem: str = "") -> dict[str, Any]:
    contact_import = ContactImport.objects.select_for_update().get(pk=contact_import_id)
    if contact_import.status != ImportStatus.RUNNING:
        return {"skipped": f"{contact_import.get_status_display()} meanwhile"}
    if not problem and contact_import.rows_done != contact_import.rows_total:
        problem = f"Rows after row {contact_import.rows_done:,} are missing. Upload the file again to go on."
    return _end(contact_import, ImportStatus.FAILED if problem else ImportStatus.DONE, problem)


def _end(contact_import: ContactImport, status: ImportStatus, problem: str) -> dict[str, Any]:
    """The last word, inside the caller's transaction, which has locked the import. Its file is no longer needed."""
    contact_import.status = status
    contact_import.problem = problem
    contact_import.finished_at = contact_import.heartbeat_at = timezone.now()
    contact_import.save()
    ImportPart.objects.filter(contact_import=contact_import).delete()
    counts = {name: getattr(contact_import, f"{name}_count") for name in ("created", "updated", "unchanged", "refused")}
    action = "import.finished" if status == ImportStatus.DONE else "import.stopped"
    changes = {name: [None, count] for name, count in counts.items()}
    audit.record(action=action, obj=contact_import, changes=changes | ({"why": [None, problem]} if problem else {}))
    return {"rows": contact_import.rows_done, **counts, **({"problem": problem} if problem else {})}
