"""Mails over SendGrid's Web API v3: one content and up to 1,000 people in a request, over a connection that is kept.

SendGrid puts our values in the place of our own marks ("substitutions"), so its template language never sees a value.
A request is taken as a whole (202) or refused as a whole. What an answer means:

1. 202: all of it was taken.
2. 400, 413: refused for what is in it. Errors name the person by `personalizations.N`; where they name nobody, halves
   of the request find out who it is.
3. 401, 403, and what else says that we do not belong here: key or sender are refused; nobody is charged with it.
4. 429 and 503: not now. `X-RateLimit-Reset` or `Retry-After` say when.
5. Anything else, or no answer to a request that was written: nobody knows. Never sent again by itself.

Source: Twilio SendGrid's API reference, "Mail Send", "Errors" and "Rate limits".
"""

import secrets
import time
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, TypeAlias

import orjson
import urllib3
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError, SSLError

from core.delivery.mime import LINE_LIMIT, single_line, structured_text, wire_address, wire_domain
from core.delivery.retry_policy import classify, refusal
from core.delivery.transports.base import ErrorClass, MailContent, Outcome, OutcomeKind, Recipient, Transport, one_line
from core.delivery.transports.errors import ConnectionProblem, MailProblem
from core.email_templates.merge_tags import Choice, Condition, MergeTemplate, Segment, Slot

MOST_PEOPLE = 1_000
"""Personalizations in one request."""
MOST_SUBSTITUTED_BYTES = 10_000
"""Of marks and values for one person; who has more gets a request alone, with the values written into it."""
CONNECT_SECONDS = 10.0
ANSWER_SECONDS = 30.0
LONG_BRANCH = 1_000
"""Characters of a condition's branch, from which on it is part of the content and not a value."""
KEPT_VARIANTS = 64
MESSAGE_ARGUMENT = "engagex_message"
"""The custom argument that says in every event which of our messages it is about."""

_REFUSED_FOR_CONTENT = frozenset({HTTPStatus.BAD_REQUEST, HTTPStatus.REQUEST_ENTITY_TOO_LARGE})
_NOT_NOW = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})
SEND_SCOPE = "mail.send"
PROVIDER = "sendgrid"
_NOT_REACHED = "not_reached"
_NO_ANSWER = "no_answer"
_NOT_TRIED = "not_tried"
# Opens, clicks and unsubscriptions are ours: SendGrid shall leave links and bodies as they are.
_NO_TRACKING = {
    "click_tracking": {"enable": False, "enable_text": False},
    "open_tracking": {"enable": False},
    "subscription_tracking": {"enable": False},
}


@dataclass(frozen=True)
class SendGridSettings:
    """How to reach the API; `on_behalf_of` names the subuser for whom the account acts. `is_plain` speaks
    HTTP without TLS, for counterparts on this machine."""

    host: str
    port: int
    key: str = field(repr=False)
    on_behalf_of: str = ""
    is_plain: bool = False
    connect_seconds: float = CONNECT_SECONDS
    answer_seconds: float = ANSWER_SECONDS


@dataclass(frozen=True, slots=True)
class _Answer:
    """What came back. `status` 0: nothing did, and `code` says why. `blamed` maps indexes of people to words."""

    status: int
    code: str
    words: str = ""
    message_id: str = ""
    retry_after_seconds: int | None = None
    blamed: Mapping[int, str] = field(default_factory=dict)
    is_about_all: bool = False
    scopes: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class _Person:
    """One mail of the call: its place in it, and its part of a request.

    `alone` is a content of its own; `variant` says which of the long branches it holds, see `_Letter`.
    """

    index: int
    message_id: Any
    part: dict[str, Any]
    alone: list[dict[str, str]] | None = None
    variant: "_Variant" = ()


class SendGridTransport(Transport):
    """Sends through SendGrid with one API key."""

    slice_size = MOST_PEOPLE

    def __init__(self, settings: SendGridSettings) -> None:
        self._api = SendGridApi(settings)
        self._letter: _Letter | None = None

    def send(self, content: MailContent, recipients: Sequence[Recipient]) -> list[Outcome]:
        """See `Transport.send`. After an answer that says the server is unwell, the rest is RETRY."""
        if self._letter is None or self._letter.content is not content:
            self._letter = _Letter(content)
        outcomes: dict[int, Outcome] = {}
        people = _written(self._letter, recipients, outcomes)
        groups = _groups(people)
        is_fresh = True
        while groups:
            group = groups.popleft()
            answer = self._api.post("/v3/mail/send", self._letter.request(group))
            if is_fresh:
                _raise_if_all_are_meant(answer)
            if answer.status in _REFUSED_FOR_CONTENT:
                groups.extendleft(reversed(_without_the_blamed(group, answer, outcomes)))
                continue
            is_fresh = False
            _note(group, answer, outcomes)
            if not _is_taken(answer):
                for rest in groups:
                    _note(rest, _unwell(answer), outcomes)
                break
        return [outcomes[index] for index in range(len(recipients))]

    def close(self) -> None:
        """Close the kept connection."""
        self._api.close()


class SendGridApi:
    """Requests of one key over one kept connection. Faults are answers, not exceptions."""

    def __init__(self, settings: SendGridSettings) -> None:
        self._settings = settings
        self._pool = self._new_pool()
        self._headers = {"Authorization": f"Bearer {settings.key}", "Content-Type": "application/json"}
        if settings.on_behalf_of:
            self._headers["On-Behalf-Of"] = settings.on_behalf_of

    def post(self, path: str, document: Mapping[str, Any]) -> _Answer:
        """Ask once, never again by itself."""
        return self._ask("POST", path, orjson.dumps(document))

    def get(self, path: str) -> _Answer:
        """The same without a body."""
        return self._ask("GET", path, None)

    def ask_json(self, method: str, path: str, document: Mapping[str, Any] | None = None) -> tuple[int, Any, str]:
        """For what is no mail: status (0 without an answer), the document in the answer (None: no JSON), and words."""
        body = None if document is None else orjson.dumps(document)
        try:
            response = self._pool.urlopen(method, path, body=body, headers=self._headers, redirect=False, retries=False)
        except HTTPError as error:
            return 0, None, one_line(f"SendGrid could not be reached: {error}")
        try:
            return response.status, orjson.loads(response.data), _read(response).words
        except orjson.JSONDecodeError:
            return response.status, None, _read(response).words

    def close(self) -> None:
        """Close the connection; the next request opens another."""
        self._pool.close()
        self._pool = self._new_pool()

    def _new_pool(self) -> urllib3.HTTPConnectionPool:
        settings = self._settings
        pool = urllib3.HTTPConnectionPool if settings.is_plain else urllib3.HTTPSConnectionPool
        timeout = urllib3.Timeout(connect=settings.connect_seconds, read=settings.answer_seconds)
        return pool(settings.host, settings.port, maxsize=1, timeout=timeout, retries=False)

    def _ask(self, method: str, path: str, body: bytes | None) -> _Answer:
        try:
            response = self._pool.urlopen(method, path, body=body, headers=self._headers, redirect=False, retries=False)
        except (NewConnectionError, ConnectTimeoutError, SSLError) as error:
            return _Answer(0, _NOT_REACHED, one_line(f"SendGrid could not be reached: {error}"))
        except HTTPError as error:
            return _Answer(0, _NO_ANSWER, one_line(f"The connection to SendGrid was lost: {error}"))
        return _read(response)


def missing_right(settings: SendGridSettings) -> str:
    """Why this key may send no mail, in SendGrid's words or ours; "" when it may. Sends nothing."""
    api = SendGridApi(settings)
    answer = api.get("/v3/scopes")
    api.close()
    if not _is_taken(answer):
        return answer.words or answer.code
    return "" if SEND_SCOPE in answer.scopes else "The API key lacks the right “Mail Send”. Give it in SendGrid."


_Variant: TypeAlias = tuple[bool, ...]
_Marks: TypeAlias = dict[Slot | Choice, str]


class _Letter:
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
        self._contents: dict[_Variant, tuple[list[dict[str, str]], _Marks]] = {}
        self._merged_headers = {name: value for name, value in content.headers.items() if _varies(value)}
        same = {name: value for name, value in content.headers.items() if name not in self._merged_headers}
        self._shared = {
            "from": _mailbox(content.from_name, content.from_email),
            **({"reply_to": _mailbox("", content.reply_to)} if content.reply_to else {}),
            "subject": _subject(content.subject, {}),
            "headers": {name: _header(name, value, {}) for name, value in same.items()},
            "tracking_settings": _NO_TRACKING,
        }
        self._has_own_subjects = _varies(content.subject)
        self._domain = wire_domain(content.message_id_domain)

    def person(self, index: int, recipient: Recipient) -> _Person:
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
        marked = {mark: slot.render(values) for slot, mark in self._content(variant)[1].items()}
        if _size(marked) > MOST_SUBSTITUTED_BYTES:
            return _Person(index, recipient.message_id, part, self._rendered(values))
        if marked:
            part["substitutions"] = marked
        return _Person(index, recipient.message_id, part, variant=variant)

    def request(self, group: Sequence[_Person]) -> dict[str, Any]:
        """The document for these people, who all get the same variant, or for the only one with a content alone."""
        content = group[0].alone or self._content(group[0].variant)[0]
        return {**self._shared, "content": content, "personalizations": [person.part for person in group]}

    def _rendered(self, values: Mapping[str, str]) -> list[dict[str, str]]:
        return _bodies(self.content.text.render(values), self.content.html.render(values))

    def _content(self, variant: _Variant) -> tuple[list[dict[str, str]], _Marks]:
        """The bodies of a variant, written once, and the marks in them."""
        if variant not in self._contents:
            if len(self._contents) == KEPT_VARIANTS:
                self._contents.clear()
            answers = dict(zip(self._asked, variant, strict=True))
            marks: _Marks = {}
            text = self._marked(self.content.text.segments, answers, marks)
            html = self._marked(self.content.html.segments, answers, marks)
            self._contents[variant] = _bodies(text, html), marks
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


def _long_conditions(template: MergeTemplate) -> tuple[Condition, ...]:
    """What the choices ask whose branches are too long to be sent as values."""
    return tuple(choice.condition for choice in template.choices() if _length(choice) > LONG_BRANCH)


def _length(choice: Choice) -> int:
    """Characters of the longer branch as far as they are known."""
    return max(
        sum(len(one) if isinstance(one, str) else _length(one) if isinstance(one, Choice) else 0 for one in branch)
        for branch in (choice.then, choice.otherwise)
    )


def _bodies(text: str, html: str) -> list[dict[str, str]]:
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


def _written(letter: _Letter, recipients: Sequence[Recipient], outcomes: dict[int, Outcome]) -> list[_Person]:
    """Everybody whose mail can be written down; the others get their outcome."""
    people = []
    for index, recipient in enumerate(recipients):
        try:
            people.append(letter.person(index, recipient))
        except MailProblem as problem:
            outcomes[index] = refusal(recipient.message_id, problem.code, str(problem))
    return people


def _groups(people: Sequence[_Person]) -> deque[list[_Person]]:
    """Requests: those who share the content, MOST_PEOPLE at a time, then each one who does not."""
    shared: dict[_Variant, list[_Person]] = {}
    for person in people:
        if person.alone is None:
            shared.setdefault(person.variant, []).append(person)
    groups = deque(
        same[start : start + MOST_PEOPLE] for same in shared.values() for start in range(0, len(same), MOST_PEOPLE)
    )
    groups.extend([person] for person in people if person.alone is not None)
    return groups


def _is_taken(answer: _Answer) -> bool:
    return 200 <= answer.status < 300


def _refuses_us(answer: _Answer) -> bool:
    return 300 <= answer.status < 500 and answer.status not in _REFUSED_FOR_CONTENT | _NOT_NOW


def _raise_if_all_are_meant(answer: _Answer) -> None:
    """For the first request of a call: a refusal of the sender or of the content itself concerns everybody."""
    if _refuses_us(answer):
        raise ConnectionProblem(f"SendGrid refuses us: {answer.words}", code=answer.code, words=answer.words)
    if answer.status in _REFUSED_FOR_CONTENT and answer.is_about_all:
        raise MailProblem(f"SendGrid refuses the mail: {answer.words}", code=answer.code)


def _without_the_blamed(group: list[_Person], answer: _Answer, outcomes: dict[int, Outcome]) -> list[list[_Person]]:
    """What is left to try of a refused request: without those whom the errors name, else its halves."""
    blamed = {place: words for place, words in answer.blamed.items() if place < len(group)}
    if len(group) == 1:
        blamed = {0: answer.words}
    for place, words in blamed.items():
        outcomes[group[place].index] = refusal(group[place].message_id, answer.code, words, PROVIDER)
    if blamed:
        rest = [person for place, person in enumerate(group) if place not in blamed]
        return [rest] if rest else []
    middle = len(group) // 2
    return [group[:middle], group[middle:]]


def _note(group: Sequence[_Person], answer: _Answer, outcomes: dict[int, Outcome]) -> None:
    """The same outcome for everybody in the request."""
    kind = _kind(answer)
    for person in group:
        outcomes[person.index] = Outcome(
            person.message_id,
            kind,
            answer.code,
            answer.words,
            provider_message_id=answer.message_id,
            retry_after_seconds=answer.retry_after_seconds,
            error=ErrorClass.UNKNOWN if _is_taken(answer) else classify(answer.code, answer.words, PROVIDER),
        )


def _kind(answer: _Answer) -> OutcomeKind:
    if _is_taken(answer):
        return OutcomeKind.ACCEPTED
    is_untaken = answer.status in _NOT_NOW or _refuses_us(answer) or answer.code in (_NOT_REACHED, _NOT_TRIED)
    return OutcomeKind.RETRY if is_untaken else OutcomeKind.UNKNOWN


def _unwell(answer: _Answer) -> _Answer:
    """For those who were not tried after this answer."""
    words = f"Not tried after: {answer.words}" if answer.words else "Not tried after a request without an answer"
    return _Answer(0, _NOT_TRIED, one_line(words), retry_after_seconds=answer.retry_after_seconds)


# Answers


def _read(response: urllib3.BaseHTTPResponse) -> _Answer:
    document = _document(response.data)
    errors = _dictionaries(document.get("errors"))
    fields = [str(error.get("field") or "") for error in errors]
    blamed: dict[int, str] = {}
    for error, name in zip(errors, fields, strict=True):
        place = name.split(".")[1] if name.startswith("personalizations.") else ""
        if place.isdecimal():
            blamed[int(place)] = one_line(str(error.get("message") or ""))
    words = one_line(" ".join(str(error.get("message") or "") for error in errors)) or one_line(response.reason or "")
    return _Answer(
        status=response.status,
        code=str(response.status),
        words=words,
        message_id=response.headers.get("X-Message-Id", "")[:200],
        retry_after_seconds=_retry_after(response.headers),
        blamed=blamed,
        is_about_all=any(name and not name.startswith("personalizations") for name in fields),
        scopes=frozenset(map(str, scopes)) if isinstance(scopes := document.get("scopes"), list) else frozenset(),
    )


def _document(data: bytes) -> dict[str, Any]:
    """The answer's JSON; empty where it is none, or no object."""
    try:
        found = orjson.loads(data)
    except orjson.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}


def _dictionaries(found: Any) -> list[dict[str, Any]]:
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def _retry_after(headers: Mapping[str, str]) -> int | None:
    """Seconds from now, by `Retry-After` or by the moment in `X-RateLimit-Reset` (seconds since 1970)."""
    after, reset = headers.get("Retry-After", ""), headers.get("X-RateLimit-Reset", "")
    if after.isdecimal():
        return int(after)
    return max(int(reset) - int(time.time()), 1) if reset.isdecimal() and len(reset) < 12 else None
