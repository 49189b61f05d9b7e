"""One writer a format: rows of plain values in, a file out, memory flat whatever the number of rows."""

import csv
import datetime
import io
from collections.abc import Sequence
from typing import IO, Any, Protocol

import orjson
import xlsxwriter

from core.exports.choices import ExportFormat
from core.exports.formulas import formula_safe

MAX_SHEET_ROWS = 1_048_576
"""Of a worksheet (Excel specifications and limits), the header included."""
MAX_CELL_CHARACTERS = 32_767
Value = Any


class Writer(Protocol):
    def write(self, values: Sequence[Value]) -> None: ...

    def close(self) -> None: ...


def open_writer(file_format: ExportFormat, file: IO[bytes], headers: Sequence[str]) -> Writer:
    """The writer of a format, its header written. `file` stays open after `close`."""
    return _WRITERS[file_format](file, headers)


class CsvWriter:
    """UTF-8 with a byte order mark, which Excel needs to read it as such; formulas neutralised."""

    def __init__(self, file: IO[bytes], headers: Sequence[str]) -> None:
        self._text = io.TextIOWrapper(file, encoding="utf-8-sig", newline="", write_through=False)
        self._csv = csv.writer(self._text)
        self.write(headers)

    def write(self, values: Sequence[Value]) -> None:
        self._csv.writerow([formula_safe(as_text(value)) for value in values])

    def close(self) -> None:
        self._text.flush()
        self._text.detach()


class XlsxWriter:
    """Texts are written as texts, so that nothing is a formula; another worksheet begins where one is full."""

    def __init__(self, file: IO[bytes], headers: Sequence[str]) -> None:
        self._book = xlsxwriter.Workbook(
            file,
            {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "remove_timezone": True},
        )
        self._bold = self._book.add_format({"bold": True})
        self._headers = headers
        self._next_sheet()

    def _next_sheet(self) -> None:
        self._sheet = self._book.add_worksheet()
        self._sheet.freeze_panes(1, 0)
        for column, header in enumerate(self._headers):
            self._sheet.write_string(0, column, header, self._bold)
        self._row = 1

    def write(self, values: Sequence[Value]) -> None:
        if self._row == MAX_SHEET_ROWS:
            self._next_sheet()
        for column, value in enumerate(values):
            if isinstance(value, bool):
                self._sheet.write_boolean(self._row, column, value)
            elif isinstance(value, (int, float)):
                self._sheet.write_number(self._row, column, value)
            elif text := as_text(value):
                self._sheet.write_string(self._row, column, text[:MAX_CELL_CHARACTERS])
        self._row += 1

    def close(self) -> None:
        self._book.close()


class JsonWriter:
    """An array of objects; values keep their types."""

    def __init__(self, file: IO[bytes], headers: Sequence[str]) -> None:
        self._file = file
        self._headers = headers
        self._separator = b"[\n"

    def write(self, values: Sequence[Value]) -> None:
        row = dict(zip(self._headers, values, strict=True))
        self._file.write(self._separator + orjson.dumps(row, default=str))
        self._separator = b",\n"

    def close(self) -> None:
        self._file.write(b"\n]\n" if self._separator == b",\n" else b"[]\n")


_WRITERS: dict[ExportFormat, Any] = {
    ExportFormat.CSV: CsvWriter,
    ExportFormat.XLSX: XlsxWriter,
    ExportFormat.JSON: JsonWriter,
}


def as_text(value: Value) -> str:
    """A value as people read it in a cell; times in ISO 8601, lists with commas."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (datetime.datetime, datetime.date)):
        return value.isoformat(" ", "seconds") if isinstance(value, datetime.datetime) else value.isoformat()
    if isinstance(value, (list, tuple)):
        return ", ".join(map(as_text, value))
    return str(value)
