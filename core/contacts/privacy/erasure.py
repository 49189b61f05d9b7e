"""Erasing a person (GDPR, article 17): nothing of them stays but a keyed hash that keeps them from being mailed again.

It happens in two steps. The request takes the contact out of every audience at once; a worker then goes through all
tables, in one transaction, because a person who is half erased is not erased.
"""

from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from core.accounts import audit
from core.common.tasks import wake
from core.contacts.choices import SuppressionKind, SuppressionReason
from core.contacts.errors import WrongContactState
from core.contacts.models import Contact, ContactGroupMembership, Suppression
from core.contacts.privacy.people import person_of
from core.contacts.privacy.registry import Person, data_holders
from core.contacts.privacy.scan import replace_everywhere
from core.contacts.suppression_keys import suppression_key
from core.subscriptions import usage
from core.subscriptions.choices import Metric

BLANK: dict[str, Any] = {
    "email": "",
    "first_name": "",
    "last_name": "",
    "phone": "",
    "phone_e164": "",
    "company": "",
    "time_zone": "",
    "language": "",
    "attributes": {},
    "tags": [],
    "source": "",
    "consent_at": None,
    "consent_basis": "",
    "consent_source": "",
    "mail_frequency": "",
    "paused_until": None,
    "address_hash": "",
    "is_role_address": False,
    "is_disposable_address": False,
    "last_opened_at": None,
    "last_clicked_at": None,
}
"""An erased contact: figures of campaigns still count one person, of whom nothing is known."""

NOT_YET_ERASED = Q(erased_at__isnull=False) & ~Q(email="")


@transaction.atomic
def contact_erase(*, contact_id: UUID) -> Contact:
    """Take the contact out of everything at once and let a worker erase it. Asking twice does nothing more.

    Raises WrongContactState when it is erased already.
    """
    contact = Contact.objects.select_for_update().get(pk=contact_id)
    if contact.erased_at and not contact.email:
        raise WrongContactState("This contact is erased already.")
    if contact.erased_at is None:
        _leave(contact)
        audit.record(action="contact.erasure_asked_for", obj=contact)
    wake("contacts.erase_contact", organization_id=contact.organization_id, contact_id=contact.pk)
    return contact


def _leave(contact: Contact) -> None:
    """Deleted as far as everybody can see, the plan's share given back; the merged ones go along."""
    now = timezone.now()
    if contact.deleted_at is None:
        ContactGroupMembership.objects.filter(contact=contact).delete()
        usage.release(organization_id=contact.organization_id, metric=Metric.CONTACTS, amount=1)
        contact.deleted_at = now
    contact.erased_at = now
    contact.save(update_fields=["deleted_at", "erased_at", "updated_at"])


@transaction.atomic
def contact_erase_now(*, contact_id: UUID) -> dict[str, Any]:
    """The worker's part: every table, then the contact itself. Safe to run twice. Returns a summary without names."""
    contact = Contact.objects.select_for_update().filter(NOT_YET_ERASED, pk=contact_id).first()
    if contact is None:
        return {"skipped": "erased already, or not asked for"}
    person = person_of(contact)
    _keep_hashes(person)
    for holder in data_holders():
        holder.erase(person)
    replace_everywhere(person)
    _blank(person)
    label = Contact._meta.label_lower
    ids = [str(pk) for pk in person.contact_ids]
    audit.erase(organization_id=person.organization_id, object_type=label, object_ids=ids, words=list(person.emails))
    audit.record(action="contact.erased", obj=Contact.objects.get(pk=contact_id))
    return {"contacts": len(person.contact_ids)}


def _keep_hashes(person: Person) -> None:
    """Never mailed again, though nobody knows who: the keyed hash takes the place of what named the address."""
    for address_hash in person.address_hashes:
        Suppression.objects.get_or_create(
            organization_id=person.organization_id,
            group=None,
            key=suppression_key(SuppressionKind.ERASED, address_hash),
            defaults={"kind": SuppressionKind.ERASED, "reason": SuppressionReason.ERASED},
        )


def _blank(person: Person) -> None:
    now = timezone.now()
    for contact_id in person.contact_ids:
        Contact.objects.filter(pk=contact_id, organization_id=person.organization_id).update(
            **BLANK, email_key=f"erased:{contact_id}", deleted_at=now, erased_at=now, updated_at=now
        )
