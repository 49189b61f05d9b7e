"""The mail in a post: SendGrid's Inbound Parse, or what a mail server of one's own hands over.

Source: Twilio SendGrid's documentation, "Setting up the Inbound Parse Webhook": multipart/form-data with the fields
`headers`, `text`, `html`, `envelope` (JSON), `charsets` (JSON); with "Post the raw, full MIME message" `email` instead.
The own endpoint takes message/rfc822, or JSON: {"raw": base64 of the mail} or {"headers": {…}, "text": …, "html": …},
each with "to": the addresses it was delivered to.
"""

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from email.message import Message
from typing import Any

import orjson

from core.tracking.inbound.mime import UnreadableMail, clean, decoded, read_mail

MOST_FIELDS = 100
_BOUNDARY = re.compile(r'boundary="?([^";,\s]{1,100})"?', re.IGNORECASE)
_NAME = re.compile(rb'^content-disposition:[^\r\n]{0,300}?\bname="([a-z_-]{1,40})"', re.IGNORECASE | re.MULTILINE)
_FILE = re.compile(rb"^content-disposition:[^\r\n]{0,500}?\bfilename\*?=", re.IGNORECASE | re.MULTILINE)
_MOST_TEXT = 400_000


@dataclass(frozen=True, slots=True)
class PostedMail:
    mail: Message
    envelope_to: tuple[str, ...]


def mail_of_form(body: bytes, content_type: str) -> PostedMail:
    """Raises UnreadableMail."""
    fields = form_fields(body, content_type)
    envelope = _json(fields.get("envelope", b""))
    envelope_to = _addresses(envelope.get("to") if isinstance(envelope, dict) else None)
    if fields.get("email"):
        return PostedMail(read_mail(fields["email"]), envelope_to)
    if not fields.get("headers"):
        raise UnreadableMail("It holds no mail.")
    charsets = _json(fields.get("charsets", b""))
    texts = {name: _text(fields.get(name, b""), charsets, name) for name in ("text", "html")}
    return PostedMail(_built(_text(fields["headers"], charsets, "headers"), texts["text"], texts["html"]), envelope_to)


def mail_of_server(body: bytes, content_type: str) -> PostedMail:
    """Raises UnreadableMail."""
    if not content_type.casefold().startswith("application/json"):
        return PostedMail(read_mail(body), ())
    document = _json(body)
    if not isinstance(document, dict):
        raise UnreadableMail("It is no JSON object.")
    envelope_to = _addresses(document.get("to"))
    raw = document.get("raw")
    if isinstance(raw, str):
        try:
            return PostedMail(read_mail(base64.b64decode(raw, validate=True)), envelope_to)
        except (binascii.Error, ValueError) as error:
            raise UnreadableMail("Its mail is no base64.") from error
    headers = document.get("headers")
    if not isinstance(headers, Mapping):
        raise UnreadableMail("It holds no mail.")
    lines = "\n".join(f"{name}: {' '.join(str(value).split())}" for name, value in list(headers.items())[:200])
    return PostedMail(_built(lines, _string(document.get("text")), _string(document.get("html"))), envelope_to)


def form_fields(body: bytes, content_type: str) -> dict[str, bytes]:
    """The fields of a form that are no files (RFC 7578); the first of each name. Linear in the length of the body."""
    found = _BOUNDARY.search(content_type)
    if found is None:
        raise UnreadableMail("It is no form.")
    fields: dict[str, bytes] = {}
    mark = b"\r\n--" + found[1].encode()
    for piece in (b"\r\n" + body).split(mark, MOST_FIELDS)[1:]:
        head, blank, value = piece.partition(b"\r\n\r\n")
        name = _NAME.search(head[:2_000])
        if blank and name and not _FILE.search(head[:2_000]):
            fields.setdefault(name[1].decode().casefold(), value)
    return fields


def _built(headers: str, text: str, html: str) -> Message:
    """A mail of given headers whose one part is the text. What the headers say of the form of the body is left out."""
    mail = read_mail(headers.encode("utf-8", "replace") + b"\n\n")
    for name in ("Content-Type", "Content-Transfer-Encoding", "Content-Disposition"):
        del mail[name]
    is_html = bool(html.strip()) and not text.strip()
    mail["Content-Type"] = "text/html; charset=utf-8" if is_html else "text/plain; charset=utf-8"
    mail["Content-Transfer-Encoding"] = "8bit"
    mail.set_payload((html if is_html else text).encode("utf-8", "replace").decode("ascii", "surrogateescape"))
    return mail


def _text(value: bytes, charsets: Any, name: str) -> str:
    charset = charsets.get(name) if isinstance(charsets, dict) else None
    return clean(decoded(value[:_MOST_TEXT], charset if isinstance(charset, str) else "utf-8"))


def _json(value: bytes) -> Any:
    try:
        return orjson.loads(value) if value else None
    except orjson.JSONDecodeError:
        return None


def _addresses(value: Any) -> tuple[str, ...]:
    given = value if isinstance(value, list) else [value]
    return tuple(one[:320] for one in given[:50] if isinstance(one, str))


def _string(value: Any) -> str:
    return clean(value[:_MOST_TEXT]) if isinstance(value, str) else ""
