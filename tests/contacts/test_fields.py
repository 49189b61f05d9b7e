"""Custom fields and tags: made, changed, removed, on the contacts as well."""

from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse

from core.accounts.choices import Role
from core.accounts.models import Organization, User
from core.common.tenancy import all_organizations, organization_scope
from core.contacts import bulk, services
from core.contacts.choices import BulkKind, BulkStatus, FieldKind
from core.contacts.errors import BadField, BadTag
from core.contacts.models import BulkChange, Contact, ContactField, ContactTag
from core.contacts.services import fields as field_services
from core.contacts.services import tags as tag_services
from tests.support.factories import make_contact


@pytest.fixture
def manager(member: Callable[..., User], signed_in: Callable[[User], Client]) -> Client:
    return signed_in(member())


def test_field_add_derives_a_key_once(in_florist: Organization) -> None:
    first = services.field_add(organization=in_florist, label=" Teléfono  móvil ")
    second = services.field_add(organization=in_florist, label="Telefono móvil!")
    nameless = services.field_add(organization=in_florist, label="生日", kind=FieldKind.DATE)
    assert [first.label, first.key, second.key, nameless.key] == [
        "Teléfono móvil",
        "telefono_movil",
        "telefono_movil_2",
        "field",
    ]
    assert [field.position for field in ContactField.objects.all()] == [1, 2, 3]


@pytest.mark.parametrize(
    ("values", "about"),
    [
        ({"label": "  "}, "label"),
        ({"label": "City", "key": "1st"}, "key"),
        ({"label": "City", "key": "size"}, "key"),
        ({"label": "City", "kind": FieldKind.CHOICE, "choices": ["one", " one "]}, "choices"),
    ],
)
def test_field_add_that_cannot_be_is_refused_beside_its_field(
    in_florist: Organization, values: dict, about: str
) -> None:
    services.field_add(organization=in_florist, label="Size")
    with pytest.raises(BadField) as refused:
        services.field_add(organization=in_florist, **values)
    assert refused.value.fields["field"] == about
    assert ContactField.objects.count() == 1


def test_field_change_to_a_type_that_values_fit_turns_them(in_florist: Organization) -> None:
    field = services.field_add(organization=in_florist, label="Size")
    contact = make_contact(in_florist, attributes={"size": "12.5", "other": "x"})
    services.field_change(field_id=field.pk, label="Size", kind=FieldKind.NUMBER)
    contact.refresh_from_db()
    assert contact.attributes == {"size": 12.5, "other": "x"}


def test_field_change_to_a_type_that_values_do_not_fit_is_refused(in_florist: Organization) -> None:
    field = services.field_add(organization=in_florist, label="Size")
    make_contact(in_florist, attributes={"size": "large"})
    with pytest.raises(BadField, match="“large” cannot be read as number"):
        services.field_change(field_id=field.pk, label="Size", kind=FieldKind.NUMBER)


def test_field_delete_takes_the_values_of_this_client_only(in_florist: Organization, museum: Organization) -> None:
    field = services.field_add(organization=in_florist, label="Size")
    ours = make_contact(in_florist, attributes={"size": "L", "city": "Vigo"})
    with all_organizations(reason="the museum's contact"):
        theirs = make_contact(museum, attributes={"size": "L"})
    assert services.field_delete(field_id=field.pk) is None
    ours.refresh_from_db()
    with all_organizations(reason="look"):
        theirs.refresh_from_db()
    assert (ours.attributes, theirs.attributes) == ({"city": "Vigo"}, {"size": "L"})


def test_field_delete_with_many_contacts_is_done_by_a_worker(
    in_florist: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(field_services, "INLINE_UP_TO", 3)
    monkeypatch.setattr(bulk, "CHUNK", 2)
    field = services.field_add(organization=in_florist, label="Size")
    for _ in range(5):
        make_contact(in_florist, attributes={"size": "L"})
    work = services.field_delete(field_id=field.pk)
    assert work is not None and Contact.objects.filter(attributes__has_key="size").count() == 5
    assert bulk.run_bulk_change(work.pk) == {"changed": 5, "seen": 5}
    assert bulk.run_bulk_change(work.pk) == {"skipped": "ended already"}
    assert not Contact.objects.filter(attributes__has_key="size").exists()


def test_field_made_anew_keeps_its_values_from_the_old_deletion(
    in_florist: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(field_services, "INLINE_UP_TO", 0)
    contact = make_contact(in_florist, attributes={"size": "L"})
    work = services.field_delete(field_id=services.field_add(organization=in_florist, label="Size").pk)
    services.field_add(organization=in_florist, label="Size")
    assert work is not None
    bulk.run_bulk_change(work.pk)
    contact.refresh_from_db()
    assert contact.attributes == {"size": "L"}


def test_contacts_tags_added_and_removed_count_what_changed(in_florist: Organization) -> None:
    one, two = make_contact(in_florist, tags=["vip"]), make_contact(in_florist)
    ids = [one.pk, two.pk]
    add = {"organization_id": in_florist.pk, "contact_ids": ids, "tags": [" vip ", "new"]}
    assert services.contacts_add_tags(**add) == 2
    assert services.contacts_add_tags(**add) == 0
    one.refresh_from_db()
    assert one.tags == ["vip", "new"]
    assert set(ContactTag.objects.values_list("name", flat=True)) == {"vip", "new"}
    assert services.contacts_remove_tags(organization_id=in_florist.pk, contact_ids=ids, tags=["vip"]) == 2
    two.refresh_from_db()
    assert two.tags == ["new"]


def test_contacts_add_tags_leaves_other_clients_and_deleted_ones_alone(
    in_florist: Organization, museum: Organization
) -> None:
    gone = services.contact_add(organization=in_florist, email="a@people.example")
    services.contacts_delete(contact_ids=[gone.pk])
    with all_organizations(reason="the museum's contact"):
        foreign = make_contact(museum)
    changed = services.contacts_add_tags(organization_id=in_florist.pk, contact_ids=[gone.pk, foreign.pk], tags=["vip"])
    assert changed == 0


@pytest.mark.parametrize("bad", ["a,b", "x" * 61, "a\0b"])
def test_tag_that_cannot_be_kept_is_refused(in_florist: Organization, bad: str) -> None:
    with pytest.raises(BadTag):
        services.tag_add(organization_id=in_florist.pk, name=bad)


def test_tag_rename_to_another_tag_makes_one_of_two(in_florist: Organization) -> None:
    tag = services.tag_add(organization_id=in_florist.pk, name="VIPs")
    services.tag_add(organization_id=in_florist.pk, name="vip")
    contact = make_contact(in_florist, tags=["VIPs", "new", "vip"])
    remaining, work = services.tag_rename(tag_id=tag.pk, name="vip")
    contact.refresh_from_db()
    assert (contact.tags, work, remaining.name) == (["vip", "new"], None, "vip")
    assert list(ContactTag.objects.values_list("name", flat=True)) == ["vip"]


def test_tag_delete_past_the_cap_is_done_by_a_worker(in_florist: Organization, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tag_services, "COUNT_CAP", 2)
    monkeypatch.setattr(bulk, "CHUNK", 2)
    tag = services.tag_add(organization_id=in_florist.pk, name="old")
    contacts = [make_contact(in_florist, tags=["old", "kept"]) for _ in range(5)]
    work = services.tag_delete(tag_id=tag.pk)
    assert work is not None and work.status == BulkStatus.QUEUED
    assert bulk.run_bulk_change(work.pk)["changed"] == 5
    contacts[0].refresh_from_db()
    assert contacts[0].tags == ["kept"]


# The pages


def test_field_page_adds_changes_and_deletes(manager: Client, florist: Organization) -> None:
    typed = {"label": "Favourite", "kind": "choice", "choices": "Roses\nTulips", "key": ""}
    assert manager.post(reverse("admin:contacts_contactfield_add"), typed).status_code == 302
    with organization_scope(florist):
        field = ContactField.objects.get()
        assert (field.key, field.choices) == ("favourite", ["Roses", "Tulips"])
        contact = make_contact(florist, attributes={"favourite": "Roses"})
    page = reverse("admin:contacts_contactfield_change", args=[field.pk])
    assert "1 contact has a value in it." in manager.get(page).content.decode()
    again = manager.post(page, {"label": "Favourite", "kind": "number", "choices": "", "position": "1"})
    assert "cannot be read as number" in again.content.decode()
    assert manager.post(page, {"label": "Best", "kind": "text", "choices": "", "position": "1"}).status_code == 302
    delete = reverse("admin:contacts_contactfield_delete", args=[field.pk])
    assert "1 contact has a value in it." in manager.get(delete).content.decode()
    assert manager.post(delete).status_code == 302
    with organization_scope(florist):
        contact.refresh_from_db()
        assert (contact.attributes, ContactField.objects.count()) == ({}, 0)


def test_tag_page_asks_before_it_makes_one_of_two(manager: Client, florist: Organization) -> None:
    with organization_scope(florist):
        tag = services.tag_add(organization_id=florist.pk, name="VIPs")
        services.tag_add(organization_id=florist.pk, name="vip")
        contact = make_contact(florist, tags=["VIPs"])
    page = reverse("admin:contacts_contacttag_change", args=[tag.pk])
    assert "There is a tag “vip” already" in manager.post(page, {"name": "vip"}).content.decode()
    assert manager.post(page, {"name": "vip", "merge": "on"}).status_code == 302
    with organization_scope(florist):
        contact.refresh_from_db()
        assert contact.tags == ["vip"]


# Everybody who matches


def test_bulk_change_of_a_filtered_list_runs_in_chunks_as_who_asked(
    member: Callable[..., User], florist: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "CHUNK", 2)
    user = member()
    with organization_scope(florist):
        for number in range(5):
            make_contact(florist, f"yes{number}@people.example", tags=["autumn"])
        other = make_contact(florist, "no@people.example")
        services.tag_add(organization_id=florist.pk, name="autumn")
        change = services.bulk_start(
            organization_id=florist.pk,
            kind=BulkKind.ADD_TAGS,
            title="Add tags",
            values={"tags": ["new"]},
            query="tag=autumn",
            user=user,
        )
        late = make_contact(florist, "late@people.example", tags=["autumn"])
        assert bulk.run_bulk_change(change.pk) == {"changed": 5, "seen": 5}
        for untouched in (other, late):
            untouched.refresh_from_db()
            assert "new" not in untouched.tags
        change.refresh_from_db()
        assert (change.status, change.changed_count) == (BulkStatus.DONE, 5)


def test_bulk_change_of_somebody_without_the_right_any_more_fails(
    member: Callable[..., User], florist: Organization
) -> None:
    user = member()
    with organization_scope(florist):
        contact = make_contact(florist)
        change = services.bulk_start(
            organization_id=florist.pk, kind=BulkKind.DELETE, title="Delete", query="", user=user
        )
        user.memberships.update(role=Role.VIEWER)
        bulk.run_bulk_change(change.pk)
        contact.refresh_from_db()
        change.refresh_from_db()
    assert (contact.deleted_at, change.status) == (None, BulkStatus.FAILED)


def test_bulk_change_cancelled_stays_so(in_florist: Organization) -> None:
    change = services.bulk_start(
        organization_id=in_florist.pk, kind=BulkKind.DELETE_TAG, title="x", values={"tags": []}
    )
    services.bulk_cancel(bulk_change_id=change.pk)
    assert bulk.run_bulk_change(change.pk) == {"skipped": "ended already"}
    assert BulkChange.objects.get().status == BulkStatus.CANCELLED
