"""Background work of the audience."""

import datetime
from typing import Any
from uuid import UUID

from django.utils import timezone

from core.common.tasks import agency_task, enqueue, organization_task
from core.contacts.bulk import run_bulk_change as bulk_run
from core.contacts.choices import ImportStatus, ListStatus
from core.contacts.models import AgencySuppressionList, ContactImport, SuppressionList
from core.contacts.privacy.erasure import contact_erase_now
from core.contacts.privacy.retention import contacts_let_go, unfinished_erasures
from core.contacts.search import index_imported_chunks as chunks_made_searchable
from core.contacts.services import import_count, import_read, import_run, import_undo_run
from core.contacts.services.bulk import stalled_bulk_changes
from core.contacts.services.segments import segment_add_to_group, segment_count
from core.contacts.services.suppression_lists import suppression_list_add, suppression_list_read

STALLED_AFTER = datetime.timedelta(seconds=30)
"""Without a chunk for this long, an import's worker is dead or was never told. Being wrong is harmless."""


@organization_task(name="contacts.read_import")
def read_import(*, organization_id: str, import_id: str) -> dict[str, Any]:
    """Read one upload. Safe to run twice, also at once; so are the others here."""
    return import_read(contact_import_id=UUID(import_id))


@organization_task(name="contacts.count_import")
def count_import(*, organization_id: str, import_id: str) -> dict[str, Any]:
    """Count what a draft would do."""
    return import_count(contact_import_id=UUID(import_id))


@organization_task(name="contacts.run_import")
def run_import(*, organization_id: str, import_id: str) -> dict[str, Any]:
    """Run one import to its end."""
    return import_run(contact_import_id=UUID(import_id))


@organization_task(name="contacts.undo_import")
def undo_import(*, organization_id: str, import_id: str) -> dict[str, Any]:
    """Put back what one import changed."""
    return import_undo_run(contact_import_id=UUID(import_id))


@agency_task(name="contacts.resume_imports")
def resume_imports() -> dict[str, Any]:
    """Wake the work on imports that should be going on and shows no sign of life. A draft that nobody counts has no
    heartbeat."""
    work = {
        ImportStatus.READING: read_import,
        ImportStatus.DRAFT: count_import,
        ImportStatus.QUEUED: run_import,
        ImportStatus.RUNNING: run_import,
        ImportStatus.UNDOING: undo_import,
    }
    stalled = ContactImport.objects.filter(status__in=work, heartbeat_at__lt=timezone.now() - STALLED_AFTER)
    rows = list(stalled.values_list("organization_id", "pk", "status"))
    for organization_id, pk, status in rows:
        enqueue(work[ImportStatus(status)], organization_id=organization_id, import_id=pk)
    return {"resumed": len(rows)}


@organization_task(name="contacts.erase_contact")
def erase_contact(*, organization_id: str, contact_id: str) -> dict[str, Any]:
    """Go through all tables for somebody who is to be erased. Safe to run twice."""
    return contact_erase_now(contact_id=UUID(contact_id))


@agency_task(name="contacts.let_go")
def let_go() -> dict[str, Any]:
    """Purge what is kept too long, and go on with erasures whose worker died."""
    unfinished = unfinished_erasures()
    for organization_id, pk in unfinished:
        enqueue(erase_contact, organization_id=organization_id, contact_id=pk)
    return {**contacts_let_go(), "erasures_resumed": len(unfinished)}


@agency_task(name="contacts.index_imported_chunks")
def index_imported_chunks() -> dict[str, Any]:
    """Make what imports have written searchable. Imports wake it; the periodic run finds what a dead worker left."""
    return {"chunks": chunks_made_searchable()}


@organization_task(name="contacts.count_segment")
def count_segment(*, organization_id: str, segment_id: str) -> dict[str, Any]:
    """Count the people of a segment."""
    return {"people": segment_count(segment_id=UUID(segment_id))}


@organization_task(name="contacts.add_segment_to_group")
def add_segment_to_group(*, organization_id: str, segment_id: str, group_id: str) -> dict[str, Any]:
    """Put the people of a segment into a group."""
    return {"added": segment_add_to_group(segment_id=UUID(segment_id), group_id=UUID(group_id))}


@organization_task(name="contacts.run_bulk_change")
def run_bulk_change(*, organization_id: str, bulk_change_id: str) -> dict[str, Any]:
    """Do one thing to many contacts."""
    return bulk_run(UUID(bulk_change_id))


@agency_task(name="contacts.resume_bulk_changes")
def resume_bulk_changes() -> dict[str, Any]:
    """Wake changes of many contacts whose worker died or was never told."""
    stalled = stalled_bulk_changes(older_than=STALLED_AFTER)
    for organization_id, pk in stalled:
        enqueue(run_bulk_change, organization_id=organization_id, bulk_change_id=pk)
    return {"resumed": len(stalled)}


@organization_task(name="contacts.read_suppression_list")
def read_suppression_list(*, organization_id: str, list_id: str) -> dict[str, Any]:
    """Count what a long do-not-mail list would do. Safe to run twice; so are the others here."""
    return suppression_list_read(list_id=UUID(list_id))


@organization_task(name="contacts.add_suppression_list")
def add_suppression_list(*, organization_id: str, list_id: str) -> dict[str, Any]:
    """Add one confirmed do-not-mail list."""
    return suppression_list_add(list_id=UUID(list_id))


@agency_task(name="contacts.read_agency_suppression_list", per="list_id")
def read_agency_suppression_list(*, list_id: str) -> dict[str, Any]:
    """Count what a long do-not-mail list of the agency would do."""
    return suppression_list_read(list_id=UUID(list_id), is_agency=True)


@agency_task(name="contacts.add_agency_suppression_list", per="list_id")
def add_agency_suppression_list(*, list_id: str) -> dict[str, Any]:
    """Add one confirmed do-not-mail list of the agency."""
    return suppression_list_add(list_id=UUID(list_id), is_agency=True)


@agency_task(name="contacts.resume_suppression_lists")
def resume_suppression_lists() -> dict[str, Any]:
    """Wake the lists that wait to be read or added: their worker died, or was never told."""
    own = {ListStatus.READING: read_suppression_list, ListStatus.QUEUED: add_suppression_list}
    agency = {ListStatus.READING: read_agency_suppression_list, ListStatus.QUEUED: add_agency_suppression_list}
    waiting = list(SuppressionList.objects.filter(status__in=own).values_list("status", "organization_id", "pk"))
    for status, organization_id, pk in waiting:
        enqueue(own[ListStatus(status)], organization_id=organization_id, list_id=pk)
    waiting_agency = list(AgencySuppressionList.objects.filter(status__in=agency).values_list("status", "pk"))
    for status, pk in waiting_agency:
        enqueue(agency[ListStatus(status)], list_id=pk)
    return {"resumed": len(waiting) + len(waiting_agency)}
