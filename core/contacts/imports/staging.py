"""Chunks of validated rows on their way into the contact table: COPY to temporary tables, then set operations.

All statements name the organization, because no manager filters raw SQL. The temporary tables belong to the session of
one run: `seen` remembers every address of the file for as long as it lasts, the others are emptied by each commit.
"""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psycopg
from django.db import connection, transaction

from core.common.tenancy import require
from core.contacts.choices import ContactStatus, ImportMode, SuppressionKind, SuppressionReason
from core.contacts.imports.chunks import Choices, PreparedChunk
from core.contacts.imports.upsert_sql import THIS_CLIENT, Statements
from core.contacts.suppression_keys import key_sql

_MOST_ATTEMPTS = 5

# The hash, which has as many digits as a UUID, tells addresses apart in an index of half the size.
_SEEN_KEY = "staged.address_hash::uuid"
# Sorted, so that of two equal addresses the first stays, and so that one page of the index is filled after the other.
_REMEMBER = f"""
    INSERT INTO contacts_import_seen (address, row_number)
    SELECT {_SEEN_KEY} AS address, row_number FROM contacts_import_staged AS staged ORDER BY address, row_number
    ON CONFLICT (address) DO NOTHING
"""  # noqa: S608 - made of constants
_REMOVE_DUPLICATES = f"""
    DELETE FROM contacts_import_staged AS staged USING contacts_import_seen AS seen
     WHERE seen.address = {_SEEN_KEY} AND seen.row_number <> staged.row_number
    RETURNING staged.row_number, staged.email, seen.row_number
"""  # noqa: S608 - made of constants

# Each commit does it as well: this finds rows only where the caller is inside of a longer transaction.
_EMPTY = """
    DELETE FROM contacts_import_staged; DELETE FROM contacts_import_known; DELETE FROM contacts_import_changed;
    DELETE FROM contacts_import_suppressed; DELETE FROM contacts_import_joined
"""

# Two imports of one client take turns, chunk by chunk: they cannot deadlock, and the second finds what the first wrote.
_TAKE_TURNS = "SELECT pg_advisory_xact_lock(hashtextextended('contacts.write_chunk:' || %s, 0)), clock_timestamp()"

# For the same reason as upsert_sql.THIS_CLIENT: statistics of a table that grows by thousands of rows a second are old.
_BY_INDEX = "SET LOCAL enable_seqscan = off"

_KINDS_IN_USE = """
    SELECT kind,
           EXISTS (SELECT 1 FROM contacts_suppression
                    WHERE organization_id = %(organization_id)s AND key >= kind || ':' AND key < kind || ';'),
           EXISTS (SELECT 1 FROM contacts_agencysuppression WHERE key >= kind || ':' AND key < kind || ';')
      FROM unnest(%(kinds)s::text[]) AS kind
"""

# What a new contact's status is when its owner, or the owner's mail server, said so earlier. Other suppressions keep
# mail away as well, but say nothing about the contact.
_STATUS_BY_REASON = f"""
    CASE suppression.reason
        WHEN '{SuppressionReason.COMPLAINED}' THEN '{ContactStatus.COMPLAINED}'
        WHEN '{SuppressionReason.BOUNCED}' THEN '{ContactStatus.BOUNCED}'
        WHEN '{SuppressionReason.UNSUBSCRIBED}' THEN '{ContactStatus.UNSUBSCRIBED}'
        WHEN '{SuppressionReason.ERASED}' THEN '{ContactStatus.UNSUBSCRIBED}'
    END
"""
_SUPPRESSED_HERE = f"""
    SELECT staged.row_number, {_STATUS_BY_REASON} AS status FROM contacts_import_staged AS staged
      JOIN contacts_suppression AS suppression
        ON suppression.organization_id = {THIS_CLIENT} AND suppression.group_id IS NULL
       AND suppression.key = {{key}}
"""  # noqa: S608 - made of constants
_SUPPRESSED_BY_AGENCY = """
    SELECT staged.row_number, NULL AS status FROM contacts_import_staged AS staged
      JOIN contacts_agencysuppression AS suppression ON suppression.key = {key}
"""

_MISSING_MEMBERSHIPS = f"""
    INSERT INTO contacts_import_joined (group_id, contact_id)
    SELECT chosen.id, known.id
      FROM unnest(%(group_ids)s::uuid[]) AS chosen (id) CROSS JOIN contacts_import_known AS known
      LEFT JOIN LATERAL (
          SELECT TRUE AS is_there FROM contacts_contactgroupmembership
           WHERE organization_id = {THIS_CLIENT} AND group_id = chosen.id AND contact_id = known.id OFFSET 0
      ) AS membership ON TRUE
     WHERE (known.is_deleted OR NOT %(leaves_known)s) AND membership.is_there IS NULL
"""  # noqa: S608 - made of constants
_JOIN = """
    INSERT INTO contacts_contactgroupmembership (id, organization_id, group_id, contact_id, added_at)
    SELECT engagex_uuid7(), %(organization_id)s, group_id, contact_id, %(written_at)s
      FROM contacts_import_joined ORDER BY group_id, contact_id
    ON CONFLICT (organization_id, group_id, contact_id) DO NOTHING
"""

_COUNT = """
    SELECT staged.count, staged.role, staged.disposable, known.*, suppressed.count
      FROM (SELECT count(*), count(*) FILTER (WHERE is_role) AS role,
                   count(*) FILTER (WHERE is_disposable) AS disposable FROM contacts_import_staged) AS staged,
           (SELECT count(*), count(*) FILTER (WHERE is_deleted) AS deleted,
                   count(*) FILTER (WHERE is_changed AND NOT is_deleted) AS changed,
                   count(*) FILTER (WHERE NOT is_reachable AND suppressed.row_number IS NULL) AS unreachable
              FROM contacts_import_known LEFT JOIN contacts_import_suppressed AS suppressed USING (row_number)
           ) AS known,
           (SELECT count(*) FROM contacts_import_suppressed) AS suppressed
"""


class _Raced(Exception):
    """Somebody added one of the addresses between our look and our insert."""


@dataclass(frozen=True)
class Duplicate:
    """A row whose address an earlier row has."""

    row_number: int
    email: str
    first_row_number: int


@dataclass(frozen=True)
class ChunkCounts:
    """What became, or would become, of the valid rows. Among them: `protected` ones, who are never mailed to, and
    addresses that are flagged."""

    created: int
    updated: int
    unchanged: int
    protected: int
    role: int
    disposable: int


@dataclass(frozen=True)
class _Found:
    """How the staged rows meet the contacts: `known` counts deleted ones as well."""

    staged: int
    role: int
    disposable: int
    known: int
    deleted: int
    changed: int
    unreachable: int
    suppressed: int

    @property
    def counts(self) -> ChunkCounts:
        created = self.staged - self.known + self.deleted
        unchanged = self.staged - created - self.changed
        protected = self.unreachable + self.suppressed
        return ChunkCounts(created, self.changed, unchanged, protected, self.role, self.disposable)


def take_turns(organization_id: UUID) -> datetime.datetime:
    """Wait, in the caller's transaction, until no other import or undo writes contacts of this client. Returns the time
    by the database's clock, for everything that is written now."""
    with connection.cursor() as cursor:
        cursor.execute(_TAKE_TURNS, [str(organization_id)])
        written_at: datetime.datetime = cursor.fetchone()[1]
    return written_at


def _make_room(cursor: Any) -> None:
    """Keep a chunk and the seen addresses of some hundred thousand rows in memory: PostgreSQL's 8 MB are less than a
    chunk. Possible until a session has touched its first temporary table; then it is done already, or too late, which
    costs speed and nothing else."""
    cursor.execute(
        "DO $$ BEGIN PERFORM set_config('temp_buffers', '64MB', false);"
        " EXCEPTION WHEN invalid_parameter_value THEN NULL; END $$"
    )


class Staging:
    """The temporary tables of one run on this connection, and what is done with them."""

    def __init__(self, choices: Choices) -> None:
        require(choices.organization_id)
        self._choices = choices
        self._sql = Statements(choices)
        self._parameters: dict[str, Any] = {
            "organization_id": choices.organization_id,
            "import_id": choices.import_id,
            "attribute_keys": list(choices.attribute_keys),
            "tags": list(choices.tags),
            "source": choices.source,
            "consent_at": choices.consent_at,
            "consent_basis": choices.consent_basis,
            "consent_source": choices.consent_source,
            "leaves_known": choices.mode == ImportMode.ADD_ONLY,
        }
        with connection.cursor() as cursor:
            _make_room(cursor)
            cursor.execute(self._sql.tables)

    def close(self) -> None:
        """Give the memory of the session back; its end would do it as well."""
        with connection.cursor() as cursor:
            cursor.execute("DROP TABLE IF EXISTS contacts_import_staged, contacts_import_seen")

    def load(self, chunk: PreparedChunk) -> list[Duplicate]:
        """Stage the chunk's rows, inside the caller's transaction; returns those left out as duplicates."""
        with connection.cursor() as cursor:
            cursor.execute(_EMPTY)
            with cursor.copy(self._sql.copy) as copy:
                copy.write(chunk.copy_text)
            cursor.execute(_REMEMBER)
            if cursor.rowcount == chunk.valid_rows:
                return []
            cursor.execute(_REMOVE_DUPLICATES)
            return [Duplicate(*row) for row in cursor.fetchall()]

    def classify(self) -> ChunkCounts:
        """What `write` would do with the staged rows, without doing it."""
        with connection.cursor() as cursor:
            return self._look(cursor).counts

    def write(self, *, number: int, group_ids: Sequence[UUID]) -> ChunkCounts:
        """Upsert the staged rows, put them into the groups and keep the undo record under this number."""
        written_at = take_turns(self._choices.organization_id)
        parameters = {**self._parameters, "number": number, "group_ids": list(group_ids), "written_at": written_at}
        with connection.cursor() as cursor:
            for _attempt in range(_MOST_ATTEMPTS):
                try:
                    with transaction.atomic():
                        return self._write(cursor, parameters)
                except _Raced:
                    continue
        raise psycopg.errors.SerializationFailure("Contacts are being added faster than an import can look at them.")

    def _write(self, cursor: Any, parameters: dict[str, Any]) -> ChunkCounts:
        found = self._look(cursor)
        joining = 0
        if found.known and parameters["group_ids"]:
            cursor.execute(_MISSING_MEMBERSHIPS, parameters)
            joining = cursor.rowcount
        if found.changed or found.deleted or joining:
            cursor.execute(self._sql.lock, parameters)
            cursor.execute(self._sql.update, parameters)
            cursor.execute(_JOIN, parameters)
        cursor.execute(self._sql.insert, parameters)
        if cursor.fetchone()[0] != found.staged - found.known:
            raise _Raced
        return found.counts

    def _look(self, cursor: Any) -> _Found:
        """Find the contacts and the suppressions of the staged rows."""
        cursor.execute(_BY_INDEX)
        cursor.execute(self._sql.look, self._parameters)
        self._look_for_suppressions(cursor)
        cursor.execute(_COUNT)
        return _Found(*cursor.fetchone())

    def _look_for_suppressions(self, cursor: Any) -> None:
        cursor.execute(_KINDS_IN_USE, {**self._parameters, "kinds": list(SuppressionKind)})
        looks = []
        for kind, is_used_here, is_used_by_agency in cursor.fetchall():
            key = key_sql(SuppressionKind(kind), "staged")
            looks += [_SUPPRESSED_HERE.format(key=key)] if is_used_here else []
            looks += [_SUPPRESSED_BY_AGENCY.format(key=key)] if is_used_by_agency else []
        if looks:
            # Of several reasons the gravest: "bounced" and "complained" sort before "unsubscribed".
            cursor.execute(
                "INSERT INTO contacts_import_suppressed SELECT row_number, min(status) FROM ("  # noqa: S608
                + " UNION ALL ".join(looks)
                + ") AS found GROUP BY row_number",
                self._parameters,
            )
