"""From our mail on an SMTP server to its bounce and its reply: what we write is what we recognise."""

from collections.abc import Iterator
from dataclasses import replace
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any
from urllib.parse import parse_qs

import pytest

from core.accounts.models import Organization
from core.common.tenancy import organization_scope
from core.delivery.models import Connection, Message
from core.delivery.models.connections import ConnectionKind, SmtpSecurity
from core.delivery.transports.anymail import AnymailTransport
from core.delivery.transports.sendgrid.letter import Letter
from core.delivery.transports.smtp import SmtpTransport
from core.delivery.transports.smtp_session import Security, SmtpSettings
from core.domains.models import SendingDomain
from core.tracking.choices import WebhookKind
from core.tracking.models import AnalyticsEvent, DeadEvent, Reply
from tests.delivery.conftest import ledger  # noqa: F401
from tests.delivery.ledger import run_work, sending_campaign
from tests.delivery.test_anymail_transport import settings_for
from tests.delivery.transport_contract import mail_content, people
from tests.support.postmark_server import PostmarkServer
from tests.support.smtp_server import SmtpServer
from tests.tracking.inbound.mails import DATE, dsn, plain
from tests.tracking.inbound.posts import count, make_endpoint, post_signed, read, reloaded

REPLIES, BOUNCES = "reply.bakery.example", "bounce.bakery.example"


@pytest.fixture
def server() -> Iterator[SmtpServer]:
    with SmtpServer() as server:
        yield server


def test_smtp_without_hosts_is_as_before_and_with_hosts_each_mail_has_its_own_addresses(server: SmtpServer) -> None:
    content = replace(mail_content(), reply_to="hello@bakery.example")
    one, two, stranger = people(3)
    with SmtpTransport(SmtpSettings(server.host, server.port, security=Security.NONE)) as transport:
        transport.send(content, [one])
        transport.send(
            replace(content, reply_host=REPLIES, bounce_host=BOUNCES), [one, two, replace(stranger, in_ledger=False)]
        )
    before, first, second, third = server.accepted
    assert (before.sender, third.sender) == (content.from_email, content.from_email)
    assert first.sender.startswith("b-") and first.sender.endswith(f"@{BOUNCES}") and first.sender != second.sender
    assert f"Reply-To: {content.reply_to}\r\n".encode() in before.raw
    assert first.raw.count(b"Reply-To:") == 1 and f"@{REPLIES}\r\n".encode() in first.raw


def test_postmark_gets_a_reply_address_for_each_mail() -> None:
    with PostmarkServer() as postmark, AnymailTransport(settings_for(postmark)) as transport:
        transport.send(replace(mail_content(), reply_to="hello@bakery.example", reply_host=REPLIES), people(2))
        found = [mail["ReplyTo"] for mail in postmark.mails]
    assert len(set(found)) == 2 and all(one.startswith("r-") and one.endswith(REPLIES) for one in found)


def test_sendgrid_gets_one_reply_address_at_the_host() -> None:
    letter: Any = Letter(replace(mail_content(), reply_to="hello@bakery.example", reply_host=REPLIES))
    person = letter.person(0, people(1)[0])
    assert letter.request([person])["reply_to"] == {"email": f"replies@{REPLIES}"}


@pytest.fixture
def sent(ledger: Any, in_florist: Organization, server: SmtpServer) -> dict[str, tuple[Any, Message]]:  # noqa: F811
    """A campaign to three people over SMTP, from a domain with hosts for what comes back: mails and rows by address."""
    Connection.objects.filter(is_default=True).update(is_default=False)
    Connection.objects.create(
        organization=in_florist,
        name="Own",
        kind=ConnectionKind.SMTP,
        host=server.host,
        port=server.port,
        security=SmtpSecurity.NONE,
        is_default=True,
    )
    domain = in_florist.default_from_email.partition("@")[2]
    SendingDomain.objects.update_or_create(
        organization=in_florist,
        name=domain,
        defaults={"selector": "x", "reply_host": f"reply.{domain}", "return_path": f"bounce.{domain}"},
    )
    campaign = sending_campaign(in_florist, 3)
    run_work()
    messages = {message.contact.email: message for message in campaign.messages.select_related("contact")}
    assert len(server.accepted) == 3
    return {mail.recipients[0]: (mail, messages[mail.recipients[0]]) for mail in server.accepted}


def test_campaign_over_smtp_whose_bounce_and_reply_come_back(
    in_florist: Organization, sent: dict[str, tuple[Any, Message]]
) -> None:
    gone, wrote, quoted = sorted(sent)
    endpoint = make_endpoint(in_florist, WebhookKind.INBOUND_SIGNED)
    reply_to = sent[wrote][0].raw.partition(b"Reply-To: ")[2].partition(b"\r\n")[0].decode()
    returned = sent[quoted][0].raw.partition(b"\r\n\r\n")[0].decode() + "\r\n"
    with organization_scope(in_florist):
        post_signed(endpoint, dsn("", to=sent[gone][0].sender))
        post_signed(endpoint, plain("Thank you", to=reply_to))
        post_signed(endpoint, dsn(returned, status="5.2.2", diagnostic="smtp; 552 5.2.2 mailbox full"))
    read()
    assert reloaded(sent[gone][1]).bounce_class == "invalid_address"
    assert reloaded(sent[quoted][1]).bounce_class == "mailbox_full"
    assert Reply.objects.get().message_id == sent[wrote][1].pk


def test_unsubscribing_by_mail_works_without_a_person_and_only_with_the_token_of_that_mail(
    in_florist: Organization, museum: Organization, sent: dict[str, tuple[Any, Message]]
) -> None:
    """A mail program writes to the second address of List-Unsubscribe, with the subject it names, and says that it
    is a program."""
    left, stays, elsewhere = sorted(sent)
    endpoint = make_endpoint(in_florist, WebhookKind.INBOUND_SIGNED)
    host = in_florist.default_from_email.partition("@")[2]
    for person in (left, left):
        to, subject = _mailto(sent[person][0].raw)
        assert to == f"unsubscribe@reply.{host}"
        post_signed(endpoint, _written(to, subject))
    to, subject = _mailto(sent[stays][0].raw)
    post_signed(endpoint, _written(to, subject[:-1] + ("A" if subject[-1] != "A" else "B")))
    post_signed(endpoint, _written(to, "unsubscribe"))
    foreign = make_endpoint(museum, WebhookKind.INBOUND_SIGNED)
    post_signed(foreign, _written(*_mailto(sent[elsewhere][0].raw)))
    read()
    assert reloaded(sent[left][1].contact).status == "unsubscribed"
    assert reloaded(sent[left][1]).unsubscribed_at is not None
    assert [reloaded(sent[person][1].contact).status for person in (stays, elsewhere)] == ["subscribed"] * 2
    assert count(Reply) == 0 and count(DeadEvent) == 1
    with organization_scope(in_florist):
        assert AnalyticsEvent.objects.filter(type="unsubscribed").count() == 1


def _mailto(raw: bytes) -> tuple[str, str]:
    """Address and subject of the second address."""
    value = str(message_from_bytes(raw, policy=policy.SMTP)["List-Unsubscribe"])
    to, _, query = value.rpartition("<mailto:")[2].rstrip(">").partition("?")
    return to, parse_qs(query)["subject"][0]


def _written(to: str, subject: str) -> bytes:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "Ana <ana@people.example>", to, subject
    mail["Date"], mail["Message-ID"], mail["Auto-Submitted"] = DATE, "<wish@people.example>", "auto-generated"
    mail.set_content("This message was generated by a mail program.")
    return mail.as_bytes(policy=policy.SMTP)
