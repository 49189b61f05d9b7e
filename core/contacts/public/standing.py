"""Whether a client writes to somebody, as public pages say it: what they say must be what the sender does."""

from dataclasses import dataclass

from core.contacts.audience import blocked_contacts
from core.contacts.choices import BlockReason, ContactStatus
from core.contacts.models import Contact

_OWN_WISHES = frozenset({BlockReason.PAUSED, BlockReason.FREQUENCY, BlockReason.TOPIC})
"""Reasons for fewer mails that a subscribed person set herself."""


@dataclass(frozen=True)
class Standing:
    """`is_subscribed`: gets mails, now or after a pause of her own. `may_come_back`: unsubscribed by her own wish."""

    is_subscribed: bool
    may_come_back: bool


def standing_of(contact: Contact) -> Standing:
    """Two queries at most; the contact's own row is read anew."""
    contact.refresh_from_db(fields=["status", "deleted_at", "erased_at"])
    blocked = blocked_contacts(organization_id=contact.organization_id, contact_ids=[contact.pk])
    reason = blocked.get(contact.pk)
    return Standing(
        is_subscribed=reason is None or reason in _OWN_WISHES,
        may_come_back=contact.status == ContactStatus.UNSUBSCRIBED and contact.deleted_at is None,
    )
