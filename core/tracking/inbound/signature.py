"""The signature of the endpoint for mail servers of one's own: HMAC-SHA256 over the timestamp's text, a point, and the
body's bytes, in hexadecimal. Two secrets are good at once. A signature is good for five minutes."""

import datetime
import hashlib
import hmac
from collections.abc import Iterable

from core.tracking.webhooks.signature import BadSignature

SIGNATURE_HEADER = "X-EngageX-Signature"
TIMESTAMP_HEADER = "X-EngageX-Timestamp"
WINDOW = datetime.timedelta(minutes=5)


def sign(body: bytes, *, timestamp: str, secret: str) -> str:
    return hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()


def verify(
    body: bytes, *, signature: str, timestamp: str, secrets: Iterable[str], now: datetime.datetime
) -> datetime.datetime:
    """The moment of the signature. Raises BadSignature."""
    signed_at = moment_of(timestamp)
    given = signature.strip().casefold().encode("utf-8", "replace")
    known = [sign(body, timestamp=timestamp, secret=secret).encode() for secret in secrets if secret]
    if not any(hmac.compare_digest(given, one) for one in known):
        raise BadSignature("signed with none of the secrets")
    if abs(now - signed_at) > WINDOW:
        raise BadSignature("signed too long ago, or in the future")
    return signed_at


def moment_of(timestamp: str) -> datetime.datetime:
    """Seconds since 1970 as a moment. Raises BadSignature."""
    if not (timestamp.isascii() and timestamp.isdecimal() and len(timestamp) < 13):
        raise BadSignature("the timestamp is none")
    try:
        return datetime.datetime.fromtimestamp(int(timestamp), datetime.UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise BadSignature("the timestamp is none") from error
