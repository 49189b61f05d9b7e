"""Figures that are dear to read and change only with their key, kept in the cache; pages work without it."""

import logging
from collections.abc import Callable
from typing import Any

from django.core.cache import cache
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)

_SECONDS = 24 * 3600


def kept(key: str, read: Callable[[], Any]) -> Any:
    """What `read` returns, from the cache for a day; read anew while the cache does not answer."""
    try:
        return cache.get_or_set(key, read, _SECONDS)
    except RedisError as error:
        logger.warning("Figures are read anew: the cache does not answer (%s).", error)
        return read()
