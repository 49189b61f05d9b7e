"""Writes of single contacts and of selections of them.

Locks are taken in one order everywhere: contacts by address, then the usage counter. Imports do the same.
"""

from collections import Counter
from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils import timezone

from core.accounts import audit
from core.accounts.models import Organization
from core.contacts.address_kinds import is_disposable, is_role
from core.contacts.addresses import Address, normalise_address
from core.contacts.choices import (
    ConsentBasis,
    ConsentChange,
    ContactStatus,
    SuppressionKind,
    SuppressionReason,
)
from core.contacts.errors import ContactExists
from core.contacts.models import Contact, ContactGroupMembership, Suppression
from core.contacts.phones import phone_e164
from core.contacts.refusals import is_refusal
from core.contacts.search import contacts_reindex
from core.contacts.services.consent import consent_record, consents_withdraw
from core.contacts.suppression_keys import address_hash, suppression_key
from core.contacts.tags import clean_tags, register_tags
from core.subscriptions import usage
from core.subscriptions.choices import Metric

FORM_FIELDS = ("first_name", "last_name", "phone", "company", "time_zone", "language", "attributes", "tags")

_CAN_UNSUBSCRIBE = frozenset({ContactStatus.SUBSCRIBED, ContactStatus.PENDING})
"""A bounce or a complaint says more than an unsubscription and stays; the suppression is added all the same."""


@transaction.atomic
def contact_add(*, organization: Organization, email: str, source: str = "Added by hand", **fields: Any) -> Contact:
    """A new subscribed contact, counted against the plan. `fields` are of FORM_FIELDS.

    A contact that was deleted comes back with its old status: an unsubscription outlives the deletion. One that was
    merged into another comes back as its own.
    Raises BadAddress, BadTag, ContactExists, LimitReached or NoUsableSubscription.
    """
    values = {**_address_columns(normalise_address(email)), **_derived(fields)}
    # Inserting first makes the second of two people who add one address at once wait, and then find it.
    fresh = Contact(organization=organization, source=source, **values)
    Contact.objects.bulk_create([fresh], ignore_conflicts=True)
    contact = Contact.objects.select_for_update().get(organization=organization, email_key=fresh.email_key)
    if contact.pk != fresh.pk:
        if contact.deleted_at is None:
            raise ContactExists(f"{contact.email} is a contact of {organization} already.")
        if contact.erased_at is not None:
            raise ContactExists("The person with this address is being erased. Try again in a minute.")
        _bring_back(contact, values)
    usage.reserve(organization_id=organization.pk, metric=Metric.CONTACTS, amount=1)
    register_tags(organization_id=organization.pk, tags=contact.tags)
    contacts_reindex(organization_id=organization.pk, contact_ids=[contact.pk])
    audit.record(action="contact.added", obj=contact, changes={"source": [None, source]})
    return contact


def _bring_back(contact: Contact, values: dict[str, Any]) -> None:
    contact.deleted_at = contact.merged_into = None
    for name, value in values.items():
        setattr(contact, name, value)
    contact.save(update_fields=["deleted_at", "merged_into", "updated_at", *values])


def _address_columns(address: Address) -> dict[str, Any]:
    """All columns that follow from the address."""
    local, _at, domain = address.email_key.rpartition("@")
    return {
        "email": address.email,
        "email_key": address.email_key,
        "address_hash": address_hash(address.email_key),
        "is_role_address": is_role(local),
        "is_disposable_address": is_disposable(domain),
    }


def _derived(fields: dict[str, Any]) -> dict[str, Any]:
    """The fields with what follows from them. Raises BadTag."""
    values = dict(fields)
    if "phone" in values:
        values["phone_e164"] = phone_e164(values["phone"])
    if "tags" in values:
        values["tags"] = clean_tags(values["tags"])
    return values


@transaction.atomic
def contact_change(*, contact_id: UUID, email: str, attributes: dict[str, Any] | None = None, **fields: Any) -> Contact:
    """Set the address and fields (of FORM_FIELDS) of a contact. Status and consent have services of their own.

    `attributes` holds only those that change, None removes one: what an import writes meanwhile stays.
    Raises BadAddress, BadTag or ContactExists.
    """
    contact = Contact.objects.select_for_update().get(pk=contact_id, deleted_at=None)
    address = normalise_address(email)
    _refuse_taken(contact, address)
    values = {**_address_columns(address), **_derived(fields)}
    if attributes:
        merged = {**contact.attributes, **attributes}
        values["attributes"] = {key: value for key, value in merged.items() if value is not None}
    before = audit.field_values(contact, list(values))
    for name, value in values.items():
        setattr(contact, name, value)
    changes = audit.changed_fields(before, audit.field_values(contact, list(values)))
    if changes:
        _save(contact, list(changes))
        register_tags(organization_id=contact.organization_id, tags=contact.tags if "tags" in changes else ())
        contacts_reindex(organization_id=contact.organization_id, contact_ids=[contact.pk])
        audit.record(action="contact.changed", obj=contact, changes=_for_people(changes))
    return contact


def _refuse_taken(contact: Contact, address: Address) -> None:
    taken = Contact.objects.filter(organization_id=contact.organization_id, email_key=address.email_key)
    other = taken.exclude(pk=contact.pk).first()
    if other is not None and other.deleted_at:
        raise ContactExists(
            f"{address.email} was a contact before and is deleted. Its history belongs to that address: add it as a "
            "contact of its own, then merge the two."
        )
    if other is not None:
        raise ContactExists(f"Another contact has the address {address.email} already. You can merge the two.")


def _save(contact: Contact, names: list[str]) -> None:
    """Somebody may take the address between the look and the write."""
    try:
        with transaction.atomic():
            contact.save(update_fields=[*names, "updated_at"])
    except IntegrityError as error:
        raise ContactExists(f"Another contact has the address {contact.email} already.") from error


def _for_people(changes: audit.Changes) -> audit.Changes:
    """The changes without columns that only follow from others."""
    follow = {"email_key", "address_hash", "phone_e164", "is_role_address", "is_disposable_address"}
    return {name: pair for name, pair in changes.items() if name not in follow} or changes


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
        consent_record(contact=contact, change=ConsentChange.WITHDRAWN, source=source)
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

    Lifts only what the unsubscription did: a bounce, a complaint or a suppression by hand stays, and so do topics left.
    """
    contact = Contact.objects.select_for_update().filter(pk=contact_id, deleted_at=None).first()
    if contact is None or contact.status != ContactStatus.UNSUBSCRIBED:
        return False
    Suppression.objects.filter(
        organization_id=contact.organization_id,
        group=None,
        key=suppression_key(SuppressionKind.ADDRESS, contact.email_key),
        reason=SuppressionReason.UNSUBSCRIBED,
    ).delete()
    contact.status = ContactStatus.SUBSCRIBED
    contact.save(update_fields=["status", "updated_at"])
    consent_record(contact=contact, change=ConsentChange.GIVEN, basis=ConsentBasis.EXPRESS, source=source)
    audit.record(
        action="contact.resubscribed",
        obj=contact,
        changes={"status": [ContactStatus.UNSUBSCRIBED, contact.status], "by": [None, source]},
    )
    return True


@transaction.atomic
def contacts_unsubscribe(*, contact_ids: Collection[UUID], source: str = "by hand") -> int:
    """Unsubscribe a selection; returns how many changed. A fixed number of statements."""
    contacts = _locked(contact_ids)
    leaving = [contact for contact in contacts if contact.status in _CAN_UNSUBSCRIBE]
    before = {contact.pk: contact.status for contact in contacts}
    consents_withdraw(contacts=leaving, source=source)
    Contact.objects.filter(pk__in=[contact.pk for contact in leaving]).update(
        status=ContactStatus.UNSUBSCRIBED, updated_at=timezone.now()
    )
    for contact in leaving:
        contact.status = ContactStatus.UNSUBSCRIBED
    new = _suppress_all(contacts, SuppressionReason.UNSUBSCRIBED, note=source)
    changed = [contact for contact in contacts if contact.pk in new or contact.status != before[contact.pk]]
    audit.record_all(
        action="contact.unsubscribed",
        changes=[
            (contact, {"status": [before[contact.pk], contact.status], "by": [None, source]}) for contact in changed
        ],
    )
    return len(changed)


@transaction.atomic
def contacts_suppress(*, contact_ids: Collection[UUID], note: str = "") -> int:
    """Put the addresses of a selection on the suppression list by hand; returns how many were not on it."""
    contacts = _locked(contact_ids)
    new = _suppress_all(contacts, SuppressionReason.MANUAL, note=note)
    audit.record_all(
        action="contact.suppressed",
        changes=[(contact, {"note": [None, note]}) for contact in contacts if contact.pk in new],
    )
    return len(new)


@transaction.atomic
def contacts_delete(*, contact_ids: Collection[UUID]) -> int:
    """Delete a selection and give its share of the plan back; returns how many were deleted.

    The rows stay, marked, until they are purged; they leave their groups at once.
    """
    contacts = _locked(contact_ids)
    ids = [contact.pk for contact in contacts]
    ContactGroupMembership.objects.filter(contact_id__in=ids).delete()
    now = timezone.now()
    Contact.objects.filter(pk__in=ids).update(deleted_at=now, updated_at=now)
    audit.record_all(action="contact.deleted", changes=[(contact, {}) for contact in contacts])
    for organization_id, own in _by_organization(contacts):
        contacts_reindex(organization_id=organization_id, contact_ids=own)
        usage.release(organization_id=organization_id, metric=Metric.CONTACTS, amount=len(own))
    return len(contacts)


def _by_organization(contacts: Sequence[Contact]) -> list[tuple[UUID, list[UUID]]]:
    """Always in the same order, because counters are locked in it."""
    return [
        (pk, [contact.pk for contact in contacts if contact.organization_id == pk])
        for pk in sorted(Counter(contact.organization_id for contact in contacts))
    ]


def _locked(contact_ids: Collection[UUID]) -> list[Contact]:
    living = Contact.objects.select_for_update().filter(pk__in=contact_ids, deleted_at=None)
    return list(living.order_by("email_key"))


def _suppress(contact: Contact, reason: SuppressionReason, *, note: str) -> bool:
    """Add the contact's address to the suppression list; False when it was on it, for whatever reason."""
    return bool(_suppress_all([contact], reason, note=note))


def _suppress_all(contacts: Sequence[Contact], reason: SuppressionReason, *, note: str) -> set[UUID]:
    """Add the addresses to their clients' suppression lists. Returns the ids of contacts whose address is new there.

    A refusal by a mail server, which may be taken back with those of its day, gives way and counts as none.
    """
    keys = {contact.pk: suppression_key(SuppressionKind.ADDRESS, contact.email_key) for contact in contacts}
    there = Suppression.objects.filter(
        organization_id__in={contact.organization_id for contact in contacts}, group=None, key__in=keys.values()
    )
    rows = list(there.only("organization_id", "key", "reason", "note"))
    refusals = [row for row in rows if is_refusal(row.reason, row.note)]
    if refusals:
        Suppression.objects.filter(pk__in=[row.pk for row in refusals]).update(reason=reason, note=note[:200])
    known = {(row.organization_id, row.key) for row in rows}
    given_way = {(row.organization_id, row.key) for row in refusals}
    added = [
        Suppression(
            organization_id=contact.organization_id,
            key=keys[contact.pk],
            email=contact.email,
            reason=reason,
            note=note[:200],
        )
        for contact in contacts
        if (contact.organization_id, keys[contact.pk]) not in known
    ]
    Suppression.objects.bulk_create(added, ignore_conflicts=True, batch_size=1000)
    return {contact.pk for contact in contacts if (contact.organization_id, keys[contact.pk]) not in known - given_way}
