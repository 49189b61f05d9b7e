"""Mails of strangers as parts and texts, in bounded time whatever they hold.

The standard library's parser is lenient about broken mails, but its effort grows with lines times depth, and it follows
nesting by recursion. So what it gets is cut and counted first.
"""

import codecs
import contextlib
import email
import re
from collections.abc import Iterator
from email.errors import MessageError
from email.header import decode_header, make_header
from email.message import Message
from typing import Any

MOST_BYTES = 8 * 1024 * 1024
"""Of a mail; what lies behind is attachments. Reports and answers stand in front."""
MOST_LINES = 100_000
MOST_CONTAINERS = 25
MOST_PARTS = 60
_LONGEST_HEADER = 4_096
_LONGEST_TEXT = 200_000
_CONTAINER = re.compile(rb"^content-type:\s*(?:multipart|message)\s*/", re.IGNORECASE | re.MULTILINE)
# Parameters of these headers are read by counting quotes from each semicolon on.
_ENDLESS_PARAMETERS = re.compile(rb"^content-[a-z-]{4,30}:(?:[^\n]|\n[ \t]){8192}", re.IGNORECASE | re.MULTILINE)
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
"""Of no use in a text, the marks among them that turn the direction of writing."""
_NO_CHARSETS = frozenset({"punycode", "idna", "undefined"})
"""Python's codecs for parts of host names: what they take for each letter grows with the letters before it."""


class UnreadableMail(ValueError):
    """This is no mail that anybody's program would have written. The text says why, for people."""


def read_mail(raw: bytes) -> Message:
    """The mail's first MOST_BYTES. Raises UnreadableMail."""
    if not raw.strip():
        raise UnreadableMail("It is empty.")
    cut = raw[:MOST_BYTES]
    if cut.count(b"\n") > MOST_LINES:
        cut = b"\n".join(cut.split(b"\n", MOST_LINES)[:MOST_LINES])
    if len(_CONTAINER.findall(cut)) > MOST_CONTAINERS:
        raise UnreadableMail("It is nested too deeply.")
    if _ENDLESS_PARAMETERS.search(cut):
        raise UnreadableMail("One of its headers has no end.")
    try:
        return email.message_from_bytes(cut)
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise UnreadableMail("It cannot be taken apart.") from error


def parts_of(mail: Message) -> Iterator[Message]:
    """The parts that hold something, those of a returned mail left out; MOST_PARTS at most."""
    waiting, seen = [mail], 0
    while waiting and seen < MOST_PARTS:
        part = waiting.pop(0)
        seen += 1
        inner = parts_in(part)
        if part.get_content_maintype() == "multipart" and inner is not None:
            waiting = [*inner[:MOST_PARTS], *waiting]
        else:
            yield part


def parts_in(part: Message) -> list[Message] | None:
    """What a part is made of; None for one that holds text. (`get_payload` would decode that first, and stumbles.)"""
    payload: Any = part.get_payload() if part.is_multipart() else None
    return payload if isinstance(payload, list) else None


def header(mail: Message, name: str) -> str:
    """A header in one line, decoded as far as it can be; "" where there is none."""
    wanted = name.casefold()
    found: Any = next((value for one, value in mail.raw_items() if one.casefold() == wanted), "")
    # Letters beyond ASCII that came as they are, in UTF-8 (RFC 6532) or whatever else.
    raw = str(found)[:_LONGEST_HEADER].encode("utf-8", "surrogateescape")
    text = " ".join(decoded(raw, "utf-8").split())
    with contextlib.suppress(ValueError, LookupError, MessageError):
        text = str(make_header(decode_header(text))) if "=?" in text else text
    return " ".join(clean(text).split())


def text_of(part: Message, *, most: int = _LONGEST_TEXT) -> str:
    """What stands in a part, decoded; letters that its charset does not know are replaced."""
    try:
        payload: Any = part.get_payload(decode=True)
    except (ValueError, LookupError, AssertionError):
        payload = None
    if not isinstance(payload, bytes):
        return ""
    return clean(decoded(payload[: most * 4], _charset(part))[:most])


def clean(text: str) -> str:
    """`text` with plain newlines, and without what only harms."""
    text = text.encode("utf-8", "replace").decode()
    return _CONTROLS.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))


def is_attachment(part: Message) -> bool:
    return str(part.get("Content-Disposition", "")).strip()[:10].casefold() == "attachment"


def _charset(part: Message) -> str:
    try:
        return str(part.get_content_charset() or "utf-8")
    except (ValueError, LookupError, TypeError):
        return "utf-8"


def decoded(payload: bytes, charset: str) -> str:
    """By the charset it names; by UTF-8 or Latin-1 where that is none of a text, or a wrong one."""
    for name in (charset, "utf-8"):
        try:
            if codecs.lookup(name).name in _NO_CHARSETS:
                continue
            text = payload.decode(name)
        except (LookupError, ValueError, UnicodeError):
            continue
        if isinstance(text, str):
            return text
    return payload.decode("latin-1")
