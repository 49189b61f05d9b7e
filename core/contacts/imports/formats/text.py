"""Text with a separator: CSV, TSV and their kin, read in blocks.

One damaged row never costs another: an unclosed quotation mark is noticed and only its own line is given up.
"""

import codecs
import csv
import io
import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

from core.contacts.imports.encodings import detect_encoding
from core.contacts.imports.files import MAX_CELL_CHARACTERS, MAX_ROW_CHARACTERS, Row, split_header

MAX_LINES_IN_A_ROW = 60
"""Lines that one quoted cell may span before its opening quotation mark counts as a slip."""
DELIMITERS = (",", ";", "\t", "|")
_BLOCK_BYTES = 1024 * 1024
_SAMPLE_CHARACTERS = 256 * 1024
_SAMPLE_ROWS = 50
_SAID_DELIMITER = re.compile(r"\"?sep=([^\"\n])\"?\n?", re.IGNORECASE)
_BACKSLASHED = re.compile(r"\\\"(?![,;\t|\n]|\Z)")
_DOUBLED = re.compile(r"(?<![,;\t|\n])\"\"(?![,;\t|\n]|\Z)")
_UNCLOSED = "A quotation mark is opened and never closed."

# The module-wide limit of the csv module; its default would refuse cells of more than 128 kB.
csv.field_size_limit(MAX_CELL_CHARACTERS)


class TextTable:
    """The rows of a text file, to be read once. Raises UnreadableFile for what is no text, or is empty."""

    def __init__(self, file: BinaryIO) -> None:
        self.encoding = detect_encoding(file)
        dialect = _dialect(_sample(file, self.encoding))
        self.delimiter = dialect.delimiter
        self.file_format = "tsv" if self.delimiter == "\t" else "csv"
        self.header, self._rows = split_header(_rows(file, self.encoding, dialect))

    def rows(self) -> Iterator[Row]:
        return self._rows


@dataclass(frozen=True)
class _Dialect:
    delimiter: str
    has_backslashes: bool = False
    """Quotation marks within a cell are written \\" instead of doubled."""
    is_said: bool = False
    """By the first line of the file, as Excel does it: sep=;"""

    def reader(self, lines: Iterator[str]) -> Any:
        if self.has_backslashes:
            return csv.reader(lines, delimiter=self.delimiter, escapechar="\\", doublequote=False)
        return csv.reader(lines, delimiter=self.delimiter)


def _rows(file: BinaryIO, encoding: str, dialect: _Dialect) -> Iterator[Row]:
    """Every row that is not blank."""
    lines = _Lines(_blocks(file, encoding))
    number, width = 0, 0
    blank = " \t\n\xa0" + dialect.delimiter
    if dialect.is_said:
        next(lines)
        number = 1
    while lines.fill():
        if lines.are_plain:
            for line in lines.take():
                number += 1
                if line.strip(blank):
                    cells = line.rstrip("\n").split(dialect.delimiter)
                    width = max(width, len(cells))
                    yield Row(number, cells)
            continue
        for cells, problem, lines_taken in _quoted(lines, dialect, width):
            number += 1
            if lines_taken == 1 and not problem:
                width = max(width, len(cells))
            if any(cells) and any(cell.strip() for cell in cells):
                yield Row(number, cells, problem)


def _quoted(lines: "_Lines", dialect: _Dialect, width: int) -> Iterator[tuple[list[str], str, int]]:
    """Cells, problem and number of lines of each record, until the lines at hand are used up."""
    reader = dialect.reader(lines)
    while lines.has_some:
        lines.taken.clear()
        try:
            cells = next(reader)
            problem = _problem_of(lines, cells, width)
        except StopIteration:
            return
        except (_TooManyLines, csv.Error) as error:
            problem = _in_words(error)
        taken = len(lines.taken)
        if taken == 1:
            width = max(width, len(cells)) if not problem else width
        if problem:
            cells = lines.give_back_all_but_the_first().rstrip("\n").split(dialect.delimiter)
            reader = dialect.reader(lines)
        yield cells, problem, taken


class _TooManyLines(Exception):
    pass


class _Lines:
    """The lines that csv.reader takes for one record, so that they can be given back when the record makes no sense."""

    def __init__(self, blocks: Iterator[list[str]]) -> None:
        self._blocks = blocks
        self._at_hand: deque[str] = deque()
        self.are_plain = False
        self.taken: list[str] = []
        self.ended_inside_a_record = False

    def fill(self) -> bool:
        """Whether there are lines at hand, after fetching the next block if there were none."""
        while not self._at_hand:
            block = next(self._blocks, None)
            if block is None:
                return False
            self._at_hand.extend(block)
            self.are_plain = not any('"' in line or len(line) > MAX_ROW_CHARACTERS for line in block)
        return True

    @property
    def has_some(self) -> bool:
        return bool(self._at_hand)

    def take(self) -> Iterator[str]:
        """The lines at hand, which are plain."""
        taken, self._at_hand = self._at_hand, deque()
        return iter(taken)

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        if len(self.taken) >= MAX_LINES_IN_A_ROW:
            raise _TooManyLines
        if not self.fill():
            self.ended_inside_a_record = bool(self.taken)
            raise StopIteration
        line = self._at_hand.popleft()
        self.taken.append(line)
        return line

    def give_back_all_but_the_first(self) -> str:
        self._at_hand.extendleft(reversed(self.taken[1:]))
        self.ended_inside_a_record = False
        return self.taken[0]


def _problem_of(lines: _Lines, cells: list[str], width: int) -> str:
    """A record over several lines that is too wide swallowed its neighbours, as one does that meets the end."""
    if lines.ended_inside_a_record or (len(lines.taken) > 1 and width and len(cells) > width):
        return _UNCLOSED
    if any(len(line) > MAX_ROW_CHARACTERS for line in lines.taken):
        return f"The row is longer than {MAX_ROW_CHARACTERS:,} characters."
    return ""


def _in_words(error: Exception) -> str:
    if isinstance(error, csv.Error) and "field larger" in str(error):
        return f"A cell is longer than {MAX_CELL_CHARACTERS:,} characters."
    return _UNCLOSED


def _blocks(file: BinaryIO, encoding: str) -> Iterator[list[str]]:
    """The lines of the file, a block at a time, each ending with a line feed whatever it ended with in the file.

    Of a line that is longer than a row may be, one character more than that is kept.
    """
    pieces: list[str] = []
    length = 0
    for text in _decoded(file, encoding):
        head, newline, tail = text.rpartition("\n")
        if newline:
            lines = head.split("\n")
            lines[0] = "".join([*pieces, lines[0]])[: MAX_ROW_CHARACTERS + 1]
            yield [line + "\n" for line in lines]
            pieces, length = [], 0
        if tail and length <= MAX_ROW_CHARACTERS:
            pieces.append(tail)
            length += len(tail)
    if pieces:
        yield ["".join(pieces)[: MAX_ROW_CHARACTERS + 1]]


def _decoded(file: BinaryIO, encoding: str) -> Iterator[str]:
    """The text with every newline as a line feed, without NUL.

    Bytes that are no text in this encoding become lone surrogates, or U+FFFD: `parts` notices them row by row.
    """
    file.seek(0)
    errors = "replace" if encoding.startswith(("utf-16", "utf-32")) else "surrogateescape"
    decoder = io.IncrementalNewlineDecoder(_incremental(encoding, errors), translate=True)
    is_first = True
    while True:
        block = file.read(_BLOCK_BYTES)
        text = decoder.decode(block, final=not block).replace("\0", "")
        if is_first and text:
            text, is_first = text.removeprefix("\ufeff"), False
        yield text
        if not block:
            return


def _incremental(encoding: str, errors: str) -> Any:
    return codecs.getincrementaldecoder(encoding)(errors)


def _sample(file: BinaryIO, encoding: str) -> str:
    sample = ""
    for text in _decoded(file, encoding):
        sample += text
        if len(sample) >= _SAMPLE_CHARACTERS:
            break
    return sample[:_SAMPLE_CHARACTERS]


def _dialect(sample: str) -> _Dialect:
    said = _SAID_DELIMITER.match(sample)
    sample = sample[said.end() :] if said else sample
    has_backslashes = bool(_BACKSLASHED.search(sample)) and not _DOUBLED.search(sample)
    if said:
        return _Dialect(said[1], has_backslashes, is_said=True)
    return max(
        (_Dialect(delimiter, has_backslashes) for delimiter in DELIMITERS),
        key=lambda dialect: _fitness(dialect, sample),
    )


def _fitness(dialect: _Dialect, sample: str) -> tuple[float, int]:
    """Under the right delimiter most rows are as wide as most of them; a comma when nothing separates."""
    reader = dialect.reader(iter(sample.splitlines(keepends=True)))
    try:
        widths = [len(cells) for cells, _ in zip(reader, range(_SAMPLE_ROWS), strict=False) if cells]
    except csv.Error:
        return (0.0, 0)
    usual = max(set(widths), key=lambda width: (widths.count(width), width), default=0)
    if usual < 2:
        return (0.0, 0)
    return (round(widths.count(usual) / len(widths), 1), usual)
