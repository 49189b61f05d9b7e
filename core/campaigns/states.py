"""The states of a campaign and the one table of legal moves between them (DESIGN 5)."""

from django.db import models


class CampaignStatus(models.TextChoices):
    DRAFT = "draft", "Draft"
    IN_REVIEW = "in_review", "In review"
    APPROVED = "approved", "Approved"
    SCHEDULED = "scheduled", "Scheduled"
    MATERIALISING = "materialising", "Preparing"
    SENDING = "sending", "Sending"
    PAUSED = "paused", "Paused"
    SENT = "sent", "Sent"
    CANCELLING = "cancelling", "Cancelling"
    CANCELLED = "cancelled", "Cancelled"
    FAILED = "failed", "Failed"


class PauseReason(models.TextChoices):
    """Why a campaign stands still. A person's pause is lifted by a person."""

    MANUAL = "manual", "Paused by a person"
    AUTO = "auto", "Too many bounces or complaints"
    QUOTA = "quota", "The plan's limit is reached"
    DOMAIN = "domain", "The sending domain is not in order"
    CONNECTION = "connection", "The sending connection refuses us"


class ScheduleZone(models.TextChoices):
    """In whose time zone the planned time is meant."""

    CLIENT = "client", "The client's time zone"
    RECIPIENT = "recipient", "Each recipient's time zone"


class ApprovalStage(models.TextChoices):
    INTERNAL = "internal", "Internal approval"
    CLIENT = "client", "Client's approval"


class ApprovalState(models.TextChoices):
    OPEN = "open", "Waiting"
    APPROVED = "approved", "Approved"
    CHANGES = "changes", "Changes asked for"
    REVOKED = "revoked", "Revoked by an edit"
    WITHDRAWN = "withdrawn", "Withdrawn"
    EXPIRED = "expired", "Not answered in time"


class ABMetric(models.TextChoices):
    """What people do decides, machines do not."""

    OPENS = "opens", "Opens by people"
    CLICKS = "clicks", "Clicks by people"


S = CampaignStatus

TRANSITIONS: dict[CampaignStatus, frozenset[CampaignStatus]] = {
    S.DRAFT: frozenset({S.IN_REVIEW, S.SCHEDULED, S.CANCELLED}),
    S.IN_REVIEW: frozenset({S.DRAFT, S.APPROVED, S.CANCELLED}),
    S.APPROVED: frozenset({S.DRAFT, S.SCHEDULED, S.CANCELLED}),
    S.SCHEDULED: frozenset({S.DRAFT, S.MATERIALISING, S.CANCELLED, S.FAILED}),
    S.MATERIALISING: frozenset({S.SENDING, S.PAUSED, S.CANCELLING, S.FAILED}),
    S.SENDING: frozenset({S.PAUSED, S.SENT, S.CANCELLING}),
    S.PAUSED: frozenset({S.SENDING, S.MATERIALISING, S.CANCELLING}),
    S.CANCELLING: frozenset({S.CANCELLED}),
    S.SENT: frozenset(),
    S.CANCELLED: frozenset(),
    S.FAILED: frozenset({S.DRAFT}),
}

EDITABLE = frozenset({S.DRAFT, S.IN_REVIEW, S.APPROVED})
SENDABLE = frozenset({S.DRAFT, S.APPROVED})
RUNNING = frozenset({S.MATERIALISING, S.SENDING})
STOPPABLE = RUNNING | {S.SCHEDULED}
FROZEN = frozenset({S.MATERIALISING, S.SENDING, S.PAUSED, S.SENT, S.CANCELLING, S.CANCELLED})

STATUS_COLORS = {
    S.DRAFT: "info",
    S.IN_REVIEW: "warning",
    S.APPROVED: "success",
    S.SCHEDULED: "info",
    S.MATERIALISING: "warning",
    S.SENDING: "warning",
    S.PAUSED: "danger",
    S.SENT: "success",
    S.CANCELLING: "danger",
    S.CANCELLED: "info",
    S.FAILED: "danger",
}


def is_legal(before: str, after: str) -> bool:
    return CampaignStatus(after) in TRANSITIONS[CampaignStatus(before)]
