"""Requests under a client's own name: links of mails and nothing else, whoever's name it is, without the database."""

import re
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.db import connection
from django.test import Client

from core.accounts.models import Organization, User
from core.common.tenancy import all_organizations, organization_scope
from core.common.tokens import Purpose, unsign
from core.contacts.models import Contact
from core.contacts.public.links import signup_path
from core.domains.answers import PROOF_PATH
from tests.tracking.mailed import BROWSER, Mailed, mailed_campaign, paths

HOST = "link.florist.example"
HOSTS = [
    HOST,
    "LINK.FLORIST.EXAMPLE:443",
    "link.florist.example.",
    "nobody.knows.example",
    "192.0.2.7",
    "[2001:db8::7]",
]


@pytest.fixture
def visitor() -> Client:
    return Client(headers={"User-Agent": BROWSER}, enforce_csrf_checks=True, raise_request_exception=True)


@pytest.mark.parametrize("host", HOSTS)
def test_links_of_mails_are_answered_under_every_name(mailed: Mailed, visitor: Client, host: str) -> None:
    """Also under one that nobody has verified: what is out was written for good."""
    expected = {"open": 200, "click": 302, "unsubscribe": 200, "preferences": 200}
    links = paths(mailed.messages[0])
    found = {name: visitor.get(links[name], headers={"Host": host}) for name in expected}
    assert {name: answer.status_code for name, answer in found.items()} == expected
    assert found["click"]["Location"] == mailed.links[0].url
    for answer in found.values():
        assert not answer.cookies
        assert host.lower() not in answer.content.decode("latin-1").lower()


def test_one_click_unsubscribe_under_a_clients_name_is_committed(mailed: Mailed, visitor: Client) -> None:
    path = paths(mailed.messages[0])["unsubscribe"]
    assert visitor.post(path, {"List-Unsubscribe": "One-Click"}, headers={"Host": HOST}).status_code == 200
    with all_organizations(reason="test"):
        assert Contact.objects.get(pk=mailed.contacts[0].pk).status == "unsubscribed"


def test_page_under_a_clients_name_brings_its_own_style(mailed: Mailed, visitor: Client) -> None:
    page = visitor.get(paths(mailed.messages[0])["unsubscribe"], headers={"Host": HOST}).content.decode()
    addresses = re.findall(r'(?:href|src|action)="([^"]*)"', page)
    assert addresses
    for address in addresses:
        assert address.startswith(("/static/public/", "/preferences/", "data:")), "no way from here to another host"
    style = next(address for address in addresses if address.startswith("/static/"))
    served = visitor.get(style, headers={"Host": HOST})
    assert (served.status_code, b"{" in b"".join(served.streaming_content)) == (200, True)
    served.close()


CLOSED = [
    *("/", "/admin/", "/admin/login/", "/admin/campaigns/campaign/", "/admin/jsi18n/", "//admin/", "/u/../admin/"),
    *(
        "/health",
        "/ready",
        "/metrics",
        "/static/unfold/css/styles.css",
        "/static/public/../unfold/css/styles.css",
        "/static/public/no.css",
    ),
    *("/approve/token", "/report/token", "/confirm/token", "/webhooks/sendgrid/token", "/webhooks/inbound/mail/token"),
    *("/favicon.ico", "/u", "/o", "/preferences", "/staticpublic/", "/U/x", "/unknown"),
]


@pytest.mark.parametrize("path", CLOSED)
@pytest.mark.parametrize("host", [HOST, "nobody.knows.example", "192.0.2.7", "a b", "127.0.0.1.evil.example"])
def test_everything_else_is_refused_under_other_names(
    superuser: User, visitor: Client, host: str, path: str, django_assert_num_queries: Any
) -> None:
    """Even to somebody who is signed in: nothing of the admin, not even where it is."""
    visitor.force_login(superuser)
    with django_assert_num_queries(0):
        answer = visitor.get(path, headers={"Host": host})
    assert answer.status_code in (400, 404)
    assert "admin" not in answer.content.decode().lower()
    assert "Location" not in answer
    assert not answer.cookies


@pytest.mark.parametrize("method", ["post", "put", "delete", "options", "head"])
def test_other_methods_open_nothing_either(superuser: User, visitor: Client, method: str) -> None:
    visitor.force_login(superuser)
    assert getattr(visitor, method)("/admin/login/", headers={"Host": HOST}).status_code == 400


def test_forwarded_names_are_not_believed(superuser: User, visitor: Client) -> None:
    for name in ("X-Forwarded-Host", "Forwarded", "X-Host", "X-Original-Host"):
        answer = visitor.get("/admin/login/", headers={"Host": HOST, name: "testserver"})
        assert answer.status_code == 400, name


def test_our_own_names_answer_as_ever(superuser: User, mailed: Mailed, visitor: Client) -> None:
    visitor.force_login(superuser)
    for host in ("testserver", "127.0.0.1:8000", "localhost"):
        assert visitor.get("/admin/", headers={"Host": host}).status_code == 200
        assert visitor.get(paths(mailed.messages[0])["unsubscribe"], headers={"Host": host}).status_code == 200


def test_form_of_another_page_is_not_offered_under_a_clients_name(in_florist: Organization, visitor: Client) -> None:
    assert visitor.get(signup_path(in_florist.pk), headers={"Host": HOST}).status_code == 400


def test_token_of_another_client_says_the_same_under_every_name(
    mailed: Mailed, museum: Organization, visitor: Client
) -> None:
    """A link belongs to its token: under another client's name it does what it was signed for, and no more."""
    with organization_scope(museum):
        other = mailed_campaign(museum, urls=("https://museum.example/visit",))
    click, unsubscribe = (paths(other.messages[0])[name] for name in ("click", "unsubscribe"))
    assert visitor.get(click, headers={"Host": HOST})["Location"] == "https://museum.example/visit"
    crossed = unsubscribe.replace("/u/", "/preferences/")
    assert visitor.get(crossed, headers={"Host": HOST}).status_code == 404
    assert visitor.get(click.replace("/c/", "/u/"), headers={"Host": HOST}).status_code == 404


def test_proof_names_the_host_that_was_asked(db: None, visitor: Client, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        answer = visitor.get(PROOF_PATH, headers={"Host": "Link.Florist.example"})
    assert unsign(Purpose.LINK_HOST, answer.content.decode()) == HOST.encode()
    assert visitor.get(PROOF_PATH, headers={"Host": "a b"}).status_code == 400
    assert visitor.get(PROOF_PATH, headers={"Host": f"{'x' * 300}.example"}).status_code == 400


def test_proof_opens_nothing(mailed: Mailed, visitor: Client) -> None:
    """Whoever asks under a name of their choice gets a token that is good for nothing else."""
    token = visitor.get(PROOF_PATH, headers={"Host": mailed.messages[0].pk.hex[:16]}).content.decode()
    for path in (f"/o/{token}.gif", f"/c/{token}", f"/u/{token}", f"/v/{token}", f"/preferences/{token}"):
        assert visitor.get(path).status_code == 404


def test_click_under_a_clients_name_needs_no_setting(mailed: Mailed, visitor: Client) -> None:
    """No row and no setting names the host: there is nothing to ask, so nothing that could be away."""
    assert HOST not in django_settings.ALLOWED_HOSTS
    with connection.execute_wrapper(_refuse_domains):
        assert visitor.get(paths(mailed.messages[0])["click"], headers={"Host": HOST}).status_code == 302


def _refuse_domains(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
    assert "domains_sendingdomain" not in sql
    return execute(sql, params, many, context)
