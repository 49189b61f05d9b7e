"""Mails over other providers' web APIs, by way of django-anymail: one request a mail, over a session of our own.

Anymail is given everything by argument: no setting of Django names a key, and no session is shared between
connections. What an answer means:

1. 2xx: taken, unless the provider refuses the recipient in it.
2. 401, 402, 403, 404, 405, or words about the account or the sender: we are refused; nobody is charged with it.
3. Other 4xx: this mail was refused.
4. 429 and 503: not now; `Retry-After` says when.
5. Anything else, or no answer to a request that was sent: nobody knows. Never sent again by itself.
"""

import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

import requests
from anymail.exceptions import AnymailAPIError, AnymailError
from anymail.message import AnymailMessage
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

from core.delivery.mime import single_line, structured_text, wire_address, wire_domain
from core.delivery.models.kinds import AnymailProvider
from core.delivery.retry_policy import refusal
from core.delivery.return_addresses import reply_address
from core.delivery.transports.base import (
    ErrorClass,
    MailContent,
    Outcome,
    OutcomeKind,
    Recipient,
    Transport,
    one_line,
)
from core.delivery.transports.errors import ConnectionProblem, MailProblem
from core.email_templates.merge_tags import MergeTemplate

CONNECT_SECONDS = 10.0
ANSWER_SECONDS = 30.0
CALL_SECONDS = 20.0
"""After so long a call begins no further mail: others wait for this worker."""
PROVIDER = "anymail"
MESSAGE_ARGUMENT = "engagex_message"
_REFUSES_US = frozenset({401, 402, 403, 404, 405})
_NOT_NOW = frozenset({429, 503})
_ABOUT_US = re.compile(
    r"sender signature|not allowed to send|(?:domain|sender|from address)\b.{0,60}\b(?:not|isn't|is not) "
    r"(?:verified|found|allowed|confirmed|valid)|"
    r"account\b.{0,40}\b(?:suspended|disabled|not activated|blocked|inactive)|"
    r"out of credits|not enough credits|invalid api key|unverified sender",
    re.IGNORECASE,
)
_REFUSED_STATUSES = frozenset({"rejected", "invalid", "failed"})


@dataclass(frozen=True, slots=True)
class _Api:
    """How Anymail calls a provider's arguments. `hosts` are the servers it has, its usual one first."""

    backend: str
    key: str
    hosts: tuple[str, ...]
    path: str
    second_key: str = ""


APIS: dict[str, _Api] = {
    AnymailProvider.BREVO: _Api("brevo", "api_key", ("api.brevo.com",), "/v3/"),
    AnymailProvider.MAILERSEND: _Api("mailersend", "api_token", ("api.mailersend.com",), "/v1/"),
    AnymailProvider.MAILGUN: _Api("mailgun", "api_key", ("api.mailgun.net", "api.eu.mailgun.net"), "/v3/"),
    AnymailProvider.MAILJET: _Api("mailjet", "api_key", ("api.mailjet.com",), "/v3.1/", "secret_key"),
    AnymailProvider.POSTMARK: _Api("postmark", "server_token", ("api.postmarkapp.com",), "/"),
    AnymailProvider.RESEND: _Api("resend", "api_key", ("api.resend.com",), "/"),
    AnymailProvider.SPARKPOST: _Api("sparkpost", "api_key", ("api.sparkpost.com", "api.eu.sparkpost.com"), "/api/v1/"),
}


@dataclass(frozen=True)
class AnymailSettings:
    """How to reach a provider. `is_plain` speaks HTTP without TLS, for counterparts on this machine."""

    provider: str
    key: str = field(repr=False)
    secret: str = field(default="", repr=False)
    host: str = ""
    port: int = 443
    is_plain: bool = False
    connect_seconds: float = CONNECT_SECONDS
    answer_seconds: float = ANSWER_SECONDS

    @property
    def api_url(self) -> str:
        api = APIS[self.provider]
        place = f"http://{self.host}:{self.port}" if self.is_plain else f"https://{self.host or api.hosts[0]}"
        return place + api.path


class AnymailTransport(Transport):
    """Sends through one account of one provider."""

    slice_size = 20

    def __init__(self, settings: AnymailSettings) -> None:
        self._settings = settings
        self._backend: Any = None

    def send(self, content: MailContent, recipients: Sequence[Recipient]) -> list[Outcome]:
        """See `Transport.send`. After an answer that nobody can read, or two that say "slow down", the rest is RETRY
        without having been tried."""
        wire_address(content.from_email)
        deadline = time.monotonic() + CALL_SECONDS
        outcomes: list[Outcome] = []
        slowed_down = sent = 0
        for recipient in recipients:
            try:
                message = _message(content, recipient)
                if self._settings.provider == AnymailProvider.MAILERSEND:
                    # Its events bring no metadata back.
                    message.tags = [f"{MESSAGE_ARGUMENT}:{recipient.message_id.hex}"]
            except MailProblem as problem:
                outcomes.append(refusal(recipient.message_id, problem.code, str(problem)))
                continue
            if slowed_down > 1 or time.monotonic() > deadline:
                outcomes.append(_not_tried(recipient, "the provider needs a rest"))
                continue
            outcome = self._sent(message, recipient, may_blame_us=not sent)
            outcomes.append(outcome)
            sent += 1
            slowed_down = slowed_down + 1 if outcome.error is ErrorClass.RATE_LIMITED else 0
            if outcome.kind is OutcomeKind.UNKNOWN or outcome.error is ErrorClass.CONNECTION:
                self.close()
                slowed_down = 2
        return outcomes

    def close(self) -> None:
        """Close the session; the next call opens another."""
        if self._backend is not None:
            self._backend.close()
            self._backend = None

    def _sent(self, message: AnymailMessage, recipient: Recipient, *, may_blame_us: bool) -> Outcome:
        """One request. Raises ConnectionProblem where the account is refused and nothing of the call was sent yet."""
        if self._backend is None:
            self._backend = _backend(self._settings)
        try:
            self._backend.send_messages([message])
        except requests.RequestException as error:  # Anymail's own errors of requests are both
            response = getattr(error, "response", None)
            if response is None:
                return _without_answer(recipient, error)
            return self._refused(recipient, response, may_blame_us=may_blame_us)
        except AnymailAPIError as error:
            words = one_line(f"The answer could not be read: {error}")
            return Outcome(recipient.message_id, OutcomeKind.UNKNOWN, "bad_answer", words)
        except AnymailError as error:
            return refusal(recipient.message_id, "invalid_header", one_line(str(error)))
        return _answered(message, recipient)

    def _refused(self, recipient: Recipient, response: requests.Response, *, may_blame_us: bool) -> Outcome:
        status, code, words = response.status_code, str(response.status_code), _words(response)
        is_about_us = status in _REFUSES_US or (400 <= status < 500 and _ABOUT_US.search(words) is not None)
        if is_about_us and may_blame_us:
            self.close()
            name = AnymailProvider(self._settings.provider).label
            raise ConnectionProblem(f"{name} refuses us: {words}", code=code, words=words)
        if is_about_us:
            return Outcome(recipient.message_id, OutcomeKind.RETRY, code, words, error=ErrorClass.CONNECTION)
        if status >= 500 and status not in _NOT_NOW:
            return Outcome(recipient.message_id, OutcomeKind.UNKNOWN, code, words)
        wait = response.headers.get("Retry-After", "")
        seconds = int(wait) if wait.isdecimal() and len(wait) < 8 else None
        return refusal(recipient.message_id, code, words, PROVIDER, retry_after_seconds=seconds)


def key_problem(settings: AnymailSettings) -> str:
    """What is wrong with the settings as far as can be told without sending; "" when nothing is."""
    api = APIS.get(settings.provider)
    if api is None:
        return "Choose the provider."
    if not settings.key:
        return "The key is missing."
    if api.second_key and not settings.secret:
        return f"{AnymailProvider(settings.provider).label} has two keys; the second one is missing."
    return _probed(settings)


_PROBES: dict[str, Callable[[AnymailSettings], tuple[str, dict[str, Any]]]] = {
    AnymailProvider.POSTMARK: lambda one: ("server", {"headers": {"X-Postmark-Server-Token": one.key}}),
    AnymailProvider.MAILGUN: lambda one: ("domains?limit=1", {"auth": ("api", one.key)}),
    AnymailProvider.BREVO: lambda one: ("account", {"headers": {"api-key": one.key}}),
    AnymailProvider.RESEND: lambda one: ("domains", {"headers": {"Authorization": f"Bearer {one.key}"}}),
    AnymailProvider.MAILERSEND: lambda one: ("api-quota", {"headers": {"Authorization": f"Bearer {one.key}"}}),
    AnymailProvider.SPARKPOST: lambda one: ("account", {"headers": {"Authorization": one.key}}),
    AnymailProvider.MAILJET: lambda one: ("../v3/REST/apikey", {"auth": (one.key, one.secret)}),
}
_NO_RIGHT_TO_LOOK = frozenset({403, 404})
"""A key that may send and nothing else is not allowed to look: that says nothing against it."""


def _probed(settings: AnymailSettings) -> str:
    path, arguments = _PROBES[settings.provider](settings)
    try:
        with _session() as session:
            response = session.get(
                requests.compat.urljoin(settings.api_url, path),
                timeout=(settings.connect_seconds, settings.connect_seconds),
                **arguments,
            )
    except requests.RequestException as error:
        return one_line(f"It could not be reached: {error}")
    if response.ok or response.status_code in _NO_RIGHT_TO_LOOK:
        return ""
    return _words(response)


def _session() -> requests.Session:
    """Nothing of the surroundings: no proxies, no .netrc, no redirects."""
    session = requests.Session()
    session.trust_env = False
    session.max_redirects = 0
    return session


def _backend(settings: AnymailSettings) -> Any:
    """Anymail's backend of the provider with an open session."""
    api = APIS[settings.provider]
    module = import_module(f"anymail.backends.{api.backend}")
    arguments: dict[str, Any] = {
        api.key: settings.key,
        "api_url": settings.api_url,
        "timeout": (settings.connect_seconds, settings.answer_seconds),
        "ignore_unsupported_features": True,
        "ignore_recipient_status": True,
    }
    if api.second_key:
        arguments[api.second_key] = settings.secret
    backend = module.EmailBackend(**arguments)
    backend.open()
    backend.session.trust_env = False
    backend.session.max_redirects = 0
    return backend


def _message(content: MailContent, recipient: Recipient) -> AnymailMessage:
    """The mail as Anymail takes it. Raises AddressProblem or HeaderProblem."""
    values, message_id = recipient.values, recipient.message_id.hex
    headers = {name: _header(name, value, values) for name, value in content.headers.items()}
    headers["Message-ID"] = f"<{message_id}@{wire_domain(content.message_id_domain)}>"
    reply_to = reply_address(recipient.message_id, content.reply_host) if content.reply_host else content.reply_to
    headers["X-PM-KeepID"] = "true"  # Postmark replaces the id otherwise; the others take it for what it is
    message = AnymailMessage(
        subject=single_line(content.subject.render(values)),
        body=content.text.render(values),
        from_email=_mailbox(content.from_name, content.from_email),
        to=[_mailbox(recipient.name, recipient.address)],
        reply_to=[_mailbox("", reply_to)] if reply_to else None,
        headers=headers,
    )
    if html := content.html.render(values):
        message.attach_alternative(html, "text/html")
    for file in content.attachments:
        message.attach(file.name, file.content, file.content_type)
    message.metadata = {MESSAGE_ARGUMENT: message_id}
    message.track_opens = message.track_clicks = False
    return message


def _mailbox(name: str, address: str) -> str:
    """As Anymail reads it: words in quotes, any script. Raises AddressProblem."""
    address, name = wire_address(address), single_line(name)
    if not name:
        return address
    quoted = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{quoted}" <{address}>'


def _header(name: str, value: MergeTemplate | str, values: Mapping[str, str]) -> str:
    text = value if isinstance(value, str) else value.render(values)
    return structured_text(name, text).replace("\r\n", "")


def _not_tried(recipient: Recipient, words: str) -> Outcome:
    return Outcome(recipient.message_id, OutcomeKind.RETRY, "not_tried", words, error=ErrorClass.NOT_TRIED)


def _without_answer(recipient: Recipient, error: requests.RequestException) -> Outcome:
    """Not taken for sure where no connection came about; else nobody knows."""
    causes = list(_causes(error))
    is_unsent = any(isinstance(one, (NewConnectionError, ConnectTimeoutError, requests.ConnectTimeout,
                                     requests.exceptions.SSLError)) for one in causes)  # fmt: skip
    if is_unsent:
        words = one_line(f"The provider could not be reached: {causes[-1]}")
        return Outcome(recipient.message_id, OutcomeKind.RETRY, "not_reached", words, error=ErrorClass.CONNECTION)
    words = one_line(f"The connection to the provider was lost: {causes[-1]}")
    return Outcome(recipient.message_id, OutcomeKind.UNKNOWN, "no_answer", words)


def _causes(error: BaseException) -> Sequence[BaseException]:
    """The error and all that led to it, also where urllib3 keeps it as a reason or an argument."""
    found: list[BaseException] = []
    waiting: list[Any] = [error]
    while waiting and len(found) < 20:
        one = waiting.pop(0)
        if isinstance(one, BaseException) and one not in found:
            found.append(one)
            waiting += [one.__cause__, one.__context__, getattr(one, "reason", None), *one.args]
    return found


def _answered(message: AnymailMessage, recipient: Recipient) -> Outcome:
    """What Anymail made of a 2xx, and of answers about the recipient that come with another status."""
    status = message.anymail_status
    found = status.recipients.get(wire_address(recipient.address))
    raw = getattr(status, "esp_response", None)
    words = _words(raw) if raw is not None else ""
    if raw is not None and not raw.ok:
        return refusal(recipient.message_id, str(raw.status_code), words, PROVIDER)
    if found is not None and found.status in _REFUSED_STATUSES:
        return refusal(recipient.message_id, "422", words, PROVIDER)
    provider_id = str((found.message_id if found else "") or "")[:200]
    return Outcome(recipient.message_id, OutcomeKind.ACCEPTED, "accepted", words, provider_message_id=provider_id)


_WORD_KEYS = ("message", "Message", "ErrorMessage", "error", "description", "detail", "errors", "Messages", "Errors")


def _words(response: requests.Response) -> str:
    """The provider's words out of its JSON, else what it sent."""
    try:
        said = _said(response.json(), 0)
    except ValueError:
        said = response.text[:2_000]
    return one_line(said or response.reason or str(response.status_code))


def _said(found: Any, depth: int) -> str:
    if isinstance(found, str):
        return found
    if depth > 4:
        return ""
    if isinstance(found, Mapping):
        kept = (_said(found[key], depth + 1) for key in _WORD_KEYS if key in found)
        return " ".join(filter(None, dict.fromkeys(kept)))
    if isinstance(found, list):
        return " ".join(filter(None, (_said(one, depth + 1) for one in found[:5])))
    return ""
