"""The addresses in mails that lead back to us, and how they are read again.

The token holds the id of the message and nothing else, signed for one purpose.
"""

from uuid import UUID

from django.conf import settings

from core.common.tokens import BadToken, Purpose, sign, unsign

_LINK_BYTES = 2


def open_pixel_url(message_id: UUID) -> str:
    return f"{settings.PUBLIC_URL}/o/{sign(Purpose.OPEN, message_id.bytes)}.gif"


def click_url(message_id: UUID, link_number: int) -> str:
    """`link_number` counts from 1 and is at most 65,535."""
    payload = message_id.bytes + link_number.to_bytes(_LINK_BYTES, "big")
    return f"{settings.PUBLIC_URL}/c/{sign(Purpose.CLICK, payload)}"


def unsubscribe_url(message_id: UUID) -> str:
    """Takes the POST of RFC 8058; a GET shows a page with a button."""
    return f"{settings.PUBLIC_URL}/u/{sign(Purpose.UNSUBSCRIBE, message_id.bytes)}"


def view_url(message_id: UUID) -> str:
    return f"{settings.PUBLIC_URL}/v/{sign(Purpose.VIEW, message_id.bytes)}"


def message_id_from(purpose: Purpose, token: str) -> UUID:
    """The message a token of this purpose was made for. Raises BadToken."""
    payload = unsign(purpose, token)
    if len(payload) != 16:
        raise BadToken("not the token of a message")
    return UUID(bytes=payload)


def link_from(token: str) -> tuple[UUID, int]:
    """The message and the number of the link that a click token was made for. Raises BadToken."""
    payload = unsign(Purpose.CLICK, token)
    if len(payload) != 16 + _LINK_BYTES:
        raise BadToken("not the token of a link")
    return UUID(bytes=payload[:16]), int.from_bytes(payload[16:], "big")
