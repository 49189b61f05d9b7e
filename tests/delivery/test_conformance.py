"""Mails of every transport, as a strange and strict reader finds them, made of whatever people type into fields."""

import dataclasses
import html
import re
from collections.abc import Callable, Iterator
from email.utils import parseaddr
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from core.accounts.models import Organization
from core.common.ids import new_id
from core.common.tenancy import organization_scope
from core.delivery.models import SandboxMail
from core.delivery.rendering import CampaignMail, campaign_mail
from core.delivery.transports.anymail import AnymailSettings, AnymailTransport
from core.delivery.transports.base import Outcome, OutcomeKind, Recipient
from core.delivery.transports.sandbox import SandboxTransport
from core.delivery.transports.sendgrid import SendGridSettings, SendGridTransport
from core.delivery.transports.smtp import SmtpTransport
from core.delivery.transports.smtp_session import Security, SmtpSettings
from core.domains.models import SendingDomain
from core.domains.records import dkim_value
from core.domains.services import domain_add
from tests.delivery.ledger import sending_campaign
from tests.support import factories
from tests.support.conformance import KNOWN, LONGEST_LINE, Mail, Shape, check_signature, conformant
from tests.support.postmark_server import PostmarkServer
from tests.support.sendgrid_server import KEY, SendGridServer, SentMail
from tests.support.smtp_server import SmtpServer

DOMAIN = "florist.example"
HTML = (
    "<html><head><title>News</title></head><body><h1>Hello {{ contact.first_name | default: 'friend' }}</h1>"
    '<p title="{{ contact.company }}">{{ contact.last_name }}</p>'
    '<p><a href="https://shop.example/?who={{ contact.first_name }}">Offer</a></p>'
    '<p>{{ organization.postal_address }} <a href="{{ system.unsubscribe_url }}">Unsubscribe</a></p></body></html>'
)
FIELDS = ("contact.first_name", "contact.last_name", "contact.company")

HOSTILE = [
    "",
    " ",
    "Ann",
    "{{ contact.email }}",
    "{{ 7*7 }}",
    "{% include '/etc/passwd' %}",
    "{{ if contact.company }}yes{{ end }}",
    "${7*7} #{7*7} <%= 7*7 %>",
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "javascript:alert(1)",
    "</title></body></html>",
    "<!-- ",
    "Ann\r\nBcc: victim@example.com",
    "Ann\nSubject: other",
    "Ann\r\n\r\n<html>",
    "\r\n.\r\nMAIL FROM:<x@y.example>\r\n",
    "\0\x07\x1b[31m\x7f\x85\u2028\u2029",
    "x" * 10_000,
    "ü" * 3_000,
    "👩‍👩‍👧‍👦" * 200,
    "שלום \u202eevil\u202c",
    "=?utf-8?q?=0D=0ABcc:_x?=",
    "=3D=\r\n=",
    'a "quoted\\" \\ name, (comment) <a@b>; @:',
    "--=_boundary--",
    "[%0123456789ab:0%]",
    "\ud7ff\ue000\uffff\U0010ffff",
]
VALUES = st.one_of(st.sampled_from(HOSTILE), st.text(st.characters(codec="utf-8"), max_size=120))
ADDRESSES = st.one_of(
    st.sampled_from(
        [
            "ann@people.example",
            "Ann.Lee+news@People.EXAMPLE",
            "ann@bücher.example",
            "ann@xn--bcher-kva.example",
            "jörg@people.example",
            '"ann lee"@people.example',
            "ann@people.example\r\nBcc: victim@example.com",
            "ann@people.example>, <victim@example.com",
            "a" * 64 + "@people.example",
            "ann@" + "x" * 63 + ".example",
            "ann@[127.0.0.1]",
            "",
            "@",
            "ann\0@people.example",
        ]
    ),
    st.emails(),
)
PEOPLE = st.lists(st.tuples(ADDRESSES, VALUES, st.tuples(VALUES, VALUES, VALUES)), min_size=1, max_size=3)
EXAMPLES = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.fixture
def mail(florist: Organization, settings: Any) -> Iterator[CampaignMail]:
    """A frozen campaign with values in subject, text, attribute and address, of a domain that signs, for a client who
    wants the hidden link as well."""
    settings.PUBLIC_URL = "https://mail.agency.example"
    with organization_scope(florist):
        florist.uses_honeypot_link = True
        florist.save(update_fields=["uses_honeypot_link"])
        domain_add(organization=florist, name=DOMAIN)
        SendingDomain.objects.update(status="verified")
        template = factories.make_template(florist, html=HTML, subject="News for {{ contact.first_name }}")
        yield campaign_mail(sending_campaign(florist, 1, template=template).pk)


@pytest.fixture
def keys(mail: CampaignMail) -> dict[bytes, bytes]:
    domain = SendingDomain.objects.get()
    return {f"{domain.selector}._domainkey.{DOMAIN}.".encode(): dkim_value(domain.public_key).encode()}


def recipients_of(mail: CampaignMail, people: list[Any]) -> list[Recipient]:
    made = []
    for address, name, values in people:
        kept = mail.kept_values(name, dict(zip(FIELDS, values, strict=True)))
        made.append(mail.recipient(new_id(), new_id(), address, kept))
    return made


def check_contents(found: Mail | SentMail, recipient: Recipient, reference: Shape) -> None:
    """Whatever was typed stands there as text: no element, no attribute more than with harmless values."""
    shape = Shape(found.html)
    assert shape.elements == reference.elements
    assert "\n" not in found.subject
    assert "\r" not in found.subject
    last = recipient.values.get("contact.last_name", "")
    if last.isprintable() and last.strip() and last == last.strip():
        assert last in shape.data


def check_outcomes(outcomes: list[Outcome], recipients: list[Recipient]) -> list[Recipient]:
    """Who was accepted. The others failed alone, because of their addresses, and in words."""
    assert [outcome.message_id for outcome in outcomes] == [recipient.message_id for recipient in recipients]
    for outcome in outcomes:
        if outcome.kind is not OutcomeKind.ACCEPTED:
            assert outcome.kind is OutcomeKind.FAILED
            assert outcome.code in {"invalid_address", "smtputf8"}, outcome
            assert outcome.words
    return [one for one, outcome in zip(recipients, outcomes, strict=True) if outcome.kind is OutcomeKind.ACCEPTED]


def check_raw(raws: list[bytes], accepted: list[Recipient], keys: dict[bytes, bytes] | None, reference: Shape) -> None:
    assert len(raws) == len(accepted)
    ids = set()
    for raw, recipient in zip(raws, accepted, strict=True):
        found = conformant(raw, domain=DOMAIN)
        ids.add(found.only("message-id"))
        assert recipient.message_id.hex in found.only("message-id")
        check_contents(found, recipient, reference)
        if keys is not None:
            check_signature(raw, keys)
    assert len(ids) == len(raws)


@pytest.fixture
def reference(mail: CampaignMail) -> Shape:
    (harmless,) = recipients_of(mail, [("ann@people.example", "Ann", ("Ann", "Lee", "Florist"))])
    return Shape(mail.content.html.render(harmless.values))


def test_conformance_smtp(mail: CampaignMail, keys: dict[bytes, bytes], reference: Shape) -> None:
    with SmtpServer() as server:
        transport = SmtpTransport(SmtpSettings(host="127.0.0.1", port=server.port, security=Security.NONE))

        @EXAMPLES
        @given(PEOPLE)
        @example([("ann@people.example", value, (value, value, value)) for value in HOSTILE])
        def check(people: list[Any]) -> None:
            server.accepted.clear()
            recipients = recipients_of(mail, people)
            accepted = check_outcomes(transport.send(mail.content, recipients), recipients)
            by_id = {mail_.message_id.strip("<>").partition("@")[0]: mail_.raw for mail_ in server.accepted}
            check_raw([by_id[one.message_id.hex] for one in accepted], accepted, keys, reference)
            assert len(server.accepted) == len(accepted)

        check()
        transport.close()


def test_conformance_sandbox(florist: Organization, mail: CampaignMail, reference: Shape) -> None:
    transport = SandboxTransport(florist.pk)

    @EXAMPLES
    @given(PEOPLE)
    @example([("ann@people.example", value, (value, value, value)) for value in HOSTILE])
    def check(people: list[Any]) -> None:
        with transaction.atomic():
            recipients = [dataclasses.replace(one, in_ledger=False) for one in recipients_of(mail, people)]
            accepted = check_outcomes(transport.send(mail.content, recipients), recipients)
            check_raw([bytes(kept.raw) for kept in SandboxMail.objects.order_by("id")], accepted, None, reference)
            transaction.set_rollback(True)

    check()


def test_conformance_sendgrid(mail: CampaignMail, reference: Shape) -> None:
    with SendGridServer() as server:
        transport = SendGridTransport(SendGridSettings(server.host, server.port, KEY, is_plain=True))

        @EXAMPLES
        @given(PEOPLE)
        @example([("ann@people.example", value, (value, value, value)) for value in HOSTILE])
        def check(people: list[Any]) -> None:
            server.mails.clear()
            recipients = recipients_of(mail, people)
            accepted = check_outcomes(transport.send(mail.content, recipients), recipients)
            by_id = {sent.arguments["engagex_message"]: sent for sent in server.mails}
            assert len(server.mails) == len(accepted)
            for one in accepted:
                check_api_mail(by_id[one.message_id.hex], one)
                check_contents(by_id[one.message_id.hex], one, reference)

        check()
        transport.close()


def test_conformance_anymail(mail: CampaignMail, reference: Shape) -> None:
    with PostmarkServer() as server:
        settings = AnymailSettings(
            provider="postmark", key=server.token, host=server.host, port=server.port, is_plain=True, answer_seconds=5
        )
        transport = AnymailTransport(settings)

        @EXAMPLES
        @given(PEOPLE)
        @example([("ann@people.example", value, (value, value, value)) for value in HOSTILE])
        def check(people: list[Any]) -> None:
            server.mails.clear()
            recipients = recipients_of(mail, people)
            accepted = check_outcomes(transport.send(mail.content, recipients), recipients)
            by_id = {sent.arguments["engagex_message"]: sent for sent in map(as_sent, server.mails)}
            assert len(server.mails) == len(accepted)
            for one in accepted:
                check_api_mail(by_id[one.message_id.hex], one)
                check_contents(by_id[one.message_id.hex], one, reference)

        check()
        transport.close()


def as_sent(mail: dict[str, Any]) -> SentMail:
    """A mail as Postmark was told it."""
    name, address = parseaddr(mail["To"])
    headers = {header["Name"]: header["Value"] for header in mail["Headers"]}
    assert len(headers) == len(mail["Headers"])
    assert headers.pop("X-PM-KeepID") == "true"
    return SentMail(address, name, mail["Subject"], mail["TextBody"], mail["HtmlBody"], headers, mail["Metadata"])


def check_api_mail(sent: SentMail, recipient: Recipient) -> None:
    """What a provider makes a mail of: nothing in it can become a line or a header of its own."""
    assert not re.search(r"[\r\n\0]", sent.subject + sent.name + sent.address)
    assert {name.lower() for name in sent.headers} <= KNOWN
    for name, value in sent.headers.items():
        assert re.fullmatch(r"[!-9;-~]+", name)
        assert re.fullmatch(r"[\t -~]*", value), value
        assert len(name) + 2 + len(value) <= LONGEST_LINE
    assert sent.headers["Message-ID"] == f"<{recipient.message_id.hex}@{DOMAIN}>"
    assert sent.headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    targets = re.findall(r"<([^<>\s]*)>", sent.headers["List-Unsubscribe"])
    assert [target.partition(":")[0] for target in targets] == ["https", "mailto"]


def render_of(mail: CampaignMail) -> Callable[[str], str]:
    def render(value: str) -> str:
        (recipient,) = recipients_of(mail, [("ann@people.example", value, (value, value, value))])
        return mail.content.html.render(recipient.values)

    return render


@pytest.mark.parametrize("payload", ["{{ 7*7 }}", "{{ contact.email }}", "{% now 'Y' %}", "${7*7}", "<%= 7*7 %>"])
def test_template_payload_in_a_value_comes_out_as_text(mail: CampaignMail, payload: str) -> None:
    shown = Shape(render_of(mail)(payload)).data
    assert payload in shown
    assert html.escape(payload, quote=True) in render_of(mail)(payload)
