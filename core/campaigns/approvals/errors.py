"""What the approval chain refuses. Nothing has changed when one of these is raised."""

from core.common.errors import DomainError


class ApprovalRefused(DomainError):
    """It cannot be asked for, answered or taken back now; the sentence says why."""

    code = "approvals.refused"


class NotYours(DomainError):
    """The person may not answer this request: its author, whoever asked for it, or without the right to send."""

    code = "approvals.not_yours"


class AlreadyAnswered(DomainError):
    """The request is no longer open: answered, withdrawn or expired."""

    code = "approvals.already_answered"


class LinkExpired(DomainError):
    """The time to answer is over."""

    code = "approvals.expired"


class RevokedByEdit(DomainError):
    """What was to be agreed to is no longer what the campaign says. Field: changed (names of parts)."""

    code = "approvals.revoked"


class ApprovalMissing(DomainError):
    """A campaign was about to start without the approval that its client's rule asks for."""

    code = "approvals.missing"


class CommentRefused(DomainError):
    """The text is missing or too long, or there are enough comments. Field: field ("text", "name")."""

    code = "approvals.comment_refused"
