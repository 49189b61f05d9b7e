"""Spreadsheets: XLSX, XLSM (values, never macros), XLS and ODS, parsed by calamine in a process of its own."""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from core.contacts.errors import UnreadableFile
from core.contacts.imports.files import Row, split_header

_READER = Path(__file__).with_name("workbook_reader.py")
_SENTENCES = {
    "empty": "The workbook has no visible sheet with rows in it. Choose one with a header and a row for each contact.",
    "password": "The workbook is protected by a password. Save it without one and choose that file.",
    "damaged": "The workbook is damaged or incomplete. Open it, save it again as XLSX or CSV, and choose that file.",
}
_TOO_MUCH = "The workbook takes too much memory or time to be read. Save the list as CSV (UTF-8) and choose that file."


class WorkbookTable:
    """The rows of the first visible sheet that is not empty, to be read once. Raises UnreadableFile."""

    encoding = ""
    delimiter = ""

    def __init__(self, file: BinaryIO, file_format: str) -> None:
        self.file_format = file_format
        self.header, self._rows = split_header(_rows(file))

    def rows(self) -> Iterator[Row]:
        return self._rows


def _rows(file: BinaryIO) -> Iterator[Row]:
    """Every row that is not blank, as the reader's process finds it."""
    with _copied(file) as source:
        process = subprocess.Popen(
            [sys.executable, "-I", str(_READER)], stdin=source, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        try:
            yield from _written_by(process)
        finally:
            process.kill()
            process.wait()
            process.stdout.close()  # type: ignore[union-attr]


def _written_by(process: "subprocess.Popen[bytes]") -> Iterator[Row]:
    last: Any = None
    for line in process.stdout or ():
        last = _document(line)
        if not isinstance(last, list):
            break
        number, cells = last
        if any(cells) and any(cell.strip() for cell in cells):
            yield Row(number, cells)
    if not isinstance(last, dict):
        raise UnreadableFile(_TOO_MUCH if process.wait() else _SENTENCES["damaged"])
    if problem := last.get("problem"):
        raise UnreadableFile(_SENTENCES[problem])


def _document(line: bytes) -> Any:
    """The line's content; None for one that the process could not finish."""
    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError:
        return None


@contextmanager
def _copied(file: BinaryIO) -> Iterator[BinaryIO]:
    """The file as one that another process can be given."""
    with tempfile.TemporaryFile() as copy:
        file.seek(0)
        shutil.copyfileobj(file, copy, 1024 * 1024)
        copy.seek(0)
        yield copy
