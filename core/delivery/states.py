"""The states of batches and messages, and the one table of legal moves of each (DESIGN 5)."""

from django.db import models


class BatchState(models.TextChoices):
    READY = "ready", "Waiting"
    LEASED = "leased", "Claimed"
    DISPATCHING = "dispatching", "Going out"
    SETTLED = "settled", "Done"


class SendState(models.TextChoices):
    """What we know about handing a mail over. One module writes it: `outcomes`."""

    READY = "ready", "Waiting"
    ACCEPTED = "accepted", "Accepted"
    RETRY_WAIT = "retry_wait", "Will be tried again"
    SUPPRESSED = "suppressed", "Skipped"
    FAILED = "failed", "Failed"
    UNCERTAIN = "uncertain", "In doubt"
    UNRESOLVED = "unresolved", "Unresolved"


class DeliveryState(models.TextChoices):
    """What the provider says about an accepted mail; a fold of events that any order and doubling leaves the same."""

    NONE = "none", "No news"
    PROCESSED = "processed", "Processed"
    DEFERRED = "deferred", "Deferred"
    DELIVERED = "delivered", "Delivered"


class SkipReason(models.TextChoices):
    """Why a person in the audience got nothing, or why a mail failed or is in doubt."""

    NONE = "", ""
    UNSUBSCRIBED = "unsubscribed", "Unsubscribed"
    NOT_CONFIRMED = "not_confirmed", "Subscription not confirmed"
    BOUNCED = "bounced", "Address bounced before"
    COMPLAINED = "complained", "Complained before"
    ON_SUPPRESSION_LIST = "suppression_list", "On the suppression list"
    AGENCY_SUPPRESSION = "agency_suppression", "On the agency's suppression list"
    TOPIC = "topic", "Left this topic"
    PAUSED = "paused", "Paused by the person"
    FREQUENCY = "frequency", "Asked for fewer mails"
    DELETED = "deleted", "Contact deleted"
    CANCELLED = "cancelled", "Campaign cancelled"
    QUOTA = "quota", "Plan limit"
    UNSENDABLE_ADDRESS = "unsendable_address", "The server cannot take this address"
    BAD_ADDRESS = "bad_address", "No such address"
    MAILBOX_FULL = "mailbox_full", "The mailbox is full"
    POLICY = "policy", "Refused by a policy, or for the sender's reputation"
    CONTENT = "content", "Refused for its content"
    TOO_BIG = "too_big", "Too big for the receiver"
    REFUSED = "refused", "Refused by the provider"
    EXHAUSTED = "exhausted", "Tried too often"
    LEASE_EXPIRED = "lease_expired", "The worker died while sending"
    NO_ANSWER = "no_answer", "The provider did not answer"
    NO_PROOF = "no_proof", "No proof either way came in time"


B = BatchState
M = SendState

BATCH_TRANSITIONS: dict[BatchState, frozenset[BatchState]] = {
    B.READY: frozenset({B.LEASED, B.SETTLED}),
    B.LEASED: frozenset({B.READY, B.DISPATCHING, B.SETTLED}),
    B.DISPATCHING: frozenset({B.SETTLED, B.READY}),
    B.SETTLED: frozenset(),
}

MESSAGE_TRANSITIONS: dict[SendState, frozenset[SendState]] = {
    M.READY: frozenset({M.ACCEPTED, M.SUPPRESSED, M.RETRY_WAIT, M.FAILED, M.UNCERTAIN}),
    M.RETRY_WAIT: frozenset({M.READY, M.SUPPRESSED, M.FAILED}),
    M.UNCERTAIN: frozenset({M.ACCEPTED, M.RETRY_WAIT, M.UNRESOLVED}),
    M.UNRESOLVED: frozenset({M.ACCEPTED, M.READY}),
    M.ACCEPTED: frozenset(),
    M.SUPPRESSED: frozenset(),
    M.FAILED: frozenset(),
}
"""`unresolved → ready` is an operator's resend, never automatic."""

SEND_STATE_COLORS = {
    M.READY: "info",
    M.ACCEPTED: "success",
    M.RETRY_WAIT: "warning",
    M.SUPPRESSED: "info",
    M.FAILED: "danger",
    M.UNCERTAIN: "warning",
    M.UNRESOLVED: "danger",
}


def is_legal_message_move(before: str, after: str) -> bool:
    return SendState(after) in MESSAGE_TRANSITIONS[SendState(before)]


def is_legal_batch_move(before: str, after: str) -> bool:
    return BatchState(after) in BATCH_TRANSITIONS[BatchState(before)]
