"""What a page keeps for a while in the cache, for its next request: previews, results. Pages do without it while the
cache does not answer."""

import logging
from typing import Any

from django.core.cache import cache
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)


def keep(key: str, value: Any, seconds: int) -> bool:
    """Whether it is kept."""
    try:
        cache.set(key, value, seconds)
    except RedisError as error:
        logger.warning("A page cannot keep what it made: the cache does not answer (%s).", error)
        return False
    return True


def recall(key: str) -> Any:
    """What was kept; None when its time is over, or the cache does not answer."""
    try:
        return cache.get(key)
    except RedisError as error:
        logger.warning("A page cannot find what it kept: the cache does not answer (%s).", error)
        return None
