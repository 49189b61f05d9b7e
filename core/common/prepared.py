"""Statements that run for every slice, planned once per connection.

PostgreSQL takes longer to plan the send pipeline's larger statements than to carry them out on ten rows. Django binds
parameters on the client, which leaves nothing to prepare; a cursor of psycopg's own binds on the server.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg
from django.db import connection

PREPARE_AFTER = 2


@contextmanager
def prepared(sql: str, parameters: Mapping[str, Any] | Sequence[Any]) -> Iterator[psycopg.Cursor[Any]]:
    """Execute on Django's own connection and transaction, and yield the cursor. Raises Django's database errors."""
    connection.ensure_connection()
    own: psycopg.Connection[Any] = connection.connection
    own.prepare_threshold = PREPARE_AFTER
    with connection.wrap_database_errors, psycopg.Cursor(own) as cursor:
        cursor.execute(sql.encode(), parameters)
        yield cursor
