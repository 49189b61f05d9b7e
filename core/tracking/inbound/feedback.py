"""Complaints that mailbox providers pass on: RFC 5965 feedback reports."""

import re
from dataclasses import dataclass
from email.message import Message

from core.tracking.inbound.mime import header, parts_in, parts_of, text_of

_COMPLAINTS = frozenset({"abuse", "fraud", "virus"})
_TYPE = re.compile(r"^feedback-type:[ \t]*([a-z-]{1,40})", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Feedback:
    """`kind` is the Feedback-Type in lower case. Only some are complaints; "not-spam" is the opposite of one, and
    "auth-failure" is about the sender (RFC 6591)."""

    kind: str

    @property
    def is_complaint(self) -> bool:
        return self.kind in _COMPLAINTS


def read_feedback(mail: Message) -> Feedback | None:
    """What the mail complains of, or None: it is no feedback report."""
    for part in parts_of(mail):
        if part.get_content_type() == "message/feedback-report":
            found = _TYPE.search(_text(part))
            return Feedback(found[1].casefold() if found else "other")
    return None


def _text(part: Message) -> str:
    """The parser takes the fields for the headers of a message."""
    if inner := parts_in(part):
        kind = header(inner[0], "Feedback-Type")
        return f"Feedback-Type: {kind}" if kind else text_of(inner[0], most=10_000)
    return text_of(part)
