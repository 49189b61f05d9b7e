"""The report as one web page that asks for nothing: styles, charts and logo stand inside it."""

import datetime
from base64 import b64encode

from django.template.loader import render_to_string
from django.utils.safestring import mark_safe

from core.reports.document import Chart, Column, Document, Table, Value, value_text
from core.reports.rendering.svg import chart_svg

WIDE, NARROW = 720, 340
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'none'; base-uri 'none'"
"""Stands in the file itself, so that it asks for nothing wherever it is opened."""


def html_page(document: Document, *, pdf_url: str = "", pdf_words: str = "") -> str:
    """The page; with `pdf_url` it offers the PDF of the same figures."""
    logo = document.brand.logo
    context = {
        "document": document,
        "brand": document.brand,
        "logo": f"data:{document.brand.logo_type};base64,{b64encode(logo).decode()}" if logo else "",
        "parts": [(part, [_pictures(chart) for chart in part.charts], _tables(part.tables)) for part in document.parts],
        "policy": POLICY,
        "pdf_url": pdf_url,
        "pdf_words": pdf_words,
    }
    return render_to_string("reports/document.html", context)


def _pictures(chart: Chart) -> dict[str, str]:
    """The chart twice: the page shows the one that fits."""
    return {
        "title": chart.title,
        "wide": mark_safe(chart_svg(chart, WIDE)),
        "narrow": mark_safe(chart_svg(chart, NARROW)),
    }


def _tables(tables: tuple[Table, ...]) -> list[dict[str, object]]:
    """Those that a page shows; the files with figures have them all."""
    return [
        {
            "title": table.title,
            "columns": table.columns,
            "rows": [_cells(table, row) for row in table.rows[: table.shown_rows]],
            "more": table.more,
        }
        for table in tables
        if table.shown_rows
    ]


def _cells(table: Table, row: tuple[Value, ...]) -> list[tuple[str, str]]:
    """Texts, each with its class."""
    return [(value_text(value), _class_of(column, value)) for column, value in zip(table.columns, row, strict=True)]


def _class_of(column: Column, value: Value) -> str:
    if column.is_number:
        return "number"
    return "day" if isinstance(value, datetime.date) else ""
