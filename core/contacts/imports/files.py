"""Reading the table in an upload: encoding, delimiter, header, and rows as text, whatever state the file is in.

One damaged row never costs another: an unclosed quotation mark is noticed and only its own line is given up.
"""

import csv
import io
import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from core.contacts.errors import UnreadableFile
from core.contacts.imports.encodings import detect_encoding

MAX_COLUMNS = 500
MAX_CELL_CHARACTERS = 2_000_000
MAX_LINES_IN_A_ROW = 60
"""Lines that one quoted cell may span before its opening quotation mark counts as a slip."""
DELIMITERS = (",", ";", "\t", "|")
_SAMPLE_BYTES = 256 * 1024
_SAMPLE_ROWS = 50
_ADDRESS_LIKE = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_MAGIC = (
    (b"PK\x03\x04", "an Excel workbook or a zip archive"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook"),
    (b"%PDF", "a PDF"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
)

# The module-wide limit of the csv module; its default would refuse cells of more than 128 kB.
csv.field_size_limit(MAX_CELL_CHARACTERS)


class Row(NamedTuple):
    """`number` is the row as a spreadsheet counts it, the header being row 1. A `problem` says why it is unreadable."""

    number: int
    cells: list[str]
    problem: str = ""


@dataclass(frozen=True)
class Table:
    """The rows of a file's content. Iterating again reads it again, so nothing but the bytes is kept."""

    content: bytes
    encoding: str
    delimiter: str

    @cached_property
    def _first(self) -> Row:
        first = next(iter(self._all_rows()), None)
        if first is None:
            raise UnreadableFile("The file is empty. Choose one with a header and a row for each contact.")
        if first.problem:
            raise UnreadableFile(f"The header cannot be read: {first.problem}.")
        if len(first.cells) > MAX_COLUMNS:
            raise UnreadableFile(
                f"The file has {len(first.cells):,} columns; up to {MAX_COLUMNS} can be read. Remove some."
            )
        return first

    @cached_property
    def has_header(self) -> bool:
        """A first row with an address in it is a contact already."""
        return not any(_ADDRESS_LIKE.fullmatch(cell.strip()) for cell in self._first.cells)

    @cached_property
    def header(self) -> tuple[str, ...]:
        """The column names, each once: unnamed ones are numbered, repeated ones get "(2)"."""
        names: list[str] = []
        taken: set[str] = set()
        for position, cell in enumerate(self._first.cells, start=1):
            plain = " ".join(readable(cell).split())[:100] if self.has_header else ""
            name, repeat = plain or f"Column {position}", 2
            while name.casefold() in taken:
                name, repeat = f"{plain or 'Column'} ({repeat})", repeat + 1
            taken.add(name.casefold())
            names.append(name)
        return tuple(names)

    def rows(self) -> Iterator[Row]:
        """Every row below the header that is not blank."""
        rows = self._all_rows()
        if self.has_header:
            next(rows)
        return rows

    def _all_rows(self) -> Iterator[Row]:
        lines = _Lines(self._stream())
        reader = csv.reader(lines, delimiter=self.delimiter)
        number, width = 0, 0
        while True:
            lines.taken.clear()
            try:
                cells = next(reader)
                problem = _problem_of(lines, cells, width)
            except StopIteration:
                return
            except (_TooManyLines, csv.Error) as error:
                problem = _in_words(error)
            number += 1
            if problem:
                cells = lines.give_back_all_but_the_first().rstrip("\r\n").split(self.delimiter)
                reader = csv.reader(lines, delimiter=self.delimiter)
            width = width or len(cells)
            if any(cells) and any(cell.strip(" \t\0") for cell in cells):
                yield Row(number, cells, problem)

    def _stream(self) -> io.TextIOWrapper:
        # Bytes that are no text in this encoding survive as lone surrogates, which `rows` notices row by row.
        errors = "replace" if self.encoding.startswith(("utf-16", "utf-32")) else "surrogateescape"
        return io.TextIOWrapper(io.BytesIO(self.content), encoding=self.encoding, errors=errors, newline="")


def open_table(content: bytes | memoryview, *, encoding: str = "") -> Table:
    """The table in these bytes; the encoding is found out unless given. Raises UnreadableFile."""
    content = bytes(content)
    for magic, kind in _MAGIC:
        if content.startswith(magic):
            raise UnreadableFile(f"This is {kind}, not a CSV file. Save the list as CSV (UTF-8) and choose that file.")
    encoding = encoding or detect_encoding(content)
    sample = content[:_SAMPLE_BYTES].decode(encoding, errors="replace")
    table = Table(content=content, encoding=encoding, delimiter=_delimiter(sample))
    assert table.header
    return table


def readable(text: str) -> str:
    """Text that can be stored and shown: bytes of another encoding as Windows would read them, no NUL."""
    if text.isascii():
        return text.replace("\0", "")
    return _LONE_SURROGATE.sub(_as_cp1252, text).replace("\0", "")


_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


def _as_cp1252(match: re.Match[str]) -> str:
    byte = ord(match.group()) - 0xDC00
    return bytes([byte]).decode("cp1252", errors="replace") if 0x80 <= byte <= 0xFF else "\ufffd"


class _TooManyLines(Exception):
    pass


class _Lines:
    """The lines that csv.reader takes for one record, so that they can be given back when the record makes no sense."""

    def __init__(self, stream: Iterator[str]) -> None:
        self._stream = stream
        self._returned: deque[str] = deque()
        self.taken: list[str] = []
        self.ended_inside_a_record = False

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        if len(self.taken) >= MAX_LINES_IN_A_ROW:
            raise _TooManyLines
        line = self._returned.popleft() if self._returned else next(self._stream, None)
        if line is None:
            self.ended_inside_a_record = bool(self.taken)
            raise StopIteration
        self.taken.append(line)
        return line

    def give_back_all_but_the_first(self) -> str:
        self._returned.extendleft(reversed(self.taken[1:]))
        self.ended_inside_a_record = False
        return self.taken[0]


_UNCLOSED = "a quotation mark is opened and never closed"


def _problem_of(lines: _Lines, cells: list[str], width: int) -> str:
    """A record over several lines that is too wide swallowed its neighbours, as one does that meets the end."""
    if lines.ended_inside_a_record or (len(lines.taken) > 1 and width and len(cells) > width):
        return _UNCLOSED
    return ""


def _in_words(error: Exception) -> str:
    if isinstance(error, csv.Error) and "field larger" in str(error):
        return f"a cell is longer than {MAX_CELL_CHARACTERS:,} characters"
    return _UNCLOSED


def _delimiter(sample: str) -> str:
    """The delimiter under which most rows are as wide as the first one; a comma when nothing separates."""

    def fitness(delimiter: str) -> tuple[float, int]:
        reader = csv.reader(io.StringIO(sample, newline=""), delimiter=delimiter)
        try:
            widths = [len(cells) for cells, _ in zip(reader, range(_SAMPLE_ROWS), strict=False) if cells]
        except csv.Error:
            return (0.0, 0)
        if not widths or widths[0] < 2:
            return (0.0, 0)
        return (round(sum(width == widths[0] for width in widths) / len(widths), 1), widths[0])

    return max(DELIMITERS, key=fitness)
