"""Chunks of validated rows on their way into the contact table: COPY to a temporary table, then set operations.

All statements name the organization, because no manager filters raw SQL.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

import orjson
from django.db import connection

from core.common.ids import new_id
from core.common.tenancy import require
from core.contacts.choices import ContactStatus, SuppressionReason
from core.contacts.imports.rows import TEXT_FIELDS, ParsedRow
from core.contacts.suppression_keys import address_hash

_COLUMNS = ("id", "email", "email_key", "address_hash", *TEXT_FIELDS, "attributes")
_CREATE = f"""
    CREATE TEMPORARY TABLE IF NOT EXISTS contacts_import_staging (
        id uuid NOT NULL, email text NOT NULL, email_key text COLLATE "C" NOT NULL, address_hash text NOT NULL,
        {", ".join(f"{name} text NOT NULL" for name in TEXT_FIELDS)}, attributes jsonb NOT NULL
    ) ON COMMIT DELETE ROWS
"""
_COPY = f"COPY contacts_import_staging ({', '.join(_COLUMNS)}) FROM STDIN"

# What is empty in the file leaves what is there; nothing else of an existing contact is ever touched, least of all its
# status.
_MERGED = {
    **{name: f"coalesce(nullif({{new}}.{name}, ''), contact.{name})" for name in TEXT_FIELDS},
    "attributes": "contact.attributes || {new}.attributes",
}


def _changes(new: str) -> str:
    """SQL that is true where the row says something else than the contact."""
    old = ", ".join(f"contact.{name}" for name in _MERGED)
    merged = ", ".join(value.format(new=new) for value in _MERGED.values())
    return f"({old}) IS DISTINCT FROM ({merged})"


# A deleted contact comes back with its old status. Apart from the upsert, because it counts as new against the plan.
_REVIVE = """
    UPDATE contacts_contact AS contact SET deleted_at = NULL, updated_at = now()
      FROM (SELECT old.id FROM contacts_contact AS old JOIN contacts_import_staging USING (email_key)
             WHERE old.organization_id = %(organization_id)s AND old.deleted_at IS NOT NULL
             ORDER BY old.email_key FOR UPDATE OF old) AS deleted
     WHERE contact.id = deleted.id AND contact.organization_id = %(organization_id)s
    RETURNING contact.id
"""

# Sorted by key, so that two imports of the same addresses at once wait for each other instead of deadlocking. An
# address on the suppression list because of its owner arrives with the status it would have had.
_OWNERS_WISH = ", ".join(
    f"'{reason}'"
    for reason in (SuppressionReason.UNSUBSCRIBED, SuppressionReason.BOUNCED, SuppressionReason.COMPLAINED)
)
_UPSERT = f"""
    WITH upserted AS (
        INSERT INTO contacts_contact AS contact
            (id, organization_id, created_at, updated_at, email, email_key, address_hash, is_role_address,
             is_disposable_address, phone_e164, tags, consent_basis, consent_source, mail_frequency, {", ".join(_MERGED)}, status, source)
        SELECT staged.id, %(organization_id)s, now(), now(), staged.email, staged.email_key, staged.address_hash, false,
               false, '', '{{}}', '', '', '',
               {", ".join(f"staged.{name}" for name in _MERGED)},
               CASE WHEN suppression.reason IN ({_OWNERS_WISH}) THEN suppression.reason
                    ELSE '{ContactStatus.SUBSCRIBED}' END,
               %(source)s
          FROM contacts_import_staging AS staged
          LEFT JOIN contacts_suppression AS suppression
            ON suppression.organization_id = %(organization_id)s AND suppression.key = 'address:' || staged.email_key
         ORDER BY staged.email_key
        ON CONFLICT (organization_id, email_key) DO UPDATE
           SET {", ".join(f"{name} = {value.format(new='excluded')}" for name, value in _MERGED.items())},
               updated_at = now()
         WHERE {_changes("excluded")}
        RETURNING id, xmax = 0 AS is_new
    )
    SELECT count(*) FILTER (WHERE is_new),
           count(*) FILTER (WHERE NOT is_new AND id <> ALL(%(revived)s))
      FROM upserted
"""  # noqa: S608 - made of the constants above

# Counted as the contacts are now; for new ones, before they are written, as the suppression list will make them.
_IS_PROTECTED = f"""
    (suppression.id IS NOT NULL OR contact.status NOT IN ('{ContactStatus.SUBSCRIBED}', '{ContactStatus.PENDING}'))
"""
_STAGED_AND_STORED = """
    contacts_import_staging AS staged
    LEFT JOIN contacts_contact AS contact
      ON contact.organization_id = %(organization_id)s AND contact.email_key = staged.email_key
    LEFT JOIN contacts_suppression AS suppression
      ON suppression.organization_id = %(organization_id)s AND suppression.key = 'address:' || staged.email_key
"""

_JOIN_GROUP_AND_COUNT_PROTECTED = f"""
    WITH stored AS MATERIALIZED (
        SELECT contact.id, {_IS_PROTECTED} AS is_protected FROM {_STAGED_AND_STORED}
    ), joined AS (
        INSERT INTO contacts_contactgroupmembership (id, organization_id, group_id, contact_id, added_at)
        SELECT engagex_uuid7(), %(organization_id)s, %(group_id)s, id, now() FROM stored
         WHERE %(group_id)s::uuid IS NOT NULL
         ORDER BY id
        ON CONFLICT (organization_id, group_id, contact_id) DO NOTHING
    )
    SELECT count(*) FILTER (WHERE is_protected) FROM stored
"""  # noqa: S608 - made of the constants above

_CLASSIFY = f"""
    SELECT count(*) FILTER (WHERE contact.id IS NULL OR contact.deleted_at IS NOT NULL),
           count(*) FILTER (WHERE contact.id IS NOT NULL AND contact.deleted_at IS NULL AND {_changes("staged")}),
           count(*) FILTER (WHERE {_IS_PROTECTED})
      FROM {_STAGED_AND_STORED}
"""  # noqa: S608 - made of the constants above


@dataclass(frozen=True)
class ChunkCounts:
    """What became, or would become, of the valid rows. `protected` ones are among the others: never mailed to."""

    created: int
    updated: int
    unchanged: int
    protected: int


def write_chunk(*, organization_id: UUID, rows: Iterable[ParsedRow], group_id: UUID | None, source: str) -> ChunkCounts:
    """Upsert the rows and put them into the group, inside the caller's transaction."""
    staged = _stage(organization_id, rows)
    parameters = {"organization_id": organization_id, "group_id": group_id, "source": source}
    with connection.cursor() as cursor:
        cursor.execute(_REVIVE, parameters)
        revived = [row[0] for row in cursor.fetchall()]
        cursor.execute(_UPSERT, {**parameters, "revived": revived})
        inserted, updated = cursor.fetchone()
        cursor.execute(_JOIN_GROUP_AND_COUNT_PROTECTED, parameters)
        protected = cursor.fetchone()[0]
    created = inserted + len(revived)
    return ChunkCounts(created, updated, staged - created - updated, protected)


def classify_rows(*, organization_id: UUID, rows: Iterable[ParsedRow]) -> ChunkCounts:
    """What `write_chunk` would do, without doing it. Inside a transaction, whose end empties the staging table."""
    staged = _stage(organization_id, rows)
    with connection.cursor() as cursor:
        cursor.execute(_CLASSIFY, {"organization_id": organization_id})
        created, updated, protected = cursor.fetchone()
    return ChunkCounts(created, updated, staged - created - updated, protected)


def _stage(organization_id: UUID, rows: Iterable[ParsedRow]) -> int:
    require(organization_id)
    staged = 0
    with connection.cursor() as cursor:
        cursor.execute(_CREATE)
        cursor.execute("DELETE FROM contacts_import_staging")
        with cursor.copy(_COPY) as copy:
            for row in rows:
                attributes = orjson.dumps(row.attributes).decode()
                copy.write_row(
                    (new_id(), row.email, row.email_key, address_hash(row.email_key), *row.texts, attributes)
                )
                staged += 1
    return staged
