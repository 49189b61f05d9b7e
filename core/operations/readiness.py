"""Whether this installation can do its work now: the parts it needs, each asked in turn."""

import logging
from collections.abc import Callable
from typing import Any

from celery import current_app
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from core.common.heartbeat import FRESH_SECONDS, worker_seen_seconds_ago

logger = logging.getLogger(__name__)

_BROKER_ANSWERS_WITHIN_SECONDS = 2
_migrations_were_applied = False


def failing_parts() -> list[str]:
    """The names of the parts that do not work: of "database", "migrations", "broker", "worker". Empty: ready.

    Why one fails goes to the log, not to the caller, who may be anybody.
    """
    return [name for name, works in _PARTS.items() if not _works(name, works)]


def _works(name: str, works: Callable[[], bool]) -> bool:
    try:
        return works()
    except (DatabaseError, OperationalError, RedisError, OSError) as error:
        logger.warning("Not ready: %s does not answer (%s).", name, type(error).__name__)
        return False


def _database_answers() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return True


def _migrations_are_applied() -> bool:
    """Asked until it is true: the files of a running process do not change, and reading them takes a while."""
    global _migrations_were_applied
    if not _migrations_were_applied:
        executor = MigrationExecutor(connection)
        _migrations_were_applied = not executor.migration_plan(executor.loader.graph.leaf_nodes())
    return _migrations_were_applied


def _broker_answers() -> bool:
    with current_app.connection_for_write() as broker:
        broker.ensure_connection(max_retries=1, timeout=_BROKER_ANSWERS_WITHIN_SECONDS)
        redis_client(broker).ping()
    return True


def redis_client(broker: Any) -> Any:
    """The Redis client behind an open broker connection; kombu's types know only what all brokers have."""
    return broker.default_channel.client


def _worker_was_seen() -> bool:
    seconds = worker_seen_seconds_ago()
    return seconds is not None and seconds <= FRESH_SECONDS


_PARTS: dict[str, Callable[[], bool]] = {
    "database": _database_answers,
    "migrations": _migrations_are_applied,
    "broker": _broker_answers,
    "worker": _worker_was_seen,
}
