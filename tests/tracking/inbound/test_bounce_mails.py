"""What mails that come back say, and what they prove. No database."""

import base64
import contextlib
import time
from email.message import Message
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.common.ids import new_id
from core.common.tokens import Purpose
from core.delivery.return_addresses import bounce_address, message_in, reply_address
from core.tracking.choices import EventType
from core.tracking.inbound.bounces import read_bounce
from core.tracking.inbound.mime import UnreadableMail, parts_of, read_mail
from core.tracking.inbound.proof import reply_proof, signed_proof
from core.tracking.inbound.reading import MailKind, ReadMail, understand
from core.tracking.inbound.replies import written_text
from tests.tracking.inbound.mails import PERSON, daemon, dsn, feedback, known_bounces, plain, returned_headers
from tests.tracking.test_intake import LATER

MESSAGE = UUID("019e0000-0000-7000-8000-00000000abcd")
SERVERS = sorted(known_bounces(""))


def understood(raw: bytes, *envelope_to: str) -> ReadMail:
    return understand(read_mail(raw), envelope_to, received_at=LATER)


@pytest.mark.parametrize("server", SERVERS)
def test_bounce_of_a_big_server_is_read_with_its_class_and_without_the_address(server: str) -> None:
    raw, bounce_class = known_bounces(returned_headers(MESSAGE))[server]
    found = understood(raw)
    assert found.kind == MailKind.BOUNCE and found.arrival is not None
    assert (found.arrival.message_id, found.arrival.type) == (MESSAGE, EventType.BOUNCED)
    assert found.arrival.bounce_class == bounce_class
    assert PERSON not in str(found.arrival.seen) and found.arrival.seen["words"]


@pytest.mark.parametrize("server", SERVERS)
def test_bounce_that_names_our_message_without_a_token_proves_nothing(server: str) -> None:
    raw, _ = known_bounces(returned_headers(MESSAGE, with_proof=False))[server]
    assert understood(raw).kind == MailKind.UNPROVEN


@pytest.mark.parametrize("server", SERVERS)
def test_bounce_to_the_return_path_needs_no_returned_mail(server: str) -> None:
    raw, _ = known_bounces("")[server]
    found = understood(raw, bounce_address(MESSAGE, "bounce.florist.example").upper())
    assert found.arrival is not None and found.arrival.message_id == MESSAGE


@pytest.mark.parametrize("forge", ["altered", "other purpose", "other mail's id"])
def test_bounce_with_a_forged_token_proves_nothing(forge: str) -> None:
    right = returned_headers(MESSAGE)
    token = right.partition("/u/")[2].partition(">")[0]
    wrong = {
        "altered": token[:-6] + ("A" if token[-6] != "A" else "B") + token[-5:],
        "other purpose": reply_address(MESSAGE, "x.example"),
        "other mail's id": base64.urlsafe_b64encode(bytes([1]) + bytes(16) + MESSAGE.bytes).decode().rstrip("="),
    }[forge]
    assert understood(dsn(right.replace(token, wrong))).kind == MailKind.UNPROVEN
    local = bounce_address(MESSAGE, "h.example")
    altered = local[:10] + ("a" if local[10] != "a" else "b") + local[11:]
    assert understood(dsn("", to=altered), altered).kind == MailKind.UNPROVEN


@pytest.mark.parametrize(
    ("action", "status", "kind"),
    [
        ("delayed", "4.4.1", EventType.DEFERRED),
        ("delivered", "2.1.5", EventType.DELIVERED),
        ("relayed", "2.1.9", EventType.SENT),
        ("expanded", "2.1.5", EventType.DELIVERED),
    ],
)
def test_report_that_is_no_failure_is_no_bounce(action: str, status: str, kind: EventType) -> None:
    found = understood(dsn(returned_headers(MESSAGE), action=action, status=status))
    assert found.arrival is not None
    assert (found.arrival.type, found.arrival.bounce_class) == (kind, "")


def test_failure_with_a_temporary_status_or_words_is_never_held_against_the_address() -> None:
    for status, diagnostic in (
        ("4.1.1", "smtp; 450 4.1.1 user unknown"),
        ("5.1.1", "smtp; 550 5.1.1 unknown user, please try again later"),
    ):
        found = understood(dsn(returned_headers(MESSAGE), status=status, diagnostic=diagnostic))
        assert found.arrival is not None and found.arrival.bounce_class == "undetermined"


def test_report_about_a_mail_sent_on_to_several_believes_the_one_that_arrived() -> None:
    more = "\r\nFinal-Recipient: rfc822; other@people.example\r\nAction: delivered\r\nStatus: 2.0.0\r\n"
    found = understood(dsn(returned_headers(MESSAGE), more_recipients=more))
    assert found.arrival is not None and found.arrival.type == EventType.DELIVERED


def test_warning_of_a_server_without_a_status_part_is_a_delay() -> None:
    raw = daemon(
        "THIS IS A WARNING MESSAGE ONLY. YOU DO NOT NEED TO RESEND YOUR MESSAGE.\r\nA message that you sent has not "
        "yet been delivered to one or more of its recipients\r\n",
        returned_headers(MESSAGE),
        subject="Warning: message 1abc delayed 24 hours",
        sender="Mail Delivery System <Mailer-Daemon@mx.example>",
        headers=f"X-Failed-Recipients: {PERSON}\r\n",
    )
    found = understood(raw)
    assert found.arrival is not None and found.arrival.type == EventType.DEFERRED


@pytest.mark.parametrize("encoding", ["base64", "8bit"])
def test_status_part_of_rfc_6533_or_encoded_is_read(encoding: str) -> None:
    fields = "Reporting-MTA: dns; mx\n\nFinal-Recipient: utf-8; ána@people.example\nAction: failed\nStatus: 5.1.1\n"
    body = base64.encodebytes(fields.encode()).decode() if encoding == "base64" else fields
    kind = "message/delivery-status" if encoding == "base64" else "message/global-delivery-status"
    raw = dsn(returned_headers(MESSAGE)).decode()
    start = raw.index("Content-Type: message/delivery-status")
    end = raw.index("--B/1\r\nContent-Type: text/rfc822-headers")
    raw = f"{raw[:start]}Content-Type: {kind}\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n{body}\r\n{raw[end:]}"
    found = read_bounce(read_mail(raw.encode()))
    assert found is not None and (found.status, found.type) == ("5.1.1", EventType.BOUNCED)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("abuse", MailKind.COMPLAINT),
        ("fraud", MailKind.COMPLAINT),
        ("not-spam", MailKind.OTHER),
        ("auth-failure", MailKind.OTHER),
    ],
)
def test_feedback_report_is_a_complaint_only_where_it_is_one(kind: str, expected: MailKind) -> None:
    assert understood(feedback(returned_headers(MESSAGE), kind=kind)).kind == expected


def test_feedback_report_without_proof_is_none() -> None:
    assert understood(feedback(returned_headers(MESSAGE, with_proof=False))).kind == MailKind.UNPROVEN


@pytest.mark.parametrize(
    "headers",
    [
        "Auto-Submitted: auto-replied\r\n",
        "X-Autoreply: yes\r\n",
        "Precedence: auto_reply\r\n",
        "Precedence: bulk\r\n",
        "X-Auto-Response-Suppress: All\r\n",
        "Return-Path: <>\r\n",
        "Subject: Automatische Antwort: Spring offer\r\n",
    ],
)
def test_automatic_answer_is_neither_reply_nor_bounce(headers: str) -> None:
    to = reply_address(MESSAGE, "reply.florist.example")
    raw = plain("I am away.", to=to, headers=headers, subject="Away" if "Subject" not in headers else "x")
    if "Subject" in headers:
        raw = raw.replace(b"Subject: x\r\n", b"")
    assert understood(raw).kind == MailKind.AUTOMATIC
    assert understood(plain("I am here.", to=to, headers="Auto-Submitted: no\r\n")).kind == MailKind.REPLY


def test_reply_is_routed_by_its_address_or_by_the_message_it_answers() -> None:
    other = new_id()
    to = reply_address(MESSAGE, "reply.florist.example")
    answers = f"In-Reply-To: <{other.hex}@florist.example>\r\n"
    for raw, expected in (
        (plain("Yes", to=f"Florist <{to}>", headers=answers), MESSAGE),
        (plain("Yes", headers=answers), other),
        (plain("Yes", headers=f"References: <a@b.example> <{other.hex}@florist.example> <c@d.example>\r\n"), other),
    ):
        found = understood(raw)
        assert found.arrival is not None and found.arrival.message_id == expected
        assert found.reply is not None
        assert (found.reply.sender, found.reply.name, found.reply.text) == (PERSON, "Ana Díaz", "Yes")
    assert understood(plain("Yes")).kind == MailKind.OTHER


def test_return_and_reply_addresses_name_their_mail_in_any_case_and_fit_a_local_part() -> None:
    for address, purpose in (
        (bounce_address(MESSAGE, "h.example"), Purpose.RETURN_PATH),
        (reply_address(MESSAGE, "h.example"), Purpose.REPLY),
    ):
        assert len(address.partition("@")[0]) <= 64
        assert message_in(address, purpose) == message_in(address.upper(), purpose) == MESSAGE


# --- Hostile ----------------------------------------------------------------------------------------------------------


def nested(depth: int) -> bytes:
    raw = "".join(f'Content-Type: multipart/mixed; boundary="n{level}"\n\n--n{level}\n' for level in range(depth))
    return f"From: a@b.example\nSubject: Undeliverable\n{raw}Content-Type: text/plain\n\nx\n".encode()


BOMBS = {
    "deep": nested(2_000),
    "deep enough": nested(20),
    "deep messages": b"From: a@b\n" + b"Content-Type: message/rfc822\n\n" * 3_000,
    "many parts": b'Content-Type: multipart/mixed; boundary="b"\n\n' + b"--b\n\nx\n" * 200_000,
    "many headers": b"".join(b"X-%d: y\n" % number for number in range(90_000)) + b"\n\n",
    "one header": b"Subject: " + b"=?utf-8?b?w7w=?= " * 300_000 + b"\n\nx",
    "folded header": b"To: a\n" + b" <a@b.example>,\n" * 90_000 + b"\nx",
    "parameters": b"Content-Type: multipart/report; " + b'a=";' * 300_000 + b"\n\nx",
    "many recipients": dsn(
        returned_headers(MESSAGE),
        more_recipients=f"\r\nFinal-Recipient: rfc822; {PERSON}\r\nAction: failed\r\nStatus: 5.1.1\r\n" * 20_000,
    ),
    "large": dsn(returned_headers(MESSAGE)) + b"A" * 30 * 1024 * 1024,
    "lines": dsn(returned_headers(MESSAGE)) + b"\n" * 8 * 1024 * 1024,
    "no end": dsn(returned_headers(MESSAGE)).partition(b"--B/1--")[0],
    "no boundary": dsn(returned_headers(MESSAGE)).replace(b'; boundary="B/1"', b""),
    "addresses": plain("<" * 200_000 + "a@" * 100_000, subject="Undeliverable", sender="postmaster@x.example"),
    "tokens": plain("/u/" + "a" * 60 + " " + f"b-{'a' * 53}@x " * 50_000, to="b-" + "2" * 53 + "@x.example"),
    "charset": dsn(returned_headers(MESSAGE)).replace(b"us-ascii", b"x-none; charset=rot13"),
    "codec": plain("hello", headers="Content-Transfer-Encoding: base64\r\n").replace(b"utf-8", b"zlib_codec"),
    "zero": b"\x00" * 100_000,
    "html": plain("<div style='" * 20_000).replace(b"text/plain", b"text/html"),
    "unclosed": plain("<p>" * 60_000 + "hello").replace(b"text/plain", b"text/html"),
}


@pytest.mark.parametrize("bomb", sorted(BOMBS))
def test_hostile_mail_is_read_or_refused_in_bounded_time(bomb: str) -> None:
    started = time.process_time()
    with contextlib.suppress(UnreadableMail):
        understood(BOMBS[bomb], bounce_address(MESSAGE, "h.example"))
    assert time.process_time() - started < 10  # generous: quadratic readers need minutes


HOSTILE_REPLIES = {
    "brackets in From": (b"From: Ana", b"From: " + b"(" * 4_000 + b" Ana"),
    "groups in From": (b"From: Ana", b"From: " + b"a:" * 2_000 + b" Ana"),
    "charset of a header": (b"Subject: ", "Subject: =?ut\xf3-8?q?x?= ".encode()),
    "charset in pieces": (b"charset=utf-8", b"charset*0*=bad''%ff; charset*1*=%fe"),
    "charset of host names": (b"charset=utf-8", b"charset=punycode"),
}


@pytest.mark.parametrize("hostile", sorted(HOSTILE_REPLIES))
def test_hostile_reply_is_a_reply_in_bounded_time(hostile: str) -> None:
    plainly, broken = HOSTILE_REPLIES[hostile]
    raw = plain("h\xe9llo ", to=reply_address(MESSAGE, "reply.florist.example"), subject="Re: Spring")
    assert plainly in raw
    started = time.process_time()
    found = understood(raw.replace(plainly, broken) + b"9" * 800_000)
    assert time.process_time() - started < 10  # generous: the quadratic codec needs minutes
    assert found.kind == MailKind.REPLY and found.reply is not None and found.reply.text.startswith("h\xe9llo")


@given(cut=st.integers(0, 1_200), noise=st.binary(max_size=60), place=st.integers(0, 1_200))
@settings(max_examples=150, deadline=None)
def test_broken_mail_never_raises_anything_else(cut: int, noise: bytes, place: int) -> None:
    raw = dsn(returned_headers(MESSAGE))
    with contextlib.suppress(UnreadableMail):
        understood((raw[:place] + noise + raw[place:])[: len(raw) - cut])


def test_text_of_a_reply_holds_nothing_that_a_page_could_act_on() -> None:
    html = '<p>Hi <b>there</b><script>alert(1)</script></p><img src=x onerror="alert(1)"><p>\u202eevil\x00</p>'
    raw = plain(html).replace(b"text/plain", b"text/html")
    text = written_text(read_mail(raw))
    assert "Hi there" in text and "alert" not in text and "<" not in text and "\u202e" not in text


def test_parts_stop_at_a_number() -> None:
    assert sum(1 for _ in parts_of(read_mail(BOMBS["many parts"]))) <= 60


def test_proofs_of_an_empty_mail_are_none() -> None:
    assert signed_proof(Message()) is None
    assert reply_proof(Message()) is None
