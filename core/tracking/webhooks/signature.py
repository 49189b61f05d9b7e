"""SendGrid's signature: ECDSA over P-256 with SHA-256, of the timestamp's text followed by the body's bytes.

Source: Twilio SendGrid's documentation, "Getting started with the Event Webhook security features".
"""

import base64
import binascii
import datetime
from collections.abc import Iterable
from functools import lru_cache

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

SIGNATURE_HEADER = "X-Twilio-Email-Event-Webhook-Signature"
TIMESTAMP_HEADER = "X-Twilio-Email-Event-Webhook-Timestamp"
MOST_AGE = datetime.timedelta(hours=26)
"""SendGrid tries a post again for 24 hours, with the signature of the first time. Whatever is older was recorded."""
MOST_AHEAD = datetime.timedelta(minutes=5)


class BadSignature(ValueError):
    """The request was not signed with one of the keys, or too long ago. The text says which, for the log."""


class BadKey(ValueError):
    """This is no public key of the kind that SendGrid shows."""


def verify(
    body: bytes, *, signature: str, timestamp: str, keys: Iterable[str], now: datetime.datetime
) -> datetime.datetime:
    """The moment of the signature. Raises BadSignature."""
    try:
        raw = base64.b64decode(signature, validate=True)
        signed_at = datetime.datetime.fromtimestamp(int(timestamp), datetime.UTC) if timestamp.isdecimal() else None
    except (binascii.Error, ValueError, OverflowError, OSError) as error:
        raise BadSignature("signature or timestamp is none") from error
    if signed_at is None or not timestamp.isascii():
        raise BadSignature("the timestamp is none")
    signed = timestamp.encode() + body
    if not any(_is_signed(raw, signed, key) for key in keys if key):
        raise BadSignature("signed with none of the keys")
    if not now - MOST_AGE <= signed_at <= now + MOST_AHEAD:
        raise BadSignature("signed too long ago, or in the future")
    return signed_at


def clean_key(text: str) -> str:
    """The key as it is stored: base64 without lines. Takes what SendGrid shows, and PEM. Raises BadKey."""
    lines = [line.strip() for line in text.strip().splitlines()]
    key = "".join(line for line in lines if line and not line.startswith("-----"))
    _public_key(key)
    return key


def _is_signed(signature: bytes, signed: bytes, key: str) -> bool:
    try:
        _public_key(key).verify(signature, signed, ec.ECDSA(SHA256()))
    except InvalidSignature:
        return False
    return True


@lru_cache(maxsize=256)
def _public_key(key: str) -> ec.EllipticCurvePublicKey:
    try:
        found = load_der_public_key(base64.b64decode(key, validate=True))
    except (binascii.Error, ValueError, UnsupportedAlgorithm) as error:
        raise BadKey("not the base64 of a public key") from error
    if not isinstance(found, ec.EllipticCurvePublicKey) or not isinstance(found.curve, ec.SECP256R1):
        raise BadKey("not a key of the curve P-256")
    return found
