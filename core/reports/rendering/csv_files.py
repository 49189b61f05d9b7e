"""The tables as CSV files (RFC 4180) in one ZIP; numbers plain, so that programs read them."""

import csv
import datetime
import io
import zipfile

from core.exports.formulas import formula_safe
from core.reports.document import Document, Share, Table, Value

_WHEN = (1980, 1, 1, 0, 0, 0)
"""The same document gives the same bytes."""


def csv_zip(document: Document) -> bytes:
    """A file for each table, named after it, UTF-8 with the byte order mark that Excel needs."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for table in document.tables:
            entry = zipfile.ZipInfo(f"{table.name}.csv", _WHEN)
            archive.writestr(entry, _csv(table).encode("utf-8-sig"), zipfile.ZIP_DEFLATED)
    return packed.getvalue()


def _csv(table: Table) -> str:
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow([formula_safe(column.title) for column in table.columns])
    writer.writerows([_plain(value) for value in row] for row in table.rows)
    return text.getvalue()


def _plain(value: Value) -> str | int | float:
    """Percentages with two decimals, days in ISO 8601, texts that no spreadsheet runs as a formula."""
    if isinstance(value, Share):
        return round(100 * value.part / value.whole, 2) if value.whole else ""
    if isinstance(value, datetime.date):
        return value.isoformat()
    return formula_safe(value) if isinstance(value, str) else value
