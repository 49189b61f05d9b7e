"""Writes of static lists."""

from collections.abc import Collection
from uuid import UUID

from django.db import connection, transaction

from core.accounts import audit
from core.accounts.models import Organization
from core.common.tenancy import require
from core.contacts.errors import ContactExists
from core.contacts.models import ContactGroup, ContactGroupMembership


@transaction.atomic
def group_add(*, organization: Organization, name: str) -> ContactGroup:
    """A new, empty group. Raises ContactExists when the client has one of this name."""
    name = name.strip()
    group = ContactGroup(organization=organization, name=name)
    ContactGroup.objects.bulk_create([group], ignore_conflicts=True)
    stored = ContactGroup.objects.get(organization=organization, name=name)
    if stored.pk != group.pk:
        raise ContactExists(f"{organization} has a group “{name}” already: choose it from the list.")
    audit.record(action="contactgroup.added", obj=group, changes={"name": [None, name]})
    return group


@transaction.atomic
def group_add_contacts(*, group_id: UUID, contact_ids: Collection[UUID]) -> int:
    """Put contacts of the group's own client into it; returns how many were not in it. Deleted ones stay out."""
    group = ContactGroup.objects.get(pk=group_id)
    require(group.organization_id)
    with connection.cursor() as cursor:
        # Selecting by organization leaves out ids of other clients; ordered so that two at once cannot deadlock.
        cursor.execute(
            "INSERT INTO contacts_contactgroupmembership (id, organization_id, group_id, contact_id, added_at) "
            "SELECT engagex_uuid7(), organization_id, %s, id, now() FROM contacts_contact "
            "WHERE organization_id = %s AND id = ANY(%s) AND deleted_at IS NULL ORDER BY id "
            "ON CONFLICT (organization_id, group_id, contact_id) DO NOTHING",
            [group.pk, group.organization_id, list(contact_ids)],
        )
        added = cursor.rowcount
    if added:
        audit.record(action="contactgroup.contacts_added", obj=group, changes={"contacts": [None, added]})
    return added


@transaction.atomic
def group_remove_contacts(*, group_id: UUID, contact_ids: Collection[UUID]) -> int:
    """Take contacts out of a group; returns how many were in it. The contacts themselves stay."""
    group = ContactGroup.objects.get(pk=group_id)
    removed, _by_model = ContactGroupMembership.objects.filter(group=group, contact_id__in=contact_ids).delete()
    if removed:
        audit.record(action="contactgroup.contacts_removed", obj=group, changes={"contacts": [removed, None]})
    return removed
