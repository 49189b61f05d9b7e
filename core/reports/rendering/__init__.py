"""A document as a file: one module a format. Call with the report's language active, see `render`."""

from django.utils import translation

from core.reports.choices import ReportFormat
from core.reports.document import Document
from core.reports.rendering.csv_files import csv_zip
from core.reports.rendering.html import html_page
from core.reports.rendering.pdf import pdf_file
from core.reports.rendering.xlsx import workbook

__all__ = ["page_text", "render"]


def render(document: Document, file_format: ReportFormat) -> bytes:
    """The whole file."""
    with translation.override(document.language):
        if file_format is ReportFormat.PDF:
            return pdf_file(document)
        if file_format is ReportFormat.XLSX:
            return workbook(document)
        if file_format is ReportFormat.CSV:
            return csv_zip(document)
        return html_page(document).encode()


def page_text(document: Document, *, pdf_url: str = "", pdf_words: str = "") -> str:
    """The web page as text, with a link to the PDF where there is one."""
    with translation.override(document.language):
        return html_page(document, pdf_url=pdf_url, pdf_words=pdf_words)
