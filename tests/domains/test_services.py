"""Adding domains, what checks do to their state, and who sees them."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from core.accounts.choices import Role
from core.accounts.models import AuditEvent, Organization, User
from core.common.tenancy import organization_scope
from core.domains.choices import DomainStatus
from core.domains.dns import DnsResolver
from core.domains.errors import BadDomain, DomainExists
from core.domains.models import DomainCheck, SendingDomain
from core.domains.queries import signing_key
from core.domains.services import clean_domain, domain_add, domain_check
from tests.support.dns_server import DnsServer

V, P, B = DomainStatus.VERIFIED, DomainStatus.PENDING, DomainStatus.BROKEN


@pytest.mark.parametrize(
    ("text", "name"),
    [(" @News.Shop.example. ", "news.shop.example"), ("Käse.example", "xn--kse-qla.example")],
)
def test_clean_domain_takes_what_people_type(text: str, name: str) -> None:
    assert clean_domain(text) == name


@pytest.mark.parametrize(
    "text", ["", "shop", "a b.example", "shop..example", "192.0.2.1", "x" * 64 + ".example", "-a.b"]
)
def test_clean_domain_refuses_what_is_none(text: str) -> None:
    with pytest.raises(BadDomain):
        clean_domain(text)


def test_add_twice_is_refused_and_two_clients_have_their_own_keys(
    domain: SendingDomain, in_florist: Organization, museum: Organization
) -> None:
    with pytest.raises(DomainExists):
        domain_add(organization=in_florist, name="FLORIST.example")
    with organization_scope(museum):
        other = domain_add(organization=museum, name="florist.example")
    assert other.selector != domain.selector
    assert other.public_key != domain.public_key


def test_check_verified_then_broken_then_mended(published: SendingDomain, server: DnsServer) -> None:
    texts = dict(server.texts)
    assert _checked(published, server) == V
    del server.texts["_dmarc.florist.example"]
    assert _checked(published, server) == B
    assert _checked(published, server) == B
    server.texts = texts
    assert _checked(published, server) == V
    assert [check.status for check in DomainCheck.objects.order_by("id")] == [V, B, V], (
        "what did not change is not kept"
    )
    actions = AuditEvent.objects.filter(action__startswith="domain.").order_by("pk").values_list("action", flat=True)
    assert list(actions) == ["domain.added", "domain.verified", "domain.broken", "domain.verified"]


def test_check_without_answers_never_unverifies(published: SendingDomain, server: DnsServer) -> None:
    assert _checked(published, server) == V
    server.failing = set(server.texts)
    assert _checked(published, server) == V
    published.refresh_from_db()
    assert {record["state"] for record in published.records} == {"unknown"}


def test_check_of_nobody_with_one_right_record_stays_pending(published: SendingDomain, server: DnsServer) -> None:
    del server.texts["florist.example"]
    assert _checked(published, server) == P


def _checked(domain: SendingDomain, server: DnsServer) -> str:
    return domain_check(domain_id=domain.pk, resolver=DnsResolver([server.address])).status


def test_signing_key_is_that_of_a_verified_domain_exactly(
    published: SendingDomain, server: DnsServer, florist: Organization
) -> None:
    assert signing_key(florist.pk, "news@florist.example") is None
    _checked(published, server)
    key = signing_key(florist.pk, "news@FLORIST.example")
    assert key is not None
    assert (key.domain, key.selector) == ("florist.example", published.selector)
    assert "PRIVATE" not in repr(key)
    assert signing_key(florist.pk, "news@mail.florist.example") is None


def test_page_adds_a_domain_and_shows_records_but_no_private_key(
    in_florist: Organization, member: Callable[..., User], signed_in: Callable[[User], Client]
) -> None:
    browser = signed_in(member(Role.ADMIN))
    answer = browser.post(reverse("admin:domains_sendingdomain_add"), {"name": "Shop.example"}, follow=True)
    domain = SendingDomain.objects.get()
    page = answer.content.decode()
    assert answer.redirect_chain[-1][0] == reverse("admin:domains_sendingdomain_change", args=[domain.pk])
    assert f"{domain.selector}._domainkey.shop.example" in page
    assert domain.public_key in page
    secret = domain.private_key.splitlines()[1]
    assert secret not in page + str(list(AuditEvent.objects.values()))
    assert (
        "is there already"
        in browser.post(reverse("admin:domains_sendingdomain_add"), {"name": "shop.EXAMPLE"}).content.decode()
    )


def test_page_check_now_asks_and_tells(
    published: SendingDomain,
    server: DnsServer,
    settings: Any,
    member: Callable[..., User],
    signed_in: Callable[[User], Client],
) -> None:
    settings.DNS_SERVERS = [server.address]
    browser = signed_in(member(Role.ADMIN))
    check = reverse("admin:domains_sendingdomain_check_now", args=[published.pk])
    assert server.asked == []
    browser.get(check)
    assert server.asked == [], "a GET asks nobody"
    assert "verified" in browser.post(check, follow=True).content.decode()
    published.refresh_from_db()
    assert published.status == V


def test_private_key_is_ciphertext_in_the_database(domain: SendingDomain) -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT private_key FROM domains_sendingdomain")
        assert "PRIVATE KEY" not in cursor.fetchone()[0]


def test_resolver_gives_up_when_the_time_of_the_check_is_over(published: SendingDomain, server: DnsServer) -> None:
    assert domain_check(domain_id=published.pk, resolver=DnsResolver([server.address], seconds=0)).status == P
    assert server.asked == []
