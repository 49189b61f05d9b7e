"""Addresses that a mail's bounces and replies come back to, each with a signed token that names the mail.

Base32, because servers on the way may change the case of a local part; 55 of its 64 octets (RFC 5321 4.5.3.1.1).
"""

import base64
import re
from uuid import UUID

from core.common.tokens import BadToken, Purpose, sign, unsign

ADDRESS = re.compile(r"(?<![A-Za-z0-9])([br])-([a-z2-7]{53})@", re.IGNORECASE)
"""Finds such addresses in a text."""
_PURPOSES = {"b": Purpose.RETURN_PATH, "r": Purpose.REPLY}


def bounce_address(message_id: UUID, host: str) -> str:
    return _address("b", message_id, host)


def reply_address(message_id: UUID, host: str) -> str:
    return _address("r", message_id, host)


def message_in(address: str, purpose: Purpose) -> UUID:
    """The message whose bounces (RETURN_PATH) or replies (REPLY) come to the address. Raises BadToken."""
    match = ADDRESS.match(address)
    if match is None or _PURPOSES[match[1].lower()] is not purpose:
        raise BadToken("no address of ours for this")
    raw = base64.b32decode(match[2].upper() + "===")
    payload = unsign(purpose, base64.urlsafe_b64encode(raw).rstrip(b"=").decode())
    if len(payload) != 16:
        raise BadToken("not the token of a message")
    return UUID(bytes=payload)


def _address(letter: str, message_id: UUID, host: str) -> str:
    raw = base64.urlsafe_b64decode(sign(_PURPOSES[letter], message_id.bytes))
    return f"{letter}-{base64.b32encode(raw).rstrip(b'=').decode().lower()}@{host}"
