"""Letting go of what is kept too long. Each step is set-based and goes on until nothing is left that is due."""

import datetime

from django.db import connection, transaction
from django.utils import timezone

from core.contacts.choices import ImportStatus
from core.contacts.models import Contact, ContactImport, ContactSearch, ImportedChunk, ImportPart, RefusedRow
from core.contacts.privacy.erasure import BLANK, NOT_YET_ERASED
from core.contacts.privacy.registry import references_sql
from core.contacts.services.signups import signup_requests_prune

DELETED_CONTACTS = datetime.timedelta(days=90)
"""PRODUCT 5: deleted means soft-deleted, then purged after 90 days."""
UNDO_RECORDS = datetime.timedelta(days=8)
"""An import can be undone for seven days; the day more is for an undo that has just begun."""
REFUSED_ROWS = datetime.timedelta(days=90)
FORGOTTEN_DRAFTS = datetime.timedelta(days=7)
BATCH = 1_000

_NOT_STARTED = (ImportStatus.READING, ImportStatus.DRAFT)


def contacts_let_go(*, now: datetime.datetime | None = None) -> dict[str, int]:
    """Everything whose time is over, of all clients in the open scope. Returns how many rows of each kind."""
    now = now or timezone.now()
    return {
        "contacts": contacts_purge(before=now - DELETED_CONTACTS),
        "undo_records": _delete(ImportedChunk, contact_import__finished_at__lt=now - UNDO_RECORDS, is_searchable=True),
        "refused_rows": _delete(RefusedRow, contact_import__finished_at__lt=now - REFUSED_ROWS),
        "signup_requests": signup_requests_prune(),
        "drafts": _discard_drafts(before=now - FORGOTTEN_DRAFTS),
    }


def contacts_purge(*, before: datetime.datetime) -> int:
    """Remove contacts that were deleted before this moment: the row itself, or, where mails of the ledger name it,
    every word in it. A suppression of the address stays: it says whom not to write to."""
    purged = 0
    while ids := _due_for_purge(before):
        purged += _purge(ids)
    return purged


def _due_for_purge(before: datetime.datetime) -> list:
    due = Contact.objects.filter(deleted_at__lt=before, erased_at=None, merged_into=None)
    return list(due.order_by("deleted_at").values_list("pk", flat=True)[:BATCH])


@transaction.atomic
def _purge(ids: list) -> int:
    contacts = Contact.objects.filter(pk__in=ids)
    ContactSearch.objects.filter(contact_id__in=ids).delete()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id FROM contacts_contact AS contact WHERE id = ANY(%s) "  # noqa: S608 - registered by our packages
            f"AND ({references_sql()} OR EXISTS (SELECT 1 FROM contacts_contact AS merged "
            "WHERE merged.merged_into_id = contact.id))",
            [ids],
        )
        referenced = [row[0] for row in cursor.fetchall()]
    now = timezone.now()
    for pk in referenced:
        contacts.filter(pk=pk).update(**BLANK, email_key=f"erased:{pk}", erased_at=now, updated_at=now)
    contacts.exclude(pk__in=referenced).delete()
    return len(ids)


def _discard_drafts(*, before: datetime.datetime) -> int:
    """Uploads that nobody confirmed: their rows are people's data without a purpose."""
    drafts = ContactImport.objects.filter(status__in=_NOT_STARTED, updated_at__lt=before)
    ids = list(drafts.values_list("pk", flat=True))
    with transaction.atomic():
        discarded = ContactImport.objects.filter(pk__in=ids, status__in=_NOT_STARTED).update(
            status=ImportStatus.CANCELLED, finished_at=timezone.now(), problem="Nobody confirmed it within a week."
        )
        ImportPart.objects.filter(contact_import_id__in=ids).delete()
    return discarded


def _delete(model: type, **due: object) -> int:
    """In batches, so that no transaction is long."""
    deleted = 0
    while ids := list(model.objects.filter(**due).values_list("pk", flat=True)[:BATCH]):  # type: ignore[attr-defined]
        deleted += model.objects.filter(pk__in=ids).delete()[0]  # type: ignore[attr-defined]
    return deleted


def unfinished_erasures() -> list[tuple]:
    """(organization id, contact id) of erasures whose worker died or was never told."""
    return list(Contact.objects.filter(NOT_YET_ERASED).values_list("organization_id", "pk"))
