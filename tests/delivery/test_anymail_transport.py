"""Anymail against a stand-in of Postmark: the common contract, then what the adapter alone can do wrong."""

from base64 import b64decode
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import pytest

from core.delivery.models.kinds import AnymailProvider
from core.delivery.transports.anymail import APIS, AnymailSettings, AnymailTransport, _backend, _message, key_problem
from core.delivery.transports.base import Attachment, ErrorClass, OutcomeKind, Recipient, Transport
from core.delivery.transports.errors import ConnectionProblem
from core.email_templates.merge_tags import Escape, parse
from tests.delivery.transport_contract import KEYS, OneByOneContract, Taken, mail_content, people
from tests.support.postmark_server import Faults, PostmarkServer

ACCEPTED, RETRY, FAILED, UNKNOWN = OutcomeKind


@pytest.fixture
def server() -> Iterator[PostmarkServer]:
    with PostmarkServer() as server:
        yield server


def settings_for(server: PostmarkServer) -> AnymailSettings:
    return AnymailSettings(
        provider="postmark", key=server.token, host=server.host, port=server.port, is_plain=True, answer_seconds=5
    )


class PostmarkDouble:
    """The stand-in as the contract wants to see a provider."""

    def __init__(self, server: PostmarkServer) -> None:
        self.server = server
        self.settings = settings_for(server)

    def transport(self) -> Transport:
        return AnymailTransport(self.settings)

    def taken(self) -> list[Taken]:
        return [Taken(mail["address"], UUID(mail["Metadata"]["engagex_message"])) for mail in self.server.mails]

    def refuse_for_good(self, address: str, words: str) -> None:
        self.server.faults = Faults(refuse={address: words})

    def refuse_for_now(self, address: str, words: str) -> None:
        self.server.faults = Faults(slow_down={address: words})

    def take_without_answer(self, address: str) -> None:
        self.server.faults = Faults(drop_taken=address)

    def refuse_us(self) -> None:
        self.server.token = "another token"

    def go_down(self) -> None:
        self.server.stop()

    def forget_faults(self) -> None:
        self.server.faults, self.server.token = Faults(), self.settings.key


class TestContract(OneByOneContract):
    @pytest.fixture
    def provider(self, server: PostmarkServer) -> PostmarkDouble:
        return PostmarkDouble(server)


@pytest.fixture
def transport(server: PostmarkServer) -> Iterator[AnymailTransport]:
    with AnymailTransport(settings_for(server)) as transport:
        yield transport


def test_send_file_arrives(server: PostmarkServer, transport: AnymailTransport) -> None:
    file = Attachment("report.pdf", "application/pdf", b"%PDF-1.7")
    transport.send(replace(mail_content(), attachments=(file,)), people(1))
    (found,) = server.mails[0]["Attachments"]
    assert (found["Name"], found["ContentType"]) == ("report.pdf", "application/pdf")
    assert b64decode(found["Content"]) == file.content


def test_send_headers_names_and_bodies_arrive(server: PostmarkServer, transport: AnymailTransport) -> None:
    unsubscribe = parse("<https://x.example/u/{{ contact.first_name }}>", context=Escape.HEADER, allowed=KEYS)
    headers = {"List-Unsubscribe": unsubscribe, "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}
    content = replace(mail_content(), headers=headers, reply_to="answers@bakery.example", from_name='Böcker "B", Ltd')
    person = Recipient(
        uuid4(), "ana@example.org", 'Ana, "A"\r\nBcc: x@y.example', {"contact.first_name": "Ana\r\nX: y"}
    )
    assert transport.send(content, [person])[0].kind is ACCEPTED
    (mail,) = server.mails
    sent = {header["Name"]: header["Value"] for header in mail["Headers"]}
    assert sent["List-Unsubscribe"].startswith("<https://x.example/u/Ana")
    assert sent["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert sent["Message-ID"] == f"<{person.message_id.hex}@bakery.example>"
    assert all("\n" not in value and "\r" not in value for value in sent.values())
    assert "X" not in sent
    assert mail["address"] == "ana@example.org"
    assert "Böcker" in mail["From"]
    assert mail["ReplyTo"] == "answers@bakery.example"
    assert "\n" not in mail["Subject"]
    assert mail["HtmlBody"].startswith("<p>Hello Ana")
    assert mail["TextBody"].startswith("Hello Ana")
    assert (mail["TrackOpens"], mail["TrackLinks"]) == (False, "None")
    assert not mail.get("Bcc")


def test_send_keeps_its_connection(server: PostmarkServer, transport: AnymailTransport) -> None:
    for _ in range(3):
        transport.send(mail_content(), people(4))
    assert server.connections == 1


def test_send_inactive_recipient_is_a_bad_address(server: PostmarkServer, transport: AnymailTransport) -> None:
    (person,) = people(1)
    server.faults = Faults(refuse={person.address: "hard bounce"})
    (outcome,) = transport.send(mail_content(), [person])
    assert (outcome.kind, outcome.error) == (FAILED, ErrorClass.BAD_ADDRESS)


@pytest.mark.parametrize("status", [500, 502, 504])
def test_send_server_error_is_unknown_and_the_rest_is_not_tried(
    server: PostmarkServer, transport: AnymailTransport, status: int
) -> None:
    server.faults = Faults(answer=(status, "We're down"))
    outcomes = transport.send(mail_content(), people(3))
    assert [outcome.kind for outcome in outcomes] == [UNKNOWN, RETRY, RETRY]
    assert [outcome.error for outcome in outcomes[1:]] == [ErrorClass.NOT_TRIED] * 2


def test_send_slowed_down_twice_leaves_the_rest_alone(server: PostmarkServer, transport: AnymailTransport) -> None:
    recipients = people(5)
    slow = {person.address: "Slow down" for person in recipients}
    server.faults = Faults(slow_down=slow, retry_after="90")
    outcomes = transport.send(mail_content(), recipients)
    assert [outcome.error.value for outcome in outcomes] == ["rate_limited"] * 2 + ["not_tried"] * 3
    assert outcomes[0].retry_after_seconds == 90


@pytest.mark.parametrize(
    "words", ["The Sender signature for news@bakery.example is not confirmed", "Your account has been suspended"]
)
def test_send_account_refused_in_words_burns_nobody(
    server: PostmarkServer, transport: AnymailTransport, words: str
) -> None:
    server.faults = Faults(answer=(422, words))
    with pytest.raises(ConnectionProblem, match="Postmark refuses us"):
        transport.send(mail_content(), people(2))


def test_send_redirect_is_not_followed(server: PostmarkServer, transport: AnymailTransport) -> None:
    server.faults = Faults(answer=(302, "elsewhere"))
    assert transport.send(mail_content(), people(1))[0].kind in (UNKNOWN, FAILED)
    assert server.mails == []


def test_key_problem_says_what_the_provider_says(server: PostmarkServer) -> None:
    assert key_problem(settings_for(server)) == ""
    assert "valid Server token" in key_problem(replace(settings_for(server), key="wrong"))
    assert "missing" in key_problem(replace(settings_for(server), key=""))
    assert "second" in key_problem(AnymailSettings(provider="mailjet", key="k"))


@pytest.mark.parametrize("provider", list(AnymailProvider))
def test_every_provider_writes_the_mail_with_its_own_key(provider: str) -> None:
    """Each backend builds the request by itself; nothing comes from Django's settings."""
    backend = _backend(AnymailSettings(provider=provider, key="our-key", secret="our-secret"))
    assert backend.session.trust_env is False
    message: Any = _message(
        replace(mail_content(), headers={"List-Unsubscribe": "<https://x.example/u>"}), people(1)[0]
    )
    request = backend.build_message_payload(message, backend.send_defaults).get_request_params(backend.api_url)
    written = str(request)
    assert "our-key" in written
    assert "List-Unsubscribe" in written
    assert "person0@example.org" in written
    assert request["url"].startswith(f"https://{APIS[provider].hosts[0]}/")
    backend.close()


def test_settings_never_show_the_key() -> None:
    assert "secret-key" not in repr(AnymailSettings(provider="postmark", key="secret-key", secret="secret-key"))
