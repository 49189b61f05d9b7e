"""The SMTP transport against a real server on loopback: the common contract, then what only SMTP can do wrong."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from core.delivery.transports.base import OutcomeKind, Recipient, Transport
from core.delivery.transports.errors import AddressProblem, ConnectionProblem
from core.delivery.transports.smtp import SmtpTransport
from core.delivery.transports.smtp_session import Security, SmtpSettings
from core.email_templates.merge_tags import MergeTemplate
from tests.concurrency.processes import smtp_sink
from tests.delivery.transport_contract import OneByOneContract, Taken, mail_content, people
from tests.support.certificates import server_certificate
from tests.support.mail_asserts import assert_well_formed, parsed, parts_of
from tests.support.smtp_server import Faults, SmtpServer

ACCEPTED, RETRY, FAILED, UNKNOWN = OutcomeKind
SHORT = 0.3  # seconds of patience where the server is meant to exhaust it
LOGIN = ("mailer", "pässword")

Connect = Callable[..., SmtpTransport]


@pytest.fixture
def server() -> Iterator[SmtpServer]:
    with SmtpServer() as server:
        yield server


@pytest.fixture
def connect(server: SmtpServer) -> Iterator[Connect]:
    """Make transports to the server; `connect(timeout_seconds=...)` changes settings."""
    made: list[SmtpTransport] = []

    def connect(**changes: Any) -> SmtpTransport:
        made.append(SmtpTransport(replace(settings_for(server), **changes)))
        return made[-1]

    yield connect
    for transport in made:
        transport.close()


def settings_for(server: SmtpServer) -> SmtpSettings:
    return SmtpSettings(server.host, server.port, security=Security.NONE, timeout_seconds=10, final_timeout_seconds=10)


def kinds(transport: Transport, count: int | list[Recipient]) -> list[OutcomeKind]:
    recipients = people(count) if isinstance(count, int) else count
    return [outcome.kind for outcome in transport.send(mail_content(), recipients)]


class SmtpDouble:
    """The loopback server as the contract wants to see a provider."""

    def __init__(self, server: SmtpServer) -> None:
        self.server = server
        self.healthy = server.faults

    def transport(self) -> Transport:
        return SmtpTransport(replace(settings_for(self.server), username=LOGIN[0], password=LOGIN[1]))

    def taken(self) -> list[Taken]:
        return [Taken(mail.recipients[0], UUID(mail.message_id.partition("@")[0])) for mail in self.server.accepted]

    def refuse_for_good(self, address: str, words: str) -> None:
        self.server.faults = replace(self.healthy, refuse_recipients={address: f"550 5.1.1 {words}"})

    def refuse_for_now(self, address: str, words: str) -> None:
        self.server.faults = replace(self.healthy, refuse_recipients={address: f"450 4.2.1 {words}"})

    def take_without_answer(self, address: str) -> None:
        self.server.faults = replace(self.healthy, drop_taken=address)

    def refuse_us(self) -> None:
        self.server.faults = replace(self.healthy, login=("mailer", "another"))

    def go_down(self) -> None:
        self.server.stop()

    def forget_faults(self) -> None:
        self.server.faults = self.healthy


class TestContractPipelined(OneByOneContract):
    @pytest.fixture
    def provider(self, server: SmtpServer) -> SmtpDouble:
        server.faults = Faults(login=LOGIN)
        return SmtpDouble(server)


class TestContractOneByOne(OneByOneContract):
    @pytest.fixture
    def provider(self, server: SmtpServer) -> SmtpDouble:
        server.faults = Faults(login=LOGIN, pipelining=False, mechanisms="LOGIN")
        return SmtpDouble(server)


@contextmanager
def scripted_server(replies: list[bytes], *, ending: str = "listen") -> Iterator[tuple[int, list[bytes]]]:
    """A server for one connection that says its lines whatever it hears: its port, and what it heard.

    After the last line it goes on listening, hangs up ("hang up"), or reads no more ("ignore").
    """
    heard: list[bytes] = []
    over = threading.Event()

    def hear(connection: socket.socket) -> bytes:
        data = connection.recv(65536)
        if not data:
            raise ConnectionError
        return data

    def serve() -> None:
        connection, _ = listener.accept()
        with connection, suppress(ConnectionError):
            connection.sendall(replies[0])
            for before, reply in pairwise(replies):
                data = hear(connection)
                while b"354" in before and not (data == b".\r\n" or b"\r\n.\r\n" in data):
                    data += hear(connection)
                heard.append(data)
                connection.sendall(reply)
            if ending == "ignore":
                over.wait(30)
            elif ending == "hang up":
                hear(connection)
            while ending == "listen":
                hear(connection)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=serve, daemon=True).start()
        yield listener.getsockname()[1], heard
        over.set()


@pytest.fixture(params=[True, False], ids=["pipelined", "one by one"])
def pipelining(request: pytest.FixtureRequest, server: SmtpServer) -> bool:
    server.faults = Faults(pipelining=request.param)
    return bool(request.param)


def test_send_mail_arrives_as_built(server: SmtpServer, connect: Connect) -> None:
    body = MergeTemplate((".\n..dots\n.\n" + "long " * 400 + "\nend.\n.",))
    content = replace(mail_content(), text=body, html=body)
    person = Recipient(uuid4(), "zoe@BÜCHER.example", "Zoë", {"contact.first_name": "Zoë 😀"})

    (outcome,) = connect().send(content, [person])

    assert outcome.kind is ACCEPTED
    assert outcome.code == "250 2.0.0"
    assert outcome.provider_message_id == "00000001"
    (mail,) = server.accepted
    assert (mail.sender, mail.recipients) == ("news@bakery.example", ("zoe@xn--bcher-kva.example",))
    assert_well_formed(mail.raw)
    assert parsed(mail.raw)["Subject"] == "News for Zoë 😀"
    assert [part.replace("\r\n", "\n") for part in parts_of(parsed(mail.raw))] == [body.render({}) + "\n"] * 2


def test_send_several_calls_keeps_one_connection(server: SmtpServer, connect: Connect) -> None:
    transport = connect()
    assert [kinds(transport, 3) for _ in range(3)] == [[ACCEPTED] * 3] * 3
    assert server.connections == 1


def test_send_non_ascii_local_part_fails_as_smtputf8(server: SmtpServer, connect: Connect) -> None:
    (outcome,) = connect().send(mail_content(), [Recipient(uuid4(), "zoë@example.org", "", {})])
    assert (outcome.kind, outcome.code) == (FAILED, "smtputf8")
    assert server.connections == 0


def test_send_sender_that_cannot_be_written_raises_before_connecting(server: SmtpServer, connect: Connect) -> None:
    with pytest.raises(AddressProblem):
        connect().send(replace(mail_content(), from_email="nobody"), people(1))
    assert server.connections == 0


@pytest.mark.parametrize(
    ("fault", "expected", "code"),
    [
        ({"refuse_mails": {"person1@*": "554 5.7.1 Spam"}}, FAILED, "554 5.7.1"),
        ({"refuse_mails": {"person1@*": "452 4.3.1 Disk full"}}, RETRY, "452 4.3.1"),
        ({"refuse_data": {"person1@*": "554 5.5.1 No"}}, FAILED, "554 5.5.1"),
        ({"refuse_data": {"person1@*": "451 Later"}}, RETRY, "451"),
        ({"refuse_recipients": {"person1@*": "550-5.1.1 No\r\n550 5.1.1 such user"}}, FAILED, "550 5.1.1"),
        ({"refuse_recipients": {"person1@*": "421 4.7.0 Bye"}}, RETRY, "421 4.7.0"),
    ],
)
def test_send_refusal_at_any_step_concerns_one_mail(
    server: SmtpServer, connect: Connect, pipelining: bool, fault: dict[str, Any], expected: OutcomeKind, code: str
) -> None:
    server.faults = replace(server.faults, **fault)
    outcomes = connect().send(mail_content(), people(4))
    assert [outcome.kind for outcome in outcomes] == [ACCEPTED, expected, ACCEPTED, ACCEPTED]
    assert outcomes[1].code == code
    assert len(server.accepted) == 3


def test_send_multiline_refusal_keeps_all_words_once(server: SmtpServer, connect: Connect) -> None:
    server.faults = Faults(refuse_recipients={"*": "550-5.1.1 No\r\n550-5.1.1 such\r\n550 5.1.1 user"})
    assert connect().send(mail_content(), people(1))[0].words == "5.1.1 No such user"


def test_send_server_says_goodbye_after_mails_reconnects(
    server: SmtpServer, connect: Connect, pipelining: bool
) -> None:
    server.faults = replace(server.faults, goodbye_after=2)
    assert kinds(connect(), 6) == [ACCEPTED, ACCEPTED, RETRY, ACCEPTED, ACCEPTED, RETRY]
    assert len(server.accepted) == 4


def test_send_server_hangs_up_after_mails_loses_nobody(server: SmtpServer, connect: Connect, pipelining: bool) -> None:
    server.faults = replace(server.faults, hang_up_after=2)
    assert kinds(connect(), 7) == [ACCEPTED] * 7
    assert len(server.accepted) == 7
    assert server.connections == 4


def test_send_goodbye_before_the_first_mail_is_retry_for_all(server: SmtpServer, connect: Connect) -> None:
    server.faults = Faults(goodbye_after=0)
    assert kinds(connect(), 3) == [RETRY] * 3
    assert server.connections == 1


@pytest.mark.parametrize("words", ["", "421 4.4.2 Idle for too long"])
def test_send_kept_connection_ended_by_the_server_reconnects(
    server: SmtpServer, connect: Connect, pipelining: bool, words: str
) -> None:
    transport = connect()
    assert kinds(transport, 1) == [ACCEPTED]
    server.cut_connections(words)
    assert kinds(transport, 2) == [ACCEPTED, ACCEPTED]
    assert server.connections == 2


def test_send_connection_dropped_at_data_is_retry(server: SmtpServer, connect: Connect, pipelining: bool) -> None:
    server.faults = replace(server.faults, drop_at_data="person1@*")
    outcomes = connect().send(mail_content(), people(3))
    assert [outcome.kind for outcome in outcomes] == [ACCEPTED, RETRY, RETRY]
    assert outcomes[1].code == "connection_lost"
    assert len(server.accepted) == 1


@pytest.mark.parametrize("fault", [{"drop_taken": "person1@*"}, {"drop_untaken": "person1@*"}])
def test_send_connection_dropped_after_the_body_is_unknown_for_one(
    server: SmtpServer, connect: Connect, pipelining: bool, fault: dict[str, Any]
) -> None:
    server.faults = replace(server.faults, **fault)
    outcomes = connect().send(mail_content(), people(4))
    assert [outcome.kind for outcome in outcomes] == [ACCEPTED, UNKNOWN, RETRY, RETRY]
    assert outcomes[1].code == "connection_lost_after_body"


def test_send_stall_after_the_body_is_unknown_for_one(server: SmtpServer, connect: Connect, pipelining: bool) -> None:
    server.faults = replace(server.faults, stall_taken="person1@*")
    outcomes = connect(final_timeout_seconds=SHORT).send(mail_content(), people(3))
    assert [outcome.kind for outcome in outcomes] == [ACCEPTED, UNKNOWN, RETRY]
    assert outcomes[1].code == "timeout_after_body"


def test_send_stall_before_the_body_is_retry(server: SmtpServer, connect: Connect, pipelining: bool) -> None:
    server.faults = replace(server.faults, stall_at_recipient="person1@*")
    outcomes = connect(timeout_seconds=SHORT).send(mail_content(), people(3))
    assert [outcome.kind for outcome in outcomes] == [ACCEPTED, RETRY, RETRY]
    assert outcomes[1].code == "timeout"


def test_send_server_loses_pipelined_commands_goes_on_one_by_one(server: SmtpServer, connect: Connect) -> None:
    server.faults = Faults(swallow_pipelined=True)
    transport = connect(timeout_seconds=SHORT)
    recipients = people(3)
    assert kinds(transport, recipients) == [ACCEPTED, RETRY, RETRY]
    assert kinds(transport, recipients[1:]) == [ACCEPTED, ACCEPTED]
    assert [mail.recipients[0] for mail in server.accepted] == [person.address for person in recipients]


def test_send_slow_server_stops_at_the_limit_of_the_call(server: SmtpServer, connect: Connect) -> None:
    server.faults = Faults(delay_seconds=0.05)
    outcomes = connect(call_seconds=0.01).send(mail_content(), people(3))
    assert [outcome.kind for outcome in outcomes] == [ACCEPTED, RETRY, RETRY]
    assert outcomes[1].code == "server_too_slow"
    assert len(server.accepted) == 1


def test_send_refused_recipient_but_data_invited_sends_nobody_the_mail(connect: Connect) -> None:
    """RFC 2920 3.1: the server may answer DATA with 354 although nobody is left to get the mail."""
    replies = [b"220 hi\r\n", b"250-hi\r\n250 PIPELINING\r\n"]
    replies += [
        b"250 ok\r\n550 5.1.1 no\r\n354 go\r\n",
        b"554 no valid recipients\r\n",
        b"250\r\n250\r\n250\r\n354\r\n",
    ]
    replies += [b"250 taken\r\n"]
    with scripted_server(replies) as (port, received):
        transport = connect(port=port)
        assert kinds(transport, 2) == [FAILED, ACCEPTED]
        assert received[2] == b".\r\n"


@pytest.mark.parametrize(("ending", "code"), [("hang up", "connection_lost"), ("ignore", "timeout")])
def test_send_body_broken_off_halfway_is_retry(connect: Connect, ending: str, code: str) -> None:
    huge = replace(mail_content(), text=MergeTemplate(("x" * 20_000_000,)))
    replies = [b"220 hi\r\n", b"250-hi\r\n250 PIPELINING\r\n", b"250 ok\r\n250 ok\r\n354 go\r\n"]
    with scripted_server(replies, ending=ending) as (port, _):
        outcomes = connect(port=port, timeout_seconds=1).send(huge, people(2))
    assert [(outcome.kind, outcome.code) for outcome in outcomes] == [(RETRY, code)] * 2


@pytest.mark.parametrize(
    ("reply", "expected"), [(b"hello?\r\n", UNKNOWN), (b"354 go on\r\n", UNKNOWN), (b"999 x\r\n", UNKNOWN)]
)
def test_send_senseless_answer_to_the_body_is_unknown(connect: Connect, reply: bytes, expected: OutcomeKind) -> None:
    replies = [b"220 hi\r\n", b"250-hi\r\n250 PIPELINING\r\n", b"250 ok\r\n250 ok\r\n354 go\r\n", reply]
    with scripted_server(replies) as (port, _):
        assert kinds(connect(port=port), 1) == [expected]


def test_send_senseless_answers_before_the_body_are_retry(connect: Connect) -> None:
    with scripted_server([b"220 hi\r\n", b"250 hi\r\n", b"\x00\xff garbage\r\n"]) as (port, _):
        assert kinds(connect(port=port), 2) == [RETRY, RETRY]


def test_send_data_answered_with_ok_is_never_accepted(connect: Connect) -> None:
    replies = [b"220 hi\r\n", b"250-hi\r\n250 PIPELINING\r\n", b"250 ok\r\n250 ok\r\n250 ok\r\n"]
    with scripted_server(replies) as (port, _):
        assert kinds(connect(port=port), 1) == [RETRY]


@pytest.mark.parametrize("greeting", ["421 4.3.2 Not now", "554 5.7.1 Your address is blocked"])
def test_send_unfriendly_greeting_is_retry_with_its_words(server: SmtpServer, connect: Connect, greeting: str) -> None:
    server.faults = Faults(greeting=greeting)
    outcomes = connect().send(mail_content(), people(2))
    assert [(outcome.kind, outcome.code, outcome.words) for outcome in outcomes] == [
        (RETRY, greeting[:9], greeting[4:])
    ] * 2


@pytest.mark.parametrize("host", ["no-such-host.invalid", "a" * 70 + ".example"])
def test_send_unknown_host_is_retry(connect: Connect, host: str) -> None:
    (outcome,) = connect(host=host).send(mail_content(), people(1))
    assert outcome.kind is RETRY
    assert outcome.code in {"host_not_found", "connection_failed"}


def test_send_closed_port_is_retry_as_connection_refused(server: SmtpServer, connect: Connect) -> None:
    transport = connect()
    server.stop()
    (outcome,) = transport.send(mail_content(), people(1))
    assert (outcome.kind, outcome.code) == (RETRY, "connection_refused")


@pytest.mark.parametrize("reply", ["550 5.7.1 Sender not allowed", "530 5.7.0 Authentication required"])
def test_send_sender_refused_raises_and_burns_nobody(server: SmtpServer, connect: Connect, reply: str) -> None:
    server.faults = Faults(refuse_sender=reply)
    with pytest.raises(ConnectionProblem) as refused:
        connect().send(mail_content(), people(2))
    assert refused.value.code == reply[:9]
    assert refused.value.fields["words"] == reply[4:]


def test_send_sender_refused_for_one_size_fails_one_mail(server: SmtpServer, connect: Connect) -> None:
    server.faults = Faults(refuse_sender="552 5.3.4 Message too big")
    assert kinds(connect(), 1) == [FAILED]


def test_send_login_refused_for_now_is_retry(server: SmtpServer, connect: Connect) -> None:
    server.faults = Faults(login=LOGIN, login_refusal="454 4.7.0 Temporary authentication failure")
    (outcome,) = connect(username="mailer", password="wrong").send(mail_content(), people(1))
    assert (outcome.kind, outcome.code) == (RETRY, "454 4.7.0")


def test_send_login_refused_in_the_middle_puts_off_the_rest(server: SmtpServer, connect: Connect) -> None:
    server.faults = Faults(login=LOGIN, hang_up_after=1)
    transport = connect(username=LOGIN[0], password=LOGIN[1])
    assert kinds(transport, 1) == [ACCEPTED]
    server.faults = Faults(login=("mailer", "changed"))
    with pytest.raises(ConnectionProblem):
        transport.send(mail_content(), people(2))


def test_send_login_wanted_but_not_offered_raises(server: SmtpServer, connect: Connect) -> None:
    with pytest.raises(ConnectionProblem) as refused:
        connect(username="mailer", password="secret").send(mail_content(), people(1))
    assert refused.value.code == "login_not_offered"


def test_send_start_tls_encrypts_before_login(server: SmtpServer, connect: Connect) -> None:
    server.faults = Faults(start_tls=True, login=LOGIN)
    transport = connect(
        security=Security.STARTTLS, authority=server_certificate()[0], username=LOGIN[0], password=LOGIN[1]
    )
    assert kinds(transport, 3) == [ACCEPTED] * 3
    assert kinds(transport, 2) == [ACCEPTED] * 2
    assert all(mail.encrypted for mail in server.accepted)
    assert server.commands.index("STARTTLS") < server.commands.index("AUTH")
    assert server.connections == 1


def test_send_reply_injected_before_tls_is_ignored(server: SmtpServer, connect: Connect) -> None:
    server.faults = Faults(start_tls=True, login=LOGIN, injected_reply="250 injected")
    transport = connect(
        security=Security.STARTTLS, authority=server_certificate()[0], username=LOGIN[0], password=LOGIN[1]
    )
    assert kinds(transport, 1) == [ACCEPTED]


def test_send_start_tls_not_offered_is_retry_and_says_nothing_secret(server: SmtpServer, connect: Connect) -> None:
    transport = connect(security=Security.STARTTLS, username=LOGIN[0], password=LOGIN[1])
    (outcome,) = transport.send(mail_content(), people(1))
    assert (outcome.kind, outcome.code) == (RETRY, "starttls_not_offered")
    assert server.commands == ["EHLO"]


def test_send_unknown_certificate_is_retry(server: SmtpServer, connect: Connect) -> None:
    server.faults = Faults(start_tls=True)
    (outcome,) = connect(security=Security.STARTTLS).send(mail_content(), people(1))
    assert (outcome.kind, outcome.code) == (RETRY, "tls_certificate")
    assert server.accepted == []


def test_send_unknown_certificate_without_verification_is_accepted(server: SmtpServer, connect: Connect) -> None:
    server.faults = Faults(start_tls=True)
    assert kinds(connect(security=Security.STARTTLS, verify_certificate=False), 1) == [ACCEPTED]


def test_send_implicit_tls_is_accepted() -> None:
    with SmtpServer(implicit_tls=True) as server:
        settings = replace(settings_for(server), security=Security.TLS, authority=server_certificate()[0])
        with SmtpTransport(settings) as transport:
            assert kinds(transport, 2) == [ACCEPTED] * 2
        assert all(mail.encrypted for mail in server.accepted)


def test_send_tls_to_a_server_without_it_is_retry(server: SmtpServer, connect: Connect) -> None:
    (outcome,) = connect(security=Security.TLS).send(mail_content(), people(1))
    assert (outcome.kind, outcome.code) == (RETRY, "tls_failed")


def test_server_process_stores_each_mail_before_it_answers(tmp_path: Path) -> None:
    store = tmp_path / "mails.jsonl"
    recipients = people(3)
    with smtp_sink("--store", str(store)) as (port, _process):
        settings = SmtpSettings("127.0.0.1", port, security=Security.NONE)
        with SmtpTransport(settings) as transport:
            assert kinds(transport, recipients) == [ACCEPTED] * 3
    rows = [json.loads(line) for line in store.read_text().splitlines()]
    assert [(row["to"], row["message_id"]) for row in rows] == [
        ([person.address], f"{person.message_id.hex}@bakery.example") for person in recipients
    ]


def test_settings_shown_do_not_hold_the_password() -> None:
    assert "secret" not in repr(SmtpSettings("mail.example", username="ann", password="secret"))
