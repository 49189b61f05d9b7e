"""Stopped and broken domains, optional records, and SendGrid's own records."""

from collections.abc import Iterator
from typing import Any

import pytest

from core.accounts.models import AuditEvent, Organization
from core.campaigns.states import CampaignStatus, PauseReason
from core.common.tenancy import all_organizations
from core.delivery.domain_stops import halt_campaigns_of_stopped_domains
from core.delivery.models import Connection
from core.delivery.models.kinds import ConnectionKind, SmtpSecurity
from core.delivery.sendgrid_domains import NoDomainRecords, records_fetch
from core.domains.choices import DomainStatus
from core.domains.dns import DnsResolver
from core.domains.models import SendingDomain
from core.domains.services import domain_add, domain_check, domain_release, domain_stop
from tests.delivery.ledger import run_sweep, run_work, sending_campaign, states
from tests.domains.test_link_host import Answering
from tests.support.dns_server import DnsServer
from tests.support.sendgrid_server import Faults, SendGridServer

pytestmark = pytest.mark.usefixtures("ledger")


@pytest.fixture
def dns() -> Iterator[DnsServer]:
    with DnsServer() as server:
        yield server


@pytest.fixture
def sendgrid() -> Iterator[SendGridServer]:
    with SendGridServer() as server:
        yield server


@pytest.fixture
def domain(in_florist: Organization) -> SendingDomain:
    return domain_add(organization=in_florist, name="florist.example")


def publish(server: DnsServer, domain: SendingDomain) -> None:
    server.texts = {
        f"{domain.selector}._domainkey.{domain.name}": [f"v=DKIM1; k=rsa; p={domain.public_key}"],
        domain.name: ["v=spf1 mx ~all"],
        f"_dmarc.{domain.name}": ["v=DMARC1; p=none"],
    }


def check(domain: SendingDomain, server: DnsServer) -> SendingDomain:
    return domain_check(domain_id=domain.pk, resolver=DnsResolver([server.address]), prober=Answering())


def halt() -> int:
    with all_organizations(reason="the sweep"):
        return halt_campaigns_of_stopped_domains()


def test_domain_stop_pauses_its_campaigns_and_leaves_others(in_florist: Organization, domain: SendingDomain) -> None:
    campaign = sending_campaign(in_florist, 3, from_email="news@florist.example")
    other = sending_campaign(in_florist, 3, name="Other", from_email="news@another.example")
    domain_stop(domain_id=domain.pk)
    run_sweep()
    run_work()
    campaign.refresh_from_db()
    assert (campaign.status, campaign.pause_reason) == (CampaignStatus.PAUSED, PauseReason.DOMAIN)
    assert "was stopped by a person" in campaign.problem
    assert states(campaign) == {"ready": 3}
    assert states(other) == {"accepted": 3}
    assert AuditEvent.objects.filter(action="domain.stopped").count() == 1


def test_domain_stop_twice_and_release(in_florist: Organization, domain: SendingDomain) -> None:
    first = domain_stop(domain_id=domain.pk).paused_at
    assert domain_stop(domain_id=domain.pk).paused_at == first
    assert domain_release(domain_id=domain.pk).paused_at is None
    assert halt() == 0
    assert AuditEvent.objects.filter(action__in=["domain.stopped", "domain.released"]).count() == 2


def test_broken_domain_stops_campaigns_only_when_it_is_so_for_sure(
    in_florist: Organization, domain: SendingDomain, dns: DnsServer
) -> None:
    publish(dns, domain)
    assert check(domain, dns).status == DomainStatus.VERIFIED
    campaign = sending_campaign(in_florist, 3, from_email="news@florist.example")
    dns.failing = set(dns.texts)
    for _ in range(3):
        check(domain, dns)
    assert halt() == 0  # name servers that do not answer prove nothing
    dns.failing = set()
    del dns.texts["_dmarc.florist.example"]
    assert check(domain, dns).status == DomainStatus.BROKEN
    assert halt() == 0  # once may be a slip
    check(domain, dns)
    assert halt() == 1
    campaign.refresh_from_db()
    assert (campaign.status, campaign.pause_reason) == (CampaignStatus.PAUSED, PauseReason.DOMAIN)
    publish(dns, domain)
    assert check(domain, dns).broken_checks == 0


def test_check_optional_names_keep_no_domain_from_being_verified(
    domain: SendingDomain, dns: DnsServer, settings: Any
) -> None:
    settings.TRACKING_TARGET, settings.RETURN_PATH_TARGET = "links.agency.example", "bounces.agency.example"
    publish(dns, domain)
    dns.aliases = {"link.florist.example": "Links.Agency.example", "bounce.florist.example": "elsewhere.example"}
    checked = check(domain, dns)
    assert checked.status == DomainStatus.VERIFIED
    found = {record["kind"]: record["state"] for record in checked.records}
    assert found == {"dkim": "ok", "spf": "ok", "dmarc": "ok", "tracking": "ok", "return_path": "wrong"}
    dns.aliases = {}
    assert {one["state"] for one in check(domain, dns).records if one["is_optional"]} == {"missing"}


# SendGrid's records


def connection_to(server: SendGridServer, organization: Organization) -> Connection:
    return Connection.objects.create(
        organization=organization,
        name="SendGrid",
        kind=ConnectionKind.SENDGRID,
        host=server.host,
        port=server.port,
        security=SmtpSecurity.NONE,
        password=server.key,
    )


def test_records_fetch_adds_the_domain_once_and_says_what_is_found(
    in_florist: Organization, domain: SendingDomain, sendgrid: SendGridServer
) -> None:
    connection = connection_to(sendgrid, in_florist)
    fetched = records_fetch(connection=connection, domain_id=domain.pk)
    hosts = [record["host"] for record in fetched.provider_records]
    assert hosts == ["em1000.florist.example", "s1._domainkey.florist.example", "s2._domainkey.florist.example"]
    assert not any(record["valid"] for record in fetched.provider_records)
    sendgrid.domains_valid = True
    again = records_fetch(connection=connection, domain_id=domain.pk)
    assert len(sendgrid.domains) == 1
    assert again.provider_id == "1000"
    assert all(record["valid"] for record in again.provider_records)


def test_records_fetch_refused_says_sendgrids_words(
    in_florist: Organization, domain: SendingDomain, sendgrid: SendGridServer
) -> None:
    connection = connection_to(sendgrid, in_florist)
    sendgrid.faults = Faults(answer=403, words="access forbidden")
    with pytest.raises(NoDomainRecords, match="access forbidden"):
        records_fetch(connection=connection, domain_id=domain.pk)
    sendgrid.stop()
    with pytest.raises(NoDomainRecords):
        records_fetch(connection=connection, domain_id=domain.pk)
    domain.refresh_from_db()
    assert domain.provider_records == []


def test_records_fetch_of_another_client_finds_nothing(
    in_florist: Organization, everywhere: Any, museum: Any, sendgrid: SendGridServer
) -> None:
    theirs = domain_add(organization=museum, name="museum.example")
    with pytest.raises(SendingDomain.DoesNotExist):
        records_fetch(connection=connection_to(sendgrid, in_florist), domain_id=theirs.pk)
