"""Putting back what an import changed, chunk by chunk and the newest first, each one transaction.

What can happen meanwhile, and what holds it together:
1. The worker is killed: the open chunk rolls back, chunks before it are marked; the next run goes on with the rest.
2. Somebody changed a contact since: its `updated_at` is another one, and it is left as it is, with the reason.
3. A later import changed it: the same. When that one is undone, `updated_at` is what this one wrote, and this one
   can be undone as well.
4. An import of the same client runs: both take turns (staging.py), and lock contacts in the order of their addresses.
"""

from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.utils import timezone

from core.accounts import audit
from core.common.db import advisory_lock
from core.common.tenancy import require
from core.contacts.choices import ImportStatus
from core.contacts.imports.rows import TEXT_FIELDS
from core.contacts.imports.staging import take_turns
from core.contacts.imports.upsert_sql import THIS_CLIENT
from core.contacts.models import ContactImport, ImportedChunk
from core.contacts.search import contacts_reindex
from core.subscriptions import usage
from core.subscriptions.choices import Metric

UNDO_DAYS = 7

CHANGED_SINCE = "Changed since the import"
DELETED_SINCE = "Deleted since the import"
ERASED_SINCE = "Erased since the import"

_RESTORED = (
    *TEXT_FIELDS,
    "phone_e164",
    "attributes",
    "tags",
    "consent_at",
    "consent_basis",
    "consent_source",
    "deleted_at",
    "merged_into_id",
    "updated_at",
)

_CREATED = """
    ARRAY(SELECT unnest(created_ids) FROM contacts_importedchunk
           WHERE organization_id = %(organization_id)s AND id = %(chunk_id)s)"""
_CHANGED = """
    ARRAY(SELECT jsonb_object_keys(before)::uuid FROM contacts_importedchunk
           WHERE organization_id = %(organization_id)s AND id = %(chunk_id)s)"""

# Locked first, so that what the other statements compare stays so. A contact that was deleted since needs no undo of
# its creation; one that was erased is gone from the record as well.
_LOCK = f"""
    SELECT count(*) FROM (
        SELECT FROM contacts_contact AS contact
         WHERE contact.organization_id = {THIS_CLIENT} AND contact.id = ANY({_CREATED} || {_CHANGED})
         ORDER BY contact.email_key FOR UPDATE
    ) AS locked
"""  # noqa: S608 - made of the constants above
_KEPT = f"""
    SELECT contact.id, CASE WHEN contact.erased_at IS NOT NULL THEN '{ERASED_SINCE}'
                            WHEN contact.deleted_at IS NOT NULL THEN '{DELETED_SINCE}'
                            ELSE '{CHANGED_SINCE}' END
      FROM contacts_contact AS contact
     WHERE contact.organization_id = {THIS_CLIENT} AND contact.updated_at <> %(written_at)s
       AND (contact.id = ANY({_CREATED}) AND contact.deleted_at IS NULL OR contact.id = ANY({_CHANGED}))
"""  # noqa: S608 - made of the constants above
_DELETE_CREATED = f"""
    UPDATE contacts_contact SET deleted_at = %(undone_at)s, updated_at = %(undone_at)s
     WHERE organization_id = {THIS_CLIENT} AND id = ANY({_CREATED})
       AND updated_at = %(written_at)s AND deleted_at IS NULL
    RETURNING id
"""  # noqa: S608 - made of the constants above
# jsonb_populate_record takes from the record what it holds and the rest from the contact as it is.
_RESTORE = f"""
    UPDATE contacts_contact AS contact SET {", ".join(f"{name} = old.{name}" for name in _RESTORED)}
      FROM contacts_importedchunk AS chunk
     CROSS JOIN LATERAL jsonb_each(chunk.before) AS record (id, before)
      JOIN contacts_contact AS present
        ON present.organization_id = {THIS_CLIENT} AND present.id = record.id::uuid
     CROSS JOIN LATERAL jsonb_populate_record(present, record.before) AS old
     WHERE chunk.organization_id = %(organization_id)s AND chunk.id = %(chunk_id)s
       AND contact.organization_id = {THIS_CLIENT} AND contact.id = present.id
       AND contact.updated_at = %(written_at)s AND contact.deleted_at IS NULL
    RETURNING contact.id, contact.deleted_at IS NOT NULL
"""  # noqa: S608 - made of the constants above
# Deleted contacts are in no group. A membership that was ended since and made anew is no longer the import's.
_LEAVE_ALL_GROUPS = """
    DELETE FROM contacts_contactgroupmembership
     WHERE organization_id = %(organization_id)s AND contact_id = ANY(%(gone)s::uuid[])
"""
_LEAVE_JOINED_GROUPS = """
    DELETE FROM contacts_contactgroupmembership AS membership
     USING (SELECT by_group.key::uuid AS group_id, member.id::uuid AS contact_id
              FROM contacts_importedchunk AS chunk
             CROSS JOIN LATERAL jsonb_each(chunk.joined) AS by_group
             CROSS JOIN LATERAL jsonb_array_elements_text(by_group.value) AS member (id)
             WHERE chunk.organization_id = %(organization_id)s AND chunk.id = %(chunk_id)s) AS joined
     WHERE membership.organization_id = %(organization_id)s AND membership.group_id = joined.group_id
       AND membership.contact_id = joined.contact_id AND membership.added_at = %(written_at)s
"""


def undo_import(contact_import_id: UUID) -> dict[str, Any]:
    """Undo, or go on undoing, an import that is to be undone. Returns a summary."""
    with advisory_lock(f"contacts.import:{contact_import_id}") as acquired:
        if not acquired:
            return {"skipped": "running elsewhere"}
        while _undo_newest_chunk(contact_import_id):
            pass
        return _undone(contact_import_id)


@transaction.atomic
def _undo_newest_chunk(contact_import_id: UUID) -> bool:
    """False when there is none left, or the import is not to be undone."""
    contact_import = ContactImport.objects.select_for_update().filter(pk=contact_import_id).first()
    if contact_import is None or contact_import.status != ImportStatus.UNDOING:
        return False
    chunks = ImportedChunk.objects.filter(contact_import=contact_import, is_undone=False)
    # The record stays in the database: it may hold tens of thousands of contacts.
    chunk = chunks.defer("created_ids", "revived_ids", "before", "joined").order_by("-number").first()
    if chunk is None:
        return False
    chunk.kept, restored = _put_back(chunk)
    chunk.is_undone = True
    chunk.save(update_fields=["kept", "is_undone"])
    contact_import.restored_count += restored
    contact_import.kept_count += len(chunk.kept)
    contact_import.heartbeat_at = timezone.now()
    contact_import.save(update_fields=["restored_count", "kept_count", "heartbeat_at", "updated_at"])
    return True


def _put_back(chunk: ImportedChunk) -> tuple[dict[str, str], int]:
    """What was left alone, id by id with the reason, and how many contacts are as they were."""
    organization_id = chunk.organization_id
    require(organization_id)
    parameters: dict[str, Any] = {
        "organization_id": organization_id,
        "written_at": chunk.written_at,
        "undone_at": take_turns(organization_id),
        "chunk_id": chunk.pk,
    }
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(_LOCK, parameters)
        cursor.execute(_KEPT, parameters)
        kept = {str(pk): reason for pk, reason in cursor.fetchall()}
        cursor.execute(_DELETE_CREATED, parameters)
        gone = [pk for (pk,) in cursor.fetchall()]
        cursor.execute(_RESTORE, parameters)
        restored = cursor.fetchall()
        gone += [pk for pk, is_deleted in restored if is_deleted]
        cursor.execute(_LEAVE_ALL_GROUPS, {**parameters, "gone": gone})
        cursor.execute(_LEAVE_JOINED_GROUPS, parameters)
    back = [pk for pk, is_deleted in restored if not is_deleted]
    contacts_reindex(organization_id=organization_id, contact_ids=[*gone, *back])
    usage.release(organization_id=organization_id, metric=Metric.CONTACTS, amount=len(gone))
    return kept, len(gone) + len(back)


@transaction.atomic
def _undone(contact_import_id: UUID) -> dict[str, Any]:
    contact_import = ContactImport.objects.select_for_update().filter(pk=contact_import_id).first()
    if contact_import is None or contact_import.status != ImportStatus.UNDOING:
        return {"skipped": "not to be undone, or done already"}
    contact_import.status = ImportStatus.UNDONE
    contact_import.undone_at = contact_import.heartbeat_at = timezone.now()
    contact_import.save(update_fields=["status", "undone_at", "heartbeat_at", "updated_at"])
    counts = {"restored": contact_import.restored_count, "kept": contact_import.kept_count}
    audit.record(
        action="import.undone", obj=contact_import, changes={name: [None, count] for name, count in counts.items()}
    )
    return counts
