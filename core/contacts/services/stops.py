"""What mailbox providers report about people: gone addresses, complaints, unsubscriptions elsewhere.

Reports come in any order and more than once. The gravest one decides what a contact and its suppression say, so that
every order ends in the same rows.
"""

from collections.abc import Collection, Sequence
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from core.accounts import audit
from core.contacts.choices import ContactStatus, SuppressionKind, SuppressionReason
from core.contacts.models import Contact, Suppression
from core.contacts.refusals import is_refusal
from core.contacts.services.consent import consents_withdraw
from core.contacts.suppression_keys import suppression_key

_STATUS = {
    SuppressionReason.UNSUBSCRIBED: ContactStatus.UNSUBSCRIBED,
    SuppressionReason.BOUNCED: ContactStatus.BOUNCED,
    SuppressionReason.COMPLAINED: ContactStatus.COMPLAINED,
}
_GRAVITY: tuple[str, ...] = (ContactStatus.UNSUBSCRIBED, ContactStatus.BOUNCED, ContactStatus.COMPLAINED)
"""What is not in here says nothing against a contact."""
_OWN_WISH = frozenset({SuppressionReason.UNSUBSCRIBED, SuppressionReason.COMPLAINED})
_AGREED = frozenset({ContactStatus.SUBSCRIBED, ContactStatus.PENDING, ContactStatus.BOUNCED})
_GIVES_WAY = {
    SuppressionReason.UNSUBSCRIBED: frozenset[str](),
    SuppressionReason.BOUNCED: frozenset[str]({SuppressionReason.UNSUBSCRIBED}),
    SuppressionReason.COMPLAINED: frozenset[str](SuppressionReason.values) - {SuppressionReason.COMPLAINED},
}
"""Suppressions that a graver reason replaces: a complaint is removed with a reason only, whoever suppressed before."""


@transaction.atomic
def contacts_stop(*, contact_ids: Collection[UUID], reason: SuppressionReason, note: str) -> int:
    """Stop mailing these people at once: status and suppression; returns how many changed.

    A fixed number of statements.
    `reason` is UNSUBSCRIBED, BOUNCED or COMPLAINED. Deleted contacts are included, so that a later import finds the
    suppression. Locks in order of address, as every writer of many contacts does, and leaves foreign keys alone.
    """
    contacts = list(Contact.objects.select_for_update(no_key=True).filter(pk__in=contact_ids).order_by("email_key"))
    before = {contact.pk: contact.status for contact in contacts}
    graver = [contact for contact in contacts if _gravity(contact.status) < _gravity(_STATUS[reason])]
    if reason in _OWN_WISH:
        consents_withdraw(contacts=[contact for contact in graver if contact.status in _AGREED], source=note)
    Contact.objects.filter(pk__in=[contact.pk for contact in graver]).update(
        status=_STATUS[reason], updated_at=timezone.now()
    )
    for contact in graver:
        contact.status = _STATUS[reason]
    suppressed = _suppress(contacts, reason, note)
    changed = [contact for contact in contacts if contact.pk in suppressed or contact.status != before[contact.pk]]
    audit.record_all(
        action=f"contact.{reason}",
        changes=[
            (contact, {"status": [before[contact.pk], contact.status], "by": [None, note]}) for contact in changed
        ],
    )
    return len(changed)


def _gravity(status: str) -> int:
    return _GRAVITY.index(status) if status in _GRAVITY else -1


def _suppress(contacts: Sequence[Contact], reason: SuppressionReason, note: str) -> set[UUID]:
    """Add what is missing, and let the graver reason stand; the ids of contacts whose suppression changed."""
    keys = {
        contact.pk: suppression_key(SuppressionKind.ADDRESS, contact.email_key)
        for contact in contacts
        if contact.email_key
    }
    organizations = {contact.organization_id for contact in contacts}
    rows = Suppression.objects.select_for_update(no_key=True).filter(
        organization_id__in=organizations, group=None, key__in=set(keys.values())
    )
    known = {(row.organization_id, row.key): row for row in rows.order_by("key")}
    missing, lighter, changed = [], [], set()
    for contact in contacts:
        if contact.pk not in keys:
            continue
        row = known.get((contact.organization_id, keys[contact.pk]))
        if row is None:
            missing.append(_row(contact, keys[contact.pk], reason, note))
        elif _gives_way(row, reason, note):
            lighter.append(row.pk)
        else:
            continue
        changed.add(contact.pk)
    Suppression.objects.bulk_create(missing, ignore_conflicts=True, batch_size=1000)
    Suppression.objects.filter(pk__in=lighter).update(reason=reason, note=note[:200])
    return changed


def _gives_way(row: Suppression, reason: SuppressionReason, note: str) -> bool:
    """A refusal is the lightest: it takes no place, and gives way to everything else."""
    if is_refusal(reason, note):
        return False
    return row.reason in _GIVES_WAY[reason] or is_refusal(row.reason, row.note)


def _row(contact: Contact, key: str, reason: SuppressionReason, note: str) -> Suppression:
    return Suppression(
        organization_id=contact.organization_id, key=key, email=contact.email, reason=reason, note=note[:200]
    )
