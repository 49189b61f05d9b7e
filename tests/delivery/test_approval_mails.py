"""Links for approval: what leaves, what waits, what fails, and what a killed worker leaves behind."""

import datetime
import re
from collections.abc import Iterator

import pytest
from django.test import Client
from django.utils import timezone

from core.accounts.models import Organization
from core.campaigns.approvals.mails import approval_mails_claim
from core.campaigns.approvals.services import approval_remind, approval_withdraw
from core.campaigns.models import Approval
from core.common.tenancy import all_organizations, organization_scope
from core.delivery.approval_mails import due_approval_clients, send_approval_mails
from core.delivery.models import Connection
from core.delivery.models.connections import ConnectionKind, SmtpSecurity
from core.delivery.tasks import find_approval_mails
from core.delivery.transactional import LEASE
from core.delivery.transports.registry import transports
from tests.campaigns.approvals.world import CLARA, World, make_world
from tests.support.mail_asserts import assert_well_formed, parsed, parts_of
from tests.support.smtp_server import Faults, SmtpServer


@pytest.fixture
def world(florist: Organization) -> World:
    with organization_scope(florist):
        world = make_world(florist)
        world.client_link()
    return world


@pytest.fixture(autouse=True)
def over_smtp(florist: Organization, smtp: SmtpServer) -> Iterator[Connection]:
    """The florist's mail goes to the loopback server."""
    with organization_scope(florist):
        connection = Connection.objects.get()
        connection.kind, connection.host, connection.port = ConnectionKind.SMTP, smtp.host, smtp.port
        connection.security = SmtpSecurity.NONE
        connection.save()
    yield connection
    transports.close()


def send(organization: Organization) -> dict[str, int]:
    with organization_scope(organization):
        return dict(send_approval_mails(organization_id=organization.pk))


def the_link(world: World) -> Approval:
    with all_organizations(reason="test"):
        return Approval.objects.get(campaign=world.campaign, stage="client")


def test_link_is_mailed_once_and_leads_to_the_page(world: World, florist: Organization, smtp: SmtpServer) -> None:
    assert send(florist) == {"accepted": 1}
    assert send(florist) == {}
    (mail,) = smtp.accepted
    assert mail.recipients == (CLARA,) and mail.sender == "hello@florist.example"
    assert_well_formed(mail.raw)
    message = parsed(mail.raw)
    text, html = parts_of(message)
    assert message["Subject"] == "Please approve: Spring offer"
    assert world.author.email in message["Reply-To"] and "Ada Author" in message["From"]
    assert message["Auto-Submitted"] == "auto-generated" and message["List-Unsubscribe"] is None
    links = set(re.findall(r"http://127\.0\.0\.1:8000(/approve/[^\s\"<]+)", text + html))
    assert len(links) == 1
    assert Client().get(links.pop()).status_code == 200
    link = the_link(world)
    assert link.mail_due_at is None and link.mailed_at is not None and link.mail_problem == ""


def test_reminder_says_that_it_is_one(world: World, florist: Organization, smtp: SmtpServer) -> None:
    send(florist)
    with organization_scope(florist):
        approval_remind(approval_id=the_link(world).pk, by=world.author)
    assert send(florist) == {"accepted": 1}
    assert parsed(smtp.accepted[1].raw)["Subject"] == "Reminder, please approve: Spring offer"


def test_withdrawn_link_is_not_mailed(world: World, florist: Organization, smtp: SmtpServer) -> None:
    with organization_scope(florist):
        approval_withdraw(campaign_id=world.campaign.pk, by=world.author)
    assert send(florist) == {} and not smtp.accepted


def test_mail_a_server_refuses_for_now_is_tried_again(world: World, florist: Organization, smtp: SmtpServer) -> None:
    smtp.faults = Faults(refuse_recipients={"*": "450 4.2.1 Mailbox busy"})
    assert send(florist) == {"retry": 1}
    link = the_link(world)
    assert link.mail_due_at is not None and link.mail_due_at > timezone.now() and "450" in link.mail_problem
    smtp.faults = Faults()
    with all_organizations(reason="test"):
        Approval.objects.filter(pk=link.pk).update(mail_due_at=timezone.now())
    assert send(florist) == {"accepted": 1}


def test_mail_a_server_refuses_for_good_says_so_and_the_link_stays(
    world: World, florist: Organization, smtp: SmtpServer
) -> None:
    smtp.faults = Faults(refuse_recipients={"*": "550 5.1.1 No such user here"})
    assert send(florist) == {"failed": 1}
    link = the_link(world)
    assert (link.mail_due_at, link.state) == (None, "open") and "550" in link.mail_problem


def test_mail_of_a_killed_worker_is_due_again_after_the_lease(world: World, florist: Organization) -> None:
    with organization_scope(florist):
        assert len(approval_mails_claim(organization_id=florist.pk, limit=5, lease=LEASE)) == 1
    assert send(florist) == {}
    with all_organizations(reason="test"):
        Approval.objects.filter(pk=the_link(world).pk).update(
            mail_due_at=timezone.now() - datetime.timedelta(seconds=1)
        )
    assert send(florist) == {"accepted": 1}


def test_periodic_job_finds_the_clients_with_links_to_send(world: World, florist: Organization) -> None:
    with all_organizations(reason="test"):
        assert due_approval_clients() == [florist.pk]
        Connection.objects.filter(organization=florist).update(paused_at=timezone.now())
        assert due_approval_clients() == []
    assert find_approval_mails.apply().get() == {"clients": 0}
