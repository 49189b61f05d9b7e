"""The report as a workbook: a sheet with the words and key figures, then one for each table with Excel's own charts."""

import datetime
import io
from typing import Any

import xlsxwriter

from core.reports.document import Chart, ChartKind, Document, Part, Series, Share, Table, Value

_LONGEST_CELL = 32_767
_WIDEST = 60
_SHEET_NAME = 31
"""Characters of a worksheet's name (Excel specifications and limits)."""
_FORBIDDEN = str.maketrans(dict.fromkeys("[]:*?/\\'", " "))


def workbook(document: Document) -> bytes:
    file = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    book = xlsxwriter.Workbook(file, options)
    book.set_properties({"title": f"{document.title} · {document.period}", "author": document.brand.client})
    styles = _Styles(book, document)
    names = _SheetNames()
    _words_sheet(book, styles, document, names)
    for part in document.parts:
        for table in part.tables:
            _table_sheet(book, styles, part, table, names)
    book.close()
    return file.getvalue()


class _Styles:
    def __init__(self, book: Any, document: Document) -> None:
        color, on_color = document.brand.color, document.brand.text_color
        self.title = book.add_format({"bold": True, "font_size": 18, "font_color": on_color, "bg_color": color})
        self.band = book.add_format({"font_color": on_color, "bg_color": color})
        self.heading = book.add_format({"bold": True, "font_size": 13, "font_color": document.brand.ink})
        self.header = book.add_format({"bold": True, "bottom": 1, "text_wrap": True, "valign": "bottom"})
        self.text = book.add_format({"text_wrap": True, "valign": "top"})
        self.quiet = book.add_format({"font_color": "#4b5563", "text_wrap": True, "valign": "top"})
        self.big = book.add_format({"bold": True, "font_size": 14, "valign": "top"})
        self.count = book.add_format({"num_format": "#,##0"})
        self.percent = book.add_format({"num_format": "0.0%"})
        self.day = book.add_format({"num_format": "yyyy-mm-dd", "align": "left"})


class _SheetNames:
    """Once in a workbook whatever the case, and never "History", which Excel keeps for itself."""

    def __init__(self) -> None:
        self._taken = {"history"}

    def __call__(self, title: str) -> str:
        name = wanted = _sheet_name(title) or "Report"
        number = 1
        while name.casefold() in self._taken:
            number += 1
            name = f"{wanted[: _SHEET_NAME - 5].strip()} ({number})"
        self._taken.add(name.casefold())
        return name


def _words_sheet(book: Any, styles: _Styles, document: Document, names: _SheetNames) -> None:
    sheet = book.add_worksheet(names(document.brand.client))
    sheet.hide_gridlines(2)
    sheet.set_column(0, 0, 34)
    sheet.set_column(1, 3, 26)
    for row in range(3):
        sheet.set_row(row, 26 if row == 0 else 18, styles.band)
    sheet.write_string(0, 0, f"{document.brand.client} · {document.title}"[:_LONGEST_CELL], styles.title)
    sheet.write_string(1, 0, document.period, styles.band)
    sheet.write_string(2, 0, document.compared, styles.band)
    row = 4
    for part in document.parts:
        if part.paragraphs or part.tiles:
            row = _words(sheet, styles, part, row)
    sheet.write_string(row, 0, document.made, styles.quiet)
    sheet.set_landscape()
    sheet.fit_to_pages(1, 0)


def _words(sheet: Any, styles: _Styles, part: Part, row: int) -> int:
    """Paragraphs and key figures of a part; returns the next free row."""
    sheet.write_string(row, 0, part.title, styles.heading)
    row += 1
    for paragraph in part.paragraphs:
        sheet.merge_range(row, 0, row, 3, "", styles.text)
        sheet.write_string(row, 0, paragraph[:_LONGEST_CELL], styles.text)
        sheet.set_row(row, 15 * (1 + len(paragraph) // 105))
        row += 1
    for tile in part.tiles:
        for column, (words, style) in enumerate(
            (
                (tile.label, styles.text),
                (tile.value, styles.big),
                (tile.base, styles.quiet),
                (tile.change, styles.quiet),
            )
        ):
            sheet.write_string(row, column, words, style)
        row += 1
    return row + 1


def _table_sheet(book: Any, styles: _Styles, part: Part, table: Table, names: _SheetNames) -> None:
    sheet = book.add_worksheet(names(table.title))
    sheet.freeze_panes(1, 0)
    for column, head in enumerate(table.columns):
        sheet.write_string(0, column, head.title, styles.header)
        longest = max([len(head.title), *(len(str(row[column])) for row in table.rows if isinstance(row[column], str))])
        sheet.set_column(column, column, min(max(longest + 2, 11), _WIDEST))
    for number, row in enumerate(table.rows, start=1):
        for column, value in enumerate(row):
            _write(sheet, styles, number, column, value)
    for chart in part.charts:
        _chart(book, sheet, chart, part, table)


def _write(sheet: Any, styles: _Styles, row: int, column: int, value: Value) -> None:
    """Texts are written as texts, so that nothing is a formula."""
    if isinstance(value, Share):
        if value.whole:
            sheet.write_number(row, column, value.part / value.whole, styles.percent)
    elif isinstance(value, int):
        sheet.write_number(row, column, value, styles.count)
    elif isinstance(value, datetime.date):
        sheet.write_datetime(row, column, datetime.datetime(value.year, value.month, value.day), styles.day)  # noqa: DTZ001
    else:
        sheet.write_string(row, column, value[:_LONGEST_CELL])


def _chart(book: Any, sheet: Any, chart: Chart, part: Part, table: Table) -> None:
    """The chart over the table's own cells, so that it follows them."""
    rows = len(table.rows)
    if chart.kind is ChartKind.HEAT:
        scale = {"type": "2_color_scale", "min_color": "#ffffff", "max_color": chart.series[0].color}
        sheet.conditional_format(1, 1, rows, len(table.columns) - 1, scale)
        return
    is_bars = chart.kind is ChartKind.BARS
    native = book.add_chart({"type": "bar" if is_bars else "line"})
    titles = [column.title for column in table.columns]
    for one in chart.series:
        column = titles.index(one.name) if one.name in titles else 1
        native.add_series(_series(sheet.get_name(), one, column, rows, is_bars=is_bars))
        if one.name not in titles:
            break  # one bar each: the table's only column of numbers is the whole picture
    native.set_title({"name": chart.title, "name_font": {"size": 12}, "overlay": False})
    native.set_legend({"position": "bottom"} if len(chart.series) > 1 else {"none": True})
    if is_bars:
        native.set_y_axis({"reverse": True})
        native.set_x_axis({"min": 0, "major_gridlines": {"visible": True, "line": {"color": "#e2e6ea"}}})
    else:
        native.set_y_axis({"min": 0, "major_gridlines": {"visible": True, "line": {"color": "#e2e6ea"}}})
    native.set_size({"width": 760, "height": max(300, 34 * rows if is_bars else 340)})
    sheet.insert_chart(1, len(table.columns) + 1, native, {"description": chart.description[:2000]})


def _series(sheet: str, one: Series, column: int, rows: int, *, is_bars: bool) -> dict[str, Any]:
    look: dict[str, Any] = {"fill": {"color": one.color}, "data_labels": {"value": True}, "gap": 60}
    dashes = {"dash_type": "dash"} if one.is_pale else {}
    return {
        "name": one.name,
        "categories": [sheet, 1, 0, rows, 0],
        "values": [sheet, 1, column, rows, column],
        **(look if is_bars else {"line": {"color": one.color, "width": 2.25, **dashes}}),
    }


def _sheet_name(title: str) -> str:
    return " ".join("".join(c for c in title.translate(_FORBIDDEN) if c.isprintable()).split())[:_SHEET_NAME].strip()
