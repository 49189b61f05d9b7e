"""Do-not-mail lists of old tools: read, counted, and added in one statement, however long."""

import csv
import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db import connection

from core.common.tenancy import require
from core.contacts.choices import SuppressionKind, SuppressionReason
from core.contacts.errors import BadAddress, UnreadableFile
from core.contacts.imports.encodings import detect_encoding
from core.contacts.refusals import REFUSED
from core.contacts.suppression_keys import Entry, key_sql, read_entry

MAX_BYTES = 100 * 1024**2
MAX_REFUSED = 10_000
"""Refused lines that are kept to be looked at; all are counted."""
SHOWN_REFUSED = 20
MAX_CELL = 320
_DELIMITERS = (",", ";", "\t", "|")
_PLAIN = re.compile(r"[^,;\t|\"]{3,320}\Z")
"""One column: nearly every line of any list."""
_HEADERS = frozenset({"email", "e-mail", "address", "email address", "domain", "correo", "md5", "sha256", "hash"})


@dataclass(frozen=True, slots=True)
class RefusedLine:
    number: int
    text: str
    reason: str


@dataclass
class ReadList:
    """`entries` by key; `refused_count` counts all, `refused` holds the first MAX_REFUSED."""

    entries: dict[str, Entry] = field(default_factory=dict)
    doubles: int = 0
    refused: list[RefusedLine] = field(default_factory=list)
    refused_count: int = 0


def read_list(content: bytes) -> ReadList:
    """What the lines of a file say: of each line the first column that is an address, a domain or a hash.

    Empty lines and a header are passed over. Raises UnreadableFile.
    """
    found = ReadList()
    for number, line in enumerate(_lines(content), start=1):
        if not line.strip() or (number == 1 and _is_header(line)):
            continue
        try:
            entry = read_entry(line) if _PLAIN.match(line) else _entry(line)
        except BadAddress as error:
            _refuse(found, RefusedLine(number, line.strip()[:MAX_CELL], str(error)))
            continue
        if entry.key in found.entries:
            found.doubles += 1
        else:
            found.entries[entry.key] = entry
    return found


def check_list(content: bytes) -> str:
    """The encoding of a list. Raises UnreadableFile for one that is too large or no text."""
    if len(content) > MAX_BYTES:
        raise UnreadableFile(f"The list is larger than {MAX_BYTES // 1024**2} MB. Split it into several files.")
    return detect_encoding(io.BytesIO(content))


def _lines(content: bytes) -> Iterator[str]:
    """Raises UnreadableFile."""
    text = content.decode(check_list(content), errors="replace")
    return (line.replace("\0", "") for line in text.splitlines())


def _cells(line: str) -> list[str]:
    for delimiter in _DELIMITERS:
        if delimiter in line:
            return [cell.strip().strip('"') for cell in line.split(delimiter)]
    return [line.strip().strip('"')]


def _is_header(line: str) -> bool:
    return any(cell.casefold() in _HEADERS for cell in _cells(line))


def _entry(line: str) -> Entry:
    """Raises BadAddress with the reason of the first column that holds anything."""
    problem: BadAddress | None = None
    for cell in filter(None, _cells(line)):
        if len(cell) > MAX_CELL:
            problem = problem or BadAddress(f"Longer than {MAX_CELL} characters.")
            continue
        try:
            return read_entry(cell)
        except BadAddress as error:
            problem = problem or error
    raise problem or BadAddress("There is nothing in this line.")


def _refuse(found: ReadList, line: RefusedLine) -> None:
    found.refused_count += 1
    if len(found.refused) < MAX_REFUSED:
        found.refused.append(line)


def refused_csv(lines: Iterable[RefusedLine]) -> bytes:
    """Line, text and reason. A text that a spreadsheet would run as a formula gets an apostrophe."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["Line", "Text", "Reason"])
    writer.writerows([line.number, _inert(line.text), line.reason] for line in lines)
    return out.getvalue().encode("utf-8-sig")


def _inert(text: str) -> str:
    return f"'{text}" if text[:1] in "=+-@\t\r" else text


# Counting and adding


@dataclass(frozen=True, slots=True)
class ListTotals:
    """`people` are contacts who get mail now and would not any more."""

    new: int
    known: int
    people: int


_STAGE = """
    CREATE TEMPORARY TABLE IF NOT EXISTS staged_suppression
           (key text COLLATE "C", kind text, email text) ON COMMIT DROP;
    TRUNCATE staged_suppression
"""
_KNOWN = {
    False: "EXISTS (SELECT 1 FROM contacts_suppression AS known WHERE known.organization_id = %(organization_id)s"
    " AND known.key = staged.key AND known.group_id IS NULL)",
    True: "EXISTS (SELECT 1 FROM contacts_agencysuppression AS known WHERE known.key = staged.key)",
}
_ADD = {
    False: """
        INSERT INTO contacts_suppression (id, organization_id, kind, email, key, reason, note, created_at)
        SELECT engagex_uuid7(), %(organization_id)s, kind, email, key, %(reason)s, %(note)s, now()
          FROM staged_suppression ORDER BY key ON CONFLICT DO NOTHING
    """,
    True: """
        INSERT INTO contacts_agencysuppression (id, kind, email, key, reason, note, created_at)
        SELECT engagex_uuid7(), kind, email, key, %(reason)s, %(note)s, now()
          FROM staged_suppression ORDER BY key ON CONFLICT DO NOTHING
    """,
}


_GIVE_WAY = """
    UPDATE contacts_suppression AS known SET reason = %(reason)s, note = %(note)s
      FROM staged_suppression AS staged
     WHERE known.organization_id = %(organization_id)s AND known.group_id IS NULL AND known.key = staged.key
       AND known.reason = %(bounced)s AND starts_with(known.note, %(refused)s)
"""


def stage(entries: Iterable[Entry]) -> None:
    """Copy the entries to a table that lasts as long as the caller's transaction."""
    with connection.cursor() as cursor:
        cursor.execute(_STAGE)
        with cursor.copy("COPY staged_suppression (key, kind, email) FROM STDIN") as copy:
            for entry in entries:
                copy.write_row((entry.key, str(entry.kind), entry.shown))
        cursor.execute("ANALYZE staged_suppression")


def staged_totals(organization_id: UUID | None) -> ListTotals:
    """What adding the staged entries would do; None is the whole agency."""
    parameters = _parameters(organization_id)
    known = _KNOWN[organization_id is None]
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT count(*), count(*) FILTER (WHERE {known}) FROM staged_suppression AS staged",  # noqa: S608
            parameters,
        )
        total, already = cursor.fetchone()
        cursor.execute(
            f"SELECT DISTINCT kind FROM staged_suppression AS staged WHERE NOT {known}",  # noqa: S608
            parameters,
        )
        kinds = [SuppressionKind(row[0]) for row in cursor.fetchall()]
        cursor.execute(_people_sql(kinds, known, organization_id), parameters)
        people = cursor.fetchone()[0]
    return ListTotals(new=total - already, known=already, people=people)


def _people_sql(kinds: Iterable[SuppressionKind], known: str, organization_id: UUID | None) -> str:
    """Contacts who get mail, met by a new entry of any kind: one hash join a kind."""
    of_client = "AND contact.organization_id = %(organization_id)s" if organization_id else ""
    met = " UNION ".join(
        f"""SELECT contact.id FROM staged_suppression AS staged
              JOIN contacts_contact AS contact ON {key_sql(kind, "contact")} = staged.key
             WHERE staged.kind = '{kind}' AND contact.status IN ('subscribed', 'pending')
               AND contact.deleted_at IS NULL {of_client} AND NOT {known}"""  # noqa: S608
        for kind in kinds
    )
    return f"SELECT count(*) FROM ({met or 'SELECT 1 WHERE FALSE'}) AS met"  # noqa: S608


def add_staged(organization_id: UUID | None, *, note: str) -> int:
    """Put the staged entries on the list; how many were new. What is there already stays as it is, but for refusals by
    a mail server, which may be taken back and give way."""
    parameters = {**_parameters(organization_id), "reason": SuppressionReason.IMPORTED.value, "note": note}
    with connection.cursor() as cursor:
        if organization_id is not None:
            cursor.execute(_GIVE_WAY, {**parameters, "bounced": SuppressionReason.BOUNCED.value, "refused": REFUSED})
        cursor.execute(_ADD[organization_id is None], parameters)
        return int(cursor.rowcount)


def _parameters(organization_id: UUID | None) -> dict[str, Any]:
    if organization_id is not None:
        require(organization_id)
    return {"organization_id": organization_id}
