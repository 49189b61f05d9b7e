"""Hits on their way into the database: from the bytes in the stream to lines of COPY.

A hit's verdict depends on what asked (its profile: there are few of them) and on the seconds since the mail was taken,
which the database knows. So each profile is judged once for every step of time that the rule knows, and the database
picks the one that holds. Nothing here looks anything up.
"""

import datetime
import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import orjson

from core.delivery.public_links import HIDDEN_LINK
from core.tracking.choices import EventType
from core.tracking.devices import device_of
from core.tracking.intake import HitBlock
from core.tracking.lean.hits import KEY_PREFIX, NoHit, loaded
from core.tracking.verdicts import hit_of, judge
from core.tracking.verdicts.networks import kind_of
from core.tracking.verdicts.seen import STEPS

_IDS = re.compile(r"[0-9a-f]{64}")
_TAB = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


def block_of(raws: Iterable[bytes]) -> tuple[HitBlock, int]:
    """The block for `intake.take_hits`, and how many of these bytes were no hits."""
    profiles = _Profiles()
    lines: list[bytes] = []
    strange = 0
    for raw in raws:
        try:
            lines.append(_line(len(lines), raw, profiles))
        except NoHit:
            strange += 1
    return HitBlock(hits=b"".join(lines), judgements=b"".join(profiles.lines)), strange


class _Profiles:
    """The kinds of visitors of one block, by number, with their judgements as lines of COPY."""

    def __init__(self) -> None:
        self._numbers: dict[Any, int] = {}
        self.lines: list[bytes] = []

    def number(self, type: str, seen: dict[str, str]) -> int:  # noqa: A002 - the field's name
        key = (type, seen["method"], seen["user_agent"], not seen["language"], kind_of(seen["network"]))
        known = self._numbers.get(key)
        if known is None:
            known = self._numbers[key] = len(self._numbers)
            self.lines += _judgements(known, type, seen)
        return known


def _judgements(number: int, type: str, seen: dict[str, str]) -> list[bytes]:  # noqa: A002 - the field's name
    device = device_of(seen["user_agent"])
    lines = []
    for place, seconds in enumerate(sorted(STEPS)):
        verdict, reasons = judge(hit_of(type, seen, seconds))
        told = orjson.dumps(reasons).decode().translate(_TAB)
        lines.append(f"{number}\t{place}\t{verdict}\t{told}\t{device}\n".encode())
    return lines


def _line(place: int, raw: bytes, profiles: _Profiles) -> bytes:
    message, link, key, milliseconds, seen = loaded(raw)
    if len(key) != 32 or not _IDS.fullmatch(message + key):
        raise NoHit("no ids")
    type_, number = "opened", "\\N"
    if link == HIDDEN_LINK:
        type_ = EventType.TRAPPED.value
    elif link:
        type_, number = "clicked", str(link)
    second, rest = divmod(milliseconds, 1000)
    profile = profiles.number(type_, seen)
    told = orjson.dumps(seen).replace(b"\\", b"\\\\")
    plain = f"{place}\t{message}\t{type_}\t{KEY_PREFIX}{key}\t{_moment(second)}.{rest:03}Z\t{number}\t"
    return b"%b%b\t%d\n" % (plain.encode(), told, profile)


@lru_cache(maxsize=10_000)
def _moment(second: int) -> str:
    """What hits of one block have in common: they come by the hundred within a second."""
    return datetime.datetime.fromtimestamp(second, datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S")
