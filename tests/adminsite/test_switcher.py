"""Choosing the client to work for, and what a stale page may still do."""

from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse

from core.accounts.choices import Role
from core.accounts.middleware import ALL_CLIENTS, FORM_FIELD, SESSION_KEY
from core.accounts.models import Organization, User
from core.common.tenancy import organization_scope
from tests.support import factories

SWITCH = "/admin/switch/"


@pytest.fixture
def both(florist: Organization, museum: Organization) -> User:
    user = factories.make_user(Role.MANAGER, florist)
    factories.join(user, museum, Role.MANAGER)
    return user


def test_switch_to_own_client_goes_on_there(both: User, museum: Organization, signed_in: Callable) -> None:
    browser = signed_in(both)
    response = browser.post(SWITCH, {"organization": str(museum.pk)})
    assert response.status_code == 302
    assert browser.session[SESSION_KEY] == str(museum.pk)
    assert b"Museum" in browser.get("/admin/").content


def test_switch_to_a_strangers_client_is_not_found(
    member: Callable, museum: Organization, florist: Organization, signed_in: Callable
) -> None:
    browser = signed_in(member(Role.OWNER))
    response = browser.post(SWITCH, {"organization": str(museum.pk)})
    assert response.status_code == 404
    assert browser.post(SWITCH, {"organization": "nonsense"}).status_code == 404
    assert SESSION_KEY not in browser.session
    assert browser.get(reverse("admin:open_client", args=[museum.pk])).status_code == 404


def test_switch_by_get_changes_nothing(both: User, museum: Organization, signed_in: Callable) -> None:
    browser = signed_in(both)
    assert browser.get(SWITCH, {"organization": str(museum.pk)}).status_code == 405
    assert browser.get(reverse("admin:open_client", args=[museum.pk])).status_code == 200
    assert SESSION_KEY not in browser.session


def test_switch_without_csrf_token_is_refused(both: User, museum: Organization) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(both)
    response = browser.post(SWITCH, {"organization": str(museum.pk)})
    assert response.status_code == 403
    assert b"The form has expired" in response.content


def test_switch_from_a_list_returns_to_the_list(both: User, museum: Organization, signed_in: Callable) -> None:
    members = reverse("admin:accounts_organizationmembership_changelist")
    response = signed_in(both).post(SWITCH, {"organization": str(museum.pk), "from": members})
    assert response["Location"] == members


def test_switch_from_an_object_returns_to_its_list(
    both: User, florist: Organization, museum: Organization, signed_in: Callable
) -> None:
    page = reverse("admin:accounts_organization_change", args=[florist.pk])
    response = signed_in(both).post(SWITCH, {"organization": str(museum.pk), "from": page})
    assert response["Location"] == reverse("admin:accounts_organization_changelist")


def test_switch_to_a_role_without_the_list_goes_home(
    florist: Organization, museum: Organization, signed_in: Callable
) -> None:
    user = factories.make_user(Role.OWNER, florist)
    factories.join(user, museum, Role.VIEWER)
    history = reverse("admin:accounts_auditevent_changelist")
    response = signed_in(user).post(SWITCH, {"organization": str(museum.pk), "from": history})
    assert response["Location"] == "/admin/"


@pytest.mark.parametrize(
    "target", ["https://evil.example/", "//evil.example/admin/", "/u/token", "javascript:alert(1)"]
)
def test_switch_with_a_foreign_target_goes_home(
    both: User, museum: Organization, signed_in: Callable, target: str
) -> None:
    response = signed_in(both).post(SWITCH, {"organization": str(museum.pk), "next": target})
    assert response["Location"] == "/admin/"


def test_switch_to_all_clients_forgets_the_choice(both: User, museum: Organization, signed_in: Callable) -> None:
    browser = signed_in(both)
    browser.post(SWITCH, {"organization": str(museum.pk)})
    browser.post(SWITCH, {"organization": ALL_CLIENTS})
    assert SESSION_KEY not in browser.session


def test_session_of_an_ended_membership_reaches_nothing(
    both: User, florist: Organization, museum: Organization, signed_in: Callable
) -> None:
    browser = signed_in(both)
    browser.post(SWITCH, {"organization": str(museum.pk)})
    with organization_scope(museum):
        both.memberships.filter(organization=museum).update(is_active=False)
    assert b"Museum" not in browser.get("/admin/").content


def test_saving_a_page_of_another_client_is_refused_and_names_both(
    florist: Organization, museum: Organization, signed_in: Callable
) -> None:
    user = factories.make_user(Role.OWNER, florist)
    factories.join(user, museum, Role.OWNER)
    browser = signed_in(user)
    browser.post(SWITCH, {"organization": str(museum.pk)})
    page = reverse("admin:accounts_organization_change", args=[museum.pk])
    response = browser.post(page, {FORM_FIELD: str(florist.pk), "name": "Stolen name"})
    assert response.status_code == 409
    text = response.content.decode()
    assert "Nothing was saved" in text
    assert "<strong>Florist</strong>" in text
    assert "<strong>Museum</strong>" in text
    with organization_scope(museum):
        assert Organization.objects.get(pk=museum.pk).name == "Museum"


def test_script_for_another_client_is_refused(both: User, florist: Organization, signed_in: Callable) -> None:
    browser = signed_in(both)
    browser.post(SWITCH, {"organization": str(florist.pk)})
    response = browser.post("/admin/logout/", headers={"X-Organization": ALL_CLIENTS})
    assert response.status_code == 409


def test_page_of_a_client_out_of_reach_does_not_name_it(
    member: Callable, florist: Organization, museum: Organization, signed_in: Callable
) -> None:
    response = signed_in(member()).post("/admin/logout/", {FORM_FIELD: str(museum.pk)})
    assert response.status_code == 409
    assert b"Museum" not in response.content


def test_every_page_says_for_which_client_its_forms_are(both: User, florist: Organization, signed_in: Callable) -> None:
    browser = signed_in(both)
    assert b'data-ex-organization="all"' in browser.get("/admin/").content
    browser.post(SWITCH, {"organization": str(florist.pk)})
    for page in ("/admin/", reverse("admin:plan_and_usage"), reverse("admin:accounts_auditevent_changelist")):
        assert f'data-ex-organization="{florist.pk}"'.encode() in browser.get(page).content


def test_adding_under_all_clients_asks_for_the_client_first(
    superuser: User, florist: Organization, museum: Organization, signed_in: Callable
) -> None:
    response = signed_in(superuser).get(reverse("admin:accounts_organizationmembership_add"))
    assert b"for which client?" in response.content
    assert b"Florist" in response.content
