"""A campaign's content in SendGrid's form, and each person's part of a request."""

import secrets
from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from core.delivery.mime import LINE_LIMIT, single_line, structured_text, wire_address, wire_domain
from core.delivery.transports.base import Attachment, MailContent, Recipient
from core.email_templates.merge_tags import Choice, Condition, MergeTemplate, Segment, Slot
from core.email_templates.segments import Renderer

MOST_SUBSTITUTED_BYTES = 10_000
"""Of marks and values for one person; who has more gets a request alone, with the values written into it."""
LONG_BRANCH = 1_000
"""Characters of a condition's branch, from which on it is part of the content and not a value."""
KEPT_VARIANTS = 64
MESSAGE_ARGUMENT = "engagex_message"
"""The custom argument that says in every event which of our messages it is about."""

# Opens, clicks and unsubscriptions are ours: SendGrid shall leave links and bodies as they are.
_NO_TRACKING = {
    "click_tracking": {"enable": False, "enable_text": False},
    "open_tracking": {"enable": False},
    "subscription_tracking": {"enable": False},
}

Variant: TypeAlias = tuple[bool, ...]
_Bodies: TypeAlias = list[dict[str, str]]
_Marks: TypeAlias = dict[Slot | Choice, str]


@dataclass(frozen=True, slots=True)
class Person:
    """One mail of the call: its place in it, and its part of a request.

    `alone` is a content of its own; `variant` says which of the long branches it holds, see `Letter`.
    """

    index: int
    message_id: Any
    part: dict[str, Any]
    alone: _Bodies | None = None
    variant: Variant = ()


class Letter:
    """A campaign's content in SendGrid's form: its marks stand where the recipients differ.

    A choice is one value among others while its branches are short. Long ones are written into the content, which then
    has a variant for each set of answers to their conditions: recipients with the same answers share a request.
    """

    def __init__(self, content: MailContent) -> None:
        """Raises AddressProblem for a sender that cannot be written, HeaderProblem for a header."""
        self.content = content
        # Unguessable, so that no value can hold another value's mark.
        self._mark = f"[%{secrets.token_hex(6)}:"
        self._asked = tuple(dict.fromkeys(_long_conditions(content.text) + _long_conditions(content.html)))
        self._contents: dict[Variant, tuple[_Bodies, list[tuple[str, Renderer]]]] = {}
        self._merged_headers = {name: value for name, value in content.headers.items() if _varies(value)}
        same = {name: value for name, value in content.headers.items() if name not in self._merged_headers}
        # One address for all, as the API has it; their answers name the mail by its Message-ID.
        reply_to = f"replies@{content.reply_host}" if content.reply_host else content.reply_to
        self._shared = {
            "from": _mailbox(content.from_name, content.from_email),
            **({"reply_to": _mailbox("", reply_to)} if reply_to else {}),
            "subject": _subject(content.subject, {}),
            "headers": {name: _header(name, value, {}) for name, value in same.items()},
            **({"attachments": [_attached(one) for one in content.attachments]} if content.attachments else {}),
            "tracking_settings": _NO_TRACKING,
        }
        self._has_own_subjects = _varies(content.subject)
        self._domain = wire_domain(content.message_id_domain)

    def person(self, index: int, recipient: Recipient) -> Person:
        """A recipient's part of a request. Raises AddressProblem or HeaderProblem."""
        values = recipient.values
        message = recipient.message_id.hex
        headers = {name: _header(name, value, values) for name, value in self._merged_headers.items()}
        part: dict[str, Any] = {
            "to": [_mailbox(recipient.name, recipient.address)],
            "headers": {**headers, "Message-ID": f"<{message}@{self._domain}>"},
            "custom_args": {MESSAGE_ARGUMENT: message},
        }
        if self._has_own_subjects:
            part["subject"] = _subject(self.content.subject, values)
        variant = tuple(condition.holds(values) for condition in self._asked)
        marked = {mark: render(values) for mark, render in self._content(variant)[1]}
        if _size(marked) > MOST_SUBSTITUTED_BYTES:
            return Person(index, recipient.message_id, part, self._rendered(values))
        if marked:
            part["substitutions"] = marked
        return Person(index, recipient.message_id, part, variant=variant)

    def request(self, group: Sequence[Person]) -> dict[str, Any]:
        """The document for these people, who all get the same variant, or for the only one with a content alone."""
        content = group[0].alone or self._content(group[0].variant)[0]
        return {**self._shared, "content": content, "personalizations": [person.part for person in group]}

    def _rendered(self, values: Mapping[str, str]) -> _Bodies:
        return _bodies(self.content.text.render(values), self.content.html.render(values))

    def _content(self, variant: Variant) -> tuple[_Bodies, list[tuple[str, Renderer]]]:
        """The bodies of a variant, written once, and the marks in them with what makes their values."""
        if variant not in self._contents:
            if len(self._contents) == KEPT_VARIANTS:
                self._contents.clear()
            answers = dict(zip(self._asked, variant, strict=True))
            marks: _Marks = {}
            text = self._marked(self.content.text.segments, answers, marks)
            html = self._marked(self.content.html.segments, answers, marks)
            self._contents[variant] = _bodies(text, html), [(mark, one.renderer()) for one, mark in marks.items()]
        return self._contents[variant]

    def _marked(self, segments: Iterable[Segment], answers: Mapping[Condition, bool], marks: _Marks) -> str:
        pieces: list[str] = []
        for one in segments:
            if isinstance(one, str):
                pieces.append(one)
            elif isinstance(one, Choice) and one.condition in answers:
                branch = one.then if answers[one.condition] else one.otherwise
                pieces.append(self._marked(branch, answers, marks))
            else:
                pieces.append(marks.setdefault(one, f"{self._mark}{len(marks)}%]"))
        return "".join(pieces)


def _attached(file: Attachment) -> dict[str, str]:
    content = b64encode(file.content).decode()
    return {"content": content, "type": file.content_type, "filename": file.name, "disposition": "attachment"}


def _long_conditions(template: MergeTemplate) -> tuple[Condition, ...]:
    """What the choices ask whose branches are too long to be sent as values."""
    return tuple(choice.condition for choice in template.choices() if _length(choice) > LONG_BRANCH)


def _length(choice: Choice) -> int:
    """Characters of the longer branch as far as they are known."""
    return max(
        sum(len(one) if isinstance(one, str) else _length(one) if isinstance(one, Choice) else 0 for one in branch)
        for branch in (choice.then, choice.otherwise)
    )


def _bodies(text: str, html: str) -> _Bodies:
    """Plain text first, as the API wants it; an empty body is left out."""
    return [{"type": kind, "value": body} for kind, body in (("text/plain", text), ("text/html", html)) if body]


def _mailbox(name: str, address: str) -> dict[str, str]:
    """Raises AddressProblem."""
    name = single_line(name)
    return {"email": wire_address(address), **({"name": name} if name else {})}


def _varies(value: MergeTemplate | str) -> bool:
    return isinstance(value, MergeTemplate) and bool(value.keys)


def _size(marked: Mapping[str, str]) -> int:
    """Bytes of marks and values."""
    text = "".join([*marked, *marked.values()])
    return len(text) if text.isascii() else len(text.encode())


def _subject(template: MergeTemplate, values: Mapping[str, str]) -> str:
    return single_line(template.render(values))


def _header(name: str, value: MergeTemplate | str, values: Mapping[str, str]) -> str:
    """On one line: SendGrid folds it itself."""
    text = single_line(value if isinstance(value, str) else value.render(values))
    if text.isascii() and len(name) + 2 + len(text) <= LINE_LIMIT:
        return text
    return structured_text(name, text).replace("\r\n", "")
