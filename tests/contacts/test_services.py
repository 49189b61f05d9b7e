"""Adding, deleting, unsubscribing and suppressing contacts, and their groups."""

import pytest

from core.accounts.models import AuditEvent, Organization
from core.common.tenancy import all_organizations
from core.contacts import services
from core.contacts.choices import ContactStatus, SuppressionReason
from core.contacts.errors import BadAddress, ContactExists
from core.contacts.models import Contact, ContactGroupMembership, Suppression
from core.contacts.queries import contact_merge_values
from core.subscriptions import usage
from core.subscriptions.choices import Metric
from core.subscriptions.errors import LimitReached
from core.subscriptions.models import Subscription
from tests.support.factories import make_contact, make_group, make_plan


def _used(organization: Organization) -> int:
    return usage.used(organization_id=organization.pk, metric=Metric.CONTACTS)


def _actions() -> list[str]:
    return list(AuditEvent.objects.order_by("id").values_list("action", flat=True))


def test_contact_add_new_address_is_counted_and_audited(in_florist: Organization) -> None:
    contact = services.contact_add(organization=in_florist, email=" Anna@People.EXAMPLE ", first_name="Anna")
    assert (contact.email, contact.email_key) == ("Anna@people.example", "anna@people.example")
    assert contact.status == ContactStatus.SUBSCRIBED
    assert _used(in_florist) == 1
    assert _actions() == ["contact.added"]


def test_contact_add_bad_address_is_refused_and_not_counted(in_florist: Organization) -> None:
    with pytest.raises(BadAddress, match="missing an @"):
        services.contact_add(organization=in_florist, email="anna")
    assert _used(in_florist) == 0


def test_contact_add_same_address_in_other_case_is_refused(in_florist: Organization) -> None:
    services.contact_add(organization=in_florist, email="anna@people.example")
    with pytest.raises(ContactExists):
        services.contact_add(organization=in_florist, email="ANNA@people.example")
    assert _used(in_florist) == 1


def test_contact_add_past_the_limit_is_refused_and_nothing_stays(in_florist: Organization) -> None:
    Subscription.objects.update(plan=make_plan(max_contacts=1))
    services.contact_add(organization=in_florist, email="one@people.example")
    with pytest.raises(LimitReached, match="Choose a larger plan"):
        services.contact_add(organization=in_florist, email="two@people.example")
    assert Contact.objects.count() == _used(in_florist) == 1


def test_contact_add_deleted_unsubscribed_contact_comes_back_unsubscribed(in_florist: Organization) -> None:
    contact = services.contact_add(organization=in_florist, email="anna@people.example")
    services.contact_unsubscribe(contact_id=contact.pk, source="test")
    services.contacts_delete(contact_ids=[contact.pk])
    again = services.contact_add(organization=in_florist, email="anna@people.example", first_name="Anna")
    assert again.pk == contact.pk
    assert (again.status, again.deleted_at, again.first_name) == (ContactStatus.UNSUBSCRIBED, None, "Anna")
    assert _used(in_florist) == 1


def test_contact_change_address_of_another_contact_is_refused(in_florist: Organization) -> None:
    make_contact(in_florist, "anna@people.example")
    berta = make_contact(in_florist, "berta@people.example")
    with pytest.raises(ContactExists):
        services.contact_change(contact_id=berta.pk, email="Anna@people.example")
    services.contact_change(contact_id=berta.pk, email="Berta@people.example", first_name="Berta")
    berta.refresh_from_db()
    assert (berta.email, berta.first_name) == ("Berta@people.example", "Berta")


def test_contacts_delete_gives_the_share_back_and_leaves_groups(in_florist: Organization) -> None:
    contact = services.contact_add(organization=in_florist, email="anna@people.example")
    make_group(in_florist, contacts=[contact])
    assert services.contacts_delete(contact_ids=[contact.pk]) == 1
    assert services.contacts_delete(contact_ids=[contact.pk]) == 0
    assert _used(in_florist) == 0
    assert not ContactGroupMembership.objects.exists()


def test_contact_unsubscribe_twice_changes_once(in_florist: Organization) -> None:
    contact = make_contact(in_florist)
    assert services.contact_unsubscribe(contact_id=contact.pk, source="one-click") is True
    assert services.contact_unsubscribe(contact_id=contact.pk, source="one-click") is False
    contact.refresh_from_db()
    assert contact.status == ContactStatus.UNSUBSCRIBED
    assert Suppression.objects.get().reason == SuppressionReason.UNSUBSCRIBED
    assert _actions() == ["contact.unsubscribed"]


def test_contact_unsubscribe_complained_contact_stays_complained(in_florist: Organization) -> None:
    contact = make_contact(in_florist, status=ContactStatus.COMPLAINED)
    assert services.contact_unsubscribe(contact_id=contact.pk, source="test") is True
    contact.refresh_from_db()
    assert contact.status == ContactStatus.COMPLAINED


def test_contact_resubscribe_lifts_the_unsubscription(in_florist: Organization) -> None:
    contact = make_contact(in_florist)
    assert services.contact_resubscribe(contact_id=contact.pk, source="page") is False
    services.contact_unsubscribe(contact_id=contact.pk, source="page")
    assert services.contact_resubscribe(contact_id=contact.pk, source="page") is True
    contact.refresh_from_db()
    assert contact.status == ContactStatus.SUBSCRIBED
    assert contact.consent_at is not None
    assert not Suppression.objects.exists()


def test_contact_resubscribe_keeps_a_suppression_by_hand(in_florist: Organization) -> None:
    contact = make_contact(in_florist)
    services.contacts_suppress(contact_ids=[contact.pk], note="asked by phone")
    services.contact_unsubscribe(contact_id=contact.pk, source="page")
    services.contact_resubscribe(contact_id=contact.pk, source="page")
    assert Suppression.objects.get().reason == SuppressionReason.MANUAL


def test_contact_services_contact_of_another_organization_is_untouched(
    in_florist: Organization, museum: Organization
) -> None:
    with all_organizations(reason="the museum's contact"):
        foreign = make_contact(museum)
    group = make_group(in_florist)
    assert services.contact_unsubscribe(contact_id=foreign.pk, source="test") is False
    assert services.contacts_delete(contact_ids=[foreign.pk]) == 0
    assert services.contacts_suppress(contact_ids=[foreign.pk]) == 0
    assert services.group_add_contacts(group_id=group.pk, contact_ids=[foreign.pk]) == 0
    assert contact_merge_values(organization_id=in_florist.pk, contact_ids=[foreign.pk]) == {}
    with all_organizations(reason="look"):
        foreign.refresh_from_db()
    assert (foreign.status, foreign.deleted_at) == (ContactStatus.SUBSCRIBED, None)


def test_group_add_and_remove_contacts_count_what_changed(in_florist: Organization) -> None:
    contacts = [make_contact(in_florist) for _ in range(3)]
    ids = [contact.pk for contact in contacts]
    group = make_group(in_florist, contacts=contacts[:1])
    assert services.group_add_contacts(group_id=group.pk, contact_ids=ids) == 2
    assert services.group_add_contacts(group_id=group.pk, contact_ids=ids) == 0
    assert services.group_remove_contacts(group_id=group.pk, contact_ids=ids[:2]) == 2
    assert services.group_remove_contacts(group_id=group.pk, contact_ids=ids[:2]) == 0
    assert _actions() == ["contactgroup.contacts_added", "contactgroup.contacts_removed"]


def test_group_add_taken_name_is_refused(in_florist: Organization) -> None:
    services.group_add(organization=in_florist, name=" Vips ")
    with pytest.raises(ContactExists):
        services.group_add(organization=in_florist, name="Vips")


def test_suppression_add_and_remove_are_audited(in_florist: Organization) -> None:
    suppression = services.suppression_add(organization=in_florist, email="No@People.example", note="by phone")
    with pytest.raises(ContactExists):
        services.suppression_add(organization=in_florist, email="no@people.example")
    assert services.suppression_remove(suppression_id=suppression.pk) is True
    assert services.suppression_remove(suppression_id=suppression.pk) is False
    assert _actions() == ["suppression.added", "suppression.removed"]


def test_contact_merge_values_are_all_text(in_florist: Organization) -> None:
    contact = make_contact(
        in_florist, "anna@people.example", first_name="Anna", last_name="Berg", attributes={"age": 7, "city": None}
    )
    found = contact_merge_values(organization_id=in_florist.pk, contact_ids=[contact.pk])[contact.pk]
    assert (found.address, found.name) == ("anna@people.example", "Anna Berg")
    assert found.values["contact.full_name"] == "Anna Berg"
    assert (found.values["contact.attributes.age"], found.values["contact.attributes.city"]) == ("7", "")
