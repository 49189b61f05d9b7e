"""Asking the workers to go on, at most once a second each; the periodic jobs find what this leaves out."""

import logging

from django.core.cache import cache
from redis.exceptions import RedisError

from core.common import tasks

logger = logging.getLogger(__name__)

_EVERY_SECONDS = 1


def wake_roll_up() -> None:
    """For what counters do not tell by themselves: groups, after many events were judged anew."""
    _wake("tracking.roll_up")


def wake_reading() -> None:
    """For posts of providers that wait to be read."""
    _wake("tracking.read_posts")


def _wake(name: str) -> None:
    try:
        if cache.add(f"{name}-asked", 1, timeout=_EVERY_SECONDS):
            tasks.wake(name)
    except RedisError as error:
        logger.warning("%s waits for its periodic job: the cache does not answer (%s).", name, error)
