"""What a file of contacts is made of, and the way to its rows: `open_table` finds out by content what the file is.

A name says nothing: workbooks are called .csv, web pages .xls. Nothing but a block of the file, or a temporary copy of
what was packed, is held at a time.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import chain, islice
from typing import NamedTuple, Protocol

from core.contacts.errors import UnreadableFile
from core.contacts.imports.columns import FIELD_BY_HEADER, plain_header

MAX_COLUMNS = 500
MAX_CELL_CHARACTERS = 2_000_000
MAX_ROW_CHARACTERS = 4_000_000
_ROWS_WITH_A_HEADER = 10
_ADDRESS_LIKE = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


class Row(NamedTuple):
    """`number` is the row as a spreadsheet counts it, the header being row 1. A `problem` is a sentence that says why
    it is unreadable."""

    number: int
    cells: list[str]
    problem: str = ""


class Table(Protocol):
    """The table in a file: column names, each once, and rows of contacts that are not blank, to be read once."""

    file_format: str
    encoding: str
    delimiter: str
    header: tuple[str, ...]

    def rows(self) -> Iterator[Row]: ...


def readable(text: str) -> str:
    """Text that can be stored and shown: bytes of another encoding as Windows would read them, no NUL."""
    if text.isascii():
        return text.replace("\0", "")
    return _LONE_SURROGATE.sub(_as_cp1252, text).replace("\0", "")


def _as_cp1252(match: re.Match[str]) -> str:
    byte = ord(match.group()) - 0xDC00
    return bytes([byte]).decode("cp1252", errors="replace") if 0x80 <= byte <= 0xFF else "\ufffd"


def split_header(rows: Iterator[Row]) -> tuple[tuple[str, ...], Iterator[Row]]:
    """The names of the columns, and the rows of contacts. A first row with an address in it is a contact already.

    Titles above the header are left out where the header is known by its names. Raises UnreadableFile.
    """
    beginning = list(islice(rows, _ROWS_WITH_A_HEADER))
    if not beginning:
        raise UnreadableFile("The file is empty. Choose one with a header and a row for each contact.")
    position = _header_position(beginning)
    header, below = beginning[position], chain(beginning[position + 1 :], rows)
    if len(header.cells) <= MAX_COLUMNS and header.problem:
        raise UnreadableFile(f"The header cannot be read. {header.problem}")
    if _looks_like_a_contact(header):
        return column_names([""] * len(header.cells)), chain([header], below)
    return column_names(header.cells), below


def _header_position(rows: Sequence[Row]) -> int:
    for position, row in enumerate(rows):
        if _looks_like_a_contact(row):
            break
        if any(FIELD_BY_HEADER.get(plain_header(cell)) == "email" for cell in row.cells if len(cell) < 100):
            return position
    return 0


def _looks_like_a_contact(row: Row) -> bool:
    return any(_ADDRESS_LIKE.fullmatch(cell.strip()) for cell in row.cells if len(cell) < 400)


def column_names(cells: Sequence[str]) -> tuple[str, ...]:
    """A header's names, each once: unnamed ones are numbered, repeated ones get "(2)". Raises UnreadableFile."""
    if len(cells) > MAX_COLUMNS:
        raise UnreadableFile(f"The file has {len(cells):,} columns; up to {MAX_COLUMNS} can be read. Remove some.")
    names: list[str] = []
    taken: set[str] = set()
    for position, cell in enumerate(cells, start=1):
        plain = " ".join(readable(cell[:1_000]).replace("\ufeff", "").split())[:100]
        name, repeat = plain or f"Column {position}", 2
        while name.casefold() in taken:
            name, repeat = f"{plain or 'Column'} ({repeat})", repeat + 1
        taken.add(name.casefold())
        names.append(name)
    return tuple(names)
