"""Which of our mails a mail is about, by tokens that we signed and that only travelled with that mail.

| where | what |
|---|---|
| recipients of the mail | the address that ours went out with: for reports the return path, for answers Reply-To |
| headers or text of the returned mail | the unsubscribe link, in the header List-Unsubscribe of every campaign mail |
| subject | the same link, where List-Unsubscribe was answered by mail |
| References, In-Reply-To | our Message-ID: the ledger's id, of which 62 bits are chance. Good for a reply only |
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from email.message import Message
from uuid import UUID

from core.common.tokens import BadToken, Purpose
from core.delivery.public_links import message_id_from
from core.delivery.return_addresses import ADDRESS, message_in
from core.tracking.inbound.mime import header, parts_in, parts_of, text_of

MOST_TOKENS = 20
_RECIPIENT_HEADERS = ("X-Original-To", "Delivered-To", "X-Envelope-To", "Envelope-To", "To", "Cc")
_DELIVERY_HEADERS = _RECIPIENT_HEADERS[:4]
_RETURNED = frozenset({"message/rfc822", "message/global", "text/rfc822-headers", "message/global-headers"})
_FOLD = re.compile(r"\r?\n[ \t]+")
_UNSUBSCRIBE = re.compile(r"/u/([A-Za-z0-9_-]{40,80})(?![A-Za-z0-9_-])")
_WISH = re.compile(
    r"\s*unsubscribe\s+https?://[^\s/]{1,253}(?:/[^\s/]{1,100}){0,5}" + _UNSUBSCRIBE.pattern + r"\s*$", re.I
)
_MESSAGE_ID = re.compile(r"<([0-9a-f]{32})@[A-Za-z0-9.-]{1,253}>")


@dataclass(frozen=True, slots=True)
class Proof:
    """`is_signed` is False for a Message-ID, which proves less: see above."""

    message_id: UUID
    is_signed: bool


def addresses_of(mail: Message, envelope_to: Iterable[str] = ()) -> str:
    """All that may name whom the mail came to, as one text."""
    return " ".join([*envelope_to, *(header(mail, name) for name in _RECIPIENT_HEADERS)])


def delivered_to(mail: Message, envelope_to: Sequence[str] = ()) -> str:
    """Whom the last server gave the mail to, in none of its sender's words: the envelope or, where only the mail was
    handed in, what that server wrote above its own Received. "" for a mail that no server has passed on."""
    if envelope_to:
        return " ".join(envelope_to)
    names = [name.casefold() for name in mail]
    if "received" not in names:
        return ""
    above = names[: names.index("received")]
    return " ".join(header(mail, name) for name in _DELIVERY_HEADERS if name.casefold() in above)


def signed_proof(mail: Message, envelope_to: Iterable[str] = ()) -> Proof | None:
    """The mail of ours that this one proves to be about. The address it came to counts more than what it quotes."""
    found = _addressed(addresses_of(mail, envelope_to), Purpose.RETURN_PATH) or _quoted(mail)
    return Proof(found, True) if found else None


def reply_proof(mail: Message, envelope_to: Iterable[str] = ()) -> Proof | None:
    """As `signed_proof`, and a Message-ID of ours that the mail answers, the newest first."""
    answered = f"{header(mail, 'In-Reply-To')} {' '.join(reversed(header(mail, 'References').split()))}"
    if found := _addressed(addresses_of(mail, envelope_to), Purpose.REPLY):
        return Proof(found, True)
    if match := _MESSAGE_ID.search(answered):
        return Proof(UUID(match[1]), False)
    return signed_proof(mail)


def unsubscribe_proof(mail: Message) -> Proof | None:
    """The mail of ours whose List-Unsubscribe somebody's mail program answered by mail, with the subject it names."""
    match = _WISH.match(header(mail, "Subject"))
    if match is None:
        return None
    try:
        return Proof(message_id_from(Purpose.UNSUBSCRIBE, match[1]), True)
    except BadToken:
        return None


def _addressed(text: str, purpose: Purpose) -> UUID | None:
    for match in list(ADDRESS.finditer(text))[:MOST_TOKENS]:
        try:
            return message_in(match[0], purpose)
        except BadToken:
            continue
    return None


def _quoted(mail: Message) -> UUID | None:
    for text in _returned_texts(mail):
        unfolded = _FOLD.sub(" ", text)
        for token in dict.fromkeys(_UNSUBSCRIBE.findall(unfolded)[:MOST_TOKENS]):
            try:
                return message_id_from(Purpose.UNSUBSCRIBE, token)
            except BadToken:
                continue
        if found := _addressed(unfolded, Purpose.RETURN_PATH):
            return found
    return None


def _returned_texts(mail: Message) -> Iterator[str]:
    """Headers of returned mails first, then texts, in which old servers quote the whole mail."""
    parts = list(parts_of(mail))
    for part in parts:
        if part.get_content_type() in _RETURNED:
            yield returned_headers(part)
    for part in parts:
        if part.get_content_type() in ("text/plain", "text/html"):
            yield text_of(part)


def returned_headers(part: Message) -> str:
    if inner := parts_in(part):
        return "\n".join(f"{name}: {value}" for name, value in inner[0].items()[:200])
    return text_of(part)
