"""The report as PDF, set by Typst: one wheel with everything inside, no program and no library of the system.

The layout (report.typ) is fixed; names and texts reach it as JSON and are shown as text, so that nothing in them can be
markup. Fonts are embedded from the package; glyphs they lack come from the system's fonts where it has some.
"""

import io
import threading
from base64 import b64encode
from functools import cache
from pathlib import Path
from typing import Any

import orjson
import typst
from PIL import Image

from core.reports.document import Brand, Chart, Document, Part, Table, value_text
from core.reports.rendering.svg import chart_svg

_LAYOUT = Path(__file__).with_name("report.typ")
_FONTS = Path(__file__).parents[1] / "fonts"
_WIDTH = 660
_SHORT = 24
"""Characters of a text that needs no room of its own."""
_one_at_a_time = threading.Lock()
"""Typst takes all cores there are for one report; two at once gain nothing and hold twice the memory."""


def pdf_file(document: Document) -> bytes:
    """The whole file, with tags for screen readers."""
    brand = document.brand
    content = {
        "language": document.language,
        "title": document.title,
        "client": brand.client,
        "period": document.period,
        "compared": document.compared,
        "made": document.made,
        "by": document.by,
        "page_words": document.page_words,
        "color": brand.color,
        "text_color": brand.text_color,
        "ink": brand.ink,
        "logo": _logo(brand) if brand.logo else "",
        "parts": [_part(part) for part in document.parts],
    }
    files = {"main.typ": _LAYOUT.read_bytes(), "report.json": orjson.dumps(content)}
    with _one_at_a_time:
        return typst.compile(files, font_paths=_fonts(), format="pdf")


def _logo(brand: Brand) -> str:
    """The picture inside an SVG: files handed to Typst have to be text."""
    with Image.open(io.BytesIO(brand.logo)) as picture:
        width, height = picture.size
    data = f"data:{brand.logo_type};base64,{b64encode(brand.logo).decode()}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}">'
        f'<image href="{data}" width="{width}" height="{height}"/></svg>'
    )


@cache
def _fonts() -> Any:
    """Read once a process: the system may have thousands."""
    return typst.Fonts(include_system_fonts=True, font_paths=[str(_FONTS)])


def _part(part: Part) -> dict[str, Any]:
    return {
        "key": part.key,
        "title": part.title,
        "paragraphs": part.paragraphs,
        "is_list": part.is_list,
        "tiles": [
            {
                "label": tile.label,
                "value": tile.value,
                "base": tile.base,
                "change": {1: "▲ ", -1: "▼ "}.get(tile.direction, "") + tile.change,
                "tone": {True: "good", False: "bad", None: ""}[tile.is_good],
            }
            for tile in part.tiles
        ],
        "charts": [_chart(chart) for chart in part.charts],
        "tables": [_table(table) for table in part.tables if table.shown_rows],
        "note": part.note,
    }


def _chart(chart: Chart) -> dict[str, str]:
    return {"title": chart.title, "svg": chart_svg(chart, _WIDTH), "description": chart.description}


def _table(table: Table) -> dict[str, Any]:
    rows = [[value_text(value) for value in row] for row in table.rows[: table.shown_rows]]
    return {
        "columns": [
            {
                "title": column.title,
                "is_number": column.is_number,
                "is_wide": not place or (not column.is_number and any(len(row[place]) > _SHORT for row in rows)),
            }
            for place, column in enumerate(table.columns)
        ],
        "rows": rows,
        "more": table.more,
    }
