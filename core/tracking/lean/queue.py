"""The append of hits, in groups: whatever came while the last append was on its way goes out together.

A hit is acknowledged once Redis has it. Where Redis does not answer, the database keeps it; where neither answers, the
memory of this process does, up to a bound. Whatever cannot be kept is counted by reason and told to the database.
"""

import asyncio
import logging
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from django.db import DatabaseError, InterfaceError
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from core.tracking.choices import LossReason
from core.tracking.lean.hits import FIELD, STREAM

logger = logging.getLogger(__name__)

MARK = "engagex:hits-mark"
"""Is gone when Redis lost its data."""
MOST_AT_ONCE = 1_000
MOST_IN_MEMORY = 20_000
AVOID_SECONDS = 1.0
"""How long a Redis that failed is left alone."""
DATABASE_SECONDS = 3.0

Keep = Callable[[Sequence[bytes]], None]
"""Stores hits in the database, or raises."""
Tell = Callable[[dict[LossReason, int]], None]
"""Stores what was lost, or raises."""


def connect(redis_url: str) -> Redis:
    """A connection that fails within a second instead of keeping a recipient waiting."""
    return Redis.from_url(redis_url, socket_timeout=1, socket_connect_timeout=1, retry=Retry(NoBackoff(), 0))


class HitQueue:
    """One for each web process, used on its event loop only."""

    def __init__(self, redis: Redis, *, limit: int, keep: Keep, tell: Tell) -> None:
        self._redis = redis
        self._limit = limit
        self._keep, self._tell = keep, tell
        self._waiting: deque[tuple[bytes, asyncio.Future[None]]] = deque()
        self._memory: deque[bytes] = deque()
        self._lost: Counter[LossReason] = Counter()
        self._length = 0
        self._has_seen_mark = False
        self._avoid_until = 0.0
        self._writer: asyncio.Task[None] | None = None
        self._telling: tuple[dict[LossReason, int], asyncio.Future[None]] | None = None
        self._keeping: tuple[list[bytes], asyncio.Future[None]] | None = None
        self._database = ThreadPoolExecutor(1, thread_name_prefix="hits")

    @property
    def in_memory(self) -> int:
        return len(self._memory)

    async def append(self, hit: bytes) -> None:
        """Return once the hit is kept, or given up and counted. Never raises for what is away."""
        future = asyncio.get_running_loop().create_future()
        self._waiting.append((hit, future))
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write())
        await future

    async def close(self) -> None:
        """Write what the memory still holds, if anything answers by now."""
        if self._writer is not None:
            await asyncio.wait([self._writer], timeout=2)
        self._avoid_until = 0.0
        self._look_after_keeping()
        if self._memory or self._lost:
            await self._write_group([])
        await self._redis.aclose()
        self._database.shutdown(wait=False, cancel_futures=True)

    async def _write(self) -> None:
        while self._waiting or self._has_more:
            group = [self._waiting.popleft() for _ in range(min(len(self._waiting), MOST_AT_ONCE))]
            self._look_after_keeping()
            remembered = len(self._memory)
            try:
                await self._write_group([hit for hit, _ in group])
            except Exception:
                # Nobody may wait for an answer because of what was not foreseen here.
                lost = len(group) + max(remembered - len(self._memory), 0)
                logger.exception("%d hits met with something unforeseen and are counted as lost.", lost)
                self._lost[LossReason.AWAY] += lost
            for _, future in group:
                if not future.done():
                    future.set_result(None)
            if not self._waiting and self._has_more:
                await asyncio.sleep(AVOID_SECONDS)

    @property
    def _has_more(self) -> bool:
        return bool(self._memory or self._lost or self._keeping)

    async def _write_group(self, hits: list[bytes]) -> None:
        """The group, and as much of the memory as fits with it."""
        held = [self._memory.popleft() for _ in range(min(len(self._memory), MOST_AT_ONCE))]
        group = [*held, *hits]
        if not await self._to_redis(group) and not await self._to_database(group):
            self._remember(group)
        if self._lost:
            await self._tell_losses()

    async def _to_redis(self, hits: list[bytes]) -> bool:
        if time.monotonic() < self._avoid_until:
            return False
        is_full = self._length + len(hits) > self._limit
        pipeline = self._redis.pipeline(transaction=False)
        pipeline.get(MARK)
        if not is_full:
            for hit in hits:
                pipeline.execute_command("XADD", STREAM, "*", FIELD, hit)
        pipeline.xlen(STREAM)
        try:
            answers = await pipeline.execute()
        except (RedisError, OSError) as error:
            logger.warning("Redis does not take hits (%s): the database keeps them.", type(error).__name__)
            self._avoid_until = time.monotonic() + AVOID_SECONDS
            return False
        if is_full:
            self._lost[LossReason.FULL] += len(hits)
        if answers[0] is None:
            await self._note_flush()
        self._has_seen_mark, self._length = True, int(answers[-1])
        return True

    async def _note_flush(self) -> None:
        """The mark is gone: so is what the stream held. The process that sets it again counts the loss, once."""
        try:
            is_first = await self._redis.set(MARK, "1", nx=True)
        except (RedisError, OSError):
            return  # found missing again by the next group
        if is_first and self._has_seen_mark and self._length:
            self._lost[LossReason.FLUSHED] += self._length

    async def _to_database(self, hits: list[bytes]) -> bool:
        """What takes too long may be written all the same: it is looked after, and never written beside that."""
        if not hits:
            return True
        if self._keeping is not None:
            return False
        kept = asyncio.get_running_loop().run_in_executor(self._database, self._keep, hits)
        self._keeping = hits, kept
        await asyncio.wait([kept], timeout=DATABASE_SECONDS)
        if kept.done():
            self._look_after_keeping()
        else:
            logger.warning("The database takes long to keep %d hits.", len(hits))
        return True

    def _look_after_keeping(self) -> None:
        """Hits that the database refused in the end get another chance."""
        if self._keeping is None or not self._keeping[1].done():
            return
        (hits, kept), self._keeping = self._keeping, None
        try:
            kept.result()
        except (DatabaseError, InterfaceError, OSError) as error:
            logger.warning("The database does not take hits (%s).", type(error).__name__)
            self._remember(hits)
        except Exception:
            logger.exception("%d hits met with something unforeseen and are counted as lost.", len(hits))
            self._lost[LossReason.AWAY] += len(hits)

    async def _tell_losses(self) -> None:
        """What takes too long may be written all the same: it is waited for, and never told a second time beside it."""
        if self._telling is None:
            losses = dict(self._lost)
            loop = asyncio.get_running_loop()
            self._telling = losses, loop.run_in_executor(self._database, self._tell, losses)
        losses, told = self._telling
        await asyncio.wait([told], timeout=DATABASE_SECONDS)
        if not told.done():
            logger.warning("The database takes long to note %d lost hits.", sum(losses.values()))
            return
        self._telling = None
        try:
            told.result()
        except (DatabaseError, InterfaceError, OSError) as error:
            logger.warning("The database does not note lost hits (%s).", type(error).__name__)
            return
        self._lost -= Counter(losses)

    def _remember(self, hits: list[bytes]) -> None:
        room = max(MOST_IN_MEMORY - len(self._memory), 0)
        self._memory.extend(hits[:room])
        if len(hits) > room:
            self._lost[LossReason.AWAY] += len(hits) - room
