"""A mail as a stranger reads it: RFC 5322, 2045 to 2047, 2369 and 8058, checked without any code of the product."""

import base64
import binascii
import datetime
import quopri
import re
from collections.abc import Mapping
from dataclasses import dataclass
from email import policy
from email.header import decode_header, make_header
from email.parser import BytesParser
from email.utils import parsedate_to_datetime
from html.parser import HTMLParser

import dkim

LONGEST_LINE = 998
LONGEST_ENCODED_LINE = 76
LONGEST_ENCODED_WORD = 75
ONCE = ("from", "to", "subject", "date", "message-id", "mime-version", "content-type")
BULK = ("list-unsubscribe", "list-unsubscribe-post", "list-id", "feedback-id", "precedence")
KNOWN = {*ONCE, *BULK, "reply-to", "content-transfer-encoding", "dkim-signature"}
SIGNED = {"from", "to", "subject", "date", "message-id", "list-unsubscribe", "list-unsubscribe-post"}

_FIELD = re.compile(rb"([!-9;-~]+):[ \t]?(.*)", re.DOTALL)
_PRINTABLE = re.compile(rb"[\t -~]*")
_WORD = re.compile(rb"=\?([!-~]+?)\?([BbQq])\?([!-~]*?)\?=")
_MESSAGE_ID = re.compile(r"<[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+@([A-Za-z0-9.-]+)>")
_QP = re.compile(rb"(?:[\t -<>-~]|=[0-9A-F]{2})*=?")
_TRANSFER = {"7bit", "quoted-printable", "base64"}


@dataclass(frozen=True)
class Mail:
    """What a stranger made of the bytes. `fields` holds unfolded header fields by lower-case name."""

    fields: Mapping[str, list[str]]
    text: str
    html: str
    raw: bytes

    def only(self, name: str) -> str:
        (value,) = self.fields[name]
        return value

    @property
    def subject(self) -> str:
        return str(make_header(decode_header(self.only("subject"))))


class Shape(HTMLParser):
    """The elements and attribute names of an HTML text, in order: what an injection would change."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, tuple[str, ...]]] = []
        self.data = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, tuple(name for name, _value in attributes)))

    def handle_data(self, data: str) -> None:
        self.data += data


def conformant(raw: bytes, *, domain: str, is_bulk: bool = True) -> Mail:
    """The mail, when it breaks none of the rules; an AssertionError names the first that it breaks."""
    _check_lines(raw)
    head, separator, body = raw.partition(b"\r\n\r\n")
    assert separator, "no empty line behind the header"
    fields = _fields(head)
    unknown = set(fields) - KNOWN
    assert not unknown, f"header fields that nobody asked for: {unknown}"
    for name in ONCE:
        assert len(fields.get(name, [])) == 1, f"{name} stands there {len(fields.get(name, []))} times"
    for values in fields.values():
        assert len(values) == 1, values
    found = _MESSAGE_ID.fullmatch(fields["message-id"][0])
    assert found, fields["message-id"]
    assert found[1] == domain
    _check_date(fields["date"][0])
    if is_bulk:
        _check_bulk(fields)
    BytesParser(policy=policy.strict.clone(max_line_length=None)).parsebytes(raw)
    text, html = _bodies(fields, body)
    return Mail(fields, text, html, raw)


def check_signature(raw: bytes, keys: Mapping[bytes, bytes]) -> None:
    """The DKIM signature verifies, and covers what RFC 8058 and common sense ask for."""
    verifier = dkim.DKIM(raw)
    assert verifier.verify(dnsfunc=lambda name, timeout=5: keys.get(name))
    covered = {name.decode().lower() for name, _value in verifier.signed_headers}
    assert covered >= SIGNED, f"not signed: {SIGNED - covered}"
    signed_names = re.search(rb"\bh=([^;]+);", re.sub(rb"\s", b"", raw.partition(b"\r\n\r\n")[0]))
    assert signed_names
    named = [name.decode().lower() for name in signed_names[1].split(b":")]
    assert named.count("from") > 1, "another From could be added"


def _check_lines(raw: bytes) -> None:
    assert raw.endswith(b"\r\n")
    assert b"\0" not in raw, "a NUL"
    assert not re.search(rb"\r(?!\n)|(?<!\r)\n", raw), "a bare CR or LF"
    assert raw.isascii(), "octets above 127"
    for line in raw.split(b"\r\n"):
        assert len(line) <= LONGEST_LINE, f"a line of {len(line)} octets"


def _fields(head: bytes) -> dict[str, list[str]]:
    """Unfolded. Every line is a field or goes on with one; none is blank."""
    unfolded: list[bytes] = []
    for line in head.split(b"\r\n"):
        assert _PRINTABLE.fullmatch(line), line
        assert line.strip(), "a blank line in the header"
        _check_words(line)
        if line[:1] in b" \t":
            unfolded[-1] += line
        else:
            unfolded.append(line)
    fields: dict[str, list[str]] = {}
    for each in unfolded:
        found = _FIELD.fullmatch(each)
        assert found, each
        fields.setdefault(found[1].decode().lower(), []).append(found[2].decode().strip())
    return fields


def _check_words(line: bytes) -> None:
    """RFC 2047: short, decodable by itself, of whole characters."""
    for found in _WORD.finditer(line):
        assert len(found[0]) <= LONGEST_ENCODED_WORD, found[0]
        assert len(line) <= LONGEST_ENCODED_LINE, line
        charset, encoding, text = found[1].decode(), found[2].lower(), found[3]
        octets = base64.b64decode(text, validate=True) if encoding == b"b" else quopri.decodestring(text, header=True)
        octets.decode(charset)


def _check_date(value: str) -> None:
    moment = parsedate_to_datetime(value)
    assert moment.tzinfo is not None, value
    assert abs(datetime.datetime.now(datetime.UTC) - moment) < datetime.timedelta(minutes=5), value


def _check_bulk(fields: Mapping[str, list[str]]) -> None:
    for name in BULK:
        assert name in fields, f"{name} is missing"
    targets = re.findall(r"<([^<>\s]*)>", fields["list-unsubscribe"][0])
    assert [target.partition(":")[0] for target in targets] == ["https", "mailto"], targets
    assert fields["list-unsubscribe-post"] == ["List-Unsubscribe=One-Click"]
    assert re.fullmatch(r"<[A-Za-z0-9.-]+>", fields["list-id"][0]), fields["list-id"]


def _bodies(fields: Mapping[str, list[str]], body: bytes) -> tuple[str, str]:
    """Plain text and HTML of a multipart/alternative, text first."""
    found = re.fullmatch(r'multipart/alternative;\s*boundary="([^"]{1,70})"', fields["content-type"][0])
    assert found, fields["content-type"]
    delimiter = b"\r\n--" + found[1].encode()
    pieces = (b"\r\n" + body).split(delimiter)
    assert len(pieces) == 4, f"{len(pieces) - 2} parts"
    assert pieces[3].strip() == b"--", "no closing delimiter"
    return _part(pieces[1], "text/plain"), _part(pieces[2], "text/html")


def _part(piece: bytes, kind: str) -> str:
    head, separator, encoded = piece.removeprefix(b"\r\n").partition(b"\r\n\r\n")
    assert separator
    fields = _fields(head)
    assert fields["content-type"][0].replace('"', "").lower() == f"{kind}; charset=utf-8", fields
    transfer = fields["content-transfer-encoding"][0].lower()
    assert transfer in _TRANSFER, transfer
    return _decoded(encoded, transfer).decode()


def _decoded(encoded: bytes, transfer: str) -> bytes:
    if transfer == "7bit":
        return encoded
    for line in encoded.split(b"\r\n"):
        assert len(line) <= LONGEST_ENCODED_LINE, line
        if transfer == "quoted-printable":
            assert _QP.fullmatch(line), line
            assert not line.endswith((b" ", b"\t")), line
    if transfer == "quoted-printable":
        assert not encoded.endswith(b"="), "the body ends with a soft break"
        return quopri.decodestring(encoded)
    try:
        return base64.b64decode(encoded.replace(b"\r\n", b""), validate=True)
    except binascii.Error as error:
        raise AssertionError("broken base64") from error
