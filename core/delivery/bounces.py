"""Why a mail came back, in one vocabulary for every provider, and what follows for the person and for the sender."""

from django.db import models


class BounceClass(models.TextChoices):
    """Stored with the event and, the gravest of a mail, with the mail."""

    NONE = "", ""
    INVALID_ADDRESS = "invalid_address", "The address does not exist"
    DOMAIN_INVALID = "domain_invalid", "The domain takes no mail"
    MAILBOX_DISABLED = "mailbox_disabled", "The mailbox is closed"
    MAILBOX_FULL = "mailbox_full", "The mailbox is full"
    EXPIRED = "expired", "The server did not take it for days"
    PROVIDER_LIST = "provider_list", "On the provider's own list of bounced addresses"
    REPUTATION = "reputation", "Refused for the sender's reputation"
    AUTH = "auth", "Refused for missing authentication (SPF, DKIM, DMARC)"
    CONTENT = "content", "Refused as spam"
    RATE = "rate", "Refused for too many mails at once"
    POLICY = "policy", "Refused by the recipient's policy"
    TOO_BIG = "too_big", "Too large"
    NETWORK = "network", "The server could not be reached"
    LEFT_THERE = "left_there", "Unsubscribed at the provider"
    COMPLAINED_THERE = "complained_there", "Complained at the provider"
    UNDETERMINED = "undetermined", "Not clear why"


HARD = frozenset({BounceClass.INVALID_ADDRESS, BounceClass.DOMAIN_INVALID, BounceClass.MAILBOX_DISABLED})
"""Nobody is there: the contact is not written to again."""
COUNTED = frozenset({BounceClass.MAILBOX_FULL, BounceClass.EXPIRED, BounceClass.PROVIDER_LIST})
"""May pass: the contact is not written to again after several days of it."""
ABOUT_SENDER = frozenset(
    {BounceClass.REPUTATION, BounceClass.AUTH, BounceClass.CONTENT, BounceClass.RATE, BounceClass.POLICY}
)
"""Says something about us, nothing about the person: never held against the contact."""

_GRAVITY = (
    *(BounceClass.INVALID_ADDRESS, BounceClass.DOMAIN_INVALID, BounceClass.MAILBOX_DISABLED),
    *(BounceClass.COMPLAINED_THERE, BounceClass.LEFT_THERE, BounceClass.PROVIDER_LIST),
    *(BounceClass.AUTH, BounceClass.REPUTATION, BounceClass.CONTENT, BounceClass.POLICY, BounceClass.RATE),
    *(BounceClass.MAILBOX_FULL, BounceClass.EXPIRED, BounceClass.TOO_BIG, BounceClass.NETWORK),
    *(BounceClass.UNDETERMINED, BounceClass.NONE),
)
BY_GRAVITY: tuple[str, ...] = tuple(bounce.value for bounce in _GRAVITY)
"""Of several reports about one mail the first in this order is kept, whatever came first."""
