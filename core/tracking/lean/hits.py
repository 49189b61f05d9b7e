"""What a hit is on its way from the web process to the worker: one JSON array. `key` makes it one event however often
it is read."""

from uuid import UUID

import orjson

from core.common.ids import new_id

STREAM = "engagex:hits"
FIELD = b"h"
KEY_PREFIX = "hit:"
_LAST = 253_000_000_000_000
"""The year 9987, beyond which there are no datetimes."""


class NoHit(ValueError):
    """These bytes are none of ours."""


def packed(message_id: UUID, link_number: int, milliseconds: int, seen: tuple[str, str, str, str]) -> bytes:
    """`seen` is method, user agent, language and network, as `core.tracking.hits.seen_of` keeps them."""
    return orjson.dumps((message_id.hex, link_number, new_id().hex, milliseconds, *seen))


def half_of(raw: bytes) -> int:
    """0 or 1, the same for all hits of a mail: the last digit of its id says which."""
    return raw[33] & 1 if len(raw) > 33 else 0


def loaded(raw: bytes) -> tuple[str, int, str, int, dict[str, str]]:
    """Message and key (32 hexadecimal digits, if it is one of ours), the number of the link, the milliseconds and what
    was seen. 0 is an open, HIDDEN_LINK the link that nobody sees. Raises NoHit."""
    try:
        message, link, key, milliseconds, method, agent, language, network = orjson.loads(raw)
        "".join((message, key, method, agent, language, network))  # a TypeError, if one of them is none
    except (orjson.JSONDecodeError, ValueError, TypeError) as error:
        raise NoHit("not a hit") from error
    if type(link) is not int:
        raise NoHit("not a hit")
    if type(milliseconds) is not int or not 0 <= milliseconds < _LAST:
        raise NoHit("not a time")
    seen = {"method": method, "user_agent": agent, "language": language, "network": network}
    return message, link, key, milliseconds, seen
