"""How each provider proves that a report is its own, by the secrets of the connection, over the body as it came.

| provider | proof |
|---|---|
| SendGrid | ECDSA over timestamp and body, public keys (signature.py) |
| Mailgun | HMAC-SHA256 over timestamp and token, which stand in the body; each token counts once |
| MailerSend | HMAC-SHA256 over the body, header Signature |
| Resend | HMAC-SHA256 over id, timestamp and body, as Svix does it |
| Brevo, Mailjet, Postmark, SparkPost | the secret itself: basic authentication as `engagex`, or a bearer token |

Sources: the providers' documentation of their webhooks; docs.svix.com, "Verifying webhooks manually".
"""

import base64
import binascii
import datetime
import hashlib
import hmac
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from core.delivery.models.kinds import AnymailProvider
from core.tracking.inbound.signature import moment_of
from core.tracking.webhooks.signature import MOST_AGE, MOST_AHEAD, BadSignature

BASIC_USER = "engagex"
_SVIX_WINDOW = datetime.timedelta(minutes=5)
"""Svix signs each repetition anew."""


@dataclass(frozen=True, slots=True)
class Proven:
    """When it was signed, and what makes the post the same when it comes again."""

    signed_at: datetime.datetime
    identity: str


_Check = Callable[[bytes, Mapping[str, str], list[str], datetime.datetime], Proven]


def prove(
    provider: str, body: bytes, headers: Mapping[str, str], *, secrets: Iterable[str], now: datetime.datetime
) -> Proven:
    """Raises BadSignature. `provider` is one of AnymailProvider."""
    check = _CHECKS.get(provider, _by_password)
    return check(body, headers, [secret for secret in secrets if secret], now)


def _by_password(body: bytes, headers: Mapping[str, str], secrets: list[str], now: datetime.datetime) -> Proven:
    kind, _blank, given = headers.get("Authorization", "").partition(" ")
    expected = {"basic": [f"{BASIC_USER}:{secret}" for secret in secrets], "bearer": secrets}.get(kind.casefold(), [])
    if kind.casefold() == "basic":
        given = _basic(given)
    if not _is_one_of(given.strip(), expected):
        raise BadSignature("it does not bring the secret")
    return Proven(now, _hash(body))


def _by_mailersend(body: bytes, headers: Mapping[str, str], secrets: list[str], now: datetime.datetime) -> Proven:
    expected = [hmac.new(secret.encode(), body, hashlib.sha256).hexdigest() for secret in secrets]
    if not _is_one_of(headers.get("Signature", ""), expected):
        raise BadSignature("signed with none of the secrets")
    return Proven(now, _hash(body))


def _by_mailgun(body: bytes, headers: Mapping[str, str], secrets: list[str], now: datetime.datetime) -> Proven:
    """The body is not signed, so a token that was seen counts for no other body."""
    block = _signature_block(body)
    timestamp, token, given = (str(block.get(name) or "") for name in ("timestamp", "token", "signature"))
    expected = [hmac.new(one.encode(), f"{timestamp}{token}".encode(), hashlib.sha256).hexdigest() for one in secrets]
    if not token or not _is_one_of(given, expected):
        raise BadSignature("signed with none of the secrets")
    signed_at = moment_of(timestamp)
    if not now - MOST_AGE <= signed_at <= now + MOST_AHEAD:
        raise BadSignature("signed too long ago, or in the future")
    return Proven(signed_at, _hash(f"mailgun:{token}".encode()))


def _by_svix(body: bytes, headers: Mapping[str, str], secrets: list[str], now: datetime.datetime) -> Proven:
    identity, timestamp = headers.get("svix-id", ""), headers.get("svix-timestamp", "")
    signed = f"{identity}.{timestamp}.".encode("utf-8", "replace") + body
    expected = [_svix_signature(secret, signed) for secret in secrets]
    given = [one.partition(",")[2] for one in headers.get("svix-signature", "").split()[:10] if one.startswith("v1,")]
    if not identity or not any(_is_one_of(one, expected) for one in given):
        raise BadSignature("signed with none of the secrets")
    signed_at = moment_of(timestamp)
    if abs(now - signed_at) > _SVIX_WINDOW:
        raise BadSignature("signed too long ago, or in the future")
    return Proven(signed_at, _hash(body))


_CHECKS: dict[str, _Check] = {
    AnymailProvider.MAILERSEND: _by_mailersend,
    AnymailProvider.MAILGUN: _by_mailgun,
    AnymailProvider.RESEND: _by_svix,
}


def _signature_block(body: bytes) -> Mapping[str, Any]:
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise BadSignature("it is no JSON") from error
    block = document.get("signature") if isinstance(document, dict) else None
    if not isinstance(block, dict):
        raise BadSignature("it brings no signature")
    return block


def _svix_signature(secret: str, signed: bytes) -> str:
    """Their secrets are base64 behind "whsec_"; anything else is used as it stands."""
    try:
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except (binascii.Error, ValueError):
        key = secret.encode()
    return base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


def _basic(given: str) -> str:
    try:
        return base64.b64decode(given.strip(), validate=True).decode()
    except (binascii.Error, ValueError):
        return ""


def _is_one_of(given: str, expected: Iterable[str]) -> bool:
    """Each is compared in full, so that the time tells nothing."""
    found = [hmac.compare_digest(given.encode("utf-8", "replace"), one.encode()) for one in expected]
    return any(found)


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
