"""How often public forms may be posted. Redis counts for all processes together.

When it does not answer, each process counts for itself: people still get through, and a flood meets a bound of (limit
× processes). How many mails one address can be made to get is not decided here but in the rows (services.signups).
"""

import logging
import time
from collections import Counter

from django.core.cache import cache
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)

POSTS_PER_NETWORK = 60
"""An hour, of one form: a school behind one gateway stays below it."""
POSTS_PER_FORM = 5_000
"""An hour. A form on television is above it, and worth a word with us before."""
POSTS_PER_LINK = 60
"""An hour, of one confirmation or one preference centre."""
WINDOW_SECONDS = 3600
_KEPT_KEYS = 10_000


class _OwnCounts:
    """This process's counts of the present hour. The memory they take is bounded; past it all keys share one count."""

    def __init__(self) -> None:
        self._hour = 0
        self._counts: Counter[str] = Counter()

    def next(self, key: str) -> int:
        hour = int(time.time()) // WINDOW_SECONDS
        if hour != self._hour:
            self._hour, self._counts = hour, Counter()
        if len(self._counts) >= _KEPT_KEYS and key not in self._counts:
            key = ""
        self._counts[key] += 1
        return self._counts[key]


_own_counts = _OwnCounts()


def within(limit: int, kind: str, *parts: object) -> bool:
    """Count one more of this kind; False once there were more than `limit` in the hour."""
    key = ":".join(["public", kind, *map(str, parts)])
    try:
        cache.add(key, 0, timeout=WINDOW_SECONDS)
        return cache.incr(key) <= limit
    except ValueError:
        return True  # the hour ended between the two calls
    except RedisError as error:
        logger.warning("Public forms are limited per process only: the cache does not answer (%s).", error)
        return _own_counts.next(key) <= limit
