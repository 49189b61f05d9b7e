"""Mails of a verified domain are signed with its key; those of any other are not."""

import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import dkim
import pytest
from django.test import Client
from django.urls import reverse

from core.accounts.choices import Role
from core.accounts.models import Organization, User
from core.campaigns.models import Campaign
from core.campaigns.preflight import campaign_problems, campaign_warnings
from core.delivery import rendering
from core.delivery.rendering import campaign_mail
from core.domains.models import SendingDomain
from core.domains.records import dkim_value
from core.domains.services import domain_add
from tests.delivery.ledger import run_work, sending_campaign, use_smtp
from tests.support import factories
from tests.support.mail_asserts import assert_well_formed
from tests.support.smtp_server import SmtpServer

pytestmark = pytest.mark.usefixtures("ledger")


def verified_domain(organization: Organization) -> SendingDomain:
    domain = domain_add(organization=organization, name="florist.example")
    SendingDomain.objects.filter(pk=domain.pk).update(status="verified")
    return domain


def verifies(raw: bytes, domain: SendingDomain) -> bool:
    host = f"{domain.selector}._domainkey.florist.example.".encode()
    answers = {host: dkim_value(domain.public_key).encode()}
    return bool(dkim.verify(raw, dnsfunc=lambda name, timeout=5: answers.get(name)))


def test_work_smtp_signs_mails_of_a_verified_domain(in_florist: Organization, smtp: SmtpServer) -> None:
    use_smtp(in_florist, smtp.port)
    domain = verified_domain(in_florist)
    sending_campaign(in_florist, 3)
    run_work()
    assert len(smtp.accepted) == 3
    for mail in smtp.accepted:
        assert_well_formed(mail.raw)
        assert mail.raw.count(b"DKIM-Signature:") == 1
        assert verifies(mail.raw, domain)
        assert not verifies(mail.raw.replace(b"Hello", b"Hallo"), domain)


@pytest.mark.parametrize("status", ["pending", "broken"])
def test_work_smtp_does_not_sign_with_a_key_that_nobody_can_find(
    in_florist: Organization, smtp: SmtpServer, status: str
) -> None:
    use_smtp(in_florist, smtp.port)
    domain = verified_domain(in_florist)
    SendingDomain.objects.filter(pk=domain.pk).update(status=status)
    sending_campaign(in_florist, 1)
    run_work()
    assert b"DKIM-Signature" not in smtp.accepted[0].raw


def test_work_smtp_never_signs_with_another_clients_key(
    in_florist: Organization, museum: Organization, everywhere: None, smtp: SmtpServer
) -> None:
    use_smtp(in_florist, smtp.port)
    domain_add(organization=museum, name="florist.example")
    SendingDomain.objects.update(status="verified")
    sending_campaign(in_florist, 1)
    run_work()
    assert b"DKIM-Signature" not in smtp.accepted[0].raw


@pytest.mark.parametrize(
    ("status", "code"),
    [(None, "domain_unknown"), ("pending", "domain_not_verified"), ("broken", "domain_not_verified"), ("verified", "")],
)
def test_preflight_of_a_domain_is_a_stop_where_required_and_a_warning_elsewhere(
    in_florist: Organization, settings: Any, status: str | None, code: str
) -> None:
    if status:
        verified_domain(in_florist)
        SendingDomain.objects.update(status=status)
    group = factories.make_group(in_florist, "Readers", [factories.make_contact(in_florist)])
    campaign = factories.make_campaign(in_florist, group=group)
    settings.DOMAINS_REQUIRED = True
    assert [problem.code for problem in campaign_problems(campaign)] == ([code] if code else [])
    assert domain_warnings(campaign) == []
    settings.DOMAINS_REQUIRED = False
    assert campaign_problems(campaign) == []
    assert domain_warnings(campaign) == ([code] if code else [])


def domain_warnings(campaign: Campaign) -> list[str]:
    return [warning.code for warning in campaign_warnings(campaign) if warning.where == "domain"]


def test_campaign_page_and_confirmation_show_the_warning(
    in_florist: Organization, member: Callable[..., User], signed_in: Callable[[User], Client]
) -> None:
    group = factories.make_group(in_florist, "Readers", [factories.make_contact(in_florist)])
    campaign = factories.make_campaign(in_florist, group=group)
    browser = signed_in(member(Role.MANAGER))
    for page in ("admin:campaigns_campaign_change", "admin:campaigns_campaign_review_and_send"):
        content = browser.get(reverse(page, args=[campaign.pk])).content.decode()
        assert "florist.example is no sending domain of this client" in content


def test_domain_that_changes_is_seen_by_mails_within_a_minute(
    in_florist: Organization, smtp: SmtpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_smtp(in_florist, smtp.port)
    domain = verified_domain(in_florist)
    campaign = sending_campaign(in_florist, 1)
    before = campaign_mail(campaign.pk)
    rotated = domain_add(organization=in_florist, name="other.example")
    SendingDomain.objects.filter(pk=domain.pk).update(
        private_key=rotated.private_key, public_key=rotated.public_key, selector=rotated.selector
    )
    assert campaign_mail(campaign.pk) is before
    later = time.monotonic() + rendering.KEPT_SECONDS
    monkeypatch.setattr(rendering, "time", SimpleNamespace(monotonic=lambda: later))
    domain.refresh_from_db()
    run_work()
    assert verifies(smtp.accepted[0].raw, domain)
