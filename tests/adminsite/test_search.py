"""The palette: in reach only, also after switching; bounded; nothing cached."""

from collections.abc import Callable

from core.accounts.choices import Role
from core.accounts.models import Organization, User
from core.common.tenancy import organization_scope
from tests.support import factories

SEARCH = "/admin/search/"


def _found(browser: object, term: str) -> str:
    return browser.get(SEARCH, {"s": term, "extended": 1}).content.decode()  # type: ignore[attr-defined]


def test_search_after_switching_finds_only_the_new_clients_rows(
    florist: Organization, museum: Organization, signed_in: Callable
) -> None:
    user = factories.make_user(Role.MANAGER, florist)
    factories.join(user, museum, Role.MANAGER)
    for client in (florist, museum):
        with organization_scope(client):
            factories.make_contact(client, f"sam@{client.slug}.example")
            factories.make_campaign(client, name=f"Sam sale of {client.slug}")
    browser = signed_in(user)
    both = _found(browser, "sam")
    assert "florist" in both
    assert "museum" in both
    browser.post("/admin/switch/", {"organization": str(florist.pk)})
    assert "museum" not in _found(browser, "sam")
    browser.post("/admin/switch/", {"organization": str(museum.pk)})
    found = _found(browser, "sam")
    assert "florist" not in found
    assert "museum" in found


def test_search_is_limited_per_kind(member: Callable, florist: Organization, signed_in: Callable) -> None:
    with organization_scope(florist):
        for number in range(12):
            factories.make_contact(florist, f"many{number}@people.example")
    assert _found(signed_in(member()), "many").count("@people.example") == 5 * 2  # title and data attribute


def test_search_finds_pages_and_clients(
    superuser: User, florist: Organization, museum: Organization, signed_in: Callable
) -> None:
    browser = signed_in(superuser)
    assert "/admin/subscriptions/plan/" in _found(browser, "plans")
    assert f"/admin/clients/{museum.pk}/" in _found(browser, "MUS")


def test_search_of_a_viewer_finds_no_agency_page(member: Callable, signed_in: Callable) -> None:
    assert "/admin/accounts/user/" not in _found(signed_in(member(Role.VIEWER)), "users")


def test_search_for_nothing_answers_nothing(member: Callable, signed_in: Callable) -> None:
    assert signed_in(member()).get(SEARCH, {"s": " "}).content == b""


def test_search_of_a_stranger_leads_to_the_login(client: object, db: None) -> None:
    assert client.get(SEARCH, {"s": "a"}).status_code == 302  # type: ignore[attr-defined]
