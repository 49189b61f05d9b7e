"""States of contacts, suppressions and imports."""

from django.db import models


class ContactStatus(models.TextChoices):
    SUBSCRIBED = "subscribed", "Subscribed"
    UNSUBSCRIBED = "unsubscribed", "Unsubscribed"
    PENDING = "pending", "Waiting for confirmation"
    BOUNCED = "bounced", "Bounced"
    COMPLAINED = "complained", "Complained"


CONTACT_STATUS_COLORS = {
    ContactStatus.SUBSCRIBED: "success",
    ContactStatus.UNSUBSCRIBED: "info",
    ContactStatus.PENDING: "warning",
    ContactStatus.BOUNCED: "danger",
    ContactStatus.COMPLAINED: "danger",
}


class SuppressionReason(models.TextChoices):
    UNSUBSCRIBED = "unsubscribed", "Unsubscribed"
    BOUNCED = "bounced", "Bounced"
    COMPLAINED = "complained", "Complained"
    MANUAL = "manual", "Added by hand"


class ImportStatus(models.TextChoices):
    DRAFT = "draft", "Waiting for confirmation"
    QUEUED = "queued", "Waiting to start"
    RUNNING = "running", "Running"
    DONE = "done", "Done"
    FAILED = "failed", "Stopped"
    CANCELLED = "cancelled", "Cancelled"


IMPORT_STATUS_COLORS = {
    ImportStatus.DRAFT: "info",
    ImportStatus.QUEUED: "info",
    ImportStatus.RUNNING: "warning",
    ImportStatus.DONE: "success",
    ImportStatus.FAILED: "danger",
    ImportStatus.CANCELLED: "info",
}
