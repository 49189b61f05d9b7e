"""The rows of an upload in one form, whatever the file was: ImportPart rows of some thousand rows each.

The content of a part is JSON: `{"numbers": [row number in the file, …], "rows": [[cell, …], …], "problems": {"index in
rows": "sentence", …}}`. Cells of a row without a problem are exactly as many as the file has columns, stripped, and can
be stored and mailed; a row with a problem keeps the cells it came with, as far as they can be shown.
"""

import gc
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import orjson
from django.db import connection

from core.common.ids import new_id
from core.contacts.imports.files import Row, readable
from core.contacts.models import ContactImport, ImportPart
from core.exports.formulas import formula_safe

PART_ROWS = 5_000
PART_BYTES = 4 * 1024**2
"""A part that is larger holds a single row."""
KEPT_CELL_CHARACTERS = 1_000
"""Of a row with a problem this much of each cell is kept for the download."""
# Binary, because half a megabyte as the text of a statement takes longer than the work.
_KEEP_PART = """
    COPY contacts_importpart (id, organization_id, contact_import_id, number, is_raw, row_count, content)
    FROM STDIN (FORMAT BINARY)
"""
_KEPT_TYPES = ("uuid", "uuid", "uuid", "int4", "bool", "int4", "bytea")
_DAMAGED = re.compile("[\ud800-\udfff\ufffd]")
_EDGES = " \t\n\r\x0b\x0c\x1c\x1d\x1e\x1f\x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000\u200b\u200c\u200d\u2060\ufeff"
"""White space, and characters without width that copying from web pages leaves around a value."""


@dataclass
class Part:
    """Some rows of the file in order. `problems` says why a row cannot be read, by its index in `rows`."""

    number: int = 0
    numbers: list[int] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)
    problems: dict[int, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.rows)


def write_parts(contact_import: ContactImport, rows: Iterator[Row], width: int) -> int:
    """Keep all rows as parts of this import. Returns how many there are. One part is in memory at a time."""
    total, characters = 0, 0
    part = Part()
    for row in rows:
        cells, problem, length = _tidied(row, width)
        if part.rows and (len(part.rows) >= PART_ROWS or characters + length > PART_BYTES):
            total += len(part)
            part = _stored(contact_import, part)
            characters = 0
        if problem:
            part.problems[len(part.rows)] = problem
        part.numbers.append(row.number)
        part.rows.append(cells)
        characters += length
    if part.rows:
        total += len(part)
        _stored(contact_import, part)
    return total


def read_parts(contact_import: ContactImport, *, after_row_index: int = 0) -> Iterator[Part]:
    """The parts in order, each fetched when it is its turn, without the first `after_row_index` rows of the file."""
    parts = ImportPart.objects.filter(contact_import=contact_import, is_raw=False)
    skipped = 0
    for pk, number, row_count in list(parts.order_by("number").values_list("pk", "number", "row_count")):
        if skipped + row_count > after_row_index:
            content = ImportPart.objects.values_list("content", flat=True).get(pk=pk)
            yield _loaded(number, bytes(content), max(after_row_index - skipped, 0))
        skipped += row_count


def _tidied(row: Row, width: int) -> tuple[list[str], str, int]:
    """Cells as a part holds them, the problem if there is one, and about how many characters they are."""
    cells = row.cells
    joined = "".join(cells)
    problem = row.problem
    if not problem and not joined.isascii() and _DAMAGED.search(joined):
        problem = "Some characters are damaged, or in another encoding than the rest of the file."
    surplus = len(cells) - width
    if not problem and surplus > 0 and "".join(cells[width:]).strip(_EDGES):
        problem = (
            f"The row has {len(cells):,} cells, the header has {width}: a value with a separator in it needs "
            "quotation marks."
        )
    if problem:
        cells = [readable(cell[:KEPT_CELL_CHARACTERS]) for cell in cells[: 2 * width]]
        return cells, problem, sum(map(len, cells))
    if surplus:
        cells = cells[:width] if surplus > 0 else [*cells, *[""] * -surplus]
    if "\0" in joined:
        cells = [cell.replace("\0", "") for cell in cells]
    cells = [cell.strip() for cell in cells] if joined.isascii() else [cell.strip(_EDGES) for cell in cells]
    if "'" in joined:
        cells = [_without_apostrophe(cell) for cell in cells]
    return cells, "", len(joined)


def _without_apostrophe(cell: str) -> str:
    """The cell as it was before an export made it harmless."""
    return cell[1:] if cell[:1] == "'" and formula_safe(cell[1:]) == cell else cell


def _stored(contact_import: ContactImport, part: Part) -> Part:
    """Write the part, in halves when it came out too large. Returns the next, empty one."""
    problems = {str(index): problem for index, problem in part.problems.items()}
    content = orjson.dumps({"numbers": part.numbers, "rows": part.rows, "problems": problems})
    if len(content) > PART_BYTES and len(part) > 1:
        first, second = _halves(part)
        second.number = _stored(contact_import, first).number
        return _stored(contact_import, second)
    row = (new_id(), contact_import.organization_id, contact_import.pk, part.number, False, len(part), content)
    with connection.cursor() as cursor, cursor.copy(_KEEP_PART) as copy:
        copy.set_types(_KEPT_TYPES)
        copy.write_row(row)
    return Part(part.number + 1)


def _halves(part: Part) -> tuple[Part, Part]:
    middle = len(part) // 2
    first = {index: problem for index, problem in part.problems.items() if index < middle}
    second = {index - middle: problem for index, problem in part.problems.items() if index >= middle}
    return (
        Part(part.number, part.numbers[:middle], part.rows[:middle], first),
        Part(part.number, part.numbers[middle:], part.rows[middle:], second),
    )


@contextmanager
def without_collecting() -> Iterator[None]:
    """No search for cycles while thousands of lists and dictionaries are made that have none: it would take longer than
    the work itself, because it walks over everything the process ever loaded."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _loaded(number: int, content: bytes, skip: int) -> Part:
    with without_collecting():
        stored = orjson.loads(content)
    problems = {int(index) - skip: problem for index, problem in stored["problems"].items() if int(index) >= skip}
    return Part(number, stored["numbers"][skip:], stored["rows"][skip:], problems)
