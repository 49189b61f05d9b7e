"""The sign of life that workers leave in Redis."""

import logging
import time

from django.core.cache import cache
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)

KEY = "worker-seen-at"
FRESH_SECONDS = 60


def note_worker() -> None:
    cache.set(KEY, time.time(), timeout=3600)


def worker_seen_seconds_ago() -> float | None:
    """Seconds since any worker gave a sign of life; None when none did in the last hour, or Redis is away, without
    which none works."""
    try:
        seen_at = cache.get(KEY)
    except RedisError as error:
        logger.warning("Nobody can see whether a worker runs: Redis does not answer (%s).", error)
        return None
    return None if seen_at is None else max(time.time() - seen_at, 0.0)
