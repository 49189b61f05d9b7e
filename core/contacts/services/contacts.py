"""Writes of single contacts and of selections of them.

Locks are taken in one order everywhere: contacts by address, then the usage counter. Imports do the same.
"""

from collections import Counter
from collections.abc import Collection
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from core.accounts import audit
from core.accounts.models import Organization
from core.contacts.addresses import normalise_address
from core.contacts.choices import ContactStatus, SuppressionKind, SuppressionReason
from core.contacts.errors import ContactExists
from core.contacts.models import Contact, ContactGroupMembership, Suppression
from core.contacts.suppression_keys import address_hash, suppression_key
from core.subscriptions import usage
from core.subscriptions.choices import Metric

FORM_FIELDS = ("first_name", "last_name", "phone", "company", "time_zone", "language", "attributes")

_CAN_UNSUBSCRIBE = frozenset({ContactStatus.SUBSCRIBED, ContactStatus.PENDING})
"""A bounce or a complaint says more than an unsubscription and stays; the suppression is added all the same."""


@transaction.atomic
def contact_add(*, organization: Organization, email: str, source: str = "Added by hand", **fields: Any) -> Contact:
    """A new subscribed contact, counted against the plan. `fields` are of FORM_FIELDS.

    A contact that was deleted comes back with its old status: an unsubscription outlives the deletion.
    Raises BadAddress, ContactExists, LimitReached or NoUsableSubscription.
    """
    address = normalise_address(email)
    # Inserting first makes the second of two people who add one address at once wait, and then find it.
    fresh = Contact(
        organization=organization,
        email=address.email,
        email_key=address.email_key,
        address_hash=address_hash(address.email_key),
        source=source,
        **fields,
    )
    Contact.objects.bulk_create([fresh], ignore_conflicts=True)
    contact = Contact.objects.select_for_update().get(organization=organization, email_key=address.email_key)
    if contact.pk != fresh.pk:
        if contact.deleted_at is None:
            raise ContactExists(f"{contact.email} is a contact of {organization} already.")
        _bring_back(contact, fields)
    usage.reserve(organization_id=organization.pk, metric=Metric.CONTACTS, amount=1)
    audit.record(action="contact.added", obj=contact, changes={"source": [None, source]})
    return contact


def _bring_back(contact: Contact, fields: dict[str, Any]) -> None:
    contact.deleted_at = None
    for name, value in fields.items():
        setattr(contact, name, value)
    contact.save(update_fields=["deleted_at", "updated_at", *fields])


@transaction.atomic
def contact_change(*, contact_id: UUID, email: str, **fields: Any) -> Contact:
    """Set the address and fields (of FORM_FIELDS) of a contact. Status and consent have services of their own.

    Raises BadAddress or ContactExists.
    """
    contact = Contact.objects.select_for_update().get(pk=contact_id, deleted_at=None)
    address = normalise_address(email)
    taken = Contact.objects.filter(organization_id=contact.organization_id, email_key=address.email_key)
    if taken.exclude(pk=contact.pk).exists():
        raise ContactExists(f"Another contact has the address {address.email} already.")
    values = {
        "email": address.email,
        "email_key": address.email_key,
        "address_hash": address_hash(address.email_key),
        **fields,
    }
    before = audit.field_values(contact, list(values))
    for name, value in values.items():
        setattr(contact, name, value)
    changes = audit.changed_fields(before, audit.field_values(contact, list(values)))
    if changes:
        contact.save(update_fields=[*changes, "updated_at"])
        audit.record(action="contact.changed", obj=contact, changes=changes)
    return contact


@transaction.atomic
def contact_unsubscribe(*, contact_id: UUID, source: str) -> bool:
    """Stop mailing this person: status and suppression. Returns False when nothing had to change.

    Works for deleted contacts too, so that a later import finds the suppression. `source` says how
    ("one-click", "unsubscribe page", "by hand") and is kept in the audit log.
    """
    contact = Contact.objects.select_for_update().filter(pk=contact_id).first()
    if contact is None:
        return False
    before = contact.status
    if before in _CAN_UNSUBSCRIBE:
        contact.status = ContactStatus.UNSUBSCRIBED
        contact.save(update_fields=["status", "updated_at"])
    is_new = _suppress(contact, SuppressionReason.UNSUBSCRIBED, note=source)
    if contact.status == before and not is_new:
        return False
    audit.record(
        action="contact.unsubscribed", obj=contact, changes={"status": [before, contact.status], "by": [None, source]}
    )
    return True


@transaction.atomic
def contact_resubscribe(*, contact_id: UUID, source: str) -> bool:
    """The way back after an unsubscription, on the person's own wish. Returns False when nothing had to change.

    Lifts only what the unsubscription did: a bounce, a complaint or a suppression by hand stays.
    """
    contact = Contact.objects.select_for_update().filter(pk=contact_id, deleted_at=None).first()
    if contact is None or contact.status != ContactStatus.UNSUBSCRIBED:
        return False
    Suppression.objects.filter(
        organization_id=contact.organization_id,
        key=suppression_key(SuppressionKind.ADDRESS, contact.email_key),
        reason=SuppressionReason.UNSUBSCRIBED,
    ).delete()
    contact.status = ContactStatus.SUBSCRIBED
    contact.consent_at = timezone.now()
    contact.save(update_fields=["status", "consent_at", "updated_at"])
    audit.record(
        action="contact.resubscribed",
        obj=contact,
        changes={"status": [ContactStatus.UNSUBSCRIBED, contact.status], "by": [None, source]},
    )
    return True


@transaction.atomic
def contacts_unsubscribe(*, contact_ids: Collection[UUID], source: str = "by hand") -> int:
    """Unsubscribe a selection; returns how many changed."""
    return sum(contact_unsubscribe(contact_id=pk, source=source) for pk in _in_lock_order(contact_ids))


@transaction.atomic
def contacts_suppress(*, contact_ids: Collection[UUID], note: str = "") -> int:
    """Put the addresses of a selection on the suppression list by hand; returns how many were not on it."""
    suppressed = 0
    for contact in Contact.objects.select_for_update().filter(pk__in=contact_ids).order_by("email_key"):
        if _suppress(contact, SuppressionReason.MANUAL, note=note):
            audit.record(action="contact.suppressed", obj=contact, changes={"note": [None, note]})
            suppressed += 1
    return suppressed


@transaction.atomic
def contacts_delete(*, contact_ids: Collection[UUID]) -> int:
    """Delete a selection and give its share of the plan back; returns how many were deleted.

    The rows stay, marked, until they are purged; they leave their groups at once.
    """
    contacts = list(
        Contact.objects.select_for_update().filter(pk__in=contact_ids, deleted_at=None).order_by("email_key")
    )
    ids = [contact.pk for contact in contacts]
    ContactGroupMembership.objects.filter(contact_id__in=ids).delete()
    now = timezone.now()
    Contact.objects.filter(pk__in=ids).update(deleted_at=now, updated_at=now)
    for contact in contacts:
        audit.record(action="contact.deleted", obj=contact)
    for organization_id, count in sorted(Counter(contact.organization_id for contact in contacts).items()):
        usage.release(organization_id=organization_id, metric=Metric.CONTACTS, amount=count)
    return len(contacts)


def _in_lock_order(contact_ids: Collection[UUID]) -> list[UUID]:
    return list(
        Contact.objects.filter(pk__in=contact_ids, deleted_at=None).order_by("email_key").values_list("pk", flat=True)
    )


def _suppress(contact: Contact, reason: SuppressionReason, *, note: str) -> bool:
    """Add the contact's address to the suppression list; False when it was on it, for whatever reason."""
    _row, is_new = Suppression.objects.get_or_create(
        organization_id=contact.organization_id,
        group=None,
        key=suppression_key(SuppressionKind.ADDRESS, contact.email_key),
        defaults={"email": contact.email, "reason": reason, "note": note[:200]},
    )
    return is_new
