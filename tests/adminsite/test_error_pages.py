"""404, 403 and 500 in the house's style; the last needs nothing."""

from collections.abc import Callable

import pytest
from django.template.loader import render_to_string
from django.test import Client
from django.views.defaults import permission_denied, server_error

from core.accounts.choices import Role


def test_not_found_page_leads_home(member: Callable, signed_in: Callable) -> None:
    response = signed_in(member()).get("/admin/no/such/page/")
    assert response.status_code == 404
    assert b"This page does not exist" in response.content
    assert b'href="/admin/"' in response.content


def test_forbidden_page_says_who_can_help(member: Callable, signed_in: Callable) -> None:
    response = signed_in(member(Role.VIEWER)).get("/admin/accounts/user/")
    assert response.status_code == 403
    assert b"Your role does not include this" in response.content


def test_server_error_page_needs_no_database_and_no_context(rf: object) -> None:
    # Without the db fixture any query would fail the test.
    response = server_error(rf.get("/"))  # type: ignore[attr-defined]
    assert response.status_code == 500
    assert b"Something broke on our side" in response.content
    assert b"/static/" not in response.content


@pytest.mark.parametrize("template", ["404.html", "403.html", "403_csrf.html", "500.html"])
def test_error_page_has_no_inline_script(template: str) -> None:
    html = render_to_string(template)
    assert "<script>" not in html
    assert "onclick" not in html


def test_forbidden_page_without_a_signed_in_person_renders(rf: object) -> None:
    assert permission_denied(rf.get("/"), Exception()).status_code == 403  # type: ignore[attr-defined]


def test_login_page_refuses_in_plain_words(client: Client, db: None) -> None:
    response = client.post("/admin/login/", {"username": "nobody@agency.example", "password": "wrong"})
    assert response.status_code == 200
    assert b'role="alert"' in response.content
    assert b"Sign in" in response.content
    assert b"No account has this email address and password." in response.content


def test_login_page_asks_for_an_email_address_at_once(client: Client, db: None) -> None:
    field = str(client.get("/admin/login/").context["form"]["username"])
    assert 'type="email"' in field
    assert 'autocomplete="username"' in field
    assert "autofocus" in field


@pytest.mark.parametrize(
    "address",
    [
        "/admin/search/?s=%00",
        "/admin/contacts/contact/?status__exact=%00",
        "/admin/campaigns/campaign/?status__in=sent,%00",
        "/admin/delivery/message/?send_state__exact=%00",
    ],
)
def test_nul_in_an_address_is_a_bad_request(member: Callable, signed_in: Callable, address: str) -> None:
    assert signed_in(member()).get(address).status_code == 400


@pytest.mark.parametrize(
    "model",
    ["contacts/contact", "campaigns/campaign", "delivery/connection", "delivery/message", "delivery/sandboxmail"],
)
@pytest.mark.parametrize("text", ["no-id", "123", "%00", "9" * 40])
def test_address_of_an_object_with_no_id_leads_home(
    member: Callable, signed_in: Callable, model: str, text: str
) -> None:
    response = signed_in(member(Role.ADMIN)).get(f"/admin/{model}/{text}/change/")
    assert (response.status_code, response["Location"]) == (302, "/admin/")
