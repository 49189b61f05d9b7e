"""Statements that run for every slice, planned once per connection.

PostgreSQL takes longer to plan the send pipeline's larger statements than to carry them out on ten rows. Django binds
parameters on the client, which leaves nothing to prepare; a cursor of psycopg's own binds on the server.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import lru_cache
from typing import Any
from weakref import WeakSet

import psycopg
from django.db import connection, transaction

AT_ONCE = 0
"""How often a statement is carried out before it is prepared. PostgreSQL would plan it five times more before it trusts
a plan for any parameters, and a worker's connection is a new one every few seconds."""
_LINE_BREAK = re.compile(r"\n\s*")
_planning_once: "WeakSet[psycopg.Connection[Any]]" = WeakSet()
Execution = AbstractContextManager[psycopg.Cursor[Any]]


@contextmanager
def prepared(sql: str, parameters: Mapping[str, Any] | Sequence[Any]) -> Iterator[psycopg.Cursor[Any]]:
    """Execute on Django's own connection and transaction, and yield the cursor. Raises Django's database errors."""
    connection.ensure_connection()
    own: psycopg.Connection[Any] = connection.connection
    if own not in _planning_once:
        own.prepare_threshold = AT_ONCE
        own.execute("SET plan_cache_mode = force_generic_plan", prepare=False)
        if not connection.in_atomic_block:  # whose end may take the setting back
            _planning_once.add(own)
    with connection.wrap_database_errors, psycopg.Cursor(own) as cursor:
        cursor.execute(_on_one_line(sql), parameters)
        yield cursor


@lru_cache(maxsize=256)
def _on_one_line(sql: str) -> bytes:
    """Without indentation: psycopg takes a statement apart anew each time where it is longer than 4,096 bytes."""
    return _LINE_BREAK.sub(" ", sql).encode()


@contextmanager
def pipelined_transaction() -> Iterator[None]:
    """A transaction in which statements of `prepared` go out without waiting for each other's answers, BEGIN and COMMIT
    with them.

    A round trip costs as much as a small statement. Only what is fetched is waited for; a statement that fails says so
    there, or at the end.
    """
    is_outermost = not connection.in_atomic_block
    # Within the pipeline, Django's way in and out of a transaction would be three round trips more.
    with transaction.atomic():
        own: psycopg.Connection[Any] = connection.connection
        with connection.wrap_database_errors, own.pipeline():
            yield
            if is_outermost:
                # Together with the statements before it. Django's own finds nothing left to commit.
                own.execute("COMMIT", prepare=False)
