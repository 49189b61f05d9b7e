"""The contact's form: custom fields by their type, tags, groups, and what is refused beside its field."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from core.accounts.models import Organization, User
from core.common.tenancy import all_organizations, organization_scope
from core.contacts import services
from core.contacts.choices import FieldKind
from core.contacts.models import Contact, ContactTag
from core.subscriptions import usage
from core.subscriptions.choices import Metric
from tests.support.factories import make_contact, make_group

FORM = {"email": "ana@people.example", "first_name": "Ana"}
ADD = "admin:contacts_contact_add"


@pytest.fixture
def manager(member: Callable[..., User], signed_in: Callable[[User], Client]) -> Client:
    return signed_in(member())


@pytest.fixture
def fields(florist: Organization) -> None:
    with organization_scope(florist):
        services.field_add(organization=florist, label="City")
        services.field_add(organization=florist, label="Score", kind=FieldKind.NUMBER)
        services.field_add(organization=florist, label="Birthday", kind=FieldKind.DATE)
        services.field_add(organization=florist, label="Vip", kind=FieldKind.BOOLEAN)
        services.field_add(organization=florist, label="Size", kind=FieldKind.CHOICE, choices=["S", "L"])


def _change(contact: Contact) -> str:
    return reverse("admin:contacts_contact_change", args=[contact.pk])


def _errors(answer: Any) -> dict[str, Any]:
    assert answer.status_code == 200
    return answer.context["adminform"].form.errors


@pytest.mark.parametrize(
    ("name", "typed"),
    [
        ("custom_city", "a\0b"),
        ("custom_city", "x" * 2001),
        ("custom_score", "many"),
        ("custom_score", "NaN"),
        ("custom_score", "9" * 400),
        ("custom_birthday", "31 February 2026"),
        ("custom_vip", "perhaps"),
        ("custom_size", "XXL"),
        ("tags", "x" * 61),
        ("tags", ",".join(f"tag {number}" for number in range(101))),
        ("groups", "not a group"),
        ("email", "ana"),
    ],
)
def test_contact_add_with_what_cannot_be_stored_is_refused_beside_the_field(
    manager: Client, florist: Organization, fields: None, name: str, typed: str
) -> None:
    assert name in _errors(manager.post(reverse(ADD), {**FORM, name: typed}))
    with organization_scope(florist):
        assert not Contact.objects.exists()


def test_contact_add_keeps_values_in_their_types_tags_and_groups(
    manager: Client, florist: Organization, fields: None
) -> None:
    with organization_scope(florist):
        group = make_group(florist)
    typed = {
        **FORM,
        "phone": "+34 600 123 456",
        "custom_city": " Vigo ",
        "custom_score": "3.5",
        "custom_birthday": "1990-02-28",
        "custom_vip": "yes",
        "custom_size": "L",
        "tags": "vip, new  one,vip",
        "groups": [str(group.pk)],
    }
    assert manager.post(reverse(ADD), typed).status_code == 302
    with organization_scope(florist):
        contact = Contact.objects.get()
        assert contact.attributes == {"city": "Vigo", "score": 3.5, "birthday": "1990-02-28", "vip": True, "size": "L"}
        assert contact.tags == ["vip", "new one"]
        assert contact.phone_e164 == "+34600123456"
        assert contact.address_hash
        assert [place.group_id for place in contact.group_memberships.all()] == [group.pk]
        assert set(ContactTag.objects.values_list("name", flat=True)) == {"vip", "new one"}


def test_contact_change_keeps_values_nobody_touched(manager: Client, florist: Organization, fields: None) -> None:
    """Of another type, or under no field's name: what imports left stays."""
    stored = {"score": "many", "size": "XXL", "city": "Vigo", "legacy": [1]}
    with organization_scope(florist):
        contact = make_contact(florist, "ana@people.example", attributes=stored)
    page = manager.get(_change(contact))
    initial = {name: page.context["adminform"].form[name].value() for name in page.context["adminform"].form.fields}
    assert "legacy" in page.content.decode()
    posted = {name: value for name, value in initial.items() if value} | {"tags": "", "custom_city": ""}
    assert manager.post(_change(contact), posted).status_code == 302
    with organization_scope(florist):
        contact.refresh_from_db()
        assert contact.attributes == {"score": "many", "size": "XXL", "legacy": [1]}


def test_contact_change_of_groups_touches_only_what_was_ticked(manager: Client, florist: Organization) -> None:
    with organization_scope(florist):
        contact = make_contact(florist, "ana@people.example")
        left, joined = make_group(florist, "Left", [contact]), make_group(florist, "Joined")
    assert manager.post(_change(contact), {**FORM, "groups": [str(joined.pk)]}).status_code == 302
    with organization_scope(florist):
        assert [place.group_id for place in contact.group_memberships.all()] == [joined.pk]
        assert left.group_memberships.count() == 0


def test_contact_form_takes_no_group_of_another_client(
    manager: Client, florist: Organization, museum: Organization
) -> None:
    with organization_scope(museum):
        foreign = make_group(museum)
    assert "groups" in _errors(manager.post(reverse(ADD), {**FORM, "groups": [str(foreign.pk)]}))


def test_contact_add_of_a_known_address_is_refused_and_of_a_deleted_one_brings_it_back(
    manager: Client, florist: Organization
) -> None:
    with organization_scope(florist):
        known = services.contact_add(organization=florist, email="ana@people.example")
    assert "email" in _errors(manager.post(reverse(ADD), FORM))
    with organization_scope(florist):
        services.contacts_delete(contact_ids=[known.pk])
    assert manager.post(reverse(ADD), FORM).status_code == 302
    with organization_scope(florist):
        known.refresh_from_db()
        assert (known.deleted_at, known.first_name) == (None, "Ana")
        assert usage.used(organization_id=florist.pk, metric=Metric.CONTACTS) == 1


def test_contact_change_to_the_address_of_a_deleted_one_says_so(manager: Client, florist: Organization) -> None:
    with organization_scope(florist):
        gone = services.contact_add(organization=florist, email="gone@people.example")
        services.contacts_delete(contact_ids=[gone.pk])
        contact = services.contact_add(organization=florist, email="ana@people.example")
    answer = manager.post(_change(contact), {**FORM, "email": "gone@people.example"}, follow=True)
    assert "was a contact before and is deleted" in answer.content.decode()


def test_deleted_contact_is_for_reading_only(manager: Client, florist: Organization) -> None:
    with organization_scope(florist):
        contact = services.contact_add(organization=florist, email="ana@people.example", attributes={"city": "Vigo"})
        services.contacts_delete(contact_ids=[contact.pk])
    page = manager.get(_change(contact))
    assert page.status_code == 200
    assert "Deleted on" in page.content.decode() and "Vigo" in page.content.decode()
    assert b'name="_save"' not in page.content
    manager.post(_change(contact), {**FORM, "first_name": "Other"})
    with all_organizations(reason="look"):
        contact.refresh_from_db()
    assert contact.first_name == ""
    assert manager.post(reverse("admin:contacts_contact_unsubscribe", args=[contact.pk])).status_code == 404
