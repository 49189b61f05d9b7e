"""What must be true of every mail that leaves the house (RFC 5322, 2045, 2047, 8058)."""

import re
from email import message_from_bytes, policy
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.utils import getaddresses, parsedate_to_datetime

ONCE = ("From", "To", "Subject", "Date", "Message-ID", "MIME-Version", "Content-Type")
_ENCODED_WORD = re.compile(rb"=\?[^?]*\?[^?]*\?[^?]*\?=")
_QUOTED_PRINTABLE_LINE = re.compile(rb"(?:[\t -<>-~]|=[0-9A-F]{2})*=?")


def parsed(raw: bytes) -> EmailMessage:
    """The mail as Python's parser reads it; fails on any defect that it noticed."""
    message = message_from_bytes(raw, policy=policy.default)
    assert isinstance(message, EmailMessage)
    parts = [part for part in message.walk() if isinstance(part, EmailMessage)]
    defects = [defect for part in parts for defect in part.defects]
    defects += [defect for part in parts for value in part.values() for defect in getattr(value, "defects", ())]
    assert not defects, defects
    return message


def parts_of(message: EmailMessage) -> tuple[str, str]:
    """The decoded text and HTML parts of a multipart/alternative mail, text first."""
    assert message.get_content_type() == "multipart/alternative"
    text, html = message.iter_parts()
    assert isinstance(text, EmailMessage)
    assert isinstance(html, EmailMessage)
    assert (text.get_content_type(), html.get_content_type()) == ("text/plain", "text/html")
    return text.get_content(), html.get_content()


def mailboxes_of(raw: bytes, header: str) -> list[tuple[str, str]]:
    """Decoded name and address of each mailbox in `header`.

    With the parser of `email.header`: that of Python 3.11's `policy.default` keeps the blanks between the encoded
    words of a long name, which RFC 2047 6.2 wants dropped.
    """
    message = message_from_bytes(raw, policy=policy.compat32)
    pairs = getaddresses([str(value) for value in message.get_all(header, [])])
    return [(str(make_header(decode_header(name))), address) for name, address in pairs]


def assert_well_formed(raw: bytes) -> None:
    """Line ends, line lengths, header lines and the two bodies of one mail as bytes."""
    assert raw.isascii()
    assert b"\0" not in raw
    assert raw.endswith(b"\r\n")
    assert not re.search(rb"(?<!\r)\n|\r(?!\n)", raw), "a line end that is not CRLF"
    head, _, body = raw.partition(b"\r\n\r\n")
    for line in head.split(b"\r\n"):
        assert len(line) <= 998, line
        assert line.strip(), "an empty line inside the header"
        words = _ENCODED_WORD.findall(line)
        assert all(len(word) <= 75 for word in words), line
        assert not words or len(line) <= 76, line
    for line in body.split(b"\r\n"):
        assert len(line) <= 76, line
    message = parsed(raw)
    for name in ONCE:
        assert len(message.get_all(name, [])) == 1, name
    assert len(message.get_all("Reply-To", [])) <= 1
    assert parsedate_to_datetime(str(message["Date"])).tzinfo is not None
    boundary = message.get_boundary()
    assert boundary
    assert body.count(boundary.encode()) == 3
    assert_quoted_printable(body, boundary.encode())


def assert_quoted_printable(body: bytes, boundary: bytes) -> None:
    """Each part is strict quoted-printable: legal characters, no blank at the end of a line, no open soft break."""
    for part in body.split(b"--" + boundary)[1:3]:
        encoded = part.removeprefix(b"\r\n").partition(b"\r\n\r\n")[2].removesuffix(b"\r\n")
        lines = encoded.split(b"\r\n")
        for line in lines:
            assert _QUOTED_PRINTABLE_LINE.fullmatch(line), line
            assert not line.endswith((b" ", b"\t")), line
        assert not lines[-1].endswith(b"="), "a soft break at the end of the body"


def assert_one_click_unsubscribe(message: EmailMessage) -> None:
    """RFC 2369 and RFC 8058: an https and a mailto address, and the header that allows one click."""
    targets = re.findall(r"<([^>]*)>", str(message["List-Unsubscribe"]))
    assert any(target.startswith("https://") for target in targets), targets
    assert any(target.startswith("mailto:") for target in targets), targets
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
