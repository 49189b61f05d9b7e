"""What mail servers write when a mail did not arrive: RFC 3464 reports, and what was written before and beside them.

Recognised in this order: a delivery status part (RFC 3464, RFC 6533), X-Failed-Recipients (Exim, Gmail), then the words
of qmail and Yahoo, Exchange, and of any mailer daemon. Whoever is named here is never believed for that: see `proof`.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from email.message import Message

from core.tracking.choices import EventType
from core.tracking.inbound.mime import clean, header, parts_in, parts_of, text_of

MOST_BLOCKS = 100
_MOST_WORDS = 450
_ADDRESS = re.compile(r"[^\s<>\"',;:()\[\]]{1,64}@[A-Za-z0-9.-]{1,253}")
_STATUS = re.compile(r"(?<![\d.])[245]\.\d{1,3}\.\d{1,3}(?![\d.])")
_REPLY_CODE = re.compile(r"(?<![\d.#])[45]\d\d[ -](?=\S)")
_STATUS_PARTS = frozenset({"message/delivery-status", "message/global-delivery-status"})
_DAEMONS = re.compile(r"mailer-daemon|postmaster|mail delivery (sub)?system|microsoft exchange|mdaemon", re.IGNORECASE)
_SUBJECTS = re.compile(
    r"undeliver|not delivered|delivery (status )?(notification|failure|failed|report|has failed|incomplete)"
    r"|failure notice|returned mail|mail delivery|delivery delayed|warning: message|unzustellbar"
    r"|no se (ha )?pudo entregar|no se puede entregar|non remis|mail system error",
    re.IGNORECASE,
)
_ONLY_LATE = re.compile(
    r"warning message only|do not need to (resend|do anything)|will (be retried|keep trying|continue to try|try again)"
    r"|still (being )?(trying|retried)|has been delayed|delayed \d|not yet been delivered|temporary problem delivering",
    re.IGNORECASE,
)
_FAMILIES = (
    re.compile(
        r"this is the qmail-send program|this is the mailer-daemon at|mail delivery subsystem at", re.IGNORECASE
    ),
    re.compile(r"we were unable to deliver your message|couldn.t be delivered|could not be delivered", re.IGNORECASE),
    re.compile(r"diagnostic information for administrators|did not reach the following recipient", re.IGNORECASE),
    re.compile(r"a message that you sent could not be delivered|permanent (fatal )?error", re.IGNORECASE),
    re.compile(r"undeliver|delivery .{0,40}fail|remote (host|server) said|was not delivered", re.IGNORECASE),
)
# What follows is the mail that came back: its words are ours.
_COPY_BELOW = re.compile(
    r"^-{2,}.{0,20}(below this line is a copy|this is a copy of|original message|returned message|message header)"
    r"|^original message headers:|^the body of the message|^-{5,} ?original",
    re.IGNORECASE | re.MULTILINE,
)

_ACTIONS = {
    "failed": EventType.BOUNCED,
    "delayed": EventType.DEFERRED,
    "delivered": EventType.DELIVERED,
    "expanded": EventType.DELIVERED,
    "relayed": EventType.SENT,
}
_MILDEST_FIRST = (EventType.DELIVERED, EventType.SENT, EventType.DEFERRED, EventType.BOUNCED)


@dataclass(frozen=True, slots=True)
class Bounce:
    """`type` is DEFERRED for a warning, DELIVERED or SENT for good news; `words` hold no address."""

    type: EventType
    status: str
    words: str


def read_bounce(mail: Message) -> Bounce | None:
    """What the mail reports, or None: it is no report of a mail server."""
    blocks = list(_blocks(mail))
    if blocks:
        return _mildest(blocks)
    text = _own_text(mail)
    if header(mail, "X-Failed-Recipients"):
        return _told(mail, text)
    is_daemon = _DAEMONS.search(header(mail, "From")) is not None or header(mail, "Return-Path") == "<>"
    looks_like_one = _SUBJECTS.search(header(mail, "Subject")) is not None
    is_known = any(family.search(text) for family in _FAMILIES)
    if is_known and (is_daemon or looks_like_one):
        return _told(mail, text)
    return _told(mail, text) if is_daemon and looks_like_one else None


def without_addresses(words: str) -> str:
    """In one line and with no address: what servers say is kept, whom they say it of is not."""
    return " ".join(_ADDRESS.sub("<address>", words[:4_000]).split())[:_MOST_WORDS]


# RFC 3464


def _blocks(mail: Message) -> Iterator[Bounce]:
    """One for each recipient that the report speaks of, MOST_BLOCKS at most."""
    count = 0
    for part in parts_of(mail):
        if part.get_content_type() not in _STATUS_PARTS:
            continue
        for block in _fields(part):
            kind = _ACTIONS.get(header(block, "Action").split(" ")[0].strip("();,").casefold())
            if kind is None and not header(block, "Status"):
                continue  # the fields about the whole message
            count += 1
            if count > MOST_BLOCKS:
                return
            yield _of_block(block, kind)


def _fields(part: Message) -> Sequence[Message]:
    """The groups of fields. Encoded ones, and those of RFC 6533, are left as text by the parser."""
    inner = parts_in(part) or []
    if part.get_content_type() == "message/delivery-status" and len(inner) > 1:
        return inner[: MOST_BLOCKS * 2]
    text = _whole_text(part)
    groups = re.split(r"\n[ \t]*\n", text, maxsplit=MOST_BLOCKS * 2)
    return [_parsed(group) for group in groups[: MOST_BLOCKS * 2] if group.strip()]


def _parsed(group: str) -> Message:
    block = Message()
    for line in re.sub(r"\n[ \t]+", " ", group)[:20_000].split("\n")[:60]:
        name, colon, value = line.partition(":")
        if colon and name.strip().isascii():
            block[name.strip()] = " ".join(clean(value).split())
    return block


def _whole_text(part: Message) -> str:
    inner = parts_in(part)
    if inner is None:
        return text_of(part)
    pieces = []
    for one in inner[:MOST_BLOCKS]:
        pieces.append("\n".join(f"{name}: {value}" for name, value in one.items()))
        pieces.append(text_of(one))
    return _unencoded(part, "\n\n".join(pieces))


def _unencoded(part: Message, text: str) -> str:
    """Some servers encode the status part, which RFC 2046 (5.2) forbids for what the parser takes for a message."""
    encoding = str(part.get("Content-Transfer-Encoding", "")).strip().casefold()
    if encoding not in ("base64", "quoted-printable"):
        return clean(text)
    carrier = Message()
    carrier["Content-Transfer-Encoding"] = encoding
    carrier.set_payload(text.strip())
    return text_of(carrier)


def _of_block(block: Message, kind: EventType | None) -> Bounce:
    status = (_STATUS.search(header(block, "Status")) or [""])[0]
    diagnostic = header(block, "Diagnostic-Code")
    words = diagnostic.partition(";")[2].strip() or diagnostic or header(block, "Status")
    if kind is None:
        kind = {"2": EventType.DELIVERED, "4": EventType.DEFERRED}.get(status[:1], EventType.BOUNCED)
    return Bounce(kind, status, without_addresses(words))


def _mildest(blocks: Sequence[Bounce]) -> Bounce:
    """A mail of ours has one recipient. Where it was sent on to several, whoever got it speaks for the address."""
    return min(blocks, key=lambda block: _MILDEST_FIRST.index(block.type))


# Words


def _own_text(mail: Message) -> str:
    """What the server wrote itself, without the mail that came back."""
    for part in parts_of(mail):
        if part.get_content_type() in ("text/plain", "text/html"):
            text = text_of(part, most=40_000)
            if part.get_content_type() == "text/html":
                text = re.sub(r"<[^>]{0,2000}>", " ", text)
            below = _COPY_BELOW.search(text)
            return text[: below.start()] if below else text
    return ""


def _told(mail: Message, text: str) -> Bounce:
    status = (_STATUS.search(text) or [""])[0]
    lines = [line.strip() for line in text.split("\n") if line.strip()]
    telling = [line for line in lines if _REPLY_CODE.search(line) or _STATUS.search(line)]
    words = " ".join((telling or _after_address(lines) or lines)[:4])
    is_late = _ONLY_LATE.search(f"{header(mail, 'Subject')}\n{text}") is not None and not status.startswith("5")
    return Bounce(EventType.DEFERRED if is_late else EventType.BOUNCED, status, without_addresses(words))


def _after_address(lines: Sequence[str]) -> Sequence[str]:
    """The lines under the first one that is nothing but an address, as qmail and Exim write it."""
    for place, line in enumerate(lines[:200]):
        if _ADDRESS.fullmatch(line.strip("<>: ")):
            return lines[place + 1 : place + 4]
    return ()
