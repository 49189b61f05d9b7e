"""The addresses in mails that lead back to us, and how they are read again.

The token holds the id of the message and nothing else, signed for one purpose.
"""

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from django.conf import settings

from core.common.tokens import BadToken, Purpose, Signer, sign, unsign

_LINK_BYTES = 2
HIDDEN_LINK = 65_535
"""The number of the link that no person sees; whoever follows it is a program. Not one of the campaign's links."""
HIDDEN_LINK_WORDS = "This link is there for programs that check mails. It leads nowhere."


def open_pixel_url(message_id: UUID) -> str:
    return f"{settings.PUBLIC_URL}/o/{sign(Purpose.OPEN, message_id.bytes)}.gif"


def click_url(message_id: UUID, link_number: int, campaign_id: UUID | None = None) -> str:
    """`link_number` counts from 1 and is below HIDDEN_LINK. With the campaign in it, the link is found without asking
    the database which campaign the message belongs to."""
    payload = message_id.bytes + link_number.to_bytes(_LINK_BYTES, "big") + (campaign_id.bytes if campaign_id else b"")
    return f"{settings.PUBLIC_URL}/c/{sign(Purpose.CLICK, payload)}"


def unsubscribe_url(message_id: UUID) -> str:
    """Takes the POST of RFC 8058; a GET shows a page with a button."""
    return f"{settings.PUBLIC_URL}/u/{sign(Purpose.UNSUBSCRIBE, message_id.bytes)}"


def view_url(message_id: UUID) -> str:
    return f"{settings.PUBLIC_URL}/v/{sign(Purpose.VIEW, message_id.bytes)}"


LinkMaker = Callable[[bytes], str]
"""Makes one link of a mail from the 16 bytes of its message's id."""

_SYSTEM_LINKS = {
    "system.open_pixel_url": ("o", Purpose.OPEN, ".gif"),
    "system.unsubscribe_url": ("u", Purpose.UNSUBSCRIBE, ""),
    "system.view_in_browser_url": ("v", Purpose.VIEW, ""),
}
HIDDEN_LINK_KEY = "system.hidden_link_url"
MESSAGE_LINKS = frozenset({*_SYSTEM_LINKS, HIDDEN_LINK_KEY})


def link_maker(key: str, campaign_id: UUID, base: str = "") -> LinkMaker:
    """Makes the address behind "system.unsubscribe_url" and its like, or behind "link.3", for many messages of one
    campaign: the same as the functions above, with everything prepared that does not change from mail to mail.

    `base` is what they begin with where it is not PUBLIC_URL. Tokens know no host: a link is answered under any.
    """
    path, purpose, ending = _SYSTEM_LINKS.get(key, ("c", Purpose.CLICK, ""))
    behind = b"" if key in _SYSTEM_LINKS else _number(key).to_bytes(_LINK_BYTES, "big") + campaign_id.bytes
    return Signer(purpose).maker(f"{base or settings.PUBLIC_URL}/{path}/", behind, ending)


def _number(key: str) -> int:
    return HIDDEN_LINK if key == HIDDEN_LINK_KEY else int(key.removeprefix("link."))


def message_id_from(purpose: Purpose, token: str) -> UUID:
    """The message a token of this purpose was made for. Raises BadToken."""
    payload = unsign(purpose, token)
    if len(payload) != 16:
        raise BadToken("not the token of a message")
    return UUID(bytes=payload)


@dataclass(frozen=True, slots=True)
class ClickToken:
    """What a click token holds. `campaign_id` is None in those of older mails."""

    message_id: UUID
    link_number: int
    campaign_id: UUID | None


def click_from(token: str) -> ClickToken:
    """The message, link and campaign that a click token was made for. Raises BadToken."""
    payload = unsign(Purpose.CLICK, token)
    if len(payload) not in (16 + _LINK_BYTES, 32 + _LINK_BYTES):
        raise BadToken("not the token of a link")
    campaign = payload[16 + _LINK_BYTES :]
    number = int.from_bytes(payload[16 : 16 + _LINK_BYTES], "big")
    return ClickToken(UUID(bytes=payload[:16]), number, UUID(bytes=campaign) if campaign else None)


def link_from(token: str) -> tuple[UUID, int]:
    """The message and the number of the link that a click token was made for. Raises BadToken."""
    found = click_from(token)
    return found.message_id, found.link_number
