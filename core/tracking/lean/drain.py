"""From the stream to events. One run at a time; a run that dies leaves its hits in the stream, and the next one reads
them.

A hit leaves the stream after the commit of its event. Read twice, it is the same event. While the database writes one
block of hits, a thread reads and judges the next one. A full block is written by two, each half of the mails, who meet
at the counters only: the second one may be a block behind the first.
"""

import logging
import time
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from redis import Redis

from core.campaigns.models import Campaign
from core.campaigns.states import CampaignStatus
from core.tracking import intake
from core.tracking.choices import LossReason
from core.tracking.intake import HitBlock
from core.tracking.lean.hits import FIELD, STREAM, half_of
from core.tracking.lean.judging import block_of
from core.tracking.lean.links import KEPT_SECONDS, cache_key, stored_links
from core.tracking.models import HeldHit, LostHits

logger = logging.getLogger(__name__)

AT_ONCE = 40_000
"""The counters that are shown are as old as a block takes, about a second; smaller ones cost more for each hit."""
WORTH_TWO = 10_000
"""From so many hits on two write them."""
RUN_SECONDS = 20.0
_FIRST = "-"


@dataclass(frozen=True, slots=True)
class _Part:
    """What one writer takes. `ids` of entries that are no hits are among them."""

    ids: Sequence[bytes]
    block: HitBlock


@dataclass(frozen=True, slots=True)
class _Read:
    """What one look into the stream brought."""

    ids: Sequence[bytes]
    parts: Sequence[_Part]


def connect() -> "Redis":
    redis = Redis.from_url(str(settings.CACHES["default"]["LOCATION"]), socket_timeout=10, socket_connect_timeout=2)
    # As the server sends them, [id, [field, value]]: dictionaries would cost as much again as reading them.
    redis.set_response_callback("XRANGE", lambda entries, **_: entries)
    return redis


def drain() -> dict[str, int]:
    """Read until nothing waits or the run is over. In the scope of all clients. Raises RedisError without Redis."""
    tally = Counter(hits=0, held=_drain_held(), gone=0)
    redis = connect()
    give_up_at = time.monotonic() + RUN_SECONDS
    try:
        with ThreadPoolExecutor(1, thread_name_prefix="stream") as ahead, _second_writer() as beside:
            behind: deque[Future[Counter[str]]] = deque()
            found = _read(redis, _FIRST)
            while found.ids:
                following = ahead.submit(_read, redis, b"(" + found.ids[-1])
                first, *others = found.parts
                behind += [beside.submit(copy_context().run, _write, redis, part) for part in others]
                tally += _write(redis, first)
                while len(behind) > 1:
                    tally += behind.popleft().result()
                if time.monotonic() > give_up_at:
                    break
                found = following.result()
            for future in behind:
                tally += future.result()
    finally:
        redis.close()
    return {name: tally[name] for name in ("hits", "held", "gone")}


def waiting(redis: "Redis") -> int:
    """How many hits wait in the stream."""
    return int(redis.xlen(STREAM))


def links_keep_warm(*, redis: "Redis") -> int:
    """Bring the links of campaigns that people click now into the cache; how many campaigns were missing there."""
    campaigns = Campaign.objects.filter(status__in=(CampaignStatus.SENDING, CampaignStatus.PAUSED, CampaignStatus.SENT))
    newest = list(campaigns.order_by("-started_at").values_list("pk", flat=True)[:_WARM_CAMPAIGNS])
    pipeline = redis.pipeline(transaction=False)
    for campaign_id in newest:
        pipeline.exists(cache_key(campaign_id))
    missing = [pk for pk, is_there in zip(newest, pipeline.execute(), strict=True) if not is_there]
    for campaign_id in missing:
        _remember(redis, campaign_id)
    return len(missing)


_WARM_CAMPAIGNS = 500


def _remember(redis: "Redis", campaign_id: UUID) -> None:
    # "0" is no link: a campaign without links is remembered, too.
    links = {"0": "", **{str(number): url for number, url in stored_links(campaign_id).items()}}
    redis.hset(cache_key(campaign_id), mapping=links)  # type: ignore[arg-type]
    redis.expire(cache_key(campaign_id), KEPT_SECONDS)


def _read(redis: "Redis", since: str | bytes) -> _Read:
    entries: Any = redis.xrange(STREAM, min=since, max="+", count=AT_ONCE)
    halves: Any = (entries,)
    if len(entries) >= WORTH_TWO:
        halves = [[entry for entry in entries if half_of(entry[1][1]) == half] for half in (0, 1)]
    return _Read([entry[0] for entry in entries], [_part(half) for half in halves])


def _part(entries: Sequence[Any]) -> _Part:
    """Mail by mail, so that what the database reads and writes for them lies side by side."""
    hits = sorted(entry[1][1] if entry[1][0] == FIELD else b"" for entry in entries)
    block, strange = block_of(hits)
    if strange:
        logger.warning("%d entries in the stream of hits are no hits.", strange)
    return _Part([entry[0] for entry in entries], block)


def _write(redis: "Redis", part: _Part) -> Counter[str]:
    """The entries go once their events are committed."""
    taken = _take(part.block)
    if part.ids:
        redis.xdel(STREAM, *part.ids)
    return Counter(hits=taken.new, gone=len(taken.unknown))


@contextmanager
def _second_writer() -> Iterator[ThreadPoolExecutor]:
    """A thread with a connection of its own, if it is used. Nobody leaves before it is done."""
    with ThreadPoolExecutor(1, thread_name_prefix="second writer") as beside:
        try:
            yield beside
        finally:
            beside.submit(_close_connection).result()


def _close_connection() -> None:
    """That of the thread it runs in."""
    connection.close()


def _drain_held() -> int:
    """What the database kept for a Redis that was away."""
    read = 0
    while True:
        with transaction.atomic():
            rows = list(HeldHit.objects.select_for_update(skip_locked=True).order_by("pk")[:AT_ONCE])
            if not rows:
                return read
            block, _ = block_of(bytes(row.hit) for row in rows)
            _take(block)
            HeldHit.objects.filter(pk__in=[row.pk for row in rows]).delete()
        read += len(rows)


@transaction.atomic
def _take(block: HitBlock) -> intake.Taken:
    taken = intake.take_hits(block)
    if taken.unknown:
        LostHits.objects.create(reason=LossReason.GONE, count=len(taken.unknown))
    return taken
