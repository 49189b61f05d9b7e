"""Mails as bytes: prepared once per campaign, finished per recipient by substitution.

A campaign's literal text is encoded once. Every value is encoded for itself and stands between two soft line breaks,
so that no line can outgrow 76 columns whatever the value is (RFC 2045 6.7), and no piece has to know its neighbour.
"""

import re
from base64 import b64encode, encodebytes
from binascii import b2a_qp
from collections.abc import Iterable, Mapping
from datetime import datetime
from email.utils import format_datetime
from functools import lru_cache
from typing import TypeGuard
from urllib.parse import quote
from uuid import UUID

import idna

from core.delivery.return_addresses import reply_address
from core.delivery.transports.base import Attachment, MailContent, Recipient
from core.delivery.transports.errors import AddressProblem, HeaderProblem, NonAsciiLocalPart
from core.domains.dkim import signature
from core.email_templates.merge_tags import Choice, MergeTemplate, Segment, Slot

HEADER_COLUMNS = 76  # RFC 2047 section 2: a line with an encoded word
LINE_LIMIT = 998  # RFC 5322 section 2.1.1, without CRLF
ENCODED_WORD_LIMIT = 75  # RFC 2047 section 2
PLAIN_NAME_LIMIT = 60  # a longer display name is written as encoded words, which can be folded anywhere

RESERVED_HEADERS = frozenset(
    {"from", "to", "cc", "bcc", "sender", "reply-to", "subject", "date", "message-id", "mime-version"}
    | {"return-path", "received", "content-type", "content-transfer-encoding", "content-disposition", "content-id"}
)

# Everything that a mail program may take for the end of a line: C0, DEL, C1 (with NEL), LINE and PARAGRAPH SEPARATOR.
_LINE_BREAKERS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_HEADER_NAME = re.compile(r"[!-\-/-9;-~][!-9;-~]*")  # RFC 5322 2.2, but for a dot at the beginning
_PLAIN_TEXT = re.compile(r"[ -~]*")
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+\-/=?^_`{|}~]+(?: [A-Za-z0-9!#$%&'*+\-/=?^_`{|}~]+)*")
_LOCAL_PART = re.compile(r"[A-Za-z0-9!#$%&'*+\-/=?^_`{|}~]+(?:\.[A-Za-z0-9!#$%&'*+\-/=?^_`{|}~]+)*")
_DOMAIN = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)(?:\.(?!-)[a-z0-9-]{1,63}(?<!-))*")
# A word of any length, or words that fit a line: nothing to encode in quoted-printable.
_NEEDS_NO_CODE = re.compile(r"(?!\.)(?:[!-<>-~]+|(?!From )[!-<>-~][ -<>-~]{0,73}[!-<>-~])")
_QP_COLUMNS = 75  # RFC 2045 section 6.7: 76 with the "=" of a soft break
_OUTGROWN_LINE = re.compile(rb"^([^\n]{74,75})(=20|=09)$", re.MULTILINE)
_AWKWARD_START = re.compile(rb"^(?:From |\.)+", re.MULTILINE)
_FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_CONTENT_TYPE = re.compile(r"[a-z0-9.+-]{1,60}/[a-z0-9.+-]{1,100}")

_PART_HEADERS = "Content-Type: text/{kind}; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"


class MimeSkeleton:
    """One campaign's mail with holes where the recipients differ. Immutable, so threads may share it."""

    def __init__(self, content: MailContent) -> None:
        """Encode all that is the same for everybody.

        Raises `AddressProblem` for a sender that cannot be written, `HeaderProblem` for a header that we write
        ourselves, has an illegal name or cannot be folded.
        """
        self.content = content
        self.sender = wire_address(content.from_email)
        self._message_id_domain = wire_domain(content.message_id_domain)
        self._shared_headers = self._shared(content)
        self._merged_headers = tuple(
            (_header_name(name), value) for name, value in content.headers.items() if _varies(value)
        )
        self._subject = content.subject if _varies(content.subject) else None
        self._text = _body(content.text)
        self._html = _body(content.html)
        self._files = [_attached(one) for one in content.attachments]

    def build(self, recipient: Recipient, *, date: datetime) -> bytes:
        """The complete mail: ASCII only, CRLF only, ending with CRLF; no line begins with a dot. `date` must be aware.

        Signed with the domain's key where the content has one. The Message-ID depends on the message alone, so a second
        attempt carries the same one.
        Raises `AddressProblem` for an address that cannot be written, `HeaderProblem` for a merged header that cannot
        be folded.
        """
        boundary = boundary_for(recipient.message_id)
        known: dict[str, bytes] = {}
        mail = b"".join(
            [
                self._headers(recipient, date),
                self._alternative(boundary) if not self._files else self._mixed(boundary),
                f"--{boundary}\r\n{_PART_HEADERS.format(kind='plain')}".encode(),
                *self._text.filled(recipient.values, known),
                f"\r\n--{boundary}\r\n{_PART_HEADERS.format(kind='html')}".encode(),
                *self._html.filled(recipient.values, known),
                f"\r\n--{boundary}--\r\n".encode(),
                *self._behind(boundary),
            ]
        )
        return mail if self.content.dkim is None else signature(mail, self.content.dkim) + mail

    def _alternative(self, boundary: str) -> bytes:
        return f'Content-Type: multipart/alternative;\r\n boundary="{boundary}"\r\n\r\n'.encode()

    def _mixed(self, boundary: str) -> bytes:
        """With files the mail is what people read, and beside it the files (RFC 2046 5.1.3)."""
        outer = _outer(boundary)
        head = f'Content-Type: multipart/mixed;\r\n boundary="{outer}"\r\n\r\n--{outer}\r\n'
        return head.encode() + self._alternative(boundary)

    def _behind(self, boundary: str) -> list[bytes]:
        if not self._files:
            return []
        outer = _outer(boundary).encode()
        return [*(b"\r\n--%b\r\n%b" % (outer, file) for file in self._files), b"\r\n--%b--\r\n" % outer]

    def _shared(self, content: MailContent) -> str:
        lines = [f"MIME-Version: 1.0\r\nFrom: {mailbox('From', content.from_name, content.from_email)}"]
        if content.reply_to and not content.reply_host:
            lines.append(f"Reply-To: {mailbox('Reply-To', '', content.reply_to)}")
        if not _varies(content.subject):
            lines.append(f"Subject: {header_text('Subject', content.subject.render({}))}")
        for name, value in content.headers.items():
            if not _varies(value):
                literal = value if isinstance(value, str) else value.render({})
                lines.append(f"{_header_name(name)}: {structured_text(name, literal)}")
        return "\r\n".join(lines)

    def _headers(self, recipient: Recipient, date: datetime) -> bytes:
        values = recipient.values
        lines = [
            f"Date: {_date(date)}",
            f"Message-ID: <{recipient.message_id.hex}@{self._message_id_domain}>",
            self._shared_headers,
            f"To: {mailbox('To', recipient.name, recipient.address)}",
        ]
        if self.content.reply_host and recipient.in_ledger:
            lines.append(f"Reply-To: {reply_address(recipient.message_id, self.content.reply_host)}")
        if self._subject is not None:
            lines.append(f"Subject: {header_text('Subject', self._subject.render(values))}")
        lines.extend(f"{name}: {structured_text(name, value.render(values))}" for name, value in self._merged_headers)
        return "\r\n".join([*lines, ""]).encode("ascii")


def boundary_for(message_id: UUID) -> str:
    """A boundary that no quoted-printable body can contain: there "=" is never followed by "_" (RFC 2045 6.7)."""
    return f"=_{message_id.hex}"


@lru_cache(maxsize=8)
def _date(date: datetime) -> str:
    """The mails of one call have the same."""
    return format_datetime(date)


def _outer(boundary: str) -> str:
    """Not beginning like the inner one: some programs compare no further."""
    return f"=_mixed{boundary}"


def _attached(file: Attachment) -> bytes:
    """The part of a file. Raises HeaderProblem for a name or type that would have to be encoded."""
    if not _FILE_NAME.fullmatch(file.name) or not _CONTENT_TYPE.fullmatch(file.content_type):
        raise HeaderProblem(f"A file cannot be named {single_line(file.name)!r}; choose another name.")
    head = (
        f"Content-Type: {file.content_type}\r\nContent-Transfer-Encoding: base64\r\n"
        f'Content-Disposition: attachment;\r\n filename="{file.name}"\r\n\r\n'
    )
    return head.encode() + encodebytes(file.content).replace(b"\n", b"\r\n")


# Bodies


class _Body:
    """Encoded pieces and the holes between them. A slot that stands in several places is one hole."""

    __slots__ = ("_choices", "_pieces", "_slots")

    def __init__(self, segments: Iterable[Segment]) -> None:
        self._pieces: list[bytes] = []
        self._choices: list[tuple[_EncodedChoice, int]] = []
        slots: dict[Slot, list[int]] = {}
        for place, segment in enumerate(segments):
            self._pieces.append(quoted_printable(segment) if isinstance(segment, str) else b"")
            if isinstance(segment, Slot):
                slots.setdefault(segment, []).append(place)
            elif isinstance(segment, Choice):
                self._choices.append((_EncodedChoice(segment), place))
        self._slots = [(slot.renderer(), places) for slot, places in slots.items()]

    def filled(self, values: Mapping[str, str], known: dict[str, bytes]) -> list[bytes]:
        """The pieces for one person; `known` remembers what was encoded for her: most of it stands in both bodies."""
        filled = self._pieces.copy()
        for render, places in self._slots:
            text = render(values)
            encoded = known.get(text)
            if encoded is None:
                encoded = known[text] = quoted_printable(text)
            for place in places:
                filled[place] = encoded
        for choice, place in self._choices:
            filled[place] = b"".join(choice.chosen(values).filled(values, known))
        return filled


class _EncodedChoice:
    """A choice whose branches are encoded once, as the body around it is."""

    __slots__ = ("_condition", "_otherwise", "_then")

    def __init__(self, choice: Choice) -> None:
        self._condition = choice.condition
        self._then = _Body(choice.then)
        self._otherwise = _Body(choice.otherwise)

    def chosen(self, values: Mapping[str, str]) -> _Body:
        return self._then if self._condition.holds(values) else self._otherwise


def _body(template: MergeTemplate) -> _Body:
    """The last piece always ends its line."""
    *segments, last = template.segments or ("",)
    if not isinstance(last, str):
        segments, last = [*segments, last], ""
    closing = last if last.endswith(("\n", "\r")) else last + "\n"
    return _Body((*segments, closing))


def quoted_printable(text: str) -> bytes:
    """`text` as quoted-printable UTF-8 that starts in column 0 and leaves the next piece in column 0.

    Ends with CRLF (text that ends its line) or with a soft break; empty text gives nothing. Lines of at most 76
    columns, every kind of newline becomes CRLF, and no line begins with a dot: SMTP has nothing to double.
    """
    if not text:
        return b""
    if _NEEDS_NO_CODE.fullmatch(text):
        # Names and links, most of what a mail is filled with: the code below would give the same, more slowly.
        if len(text) <= _QP_COLUMNS:
            return text.encode() + b"=\r\n"
        lines = [text[start : start + _QP_COLUMNS] for start in range(0, len(text), _QP_COLUMNS)]
        broken = "=\r\n".join([*lines, ""])
        if "\n." not in broken:
            return broken.encode()
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    # The closing X keeps the last column free for the "=" of the soft break and protects a trailing blank.
    encoded = b2a_qp(text.encode("utf-8", "replace") + b"X", istext=True)[:-1]
    if not encoded.endswith(b"\n"):
        encoded += b"=\n"
    if b"=20\n" in encoded or b"=09\n" in encoded:
        # b2a_qp encodes the blank at the end of a line without looking whether there is room for it.
        encoded = _OUTGROWN_LINE.sub(rb"\1=\n\2", encoded)
    if b"From " in encoded or b"\n." in encoded or encoded.startswith(b"."):
        # A mail store in mbox format would write ">From " and break a DKIM signature; SMTP would double the dot.
        encoded = _AWKWARD_START.sub(_coded_start, encoded)
    return encoded.replace(b"\n", b"\r\n")


def _coded_start(found: re.Match[bytes]) -> bytes:
    return found.group().replace(b"From ", b"=46rom =\n").replace(b".", b"=2E=\n")


# Headers


def single_line(text: str) -> str:
    """`text` without anything that could end a header line; each such run becomes one blank."""
    return (text if text.isprintable() else _LINE_BREAKERS.sub(" ", text)).strip(" ")


def header_text(name: str, text: str) -> str:
    """The folded value of an unstructured header such as Subject (RFC 5322 2.2.3, RFC 2047)."""
    text = single_line(text)
    if _PLAIN_TEXT.fullmatch(text) and "=?" not in text:
        folded = _fold_at_blanks(text, len(name) + 2)
        if all(len(line) <= HEADER_COLUMNS for line in folded[1:]) and len(name) + 2 + len(folded[0]) <= HEADER_COLUMNS:
            return "\r\n".join(folded)
    return encoded_words(text, column=len(name) + 2)


def structured_text(name: str, text: str) -> str:
    """The folded value of a header that may hold `<...>` parts, which stay readable to machines.

    Words before the first "<" are encoded as a phrase where they have to be; URIs are percent-encoded where they have
    to be, and never broken. Raises `HeaderProblem` where a line would pass 998 octets.
    """
    text = single_line(text)
    phrase, bracket, rest = text.partition("<")
    if not bracket and not text.isascii():
        return encoded_words(text, column=len(name) + 2)
    if not text.isascii():
        phrase = display_name(phrase.strip(), column=len(name) + 2) + " " if phrase.strip() else ""
        rest = quote(rest, safe="".join(map(chr, range(0x20, 0x7F))))
    # Folding starts again where the phrase's last line ends.
    *lines, last = f"{phrase}{bracket}{rest}".split("\r\n")
    column = len(name) + 2 if not lines else 0
    folded = "\r\n".join([*lines, *_fold_at_blanks(last, column)])
    if any(len(line) > LINE_LIMIT for line in f"{name}: {folded}".split("\r\n")):
        raise HeaderProblem(f"The header {name} has a part that is too long for one line; shorten it.")
    return folded


def encoded_words(text: str, *, column: int) -> str:
    """`text` as RFC 2047 encoded words, one a line, none split inside a character; the first starts at `column`."""
    words: list[str] = []
    chunk = b""
    room = _payload_room(min(ENCODED_WORD_LIMIT, HEADER_COLUMNS - column))
    for character in text:
        encoded = character.encode("utf-8", "replace")
        if len(chunk) + len(encoded) > room:
            words.append(_encoded_word(chunk))
            chunk = b""
            room = _payload_room(ENCODED_WORD_LIMIT)
        chunk += encoded
    if chunk:
        words.append(_encoded_word(chunk))
    return "\r\n ".join(words)


def _payload_room(columns: int) -> int:
    return (columns - len("=?utf-8?b??=")) // 4 * 3


def _encoded_word(payload: bytes) -> str:
    return f"=?utf-8?b?{b64encode(payload).decode()}?="


def _fold_at_blanks(text: str, column: int) -> list[str]:
    """Lines of at most 76 columns where blanks allow it; every line but the first keeps its leading blank."""
    if column + len(text) <= HEADER_COLUMNS:
        return [text]
    lines = [""]
    for word in re.findall(r"^[^ ]+| +[^ ]+", text):
        if lines[-1] and column + len(lines[-1]) + len(word) > HEADER_COLUMNS:
            lines.append(word)
            column = 0
        else:
            lines[-1] += word
    return lines


def display_name(name: str, *, column: int) -> str:
    """A name as an RFC 5322 phrase: atoms, a quoted string, or encoded words."""
    if len(name) <= PLAIN_NAME_LIMIT and "=?" not in name and name.isascii():
        if _ATOMS.fullmatch(name):
            return name
        return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return encoded_words(name, column=column)


def mailbox(header: str, name: str, address: str) -> str:
    """`name <address>`, folded, for the header called `header`. Raises `AddressProblem`."""
    address = wire_address(address)
    name = single_line(name)
    if not name:
        return address
    phrase = display_name(name, column=len(header) + 2)
    last_line = phrase.rpartition("\r\n")[2]
    column = len(last_line) if "\r\n" in phrase else len(header) + 2 + len(last_line)
    gap = " " if column + len(address) + 3 <= HEADER_COLUMNS else "\r\n "
    return f"{phrase}{gap}<{address}>"


def _header_name(name: str) -> str:
    if not _HEADER_NAME.fullmatch(name) or name.lower() in RESERVED_HEADERS:
        raise HeaderProblem(f"The header {single_line(name)!r} cannot be set; choose another name.")
    return name


def _varies(value: MergeTemplate | str) -> TypeGuard[MergeTemplate]:
    return isinstance(value, MergeTemplate) and bool(value.keys)


# Addresses


def wire_address(address: str) -> str:
    """`address` as it stands in envelopes and headers: local part untouched, domain in lower-case A-labels.

    Raises `NonAsciiLocalPart` where SMTPUTF8 would be needed, `AddressProblem` for anything else that no server would
    take (RFC 5321 4.1.2, 4.5.3.1; quoted local parts are not accepted).
    """
    local, at, domain = address.rpartition("@")
    if not local.isascii():
        raise NonAsciiLocalPart("The part before the @ has letters that only SMTPUTF8 servers take.")
    if not at or len(local) > 64 or not _LOCAL_PART.fullmatch(local):
        raise AddressProblem("The part before the @ is not a mail address.")
    return f"{local}@{wire_domain(domain)}"


@lru_cache(maxsize=4096)
def wire_domain(domain: str) -> str:
    """`domain` in lower case, international names as A-labels (IDNA 2008 after UTS 46). Raises `AddressProblem`."""
    try:
        ascii_domain = domain.lower() if domain.isascii() else idna.encode(domain, uts46=True).decode("ascii").lower()
    except idna.IDNAError as error:
        raise AddressProblem("The part after the @ is not a domain name.") from error
    if len(ascii_domain) > 253 or not _DOMAIN.fullmatch(ascii_domain):
        raise AddressProblem("The part after the @ is not a domain name.")
    return ascii_domain
