"""The SendGrid transport against a stand-in of its API: the common contract, then what only SendGrid can do wrong."""

import socket
import time
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest

from core.delivery.transports.base import Attachment, MailContent, OutcomeKind, Recipient
from core.delivery.transports.errors import ConnectionProblem, MailProblem
from core.delivery.transports.sendgrid import MESSAGE_ARGUMENT, SendGridSettings, SendGridTransport
from core.delivery.transports.sendgrid.letter import Letter
from core.email_templates.merge_tags import Escape, parse
from tests.delivery.transport_contract import KEYS, FaultyProviderContract, Taken, mail_content, people
from tests.support.sendgrid_server import KEY, Faults, SendGridServer

ACCEPTED, RETRY, FAILED, UNKNOWN = OutcomeKind
SHORT = 0.3  # seconds of patience where the server is meant to exhaust it


@pytest.fixture
def server() -> Iterator[SendGridServer]:
    with SendGridServer() as server:
        yield server


@pytest.fixture
def transport(server: SendGridServer) -> Iterator[SendGridTransport]:
    with SendGridTransport(settings_for(server)) as transport:
        yield transport


def settings_for(server: SendGridServer) -> SendGridSettings:
    return SendGridSettings(server.host, server.port, KEY, is_plain=True, answer_seconds=5)


def kinds(transport: SendGridTransport, recipients: list[Recipient], content: MailContent | None = None) -> list[str]:
    return [outcome.kind for outcome in transport.send(content or mail_content(), recipients)]


class SendGridDouble:
    """The stand-in as the contract wants to see a provider."""

    def __init__(self, server: SendGridServer) -> None:
        self.server = server

    def transport(self) -> SendGridTransport:
        return SendGridTransport(settings_for(self.server))

    def taken(self) -> list[Taken]:
        return [Taken(mail.address, UUID(mail.arguments[MESSAGE_ARGUMENT])) for mail in self.server.mails]

    def refuse_for_good(self, address: str, words: str) -> None:
        self.server.faults = Faults(refuse={address: words})

    def refuse_for_now(self, address: str, words: str) -> None:
        self.server.faults = Faults(slow_down=frozenset({address}), words=words)

    def take_without_answer(self, address: str) -> None:
        self.server.faults = Faults(drop_taken=address)

    def refuse_us(self) -> None:
        self.server.key = "SG.another.key"

    def go_down(self) -> None:
        self.server.stop()

    def forget_faults(self) -> None:
        self.server.faults, self.server.key = Faults(), KEY


class TestContract(FaultyProviderContract):
    @pytest.fixture
    def provider(self, server: SendGridServer) -> SendGridDouble:
        return SendGridDouble(server)


class TestContractWithoutNames(FaultyProviderContract):
    """Errors that name nobody: halves of the request find out who is meant."""

    @pytest.fixture
    def provider(self, server: SendGridServer) -> SendGridDouble:
        class Silent(SendGridDouble):
            def refuse_for_good(self, address: str, words: str) -> None:
                self.server.faults = Faults(refuse={address: words}, blames=False)

        return Silent(server)

    def test_send_refused_recipient_fails_alone(self, provider, transport) -> None:  # type: ignore[no-untyped-def]
        recipients = people(40)
        provider.server.faults = Faults(
            refuse={recipients[7].address: "No", recipients[31].address: "Never"}, blames=False
        )
        outcomes = transport.send(mail_content(), recipients)
        failed = {index: outcome.words for index, outcome in enumerate(outcomes) if outcome.kind is FAILED}
        assert failed == {7: "No", 31: "Never"}
        assert {outcome.kind for outcome in outcomes} == {FAILED, ACCEPTED}
        assert sorted(mail.address for mail in provider.taken()) == sorted(
            person.address for index, person in enumerate(recipients) if index not in failed
        )


def test_send_a_thousand_people_is_one_request_over_one_connection(
    server: SendGridServer, transport: SendGridTransport
) -> None:
    for _ in range(2):
        assert set(kinds(transport, people(1000))) == {ACCEPTED}
    assert [len(document["personalizations"]) for document in server.requests] == [1000, 1000]
    assert server.connections == 1


def test_send_file_is_in_the_request_once() -> None:
    file = Attachment("report.pdf", "application/pdf", b"%PDF-1.7")
    letter = Letter(replace(mail_content(), attachments=(file,)))
    request = letter.request([letter.person(number, one) for number, one in enumerate(people(2))])
    (found,) = request["attachments"]
    assert (found["filename"], found["type"], found["disposition"]) == ("report.pdf", "application/pdf", "attachment")
    assert b64decode(found["content"]) == file.content


def test_send_values_stay_text_whatever_they_hold(server: SendGridServer, transport: SendGridTransport) -> None:
    content = replace(
        mail_content(),
        html=parse(
            '<a href="{{ link.1 }}">{{ contact.first_name }} {{ contact.company }}</a>',
            context=Escape.HTML,
            allowed=KEYS,
        ),
        text=parse("{{ contact.first_name }}|{{ contact.company }}", context=Escape.TEXT, allowed=KEYS),
    )
    kinds(transport, people(1), content)
    marks = list(server.requests[0]["personalizations"][0]["substitutions"])
    hostile = f"{{{{ contact.company }}}}<b>{{{{{{x}}}}}} -name- %name% {marks[0]}"
    values = {"contact.first_name": hostile, "contact.company": "ACME", "link.1": "https://x.example/?a=1&b=2"}
    other = SendGridTransport(settings_for(server))
    assert kinds(other, [Recipient(uuid4(), "eve@example.org", "Eve", values)], content) == [ACCEPTED] * 1
    mail = server.mails[-1]
    assert mail.text == f"{hostile}|ACME"
    assert mail.html.endswith(" ACME</a>")
    assert "&lt;b&gt;" in mail.html and "<b>" not in mail.html
    other.close()


def test_send_header_lines_cannot_be_broken_by_values(server: SendGridServer, transport: SendGridTransport) -> None:
    content = replace(
        mail_content(),
        headers={
            "List-Unsubscribe": parse("<{{ system.unsubscribe_url }}>", context=Escape.HEADER, allowed=KEYS),
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
            "X-Word": parse("{{ contact.first_name }}", context=Escape.HEADER, allowed=KEYS),
        },
    )
    values = {
        "contact.first_name": "é\r\nBcc: x@example.org",
        "system.unsubscribe_url": "https://u.example/" + "a" * 200,
    }
    message_id = uuid4()
    person = Recipient(message_id, "ann@exämple.org", "Ann\nBcc: x@example.org", values)
    assert kinds(transport, [person], content) == [ACCEPTED]
    mail = server.mails[0]
    assert mail.headers["List-Unsubscribe"] == f"<https://u.example/{'a' * 200}>"
    assert mail.headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert mail.headers["Message-ID"] == f"<{message_id.hex}@bakery.example>"
    assert "Bcc" not in mail.headers
    assert mail.address == "ann@xn--exmple-cua.org"
    assert mail.name == "Ann Bcc: x@example.org"
    assert mail.subject == "News for é Bcc: x@example.org"


def test_send_person_with_more_values_than_allowed_gets_a_request_alone(
    server: SendGridServer, transport: SendGridTransport
) -> None:
    first, large, last = people(3)
    large = replace(large, values={"contact.first_name": "L" * 12_000})
    outcomes = transport.send(mail_content(), [first, large, last])
    assert [(outcome.message_id, outcome.kind) for outcome in outcomes] == [
        (person.message_id, ACCEPTED) for person in (first, large, last)
    ]
    assert [len(document["personalizations"]) for document in server.requests] == [2, 1]
    assert server.mails[-1].text == "Hello " + "L" * 12_000


def mail_with_condition(branch: str) -> MailContent:
    source = (
        f"a {{{{ if contact.first_name is 'Ada' }}}}{branch}{{{{ contact.first_name }}}}{{{{ else }}}}no{{{{ end }}}}"
    )
    html, text = (parse(source, context=context, allowed=KEYS) for context in (Escape.HTML, Escape.TEXT))
    return replace(mail_content(), html=html, text=text)


def named(first_names: list[str]) -> list[Recipient]:
    return [
        replace(person, values={**person.values, "contact.first_name": name})
        for person, name in zip(people(len(first_names)), first_names, strict=True)
    ]


@pytest.mark.parametrize(("length", "requests"), [(10, 1), (5_000, 2), (90_000, 2)])
def test_send_condition_gives_each_person_their_branch_in_few_requests(
    server: SendGridServer, transport: SendGridTransport, length: int, requests: int
) -> None:
    branch = "x" * length
    recipients = named(["Ada", "Bob <b>", "ada", "", "ADA"])
    assert set(kinds(transport, recipients, mail_with_condition(branch))) == {ACCEPTED}
    bodies = {mail.address: mail.html for mail in server.mails}
    shown = [bodies[recipient.address] for recipient in recipients]
    assert shown == [f"a {branch}Ada", "a no", f"a {branch}ada", "a no", f"a {branch}ADA"]
    assert len(server.requests) == requests


def test_send_value_inside_a_branch_is_escaped(server: SendGridServer, transport: SendGridTransport) -> None:
    source = "<p>{{ if contact.first_name }}{{ contact.first_name }}{{ end }}</p>"
    mail = replace(mail_content(), html=parse(source, context=Escape.HTML, allowed=KEYS))
    kinds(transport, named(["<script>alert(1)</script>"]), mail)
    assert server.mails[0].html == "<p>&lt;script&gt;alert(1)&lt;/script&gt;</p>"


def test_send_too_fast_waits_for_as_long_as_the_provider_says(
    server: SendGridServer, transport: SendGridTransport
) -> None:
    recipients = people(2)
    server.faults = Faults(
        slow_down=frozenset({recipients[0].address}), retry_after=str(int(time.time()) + 90), words="rate limit"
    )
    outcomes = transport.send(mail_content(), recipients)
    assert [outcome.kind for outcome in outcomes] == [RETRY, RETRY]
    assert 80 <= (outcomes[0].retry_after_seconds or 0) <= 90
    assert outcomes[0].code == "429"
    assert outcomes[0].words == "rate limit"


def test_send_too_fast_reads_the_reset_by_the_providers_own_clock(
    server: SendGridServer, transport: SendGridTransport
) -> None:
    recipients = people(1)
    server.date = "Tue, 06 Jan 2026 10:00:00 GMT"
    reset = datetime(2026, 1, 6, 10, 0, 45, tzinfo=UTC)
    server.faults = Faults(
        slow_down=frozenset({recipients[0].address}), retry_after=str(int(reset.timestamp())), words="rate limit"
    )
    assert transport.send(mail_content(), recipients)[0].retry_after_seconds == 45


def test_send_to_a_silent_or_absent_server_says_so_in_words(server: SendGridServer) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        found = SendGridTransport(SendGridSettings("127.0.0.1", port, "k", is_plain=True, answer_seconds=0.2)).send(
            mail_content(), people(1)
        )
    assert (found[0].kind, found[0].words) == (UNKNOWN, "SendGrid did not answer within 0.2 seconds")
    gone = SendGridTransport(SendGridSettings("127.0.0.1", port, "k", is_plain=True))
    found = gone.send(mail_content(), people(1))
    assert (found[0].kind, found[0].words) == (RETRY, "SendGrid could not be reached: Connection refused")


@pytest.mark.parametrize(("status", "kind"), [(500, UNKNOWN), (502, UNKNOWN), (503, RETRY), (504, UNKNOWN)])
def test_send_server_error_is_retried_only_where_nothing_was_taken(
    server: SendGridServer, transport: SendGridTransport, status: int, kind: OutcomeKind
) -> None:
    server.faults = Faults(answer=status, words="oops")
    assert kinds(transport, people(2)) == [kind, kind]


@pytest.mark.parametrize("status", [302, 401, 403, 404, 405])
def test_send_answer_that_concerns_us_burns_nobody(
    server: SendGridServer, transport: SendGridTransport, status: int
) -> None:
    server.faults = Faults(answer=status, words="The from address does not match a verified Sender Identity")
    with pytest.raises(ConnectionProblem) as refused:
        transport.send(mail_content(), people(3))
    assert refused.value.code == str(status)
    assert "verified Sender Identity" in str(refused.value)


def test_send_content_that_is_refused_burns_nobody(server: SendGridServer, transport: SendGridTransport) -> None:
    empty = parse("", context=Escape.TEXT, allowed=KEYS)
    with pytest.raises(MailProblem) as refused:
        transport.send(replace(mail_content(), html=empty, text=empty), people(3))
    assert "at least one character" in str(refused.value)


def test_send_answer_too_late_is_unknown(server: SendGridServer) -> None:
    with SendGridTransport(replace(settings_for(server), answer_seconds=SHORT)) as hasty:
        server.answer = lambda document: time.sleep(3 * SHORT) or (202, {}, {})  # type: ignore[method-assign]
        assert kinds(hasty, people(2)) == [UNKNOWN, UNKNOWN]


def test_send_request_is_never_repeated_by_itself(server: SendGridServer, transport: SendGridTransport) -> None:
    server.faults = Faults(drop_untaken=True)
    assert kinds(transport, people(2)) == [UNKNOWN, UNKNOWN]
    assert server.connections == 1
    server.faults = Faults()
    assert kinds(transport, people(2)) == [ACCEPTED, ACCEPTED]


def test_send_leaves_links_and_bodies_to_us(server: SendGridServer, transport: SendGridTransport) -> None:
    kinds(transport, people(1))
    tracking = server.requests[0]["tracking_settings"]
    assert {name: setting["enable"] for name, setting in tracking.items()} == {
        "click_tracking": False,
        "open_tracking": False,
        "subscription_tracking": False,
    }


def test_settings_do_not_print_the_key(server: SendGridServer) -> None:
    assert KEY not in repr(settings_for(server))
