"""From a contact to the person."""

from django.db.models import Q

from core.contacts.models import Contact
from core.contacts.privacy.registry import Person


def person_of(contact: Contact) -> Person:
    """The contact together with those merged into it."""
    rows = Contact.objects.filter(Q(pk=contact.pk) | Q(merged_into=contact.pk), organization_id=contact.organization_id)
    contacts = sorted(rows, key=lambda row: row.pk != contact.pk)
    emails = [text for row in contacts if row.email for text in (row.email, row.email_key)]
    return Person(
        organization_id=contact.organization_id,
        contact_ids=tuple(row.pk for row in contacts),
        emails=tuple(dict.fromkeys(emails)),
        address_hashes=tuple(row.address_hash for row in contacts if row.email and row.address_hash),
    )
