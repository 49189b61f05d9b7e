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


class BlockReason(models.TextChoices):
    """Why a contact is not written to. The values are those of the ledger's skip reasons."""

    UNSUBSCRIBED = "unsubscribed", "Unsubscribed"
    NOT_CONFIRMED = "not_confirmed", "Subscription not confirmed"
    BOUNCED = "bounced", "Address bounced before"
    COMPLAINED = "complained", "Complained before"
    SUPPRESSION_LIST = "suppression_list", "On the suppression list"
    DELETED = "deleted", "Contact deleted"


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
