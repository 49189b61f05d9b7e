"""Compact signed tokens for the links in mails.

Layout before base64url: key id (1 byte), HMAC-SHA256 truncated to 16 bytes (RFC 2104, section 5), payload. The purpose
is part of what is signed, so a click token is no unsubscribe token. Old keys stay valid for reading: mails live long.
"""

import base64
import binascii
import enum
import hashlib
import hmac
from collections.abc import Callable
from functools import lru_cache

from django.conf import settings

_MAC_BYTES = 16
_BLOCK_BYTES = 64
"""Of SHA-256."""
_URL_SAFE = bytes.maketrans(b"+/", b"-_")


class Purpose(enum.Enum):
    OPEN = b"open"
    CLICK = b"click"
    UNSUBSCRIBE = b"unsubscribe"
    VIEW = b"view"
    PREFERENCES = b"preferences"
    SIGNUP_FORM = b"signup-form"
    SIGNUP_STAMP = b"signup-stamp"
    CONFIRM = b"confirm"
    APPROVAL = b"approval"
    REPORT = b"report"
    WEBHOOK = b"webhook"
    INBOUND = b"inbound"
    RETURN_PATH = b"return-path"
    REPLY = b"reply"
    LINK_HOST = b"link-host"


class BadToken(ValueError):
    """The token was not made by us, not for this purpose, or with a key that is gone."""


class Signer:
    """Signs for one purpose with the key that is the newest when it is made. For those who sign much: a mail has a
    handful of links, and a worker writes thousands of mails a second.

    HMAC by its definition (RFC 2104, section 2): H(outer key, H(inner key, text)), from two states that are copied,
    which costs half of what an `hmac` object does.
    """

    def __init__(self, purpose: Purpose) -> None:
        key_id, secret = max(settings.TOKEN_KEYS.items())
        self._head = bytes([key_id])
        self._inner, self._outer = _states(secret.encode())
        self._inner.update(_label(key_id, purpose))

    def maker(self, before: str, behind: bytes = b"", after: str = "") -> Callable[[bytes], str]:
        """Makes texts such as addresses, with a token in the middle whose payload begins with what it is called with
        and ends with `behind`. The token is that of the function `sign`."""
        head, inner, outer = self._head, self._inner, self._outer

        def make(start: bytes) -> str:
            payload = start + behind
            own, last = inner.copy(), outer.copy()
            own.update(payload)
            last.update(own.digest())
            raw = head + last.digest()[:_MAC_BYTES] + payload
            return before + binascii.b2a_base64(raw, newline=False).translate(_URL_SAFE, b"=").decode() + after

        return make


def _states(secret: bytes) -> "tuple[hashlib._Hash, hashlib._Hash]":
    """The hashes of the key's inner and outer padding (RFC 2104, section 2)."""
    key = (hashlib.sha256(secret).digest() if len(secret) > _BLOCK_BYTES else secret).ljust(_BLOCK_BYTES, b"\x00")
    return hashlib.sha256(bytes(byte ^ 0x36 for byte in key)), hashlib.sha256(bytes(byte ^ 0x5C for byte in key))


def _label(key_id: int, purpose: Purpose) -> bytes:
    return b"engagex-token\x00%d\x00%s\x00" % (key_id, purpose.value)


@lru_cache(maxsize=64)
def _key(key_id: int, secret: str, purpose: Purpose) -> hmac.HMAC:
    """The keyed hash state of a purpose, ready to be copied: half the cost of a fresh HMAC per link."""
    return hmac.new(secret.encode(), _label(key_id, purpose), hashlib.sha256)


def _mac(key_id: int, secret: str, purpose: Purpose, payload: bytes) -> bytes:
    state = _key(key_id, secret, purpose).copy()
    state.update(payload)
    return state.digest()[:_MAC_BYTES]


def sign(purpose: Purpose, payload: bytes) -> str:
    """A URL-safe token over the payload, signed with the newest of settings.TOKEN_KEYS ({key id: secret})."""
    key_id, secret = max(settings.TOKEN_KEYS.items())
    raw = bytes([key_id]) + _mac(key_id, secret, purpose, payload) + payload
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def unsign(purpose: Purpose, token: str) -> bytes:
    """The payload of a token made by `sign` for the same purpose. Raises BadToken for anything else."""
    try:
        raw = base64.b64decode(token.encode("ascii") + b"=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadToken("not base64url") from error
    if len(raw) <= 1 + _MAC_BYTES or raw[0] not in settings.TOKEN_KEYS:
        raise BadToken("too short, or signed with an unknown key")
    payload = raw[1 + _MAC_BYTES :]
    expected = _mac(raw[0], settings.TOKEN_KEYS[raw[0]], purpose, payload)
    if not hmac.compare_digest(expected, raw[1 : 1 + _MAC_BYTES]):
        raise BadToken("signature does not match")
    if base64.urlsafe_b64encode(raw).rstrip(b"=").decode() != token:
        raise BadToken("not in canonical form")
    return payload
