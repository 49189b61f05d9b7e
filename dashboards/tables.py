"""The plain rows behind each chart: shown under it, downloaded as CSV, and what the chart is drawn from."""

import csv
import datetime
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import xlsxwriter
from django.http import HttpResponse
from django.utils import formats
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from core.exports.formulas import formula_safe
from dashboards.numbers import count_text

_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_NOT_IN_SHEET_NAMES = str.maketrans(dict.fromkeys("[]:*?/\\'", " "))
_LONGEST_SHEET_NAME = 31
_ATTRIBUTES = {True: format_html(' class="{}"', "ex-dash-number"), False: ""}
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
    """`name` is the file name of the download and, in the page, the id. The page shows the first `most` rows (None:
    all), the downloads have all."""

    name: str
    caption: str
    columns: tuple[Column, ...]
    rows: list[Any]
    most: int | None = None

    def cells(self) -> list[list[dict[str, Any]]]:
        """For the page: text (or a link) and whether it is a number."""
        return [[_cell(column, row) for column in self.columns] for row in self.rows[: self.most]]

    def body(self) -> SafeString:
        """The page's rows as HTML: a template takes ten times as long for each of thousands of cells."""
        rows = (
            (format_html_join("", "<td{}>{}</td>", ((_ATTRIBUTES[one["is_number"]], one["shown"]) for one in row)),)
            for row in self.cells()
        )
        return format_html_join("", "<tr>{}</tr>\n", rows)

    @property
    def cut_words(self) -> str:
        """What the page leaves out, "" for nothing."""
        if self.most is None or len(self.rows) <= self.most:
            return ""
        return f"The first {count_text(self.most)} of {count_text(len(self.rows))}. The download has all."


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
    writer.writerow([_neutralised(column.title) for column in table.columns])
    for row in table.rows:
        writer.writerow([_neutralised(column.read(row)) for column in table.columns])
    return response


def xlsx_download(*tables: Table, file_name: str) -> HttpResponse:
    """A workbook with a sheet for each table; text stays text, whatever it begins with."""
    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer, {"in_memory": True}) as workbook:
        for place, table in enumerate(tables):
            _write_sheet(workbook, table, _sheet_name(table.caption, [one.caption for one in tables[:place]]))
    response = HttpResponse(buffer.getvalue(), content_type=_XLSX)
    response["Content-Disposition"] = f'attachment; filename="{file_name}"'
    response["Cache-Control"] = "no-store, private"
    return response


def _write_sheet(workbook: Any, table: Table, name: str) -> None:
    sheet = workbook.add_worksheet(name)
    bold = workbook.add_format({"bold": True})
    for number, column in enumerate(table.columns):
        sheet.write_string(0, number, column.title, bold)
    for line, row in enumerate(table.rows, start=1):
        for number, column in enumerate(table.columns):
            _write(sheet, line, number, column.read(row))
    sheet.freeze_panes(1, 0)
    sheet.autofit()


def _sheet_name(caption: str, taken: Sequence[str]) -> str:
    """As spreadsheets allow it: short, without some signs, and once in a workbook whatever its case."""
    cut = caption.translate(_NOT_IN_SHEET_NAMES)[:_LONGEST_SHEET_NAME]
    same = sum(other.translate(_NOT_IN_SHEET_NAMES)[:_LONGEST_SHEET_NAME].lower() == cut.lower() for other in taken)
    return f"{cut[: _LONGEST_SHEET_NAME - 4]} ({same + 1})" if same else cut


def _write(sheet: Any, line: int, number: int, value: Any) -> None:
    if isinstance(value, int | float):
        sheet.write_number(line, number, round(value, 2))
    elif isinstance(value, datetime.datetime):
        sheet.write_string(line, number, value.strftime("%Y-%m-%d %H:%M"))
    else:
        sheet.write_string(line, number, "" if value is None else str(value))


def _neutralised(value: Any) -> Any:
    """Text that a spreadsheet would run as a formula is marked as text; titles may be the names of campaigns."""
    if isinstance(value, float):
        return round(value, 2)
    if isinstance(value, datetime.datetime):
        return value.strftime("%Y-%m-%d %H:%M")
    if isinstance(value, str):
        return f"'{value}" if value.startswith(_FORMULA_STARTS) else formula_safe(value)
    return "" if value is None else value
