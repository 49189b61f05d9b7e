"""A domain of the florist, and the name server that knows it."""

from collections.abc import Iterator

import pytest

from core.accounts.models import Organization
from core.domains.dns import DnsResolver
from core.domains.models import SendingDomain
from core.domains.services import domain_add
from tests.support.dns_server import DnsServer


@pytest.fixture
def server() -> Iterator[DnsServer]:
    with DnsServer() as server:
        yield server


@pytest.fixture
def resolver(server: DnsServer) -> DnsResolver:
    return DnsResolver([server.address])


@pytest.fixture
def domain(in_florist: Organization) -> SendingDomain:
    return domain_add(organization=in_florist, name="Florist.example")


@pytest.fixture
def published(server: DnsServer, domain: SendingDomain) -> SendingDomain:
    """The domain with all its records right."""
    server.texts = {
        f"{domain.selector}._domainkey.florist.example": [f"v=DKIM1; k=rsa; p={domain.public_key}"],
        "florist.example": ["google-site-verification=abc", "v=spf1 ip4:192.0.2.0/24 ~all"],
        "_dmarc.florist.example": ["v=DMARC1; p=none; rua=mailto:dmarc@florist.example"],
    }
    return domain
