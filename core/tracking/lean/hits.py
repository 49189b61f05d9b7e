"""What a hit is on its way from the web process to the worker: one JSON array."""

import datetime
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson

from core.common.ids import new_id
from core.tracking.choices import EventType

STREAM = "engagex:hits"
FIELD = b"h"


class NoHit(ValueError):
    """These bytes are none of ours."""


@dataclass(frozen=True, slots=True)
class StreamHit:
    """An open (`link_number` 0) or a click. `key` makes it one event however often it is read."""

    message_id: UUID
    link_number: int
    key: str
    at: datetime.datetime
    seen: dict[str, Any]

    @property
    def type(self) -> EventType:
        return EventType.CLICKED if self.link_number else EventType.OPENED


def packed(message_id: UUID, link_number: int, milliseconds: int, seen: tuple[str, str, str, str]) -> bytes:
    """`seen` is method, user agent, language and network, as `core.tracking.hits.seen_of` keeps them."""
    return orjson.dumps((message_id.hex, link_number, new_id().hex, milliseconds, *seen))


def unpacked(raw: bytes) -> StreamHit:
    """Raises NoHit."""
    try:
        message, number, key, milliseconds, method, agent, language, network = orjson.loads(raw)
        return StreamHit(
            message_id=UUID(hex=message),
            link_number=int(number),
            key=f"hit:{key}",
            at=datetime.datetime.fromtimestamp(milliseconds / 1000, datetime.UTC),
            seen={"method": method, "user_agent": agent, "language": language, "network": network},
        )
    except (orjson.JSONDecodeError, ValueError, TypeError, AttributeError) as error:
        raise NoHit("not a hit") from error
