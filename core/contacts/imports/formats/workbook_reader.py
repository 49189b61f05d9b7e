"""Reads the workbook on its standard input and writes its first visible sheet that is not empty: lines of JSON.

Runs as a process of its own (`workbooks`) and imports nothing of the project: whatever a file makes of the parser, it
ends within these limits of memory and time and takes nobody with it. A line is `[row number, [cell, …]]`; the last one
is `{"sheet": name}` or `{"problem": code}`.
"""

import datetime
import resource
import sys
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import orjson
from python_calamine import (
    CalamineError,
    CalamineSheet,
    CalamineWorkbook,
    PasswordError,
    SheetTypeEnum,
    SheetVisibleEnum,
)

MEMORY_BYTES = 2 * 1024**3
SECONDS = 240
_LARGEST_WHOLE = 10**15


def text_of(value: Any) -> str:
    """What a person reads in the cell: 34 instead of 34.0, ISO dates, all digits of a phone number."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return _number_text(value)
    if isinstance(value, datetime.datetime):
        is_day = value.time() == datetime.time()
        return (
            value.date().isoformat() if is_day else value.isoformat(" ", "minutes" if not value.second else "seconds")
        )
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    return str(value)


def _number_text(value: float) -> str:
    """Up to 15 digits, as spreadsheets keep and show them."""
    if value.is_integer() and abs(value) < _LARGEST_WHOLE:
        return str(int(value))
    text = f"{value:.15g}"
    return f"{Decimal(text):f}" if "e" in text and 1e-10 < abs(value) < 1e22 else text


def sheet_with_content(workbook: CalamineWorkbook) -> CalamineSheet | None:
    for position, sheet in enumerate(workbook.sheets_metadata):
        if sheet.visible == SheetVisibleEnum.Visible and sheet.typ == SheetTypeEnum.WorkSheet:
            found = workbook.get_sheet_by_index(position)
            if found.height and found.width:
                return found
    return None


def rows_of(sheet: CalamineSheet) -> Iterator[tuple[int, list[str]]]:
    first = (sheet.start or (0, 0))[0] + 1
    for offset, values in enumerate(sheet.iter_rows()):
        yield first + offset, [text_of(value) for value in values]


def main() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    write = sys.stdout.buffer.write
    try:
        workbook = CalamineWorkbook.from_filelike(sys.stdin.buffer)
        sheet = sheet_with_content(workbook)
        if sheet is None:
            write(orjson.dumps({"problem": "empty"}))
            return
        for row in rows_of(sheet):
            write(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE))
        write(orjson.dumps({"sheet": sheet.name}))
    except PasswordError:
        write(orjson.dumps({"problem": "password"}))
    except CalamineError:
        write(orjson.dumps({"problem": "damaged"}))


if __name__ == "__main__":
    main()
