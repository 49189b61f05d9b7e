"""What a run needs of an import's choices, and its rows made ready for COPY, chunk by chunk and one chunk ahead.

Nothing here but `prepared_chunks` touches the database: preparing runs on a thread while PostgreSQL works.
"""

import datetime
import sys
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import UUID
from zoneinfo import ZoneInfo

import orjson
from django.utils import timezone

from core.contacts.choices import ImportMode
from core.contacts.imports.parts import KEPT_CELL_CHARACTERS, Part, read_parts, without_collecting
from core.contacts.imports.rows import ParsedPart, Refused, RowParser
from core.contacts.models import ContactField, ContactImport

CHUNK_ROWS = 20_000
"""About half a second of work: progress moves between two polls, and a killed worker costs no more than that."""
CHUNKS_AHEAD = 1
_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


@dataclass(frozen=True)
class Choices:
    """What was chosen for an import, as its run needs it. `fields` are the text fields that the file has."""

    organization_id: UUID
    import_id: UUID
    fields: tuple[str, ...]
    attribute_keys: tuple[str, ...]
    mode: ImportMode
    tags: tuple[str, ...]
    source: str
    consent_at: datetime.datetime | None
    consent_basis: str
    consent_source: str


def choices_of(contact_import: ContactImport, parser: RowParser) -> Choices:
    """The choices of a confirmed import, or of a draft whose totals are counted."""
    source = f"Import {contact_import.file_name}"
    return Choices(
        organization_id=contact_import.organization_id,
        import_id=contact_import.pk,
        fields=parser.text_fields,
        attribute_keys=parser.attribute_keys,
        mode=ImportMode(contact_import.mode),
        tags=tuple(contact_import.tags),
        source=source[:100],
        consent_at=_consent_at(contact_import),
        consent_basis=contact_import.consent_basis,
        consent_source=contact_import.consent_source or source[:200],
    )


def _consent_at(contact_import: ContactImport) -> datetime.datetime | None:
    """The beginning of the day that was stated, where the client is; else the beginning of the run."""
    if not contact_import.consent_basis:
        return None
    if contact_import.consent_on is None:
        return contact_import.started_at or timezone.now()
    zone = ZoneInfo(contact_import.organization.time_zone)
    return datetime.datetime.combine(contact_import.consent_on, datetime.time.min, tzinfo=zone)


@dataclass(frozen=True)
class PreparedChunk:
    """Some parts of the file, validated. `rows` counts all of them, `valid_rows` those in `copy_text`."""

    rows: int
    valid_rows: int
    copy_text: bytes
    refused: list[Refused]
    parts: list[Part]

    def cells_of(self, row_number: int) -> list[str]:
        """The cells of a row, as much of them as is kept of a refused one."""
        for part in self.parts:
            if part.numbers and part.numbers[0] <= row_number <= part.numbers[-1]:
                return [cell[:KEPT_CELL_CHARACTERS] for cell in part.rows[part.numbers.index(row_number)]]
        raise LookupError(row_number)


def row_parser(contact_import: ContactImport) -> RowParser:
    """The validation of this import's rows, by the client's custom fields. One query."""
    known = ContactField.objects.filter(organization_id=contact_import.organization_id)
    return RowParser(
        contact_import.columns,
        fields=list(known),
        phone_region=contact_import.phone_region,
    )


def prepared_chunks(
    contact_import: ContactImport, parser: RowParser, *, checkpoint: int = 0
) -> Generator[PreparedChunk, None, None]:
    """The whole file in chunks of about CHUNK_ROWS, one of them ending at row `checkpoint`; while the caller works on
    one, the next is being prepared. To be closed by who does not take them all."""
    with without_collecting(), _quick_turns(), ThreadPoolExecutor(max_workers=1, thread_name_prefix="import") as thread:
        ahead: deque[Future[PreparedChunk]] = deque()
        for parts in _grouped(read_parts(contact_import), checkpoint):
            ahead.append(thread.submit(prepare, parser, parts))
            if len(ahead) > CHUNKS_AHEAD:
                yield ahead.popleft().result()
        while ahead:
            yield ahead.popleft().result()


@contextmanager
def _quick_turns() -> Iterator[None]:
    """The thread that prepares gives way at once when PostgreSQL has answered: at Python's 5 ms, the dozen statements
    of a chunk would wait as long as they work."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(0.0005)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


def _grouped(parts: Iterable[Part], checkpoint: int) -> Iterator[list[Part]]:
    group: list[Part] = []
    rows = taken = 0
    for part in parts:
        group.append(part)
        rows += len(part)
        taken += len(part)
        if rows >= CHUNK_ROWS or taken == checkpoint:
            yield group
            group, rows = [], 0
    if group:
        yield group


def prepare(parser: RowParser, parts: list[Part]) -> PreparedChunk:
    """Validate some parts and write their good rows down as COPY takes them."""
    parsed = [parser.parse(part) for part in parts]
    return PreparedChunk(
        rows=sum(len(part) for part in parts),
        valid_rows=sum(len(part) for part in parsed),
        copy_text=b"".join(copy_text(part, parser.text_fields) for part in parsed),
        refused=[refused for part in parsed for refused in part.refused],
        parts=parts,
    )


def copy_text(parsed: ParsedPart, fields: Sequence[str]) -> bytes:
    """Rows in the text format of COPY, in the order of `staged_columns`."""
    if not len(parsed):
        return b""
    columns: list[Iterable[str]] = [
        map(str, parsed.row_numbers),
        _escaped(parsed.emails),
        _escaped(parsed.email_keys),
        parsed.address_hashes,
        map("ft".__getitem__, parsed.is_role),
        map("ft".__getitem__, parsed.is_disposable),
    ]
    columns += [_escaped(parsed.texts[name]) for name in fields]
    if "phone" in fields:
        columns.append(parsed.phone_e164)
    columns.append(_escaped([orjson.dumps(attributes).decode() for attributes in parsed.attributes]))
    return ("\n".join(map("\t".join, zip(*columns, strict=True))) + "\n").encode()


def staged_columns(fields: Sequence[str]) -> list[str]:
    """The columns of the staging table."""
    phone = ["phone_e164"] if "phone" in fields else []
    own = ["row_number", "email", "email_key", "address_hash", "is_role", "is_disposable"]
    return [*own, *fields, *phone, "attributes"]


def _escaped(values: Sequence[str]) -> Sequence[str]:
    """Nearly no list of values has anything to escape: one look at all of them is quicker than one at each."""
    together = "".join(values)
    if any(mark in together for mark in "\\\t\n\r"):
        return [value.translate(_ESCAPES) for value in values]
    return values
