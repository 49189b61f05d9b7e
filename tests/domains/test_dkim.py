"""Our signatures, judged by another implementation."""

import dkim
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.domains.dkim import DkimKey, new_key_pair, relaxed_body, signature

PRIVATE, PUBLIC = new_key_pair()
KEY = DkimKey("florist.example", "ex1", PRIVATE)
HEADERS = (
    "From: Florist <news@florist.example>\r\nTo: a@b.example\r\nSubject: Hello\r\n  folded   line\r\n"
    "Date: Sat, 21 Nov 2026 20:00:00 +0000\r\nMessage-ID: <1@florist.example>\r\nMIME-Version: 1.0\r\n"
    'List-Unsubscribe: <https://u.example/1>\r\nContent-Type: multipart/alternative;\r\n boundary="=_1"\r\n'
)


def verifies(mail: bytes) -> bool:
    answers = {b"ex1._domainkey.florist.example.": f"v=DKIM1; k=rsa; p={PUBLIC}".encode()}
    return bool(dkim.verify(mail, dnsfunc=lambda name, timeout=5: answers.get(name)))


def signed(mail: bytes) -> bytes:
    return signature(mail, KEY) + mail


@pytest.mark.parametrize("body", ["", "Hello\r\n", "a  b \t\r\n\r\n\r\n", "no end", " \r\n", "..dots\r\n\t tabs\t\r\n"])
def test_signature_verifies_for_odd_bodies(body: str) -> None:
    mail = f"{HEADERS}\r\n{body}".encode()
    assert verifies(signed(mail))


@given(
    st.text(st.characters(codec="ascii", exclude_characters="\r\n"), max_size=40),
    st.lists(st.text(" \tab", max_size=8)),
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_signature_verifies_whatever_subject_and_lines(subject: str, lines: list[str]) -> None:
    printable = "".join(character for character in subject if character.isprintable())
    body = "".join(f"{line}\r\n" for line in lines)
    assert verifies(signed(HEADERS.replace("Hello", printable).encode() + b"\r\n" + body.encode()))


def test_signature_breaks_when_a_header_or_the_body_is_changed_or_a_sender_added() -> None:
    mail = signed(f"{HEADERS}\r\nHello\r\n".encode())
    assert verifies(mail)
    assert not verifies(mail.replace(b"Subject: Hello", b"Subject: Other"))
    assert not verifies(mail.replace(b"\r\nHello", b"\r\nOther"))
    assert not verifies(b"From: evil@evil.example\r\n" + mail)


def test_signature_lines_are_short_and_name_the_domain() -> None:
    header = signature(f"{HEADERS}\r\nHello\r\n".encode(), KEY).decode()
    assert header.endswith("\r\n")
    assert max(map(len, header.split("\r\n"))) <= 78
    assert "d=florist.example; s=ex1" in header


def test_relaxed_body_is_as_the_standard_says() -> None:
    assert relaxed_body(b" C \r\nD \t E\r\n\r\n\r\n") == b" C\r\nD E\r\n"  # the example of RFC 6376 3.4.5
    assert relaxed_body(b"\r\n\r\n") == b""
