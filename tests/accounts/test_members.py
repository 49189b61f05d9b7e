"""Who may give, change and take roles, by the services and through the admin's pages; and the seats of the plan."""

from collections.abc import Callable

import pytest
from django.urls import reverse

from core.accounts.choices import Role
from core.accounts.errors import MembershipRefused
from core.accounts.models import AuditEvent, Organization, OrganizationMembership, User
from core.common.tenancy import organization_scope
from core.subscriptions.choices import Metric
from core.subscriptions.errors import LimitReached
from core.subscriptions.models import Subscription
from core.subscriptions.services import member_add, member_change, member_remove
from core.subscriptions.usage import used
from tests.support import factories

LIST = "admin:accounts_organizationmembership_changelist"
ADD = "admin:accounts_organizationmembership_add"


@pytest.fixture
def people(in_florist: Organization) -> dict[str, User]:
    """An owner and one person of each other role, seats counted."""
    made = {}
    for role in Role:
        user = factories.make_user(email=f"{role.value}@agency.example", full_name=role.label)
        member_add(organization_id=in_florist.pk, user=user, role=role, by=None)
        made[role.value] = user
    return made


def _membership(user: User) -> OrganizationMembership:
    return OrganizationMembership.objects.get(user=user)


def _seats(organization: Organization) -> int:
    return used(organization_id=organization.pk, metric=Metric.MEMBERS)


def test_add_takes_a_seat_and_leaves_an_audit_row(in_florist: Organization, people: dict[str, User]) -> None:
    assert _seats(in_florist) == 5
    assert AuditEvent.objects.filter(action="member.added").count() == 5


def test_add_past_the_plan_is_refused_and_leaves_nothing(in_florist: Organization, people: dict[str, User]) -> None:
    Subscription.objects.update(plan=factories.make_plan(max_members=5))
    with pytest.raises(LimitReached):
        member_add(organization_id=in_florist.pk, user=factories.make_user(), role=Role.VIEWER, by=None)
    assert OrganizationMembership.objects.count() == 5
    assert _seats(in_florist) == 5


def test_add_twice_is_refused(in_florist: Organization, people: dict[str, User]) -> None:
    with pytest.raises(MembershipRefused, match="member already"):
        member_add(organization_id=in_florist.pk, user=people["viewer"], role=Role.VIEWER, by=None)
    assert _seats(in_florist) == 5


def test_add_above_own_rank_is_refused(in_florist: Organization, people: dict[str, User]) -> None:
    with pytest.raises(MembershipRefused):
        member_add(organization_id=in_florist.pk, user=factories.make_user(), role=Role.OWNER, by=people["admin"])


def test_deactivating_frees_the_seat_and_activating_takes_it(in_florist: Organization, people: dict[str, User]) -> None:
    viewer = _membership(people["viewer"])
    for _twice in range(2):
        member_change(membership_id=viewer.pk, role=Role.VIEWER, is_active=False, by=people["owner"])
        assert _seats(in_florist) == 4
    member_change(membership_id=viewer.pk, role=Role.VIEWER, is_active=True, by=people["owner"])
    assert _seats(in_florist) == 5


def test_removing_frees_the_seat(in_florist: Organization, people: dict[str, User]) -> None:
    member_remove(membership_id=_membership(people["viewer"]).pk, by=people["admin"])
    assert _seats(in_florist) == 4


def test_removing_an_inactive_member_frees_no_second_seat(in_florist: Organization, people: dict[str, User]) -> None:
    viewer = _membership(people["viewer"])
    member_change(membership_id=viewer.pk, role=Role.VIEWER, is_active=False, by=None)
    member_remove(membership_id=viewer.pk, by=None)
    assert _seats(in_florist) == 4


@pytest.mark.parametrize("acting", ["owner", "admin"])
def test_changing_the_own_membership_is_refused(people: dict[str, User], acting: str) -> None:
    mine = _membership(people[acting])
    with pytest.raises(MembershipRefused, match="own membership"):
        member_change(membership_id=mine.pk, role=Role.VIEWER, is_active=True, by=people[acting])
    with pytest.raises(MembershipRefused, match="own membership"):
        member_remove(membership_id=mine.pk, by=people[acting])


def test_changing_somebody_above_is_refused(people: dict[str, User]) -> None:
    with pytest.raises(MembershipRefused, match="above yours"):
        member_change(
            membership_id=_membership(people["owner"]).pk, role=Role.VIEWER, is_active=True, by=people["admin"]
        )


@pytest.mark.parametrize("change", [{"role": Role.ADMIN, "is_active": True}, {"role": Role.OWNER, "is_active": False}])
def test_last_owner_stays_owner_whoever_asks(people: dict[str, User], superuser: User, change: dict) -> None:
    with pytest.raises(MembershipRefused, match="only owner"):
        member_change(membership_id=_membership(people["owner"]).pk, by=superuser, **change)
    with pytest.raises(MembershipRefused, match="only owner"):
        member_remove(membership_id=_membership(people["owner"]).pk, by=superuser)


def test_one_of_two_owners_may_go(in_florist: Organization, people: dict[str, User], superuser: User) -> None:
    member_change(membership_id=_membership(people["admin"]).pk, role=Role.OWNER, is_active=True, by=superuser)
    member_remove(membership_id=_membership(people["owner"]).pk, by=people["admin"])
    assert OrganizationMembership.objects.filter(role=Role.OWNER).count() == 1


# Through the pages


def test_page_adds_by_address_in_any_case(
    in_florist: Organization, people: dict[str, User], signed_in: Callable
) -> None:
    newcomer = factories.make_user(email="new@agency.example")
    response = signed_in(people["owner"]).post(reverse(ADD), {"email": "NEW@agency.example", "role": Role.ADMIN})
    assert response.status_code == 302
    assert _membership(newcomer).role == Role.ADMIN
    assert _seats(in_florist) == 6


def test_page_says_that_nobody_has_the_address(people: dict[str, User], signed_in: Callable) -> None:
    response = signed_in(people["owner"]).post(reverse(ADD), {"email": "who@agency.example", "role": Role.VIEWER})
    assert response.status_code == 200
    assert "Nobody signs in with this address yet" in response.content.decode()


def test_page_shows_the_full_plan_and_keeps_what_was_typed(people: dict[str, User], signed_in: Callable) -> None:
    Subscription.objects.update(plan=factories.make_plan(name="Tiny", max_members=5))
    factories.make_user(email="new@agency.example")
    response = signed_in(people["owner"]).post(reverse(ADD), {"email": "new@agency.example", "role": Role.VIEWER})
    content = response.content.decode()
    assert "the Tiny plan has 0 left" in content
    assert "new@agency.example" in content


def test_page_of_an_admin_offers_no_owner_role(people: dict[str, User], signed_in: Callable) -> None:
    browser = signed_in(people["admin"])
    assert 'value="owner"' not in browser.get(reverse(ADD)).content.decode()
    factories.make_user(email="new@agency.example")
    response = browser.post(reverse(ADD), {"email": "new@agency.example", "role": Role.OWNER})
    assert response.status_code == 200
    assert OrganizationMembership.objects.count() == 5


def test_page_refuses_the_own_membership(people: dict[str, User], signed_in: Callable) -> None:
    mine = _membership(people["admin"])
    url = reverse("admin:accounts_organizationmembership_change", args=[mine.pk])
    response = signed_in(people["admin"]).post(url, {"role": Role.ADMIN, "is_active": ""})
    assert "own membership" in response.content.decode()
    mine.refresh_from_db()
    assert mine.is_active


def test_page_refuses_to_delete_the_last_owner(people: dict[str, User], superuser: User, signed_in: Callable) -> None:
    owner = _membership(people["owner"])
    url = reverse("admin:accounts_organizationmembership_delete", args=[owner.pk])
    response = signed_in(superuser).post(url, {"post": "yes"}, follow=True)
    assert "only owner" in response.content.decode()
    assert OrganizationMembership.objects.filter(pk=owner.pk).exists()


@pytest.mark.parametrize("role", ["manager", "account_manager", "viewer"])
def test_page_is_closed_to_lower_roles(people: dict[str, User], signed_in: Callable, role: str) -> None:
    browser = signed_in(people[role])
    assert browser.get(reverse(ADD)).status_code == 403
    assert browser.post(reverse(ADD), {"email": "viewer@agency.example", "role": Role.OWNER}).status_code == 403


def test_posted_organization_and_user_are_ignored(
    in_florist: Organization, museum: Organization, people: dict[str, User], signed_in: Callable
) -> None:
    viewer = _membership(people["viewer"])
    url = reverse("admin:accounts_organizationmembership_change", args=[viewer.pk])
    forged = {"role": Role.MANAGER, "is_active": "on", "organization": museum.pk, "user": people["owner"].pk}
    signed_in(people["owner"]).post(url, forged)
    viewer.refresh_from_db()
    assert (viewer.role, viewer.organization_id, viewer.user_id) == (Role.MANAGER, in_florist.pk, people["viewer"].pk)


def test_members_of_another_client_are_out_of_reach(
    people: dict[str, User], museum: Organization, signed_in: Callable
) -> None:
    with organization_scope(museum):
        theirs = factories.join(factories.make_user(full_name="Hidden Person"), museum, Role.VIEWER)
    browser = signed_in(people["owner"])
    assert "Hidden Person" not in browser.get(reverse(LIST)).content.decode()
    url = reverse("admin:accounts_organizationmembership_change", args=[theirs.pk])
    assert browser.get(url).status_code == 302
    assert browser.post(url, {"role": Role.ADMIN}).status_code == 302
    with organization_scope(museum):
        theirs.refresh_from_db()
    assert theirs.role == Role.VIEWER


def test_list_under_all_clients_shows_only_clients_whose_role_allows_it(
    in_florist: Organization, museum: Organization, signed_in: Callable
) -> None:
    user = factories.make_user()
    factories.join(user, in_florist, Role.OWNER)
    factories.join(user, museum, Role.VIEWER)
    factories.join(factories.make_user(full_name="Museum Person"), museum, Role.MANAGER)
    factories.join(factories.make_user(full_name="Florist Person"), in_florist, Role.MANAGER)
    content = signed_in(user).get(reverse(LIST)).content.decode()
    assert "Florist Person" in content
    assert "Museum Person" not in content


def test_bulk_delete_under_all_clients_spares_clients_without_the_right(
    in_florist: Organization, museum: Organization, signed_in: Callable
) -> None:
    user = factories.make_user()
    factories.join(user, in_florist, Role.OWNER)
    factories.join(user, museum, Role.MANAGER)
    theirs = factories.join(factories.make_user(), museum, Role.VIEWER)
    ours = factories.join(factories.make_user(), in_florist, Role.VIEWER)
    forged = {"action": "delete_selected", "_selected_action": [theirs.pk, ours.pk], "post": "yes"}
    signed_in(user).post(reverse(LIST), forged)
    assert not OrganizationMembership.objects.filter(pk=ours.pk).exists()
    with organization_scope(museum):
        assert OrganizationMembership.objects.filter(pk=theirs.pk).exists()
