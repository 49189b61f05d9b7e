"""A campaign over the stand-in of SendGrid, whose reports come back signed, doubled and out of order."""

import random
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from django.test import Client

from core.accounts.models import Organization
from core.contacts.choices import ContactStatus
from core.contacts.models import Contact, Suppression
from core.delivery.models import Connection, Message
from core.delivery.models.connections import ConnectionKind, SmtpSecurity
from core.delivery.states import DeliveryState, SendState
from core.tracking.models import AnalyticsEvent, DeadEvent, WebhookEndpoint
from core.tracking.tasks import read_posts
from core.tracking.webhooks.links import webhook_url
from tests.delivery.conftest import ledger  # noqa: F401
from tests.delivery.ledger import batches_of, run_work, sending_campaign
from tests.support.sendgrid_events import EventSigner, reports_of
from tests.support.sendgrid_server import KEY, Faults, SendGridServer

FATES = ("bounce", "full", "spam", "left")


@pytest.fixture
def server() -> Iterator[SendGridServer]:
    with SendGridServer() as server:
        yield server


@pytest.fixture
def signer() -> EventSigner:
    return EventSigner()


@pytest.fixture
def endpoint(in_florist: Organization, server: SendGridServer, signer: EventSigner) -> WebhookEndpoint:
    Connection.objects.filter(is_default=True).update(is_default=False)
    connection = Connection.objects.create(
        organization=in_florist,
        name="SendGrid",
        kind=ConnectionKind.SENDGRID,
        host=server.host,
        port=server.port,
        security=SmtpSecurity.NONE,
        password=KEY,
        is_default=True,
    )
    return WebhookEndpoint.objects.create(organization=in_florist, connection=connection, key=signer.public)


def send(organization: Organization, server: SendGridServer) -> None:
    """Twelve mails in three requests; one request is taken, and its answer lost."""
    batches_of(4, organization)
    sending_campaign(organization, 12)
    for number, fate in enumerate(FATES):
        contact = Contact.objects.get(email=f"spring-offer-{number}@people.example")
        contact.email = contact.email_key = f"{fate}-{number}@people.example"
        contact.save()
    server.faults = Faults(drop_taken="spring-offer-9@people.example")
    run_work()
    server.faults = Faults()


def report(endpoint: WebhookEndpoint, server: SendGridServer, signer: EventSigner, seed: int) -> None:
    """All reports, in posts of seven, each post read at another time."""
    reports = reports_of(server.mails, random.Random(seed))
    path = "/" + webhook_url(endpoint.connection_id).split("/", 3)[3]
    for start in range(0, len(reports), 7):
        body = orjson.dumps(reports[start : start + 7])
        answer = Client().post(path, body, content_type="application/json", headers=signer.headers(body))
        assert answer.status_code == 200
        if start % 3:
            read_posts.apply()
    read_posts.apply()


@pytest.mark.usefixtures("ledger")
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_reports_settle_doubts_and_stop_whom_they_should(
    in_florist: Organization, server: SendGridServer, signer: EventSigner, endpoint: WebhookEndpoint, seed: int
) -> None:
    send(in_florist, server)
    assert Message.objects.filter(send_state=SendState.UNCERTAIN).count() == 4
    report(endpoint, server, signer, seed)
    assert set(Message.objects.values_list("send_state", flat=True)) == {SendState.ACCEPTED}
    by_fate: dict[str, Any] = {message.contact.email.split("-")[0]: message for message in messages()}
    assert {fate: by_fate[fate].contact.status for fate in FATES} == {
        "bounce": ContactStatus.BOUNCED,
        "full": ContactStatus.SUBSCRIBED,
        "spam": ContactStatus.COMPLAINED,
        "left": ContactStatus.UNSUBSCRIBED,
    }
    assert {fate: by_fate[fate].delivery_state for fate in FATES} == {
        "bounce": DeliveryState.PROCESSED,
        "full": DeliveryState.DEFERRED,
        "spam": DeliveryState.DELIVERED,
        "left": DeliveryState.DELIVERED,
    }
    assert sum(message.delivery_state == DeliveryState.DELIVERED for message in messages()) == 10
    assert Suppression.objects.count() == 3
    assert AnalyticsEvent.objects.count() == 12 + 1 + 2 + 2 + 2 + 8 * 2
    assert not DeadEvent.objects.exists()


def messages() -> list[Message]:
    return list(Message.objects.select_related("contact"))
