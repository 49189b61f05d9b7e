"""DKIM signatures (RFC 6376): rsa-sha256 over relaxed headers and relaxed body, with a key of 2,048 bits (RFC 8301)."""

import hashlib
import re
import time
from base64 import b64encode
from dataclasses import dataclass, field
from functools import lru_cache

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

KEY_BITS = 2048
SIGNED_HEADERS = (
    "from",
    "reply-to",
    "to",
    "subject",
    "date",
    "message-id",
    "mime-version",
    "content-type",
    "list-unsubscribe",
    "list-unsubscribe-post",
    "list-id",
    "feedback-id",
)
"""Those of them that a mail has. From is named once more than it is there: none can be added (RFC 6376 8.15)."""
_LINE = 72
_FIELD = re.compile(rb"([!-9;-~]+)[ \t]*:((?:[^\r\n]|\r\n[ \t])*)\r\n")
_FOLD = re.compile(rb"\r\n(?=[ \t])")
_BLANKS = re.compile(rb"[ \t]+")
_TRAILING_BLANKS = re.compile(rb"[ \t]+(?=\r\n)")
_TRAILING_LINES = re.compile(rb"(?:\r\n)+\Z")


@dataclass(frozen=True, slots=True)
class DkimKey:
    """What mails of a domain are signed with. `private_pem` is PKCS 8."""

    domain: str
    selector: str
    private_pem: str = field(repr=False)


def new_key_pair() -> tuple[str, str]:
    """A private key (PEM) and its public half as the `p=` tag wants it (base64 of the SubjectPublicKeyInfo)."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return private.decode(), b64encode(public).decode()


def signature(mail: bytes, key: DkimKey) -> bytes:
    """The DKIM-Signature header of a mail (CRLF only), folded and ending with CRLF, to stand before it."""
    headers, _, body = mail.partition(b"\r\n\r\n")
    fields = {name.lower().decode(): value for name, value in _FIELD.findall(headers + b"\r\n")}
    names = [name for name in SIGNED_HEADERS if name in fields]
    digest = b64encode(hashlib.sha256(relaxed_body(body)).digest()).decode()
    unsigned = (
        f"v=1; a=rsa-sha256; c=relaxed/relaxed;\r\n d={key.domain}; s={key.selector}; t={int(time.time())};"
        f"\r\n h={_folded(':'.join([*names, 'from']), ':')};\r\n bh={digest};\r\n b="
    )
    lines = [_relaxed_field(name, fields[name]) for name in names]
    lines.append(_relaxed_field("dkim-signature", unsigned.encode()))
    signed = _private_key(key.private_pem).sign(b"\r\n".join(lines), padding.PKCS1v15(), hashes.SHA256())
    text = b64encode(signed).decode()
    pieces = "\r\n ".join(text[start : start + _LINE] for start in range(0, len(text), _LINE))
    return f"DKIM-Signature: {unsigned}{pieces}\r\n".encode()


def relaxed_body(body: bytes) -> bytes:
    """RFC 6376 3.4.4: blanks at the end of lines go, runs of blanks become one, empty lines at the end go."""
    body = _BLANKS.sub(b" ", _TRAILING_BLANKS.sub(b"", body)).rstrip(b" \t")
    body = _TRAILING_LINES.sub(b"", body)
    return body + b"\r\n" if body else b""


def _relaxed_field(name: str, value: bytes) -> bytes:
    """RFC 6376 3.4.2, without the line's end."""
    return name.encode() + b":" + _BLANKS.sub(b" ", _FOLD.sub(b"", value)).strip(b" \t")


def _folded(text: str, separator: str) -> str:
    """`text` in lines, broken after the separator."""
    lines = [""]
    for piece in re.findall(rf"[^{separator}]+{separator}?", text):
        if len(lines[-1]) + len(piece) > _LINE:
            lines.append("")
        lines[-1] += piece
    return "\r\n ".join(lines)


@lru_cache(maxsize=64)
def _private_key(pem: str) -> rsa.RSAPrivateKey:
    key = serialization.load_pem_private_key(pem.encode(), password=None)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise TypeError("DKIM keys of ours are RSA keys.")
    return key
