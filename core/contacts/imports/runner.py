"""The run of a confirmed import: chunk by chunk, each one transaction with its own checkpoint.

What can happen to a run, and what holds it together:
1. The worker is killed: the open chunk rolls back, all before it is committed together with `rows_done`. The next run
   reads the file from the start (addresses seen decide about duplicates) and writes from `rows_done` on.
2. The task is delivered twice, or the sweeper sends another: the advisory lock lets one run at a time work.
3. The lock was lost with a dropped connection while the old run still lives: the import's row is locked and its
   `rows_done` compared in every chunk, so that the slower run stops without having written.
4. Two imports of one client at once: rows are upserted in the order of their addresses and the usage counter comes
   last, so that they wait for each other and never deadlock.
"""

from collections.abc import Iterable, Iterator
from itertools import islice
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from core.accounts import audit
from core.common.db import advisory_lock
from core.common.errors import DomainError
from core.contacts.choices import ImportStatus
from core.contacts.errors import ImportTakenOver
from core.contacts.imports.files import open_table
from core.contacts.imports.preview import refuse_beyond_plan
from core.contacts.imports.rows import ParsedRow, Refused, RowParser
from core.contacts.imports.staging import ChunkCounts, write_chunk
from core.contacts.models import ContactImport, RefusedRow
from core.subscriptions import usage
from core.subscriptions.choices import Metric

CHUNK_ROWS = 10_000
"""About half a second of work: progress moves between two polls, and a killed worker costs no more than that."""

UNDER_WAY = (ImportStatus.QUEUED, ImportStatus.RUNNING)


def run_import(contact_import_id: UUID) -> dict[str, object]:
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
        except DomainError as error:
            return _ended(contact_import_id, ImportStatus.FAILED, problem=str(error))
        return _ended(contact_import_id, ImportStatus.DONE)


@transaction.atomic
def _begun(contact_import_id: UUID) -> ContactImport | None:
    """The import with its content, marked as running; None when it is in no state to run."""
    contact_import = ContactImport.objects.select_for_update().filter(pk=contact_import_id).first()
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
    table = open_table(contact_import.content, encoding=contact_import.encoding)
    parser = RowParser(contact_import.columns)
    parsed = map(parser.parse, table.rows())
    done = contact_import.rows_done
    # Read again what is written already: it knows the addresses that later rows may repeat.
    for _row in islice(parsed, done):
        pass
    for chunk in _chunks(parsed):
        _write_chunk(contact_import, done, chunk)
        done += len(chunk)


@transaction.atomic
def _write_chunk(contact_import: ContactImport, done: int, chunk: list[ParsedRow | Refused]) -> None:
    """One chunk with everything that belongs to it. Raises ImportTakenOver, LimitReached or NoUsableSubscription."""
    stored = ContactImport.objects.select_for_update().defer("content").get(pk=contact_import.pk)
    if stored.status != ImportStatus.RUNNING or stored.rows_done != done:
        raise ImportTakenOver(f"{stored} was cancelled or went on elsewhere at row {stored.rows_done:,}.")
    refused = [row for row in chunk if isinstance(row, Refused)]
    counts = write_chunk(
        organization_id=stored.organization_id,
        rows=(row for row in chunk if isinstance(row, ParsedRow)),
        group_id=stored.group_id,
        source=f"Import {stored.file_name}"[:100],
    )
    _keep_refused(stored, refused)
    usage.reserve(organization_id=stored.organization_id, metric=Metric.CONTACTS, amount=counts.created)
    _check_in(stored, len(chunk), len(refused), counts)


def _keep_refused(contact_import: ContactImport, refused: list[Refused]) -> None:
    RefusedRow.objects.bulk_create(
        [
            RefusedRow(
                organization_id=contact_import.organization_id,
                contact_import=contact_import,
                row_number=row.row_number,
                values=row.cells,
                reason=row.reason,
            )
            for row in refused
        ],
        batch_size=1_000,
    )


def _check_in(contact_import: ContactImport, rows: int, refused: int, counts: ChunkCounts) -> None:
    contact_import.rows_done += rows
    contact_import.created_count += counts.created
    contact_import.updated_count += counts.updated
    contact_import.unchanged_count += counts.unchanged
    contact_import.protected_count += counts.protected
    contact_import.refused_count += refused
    contact_import.heartbeat_at = timezone.now()
    contact_import.save(
        update_fields=[
            "rows_done",
            "created_count",
            "updated_count",
            "unchanged_count",
            "protected_count",
            "refused_count",
            "heartbeat_at",
            "updated_at",
        ]
    )


@transaction.atomic
def _ended(contact_import_id: UUID, status: ImportStatus, *, problem: str = "") -> dict[str, object]:
    contact_import = ContactImport.objects.select_for_update().defer("content").get(pk=contact_import_id)
    if contact_import.status != ImportStatus.RUNNING:
        return {"skipped": f"{contact_import.get_status_display()} meanwhile"}
    contact_import.status = status
    contact_import.problem = problem
    contact_import.finished_at = contact_import.heartbeat_at = timezone.now()
    contact_import.save(update_fields=["status", "problem", "finished_at", "heartbeat_at", "updated_at"])
    counts = {name: getattr(contact_import, f"{name}_count") for name in ("created", "updated", "unchanged", "refused")}
    action = "import.finished" if status == ImportStatus.DONE else "import.stopped"
    changes = {name: [None, count] for name, count in counts.items()}
    audit.record(action=action, obj=contact_import, changes=changes | ({"why": [None, problem]} if problem else {}))
    return {"rows": contact_import.rows_done, **counts, **({"problem": problem} if problem else {})}


def _chunks(rows: Iterable[ParsedRow | Refused]) -> Iterator[list[ParsedRow | Refused]]:
    iterator = iter(rows)
    while chunk := list(islice(iterator, CHUNK_ROWS)):
        yield chunk
