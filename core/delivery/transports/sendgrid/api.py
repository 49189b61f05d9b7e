"""Requests to SendGrid over a connection that is kept, and what their answers say."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any

import orjson
import urllib3
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError, ReadTimeoutError, SSLError

from core.delivery.transports.base import one_line

CONNECT_SECONDS = 10.0
ANSWER_SECONDS = 30.0
SEND_SCOPE = "mail.send"
REFUSED_FOR_CONTENT = frozenset({HTTPStatus.BAD_REQUEST, HTTPStatus.REQUEST_ENTITY_TOO_LARGE})
NOT_NOW = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})
NOT_REACHED = "not_reached"
NO_ANSWER = "no_answer"
NOT_TRIED = "not_tried"


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
class Answer:
    """What came back. `status` 0: nothing did, and `code` says why. `blamed` maps indexes of people to words."""

    status: int
    code: str
    words: str = ""
    message_id: str = ""
    retry_after_seconds: int | None = None
    blamed: Mapping[int, str] = field(default_factory=dict)
    is_about_all: bool = False
    scopes: frozenset[str] = frozenset()

    @property
    def is_taken(self) -> bool:
        return 200 <= self.status < 300


class SendGridApi:
    """Requests of one key over one kept connection. Faults are answers, not exceptions."""

    def __init__(self, settings: SendGridSettings) -> None:
        self._settings = settings
        self._pool = self._new_pool()
        self._headers = {"Authorization": f"Bearer {settings.key}", "Content-Type": "application/json"}
        if settings.on_behalf_of:
            self._headers["On-Behalf-Of"] = settings.on_behalf_of

    def post(self, path: str, document: Mapping[str, Any]) -> Answer:
        """Ask once, never again by itself."""
        return self._ask("POST", path, orjson.dumps(document))

    def get(self, path: str) -> Answer:
        """The same without a body."""
        return self._ask("GET", path, None)

    def ask_json(self, method: str, path: str, document: Mapping[str, Any] | None = None) -> tuple[int, Any, str]:
        """For what is no mail: status (0 without an answer), the document in the answer (None: no JSON), and words."""
        body = None if document is None else orjson.dumps(document)
        try:
            response = self._pool.urlopen(method, path, body=body, headers=self._headers, redirect=False, retries=False)
        except HTTPError as error:
            return 0, None, f"SendGrid could not be reached: {_cause(error)}"
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

    def _ask(self, method: str, path: str, body: bytes | None) -> Answer:
        try:
            response = self._pool.urlopen(method, path, body=body, headers=self._headers, redirect=False, retries=False)
        except (NewConnectionError, ConnectTimeoutError, SSLError) as error:
            return Answer(0, NOT_REACHED, f"SendGrid could not be reached: {_cause(error)}")
        except ReadTimeoutError:
            return Answer(0, NO_ANSWER, f"SendGrid did not answer within {self._settings.answer_seconds:g} seconds")
        except HTTPError as error:
            return Answer(0, NO_ANSWER, f"The connection to SendGrid was lost: {_cause(error)}")
        return _read(response)


def missing_right(settings: SendGridSettings) -> str:
    """Why this key may send no mail, in SendGrid's words or ours; "" when it may. Sends nothing."""
    api = SendGridApi(settings)
    answer = api.get("/v3/scopes")
    api.close()
    if not answer.is_taken:
        return answer.words or answer.code
    return "" if SEND_SCOPE in answer.scopes else "The API key lacks the right “Mail Send”. Give it in SendGrid."


def _cause(error: HTTPError) -> str:
    """The words of the fault at the bottom: those around it speak of our objects."""
    cause: BaseException = error
    while (deeper := cause.__cause__ or cause.__context__) is not None:
        cause = deeper
    return one_line(str(getattr(cause, "strerror", None) or cause))


def _read(response: urllib3.BaseHTTPResponse) -> Answer:
    document = _document(response.data)
    errors = _dictionaries(document.get("errors"))
    fields = [str(error.get("field") or "") for error in errors]
    blamed: dict[int, str] = {}
    for error, name in zip(errors, fields, strict=True):
        place = name.split(".")[1] if name.startswith("personalizations.") else ""
        if place.isdecimal():
            blamed[int(place)] = one_line(str(error.get("message") or ""))
    words = one_line(" ".join(str(error.get("message") or "") for error in errors)) or one_line(response.reason or "")
    return Answer(
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
    """Seconds from now, by `Retry-After` or by the moment in `X-RateLimit-Reset` (seconds since 1970), which belongs to
    the clock of the answer's `Date` and not to ours."""
    after, reset = headers.get("Retry-After", ""), headers.get("X-RateLimit-Reset", "")
    if after.isdecimal():
        return int(after)
    return max(int(reset) - _now_there(headers), 1) if reset.isdecimal() and len(reset) < 12 else None


def _now_there(headers: Mapping[str, str]) -> int:
    try:
        return int(parsedate_to_datetime(headers.get("Date", "")).timestamp())
    except ValueError:
        return int(time.time())
