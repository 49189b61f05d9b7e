"""The plain rows behind each chart: shown under it, downloaded as CSV, and what the chart is drawn from."""

import csv
import datetime
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.http import HttpResponse
from django.utils import formats
from django.utils.html import format_html

from dashboards.numbers import count_text

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True)
class Column:
    """`read` takes a row; `link` gives the address of what is behind the cell, or "" for none."""

    title: str
    read: Callable[[Any], Any]
    is_number: bool = False
    link: Callable[[Any], str] | None = None


@dataclass(frozen=True)
class Table:
    """`name` is the file name of the download and, in the page, the id."""

    name: str
    caption: str
    columns: tuple[Column, ...]
    rows: list[Any]

    def cells(self) -> list[list[dict[str, Any]]]:
        """For the page: text (or a link) and whether it is a number."""
        return [[_cell(column, row) for column in self.columns] for row in self.rows]


def _cell(column: Column, row: Any) -> dict[str, Any]:
    shown = _shown(column.read(row))
    url = column.link(row) if column.link else ""
    return {"shown": format_html('<a href="{}">{}</a>', url, shown) if url else shown, "is_number": column.is_number}


def _shown(value: Any) -> str:
    if isinstance(value, int):
        return count_text(value)
    if isinstance(value, datetime.datetime):
        return formats.date_format(value, "DATETIME_FORMAT")
    return "–" if value is None else str(value)


def csv_download(table: Table, *, file_name: str) -> HttpResponse:
    """The table as CSV (RFC 4180, UTF-8 with a byte order mark, which spreadsheets need to see that it is)."""
    response = HttpResponse("\ufeff", content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{file_name}"'
    response["Cache-Control"] = "no-store, private"
    writer = csv.writer(response)
    writer.writerow([column.title for column in table.columns])
    for row in table.rows:
        writer.writerow([_neutralised(column.read(row)) for column in table.columns])
    return response


def _neutralised(value: Any) -> Any:
    """Text that a spreadsheet would run as a formula is marked as text."""
    if isinstance(value, float):
        return round(value, 2)
    if isinstance(value, datetime.datetime):
        return value.strftime("%Y-%m-%d %H:%M")
    if isinstance(value, str) and value.startswith(_FORMULA_STARTS):
        return f"'{value}"
    return "" if value is None else value
