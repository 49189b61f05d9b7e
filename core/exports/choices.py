"""States and formats of exports."""

from django.db import models


class ExportFormat(models.TextChoices):
    CSV = "csv", "CSV (opens everywhere)"
    XLSX = "xlsx", "Excel workbook"
    JSON = "json", "JSON (for programs)"


CONTENT_TYPES = {
    ExportFormat.CSV: "text/csv; charset=utf-8",
    ExportFormat.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ExportFormat.JSON: "application/json",
}


FEATURE_OF = {
    ExportFormat.CSV: "export_formats.csv",
    ExportFormat.XLSX: "export_formats.xlsx",
    ExportFormat.JSON: "export_formats.csv",
}
"""The plan's feature that a format needs. JSON holds what CSV holds."""


class ExportStatus(models.TextChoices):
    """queued → running → done → expired; failed ends it, too."""

    QUEUED = "queued", "Waiting to start"
    RUNNING = "running", "Running"
    DONE = "done", "Ready"
    FAILED = "failed", "Stopped"
    EXPIRED = "expired", "Expired"


EXPORT_STATUS_COLORS = {
    ExportStatus.QUEUED: "info",
    ExportStatus.RUNNING: "warning",
    ExportStatus.DONE: "success",
    ExportStatus.FAILED: "danger",
    ExportStatus.EXPIRED: "info",
}

UNDER_WAY = (ExportStatus.QUEUED, ExportStatus.RUNNING)
