"""What stands against an address when its owner asks to be written to.

An own unsubscription, a bounce or an erasure ends when the owner confirms by mail: asking anew is a newer wish, and a
confirmed mail has arrived. What somebody else decided stays: a suppression by hand, a do-not-mail list, a whole
domain, a complaint, the agency's own list.
"""

import hashlib
from collections.abc import Collection
from uuid import UUID

from core.contacts.choices import ContactStatus, SuppressionKind, SuppressionReason
from core.contacts.models import AgencySuppression, Contact, Suppression
from core.contacts.suppression_keys import address_hash, suppression_key

ENDED_BY_CONFIRMING = (SuppressionReason.UNSUBSCRIBED, SuppressionReason.BOUNCED, SuppressionReason.ERASED)
ON_THE_LIST = "The address is on the suppression list."
ON_THE_AGENCY_LIST = "The address is on the agency's suppression list."
HAS_COMPLAINED = "The person marked a mail as spam before."


def address_keys(email_key: str) -> list[str]:
    """The suppression keys that mean this address: the Python side of suppression_keys.keys_sql."""
    encoded = email_key.encode()
    return [
        suppression_key(SuppressionKind.ADDRESS, email_key),
        suppression_key(SuppressionKind.DOMAIN, email_key.rpartition("@")[2]),
        suppression_key(SuppressionKind.ERASED, address_hash(email_key)),
        suppression_key(SuppressionKind.MD5, hashlib.md5(encoded, usedforsecurity=False).hexdigest()),
        suppression_key(SuppressionKind.SHA256, hashlib.sha256(encoded).hexdigest()),
    ]


def address_refusals(*, organization_id: UUID, email_keys: Collection[str]) -> dict[str, str]:
    """Those of the addresses that not even a confirmation may be sent to, each with the reason for staff. 3 queries."""
    keys = {email_key: address_keys(email_key) for email_key in email_keys}
    all_keys = {key for own in keys.values() for key in own}
    listed = _lasting_keys(organization_id, all_keys)
    agency = set(AgencySuppression.objects.filter(key__in=all_keys).values_list("key", flat=True))
    complained = Contact.objects.filter(
        organization_id=organization_id, email_key__in=list(keys), status=ContactStatus.COMPLAINED
    )
    refusals = dict.fromkeys(complained.values_list("email_key", flat=True), HAS_COMPLAINED)
    for email_key, own in keys.items():
        if not agency.isdisjoint(own):
            refusals[email_key] = ON_THE_AGENCY_LIST
        elif not listed.isdisjoint(own):
            refusals[email_key] = ON_THE_LIST
    return refusals


def _lasting_keys(organization_id: UUID, keys: Collection[str]) -> set[str]:
    """Of these keys those suppressed for this client by something that confirming does not end."""
    rows = Suppression.objects.filter(organization_id=organization_id, group=None, key__in=keys)
    return {
        key
        for key, kind, reason in rows.values_list("key", "kind", "reason")
        if kind == SuppressionKind.DOMAIN or reason not in ENDED_BY_CONFIRMING
    }


def end_own_suppressions(*, organization_id: UUID, email_key: str) -> int:
    """Lift what the owner of the address may lift by confirming; inside the caller's transaction."""
    rows = Suppression.objects.filter(
        organization_id=organization_id, group=None, key__in=address_keys(email_key), reason__in=ENDED_BY_CONFIRMING
    ).exclude(kind=SuppressionKind.DOMAIN)
    return rows.delete()[0]
