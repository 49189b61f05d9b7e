"""The sentences of the pages of exports."""

from typing import Any

from django.contrib.humanize.templatetags.humanize import naturaltime
from django.template.defaultfilters import filesizeformat
from django.utils import timezone
from django.utils.text import slugify

from core.exports.choices import UNDER_WAY, ExportStatus
from core.exports.models import ListExport
from core.exports.services import KEPT_FOR


def is_under_way(list_export: ListExport) -> bool:
    return list_export.status in UNDER_WAY


def is_ready(list_export: ListExport) -> bool:
    return bool(
        list_export.status == ExportStatus.DONE and list_export.expires_at and list_export.expires_at > timezone.now()
    )


def rows_words(list_export: ListExport) -> str:
    return f"{list_export.rows_done:,} {'row' if list_export.rows_done == 1 else 'rows'}"


def export_line(list_export: ListExport) -> str:
    """Where the export stands, in one sentence."""
    if list_export.status == ExportStatus.QUEUED:
        return "Waiting for a worker."
    if list_export.status == ExportStatus.RUNNING:
        return f"{rows_words(list_export)} written."
    if list_export.status == ExportStatus.FAILED:
        return list_export.problem
    if not is_ready(list_export):
        return "The file is gone. Export the list again to get a new one."
    return f"{rows_words(list_export)}, {filesizeformat(list_export.bytes_total)}."


def file_name(list_export: ListExport) -> str:
    return f"{slugify(list_export.title)}-{list_export.created_at:%Y-%m-%d}.{list_export.file_format}"


def progress_words(list_export: ListExport) -> dict[str, Any]:
    """What the page polls."""
    return {"is_under_way": is_under_way(list_export), "line": export_line(list_export)}


def kept_words(list_export: ListExport) -> str:
    """How long the file can still be fetched; "" when it cannot."""
    expires_at = list_export.expires_at if is_ready(list_export) else None
    if expires_at is None:
        return ""
    return f"The file can be fetched for {KEPT_FOR.days} days: it expires {naturaltime(expires_at)}."
