"""An event as it came in, and as COPY reads it."""

import datetime
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any
from uuid import UUID

import orjson

from core.tracking.choices import Device, Verdict

_ROWS_A_BLOCK = 1_000
_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r", "\x00": ""})


@dataclass(frozen=True, slots=True)
class Arrival:
    """One event as it came in. `link_number` counts the links of the message's campaign from 1."""

    message_id: UUID
    type: str
    event_key: str
    occurred_at: datetime.datetime
    link_number: int | None = None
    verdict: str = Verdict.UNKNOWN
    reasons: tuple[str, ...] = ()
    bounce_class: str = ""
    device: str = Device.UNKNOWN
    seen: dict[str, Any] = field(default_factory=dict)


def row_of(place: int, arrival: Arrival) -> bytes:
    """A row in COPY's text format: a backslash before what would mean something there (PostgreSQL, COPY)."""
    link = "\\N" if arrival.link_number is None else str(arrival.link_number)
    key = arrival.event_key.translate(_ESCAPES).encode()
    reasons, seen = (orjson.dumps(value).replace(b"\\", b"\\\\") for value in (arrival.reasons, arrival.seen))
    plain = f"{place}\t{arrival.message_id}\t{arrival.type}\t{arrival.verdict}\t".encode()
    return b"%b%b\t%b\t%b\t%b\t%b\t%b\t%b\t\\N\n" % (
        plain,
        reasons,
        str(arrival.bounce_class).encode(),
        str(arrival.device).encode(),
        key,
        arrival.occurred_at.isoformat().encode(),
        link.encode(),
        seen,
    )


def blocks_of(lines: Iterable[bytes]) -> Iterator[bytes]:
    """A thousand rows at a time: memory stays flat, and each write is worth its while."""
    lines = iter(lines)
    while block := b"".join(islice(lines, _ROWS_A_BLOCK)):
        yield block
