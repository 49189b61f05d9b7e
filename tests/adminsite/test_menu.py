"""The menu per role, and that no entry is dead."""

from collections import Counter
from collections.abc import Callable
from uuid import UUID

import pytest
from django.test import RequestFactory
from django.urls import resolve, reverse

from core.accounts.access import access_for
from core.accounts.choices import Role
from core.accounts.models import Organization, User
from core.accounts.permissions import Permission
from core.adminsite.navigation import MENU, sidebar
from core.common.tenancy import organization_scope
from tests.support import factories

ENTRIES = [entry for group in MENU for entry in group.entries]
AGENCY = {entry.title for entry in ENTRIES if entry.permission is Permission.AGENCY}


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.title)
def test_menu_entry_has_a_page(entry: object) -> None:
    arguments = [UUID(int=0)] if entry.for_current else []  # type: ignore[attr-defined]
    assert reverse(f"admin:{entry.url_name}", args=arguments)  # type: ignore[attr-defined]


def test_menu_uses_each_icon_once() -> None:
    assert [icon for icon, uses in Counter(entry.icon for entry in ENTRIES).items() if uses > 1] == []


def titles(user: User, path: str = "/admin/") -> list[str]:
    return [item["title"] for group in _menu(user, path) for item in group["items"]]


def _menu(user: User, path: str) -> list[dict]:
    request = RequestFactory().get(path)
    request.user = user
    request.access = access_for(user)  # type: ignore[attr-defined]
    request.resolver_match = resolve(path)
    with organization_scope(*request.access.in_reach):  # type: ignore[attr-defined]
        return sidebar(request)


def test_menu_of_a_viewer_has_only_what_a_viewer_may_see(member: Callable) -> None:
    found = set(titles(member(Role.VIEWER)))
    assert {"Home", "Campaigns", "Templates", "Blocks", "Settings and brand"} <= found
    assert not found & (AGENCY | {"Imports", "Connections", "Members", "Plan and usage", "History"})


def test_menu_of_an_account_manager_has_no_import_and_no_history(member: Callable) -> None:
    found = set(titles(member(Role.ACCOUNT_MANAGER)))
    assert {"Plan and usage", "Members"} <= found
    assert not found & (AGENCY | {"Imports", "History"})


def test_menu_of_an_owner_has_everything_but_the_agency(member: Callable) -> None:
    found = set(titles(member(Role.OWNER)))
    assert found == {entry.title for entry in ENTRIES} - AGENCY


def test_menu_of_a_superuser_under_all_clients_has_no_single_clients_settings(
    superuser: User, florist: Organization, museum: Organization
) -> None:
    found = set(titles(superuser))
    assert found == {entry.title for entry in ENTRIES} - {"Settings and brand"}


def test_menu_lights_one_entry_by_page_not_by_address(
    superuser: User, florist: Organization, museum: Organization
) -> None:
    for name in ("accounts_user_changelist", "accounts_user_add", "subscriptions_plan_changelist", "index"):
        path = reverse(f"admin:{name}")
        lit = [item["title"] for group in _menu(superuser, path) for item in group["items"] if item["active"]]
        assert len(lit) == 1, (name, lit)


def test_menu_lights_settings_on_the_current_clients_form(florist: Organization) -> None:
    owner = factories.make_user(Role.OWNER, florist)
    path = reverse("admin:accounts_organization_change", args=[florist.pk])
    lit = [item["title"] for group in _menu(owner, path) for item in group["items"] if item["active"]]
    assert lit == ["Settings and brand"]
