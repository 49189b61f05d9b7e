"""Campaigns over SendGrid, from *Send now* to the last outcome, and the connection's page and test."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from core.accounts.choices import Role
from core.accounts.models import AuditEvent, Organization
from core.campaigns.models import Campaign
from core.campaigns.states import CampaignStatus, PauseReason
from core.delivery.errors import ConnectionNotWorking
from core.delivery.models import Connection, Message
from core.delivery.models.connections import ConnectionKind, SmtpSecurity
from core.delivery.services import connection_paused, connection_test
from core.delivery.states import SendState
from core.delivery.transports.sendgrid import MESSAGE_ARGUMENT
from tests.delivery.ledger import batches_of, run_sweep, run_work, sending_campaign, states
from tests.support.sendgrid_server import KEY, Faults, SendGridServer

pytestmark = pytest.mark.usefixtures("ledger")
FORM = {"name": "SendGrid", "kind": "sendgrid", "host": "", "port": 587, "security": "starttls", "username": ""}
FORM |= {"password": KEY, "batch_size": 1000}


@pytest.fixture
def server() -> Iterator[SendGridServer]:
    with SendGridServer() as server:
        yield server


@pytest.fixture
def connection(in_florist: Organization, server: SendGridServer) -> Connection:
    """The client's campaigns go out over the stand-in."""
    Connection.objects.filter(is_default=True).update(is_default=False)
    return Connection.objects.create(
        organization=in_florist,
        name="SendGrid",
        kind=ConnectionKind.SENDGRID,
        host=server.host,
        port=server.port,
        security=SmtpSecurity.NONE,
        password=KEY,
        is_default=True,
    )


@pytest.fixture
def client(member: Any, signed_in: Any) -> Client:
    return signed_in(member(Role.ADMIN))


def addresses(server: SendGridServer) -> list[str]:
    return sorted(mail.address for mail in server.mails)


@pytest.mark.usefixtures("connection")
def test_work_sendgrid_sends_each_batch_in_one_request(in_florist: Organization, server: SendGridServer) -> None:
    batches_of(4, in_florist)
    campaign = sending_campaign(in_florist, 10)
    run_work()
    run_sweep()
    assert sorted(len(document["personalizations"]) for document in server.requests) == [2, 4, 4]
    assert addresses(server) == sorted(f"spring-offer-{n}@people.example" for n in range(10))
    campaign.refresh_from_db()
    assert campaign.status == CampaignStatus.SENT
    by_id = {message.pk.hex: message for message in Message.objects.select_related("contact")}
    for mail in server.mails:
        message = by_id[mail.arguments[MESSAGE_ARGUMENT]]
        assert message.contact.email == mail.address
        assert f"Hello {message.contact.first_name}" in mail.text
        assert "[%" not in mail.text + mail.html + mail.subject, "every mark has become a value"
        assert mail.headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        assert mail.headers["List-Unsubscribe"].startswith("<http://127.0.0.1:8000/u/")
        assert mail.headers["Feedback-ID"].endswith(":campaign:engagex")


@pytest.mark.usefixtures("connection")
def test_work_sendgrid_refused_person_fails_alone_with_the_words(
    in_florist: Organization, server: SendGridServer
) -> None:
    server.faults = Faults(refuse={"spring-offer-2@people.example": "Does not contain a valid address."})
    campaign = sending_campaign(in_florist, 5)
    run_work()
    assert states(campaign) == {"accepted": 4, "failed": 1}
    failed = Message.objects.get(send_state=SendState.FAILED)
    assert failed.words == "Does not contain a valid address."


@pytest.mark.usefixtures("connection")
def test_work_sendgrid_too_fast_waits_and_sends_once(in_florist: Organization, server: SendGridServer) -> None:
    server.faults = Faults(slow_down=frozenset({"spring-offer-0@people.example"}))
    campaign = sending_campaign(in_florist, 3)
    run_work()
    assert states(campaign) == {"retry_wait": 3}
    server.faults = Faults()
    Message.objects.update(due_at="2026-01-01T00:00Z")
    run_sweep()
    run_work()
    assert states(campaign) == {"accepted": 3}
    assert len(server.mails) == 3


@pytest.mark.usefixtures("connection")
def test_work_sendgrid_lost_answer_is_in_doubt_and_not_sent_again(
    in_florist: Organization, server: SendGridServer
) -> None:
    server.faults = Faults(drop_taken="spring-offer-1@people.example")
    campaign = sending_campaign(in_florist, 3)
    run_work()
    server.faults = Faults()
    run_sweep()
    run_work()
    assert states(campaign) == {"uncertain": 3}
    assert len(server.mails) == 3


def test_work_sendgrid_revoked_key_pauses_and_burns_nobody(
    in_florist: Organization, server: SendGridServer, connection: Connection
) -> None:
    server.key = "SG.another.key"
    campaign = sending_campaign(in_florist, 3)
    run_work()
    assert states(campaign) == {"ready": 3}
    campaign = Campaign.objects.get(pk=campaign.pk)
    assert (campaign.status, campaign.pause_reason) == (CampaignStatus.PAUSED, PauseReason.CONNECTION)
    connection.refresh_from_db()
    assert "invalid, expired, or revoked" in connection.problem


def test_connection_test_of_a_good_key_lifts_the_pause_and_sends_nothing(
    server: SendGridServer, connection: Connection
) -> None:
    connection_paused(connection=connection, problem="401")
    connection_test(connection=connection)
    connection.refresh_from_db()
    assert (connection.paused_at, server.mails) == (None, [])


def test_connection_test_of_a_bad_key_tells_sendgrids_words(server: SendGridServer, connection: Connection) -> None:
    server.key = "SG.another.key"
    with pytest.raises(ConnectionNotWorking, match="invalid, expired, or revoked"):
        connection_test(connection=connection)


def test_connection_test_of_a_key_that_may_not_send_says_so(server: SendGridServer, connection: Connection) -> None:
    server.scopes = ["user.account.read"]
    with pytest.raises(ConnectionNotWorking, match="Mail Send"):
        connection_test(connection=connection)


def test_connection_test_nobody_there_says_so(server: SendGridServer, connection: Connection) -> None:
    server.stop()
    with pytest.raises(ConnectionNotWorking, match="could not be reached"):
        connection_test(connection=connection)


def test_page_adds_sendgrid_by_its_key_alone(client: Client, in_florist: Organization) -> None:
    assert client.post(reverse("admin:delivery_connection_add"), FORM).status_code == 302
    connection = Connection.objects.get(name="SendGrid")
    assert (connection.host, connection.port, connection.security) == ("api.sendgrid.com", 443, "tls")
    assert connection.password == KEY
    page = client.get(reverse("admin:delivery_connection_change", args=[connection.pk])).content.decode()
    assert KEY not in page + str(list(AuditEvent.objects.values()))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"password": ""}, "needs an API key"),
        ({"host": "evil.example"}, "api.eu.sendgrid.com"),
        ({"host": "api.sendgrid.com.evil.example"}, "api.eu.sendgrid.com"),
    ],
)
def test_page_refuses_sendgrid_without_key_or_elsewhere(
    client: Client, in_florist: Organization, changes: dict[str, str], words: str
) -> None:
    page = client.post(reverse("admin:delivery_connection_add"), FORM | changes).content.decode()
    assert words in page
    assert not Connection.objects.filter(name="SendGrid").exists()


def test_page_stored_key_goes_to_no_other_server(client: Client, in_florist: Organization) -> None:
    client.post(reverse("admin:delivery_connection_add"), FORM)
    connection = Connection.objects.get(name="SendGrid")
    page = reverse("admin:delivery_connection_change", args=[connection.pk])
    elsewhere = FORM | {"password": "", "kind": "smtp", "host": "evil.example"}
    assert "Type it again" in client.post(page, elsewhere).content.decode()
    assert client.post(page, FORM | {"password": "", "name": "Renamed"}).status_code == 302
    connection.refresh_from_db()
    assert (connection.name, connection.password, connection.host) == ("Renamed", KEY, "api.sendgrid.com")
