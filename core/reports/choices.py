"""What a report can be made of, for which days, in which form, and the states of its files and mails."""

from django.db import models


class Period(models.TextChoices):
    """The days a report is about, seen from the day it is made. All but CUSTOM move with time."""

    LAST_MONTH = "last_month", "Last month"
    LAST_30_DAYS = "last_30_days", "Last 30 days"
    LAST_7_DAYS = "last_7_days", "Last 7 days"
    LAST_QUARTER = "last_quarter", "Last quarter"
    CUSTOM = "custom", "From … to …"


class Section(models.TextChoices):
    """In the order a report has unless somebody chooses another."""

    SUMMARY = "summary", "What changed, in words"
    HEADLINE = "headline", "Key figures"
    OVER_TIME = "over_time", "Over time"
    HONEST_OPENS = "honest_opens", "Opens by people and machines"
    CAMPAIGNS = "campaigns", "Campaigns"
    LINKS = "links", "Links most followed"
    PROVIDERS = "providers", "Mailbox providers"
    DEVICES = "devices", "Devices"
    BEST_HOURS = "best_hours", "When people open"
    DELIVERABILITY = "deliverability", "Deliverability"
    AUDIENCE = "audience", "Audience"
    METHOD = "method", "How these figures are counted"


class Language(models.TextChoices):
    ENGLISH = "en", "English"
    SPANISH = "es", "Spanish"


class ReportFormat(models.TextChoices):
    PDF = "pdf", "PDF (to read and print)"
    HTML = "html", "Web page (one file)"
    XLSX = "xlsx", "Excel workbook with charts"
    CSV = "csv", "CSV tables (ZIP)"


CONTENT_TYPES = {
    ReportFormat.PDF: "application/pdf",
    ReportFormat.HTML: "text/html; charset=utf-8",
    ReportFormat.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ReportFormat.CSV: "application/zip",
}
FILE_ENDINGS = {
    ReportFormat.PDF: "pdf",
    ReportFormat.HTML: "html",
    ReportFormat.XLSX: "xlsx",
    ReportFormat.CSV: "zip",
}
FEATURE_OF = {
    ReportFormat.PDF: "export_formats.pdf",
    ReportFormat.XLSX: "export_formats.xlsx",
    ReportFormat.CSV: "export_formats.csv",
}
"""The plan's feature that a format needs; the web page needs none."""


class Frequency(models.TextChoices):
    NEVER = "", "Not by itself"
    WEEKLY = "weekly", "Every week"
    MONTHLY = "monthly", "Every month"


class FileState(models.TextChoices):
    """waiting → making → ready; failed ends it, too."""

    WAITING = "waiting", "Waiting to start"
    MAKING = "making", "Being made"
    READY = "ready", "Ready"
    FAILED = "failed", "Not made"


class ReportMailState(models.TextChoices):
    """waiting → sending → sent | unknown | failed, and back to waiting for what a server refused for now."""

    WAITING = "waiting", "Waiting"
    SENDING = "sending", "On its way"
    SENT = "sent", "Sent"
    UNKNOWN = "unknown", "In doubt"
    FAILED = "failed", "Not sent"


MAIL_COLORS = {
    ReportMailState.WAITING: "info",
    ReportMailState.SENDING: "warning",
    ReportMailState.SENT: "success",
    ReportMailState.UNKNOWN: "warning",
    ReportMailState.FAILED: "danger",
}

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
