"""Statements that run for every slice, planned once per connection.

PostgreSQL takes longer to plan the send pipeline's larger statements than to carry them out on ten rows. Django binds
parameters on the client, which leaves nothing to prepare; a cursor of psycopg's own binds on the server.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import psycopg
from django.db import connection

PREPARE_AFTER = 2
Execution = AbstractContextManager[psycopg.Cursor[Any]]


@contextmanager
def prepared(sql: str, parameters: Mapping[str, Any] | Sequence[Any]) -> Iterator[psycopg.Cursor[Any]]:
    """Execute on Django's own connection and transaction, and yield the cursor. Raises Django's database errors."""
    connection.ensure_connection()
    own: psycopg.Connection[Any] = connection.connection
    own.prepare_threshold = PREPARE_AFTER
    with connection.wrap_database_errors, psycopg.Cursor(own) as cursor:
        cursor.execute(sql.encode(), parameters)
        yield cursor


@contextmanager
def pipelined() -> Iterator[None]:
    """Statements of `prepared` inside go out without waiting for each other's answers, BEGIN and COMMIT with them.

    A round trip costs as much as a small statement. Only what is fetched is waited for; a statement that fails says so
    there, or at the commit.
    """
    connection.ensure_connection()
    with connection.wrap_database_errors, connection.connection.pipeline():
        yield
