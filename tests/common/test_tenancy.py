"""No query of tenant data without a scope, and no row of another client within one."""

import pytest
from django import forms
from django.db import connection, models
from django.db.utils import IntegrityError

from core.accounts.models import Organization, OrganizationMembership
from core.common.ids import new_id
from core.common.tenancy import (
    OrganizationMismatch,
    OrganizationScopeMissing,
    all_organizations,
    organization_scope,
    require,
)
from core.contacts.models import Contact, ContactGroup, ContactGroupMembership
from tests.support import factories

READS = {
    "list": lambda: list(Contact.objects.all()),
    "get": lambda: Contact.objects.get(email="a@people.example"),
    "first": lambda: Contact.objects.first(),
    "exists": lambda: Contact.objects.exists(),
    "distinct_exists": lambda: Contact.objects.distinct().exists(),
    "count": lambda: Contact.objects.count(),
    "aggregate": lambda: Contact.objects.aggregate(models.Max("email")),
    "values": lambda: list(Contact.objects.values_list("email")),
    "explain": lambda: Contact.objects.explain(),
    "in_bulk": lambda: Contact.objects.in_bulk(),
    "iterator": lambda: list(Contact.objects.iterator()),
    "union": lambda: list(Contact.objects.filter(email="a").union(Contact.objects.filter(email="b"))),
    "subquery": lambda: list(Organization.objects.filter(pk__in=Contact.objects.values("organization_id"))),
    "base_manager": lambda: list(Contact._base_manager.all()),
    "update": lambda: Contact.objects.update(company="x"),
    "delete": lambda: Contact.objects.all().delete(),
    "raw_delete": lambda: Contact.objects.all()._raw_delete("default"),
    "bulk_create": lambda: Contact.objects.bulk_create([Contact(email="a@b.example", email_key="a@b.example")]),
    "raw_sql_guard": lambda: require(new_id()),
    "organizations": lambda: list(Organization.objects.all()),
    "get_or_create": lambda: ContactGroup.objects.get_or_create(name="x"),
}


@pytest.mark.parametrize("name", READS)
def test_query_without_scope_raises(db: None, name: str) -> None:
    with pytest.raises(OrganizationScopeMissing):
        READS[name]()


def test_form_field_made_without_scope_is_filtered_when_used(florist: Organization, museum: Organization) -> None:
    field = forms.ModelChoiceField(queryset=ContactGroup.objects.all())
    with organization_scope(florist):
        ours = factories.make_group(florist, "Ours")
    with organization_scope(museum):
        factories.make_group(museum, "Theirs")
    with organization_scope(florist):
        assert list(field.queryset) == [ours]


@pytest.fixture
def two_contacts(florist: Organization, museum: Organization) -> tuple[Contact, Contact]:
    with all_organizations(reason="test"):
        return factories.make_contact(florist, "a@people.example"), factories.make_contact(museum, "b@people.example")


def test_queries_in_scope_see_only_that_organization(
    florist: Organization, two_contacts: tuple[Contact, Contact]
) -> None:
    ours, theirs = two_contacts
    with organization_scope(florist):
        assert list(Contact.objects.all()) == [ours]
        assert Contact.objects.count() == 1
        assert not Contact.objects.filter(pk=theirs.pk).exists()
        assert Contact.objects.aggregate(last=models.Max("email"))["last"] == "a@people.example"
        assert Contact.objects.filter(pk=theirs.pk).update(company="stolen") == 0
        assert Contact.objects.filter(pk=theirs.pk).delete()[0] == 0
        assert list(Contact.objects.filter(pk=ours.pk).union(Contact.objects.filter(pk=theirs.pk))) == [ours]
        assert Contact.objects.order_by("email")[:5].count() == 1


def test_scope_of_none_sees_nothing(two_contacts: tuple[Contact, Contact]) -> None:
    with organization_scope():
        assert not Contact.objects.exists()


def test_same_queryset_object_follows_the_scope_it_is_evaluated_in(
    florist: Organization, museum: Organization, two_contacts: tuple[Contact, Contact]
) -> None:
    stored = Contact.objects.all()
    with organization_scope(florist):
        assert [contact.email for contact in stored.all()] == ["a@people.example"]
    with organization_scope(museum):
        assert [contact.email for contact in stored.all()] == ["b@people.example"]


def test_write_of_foreign_row_is_refused(
    florist: Organization, museum: Organization, two_contacts: tuple[Contact, Contact]
) -> None:
    _, theirs = two_contacts
    foreign = Contact(organization=museum, email="c@people.example", email_key="c@people.example")
    with organization_scope(florist):
        with pytest.raises(OrganizationMismatch):
            foreign.save()
        with pytest.raises(OrganizationMismatch):
            Contact.objects.bulk_create([foreign])
        with pytest.raises(OrganizationMismatch):
            Contact.objects.bulk_update([theirs], ["email"])
        with pytest.raises(OrganizationMismatch):
            theirs.delete()
        with pytest.raises(OrganizationMismatch):
            Contact.objects.update(organization=museum)
        with pytest.raises(OrganizationMismatch):
            Contact.objects.update(organization_id=museum.pk)


def test_foreign_key_traversal_is_scoped(florist: Organization, two_contacts: tuple[Contact, Contact]) -> None:
    ours, theirs = two_contacts
    with all_organizations(reason="test"):
        group = factories.make_group(florist, contacts=[ours])
    with organization_scope(theirs.organization_id):
        group_membership = ContactGroupMembership(group_id=group.pk)
        with pytest.raises(ContactGroup.DoesNotExist):
            group_membership.group  # noqa: B018


def test_database_refuses_rows_that_mix_organizations(
    florist: Organization, museum: Organization, two_contacts: tuple[Contact, Contact]
) -> None:
    ours, theirs = two_contacts
    with all_organizations(reason="test"):
        group = factories.make_group(florist, contacts=[ours])
        with pytest.raises(IntegrityError):
            ContactGroupMembership.objects.create(organization=florist, group=group, contact=theirs)
            connection.check_constraints()


def test_membership_of_another_client_is_invisible(florist: Organization, museum: Organization) -> None:
    user = factories.make_user("manager", museum)  # type: ignore[arg-type]
    with organization_scope(florist):
        assert not OrganizationMembership.objects.filter(user=user).exists()
