"""The people of a segment: how many, some of them, and as a filter of lists."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import psycopg
from django.db import OperationalError, connection, models, transaction
from django.db.models import Expression

from core.common.tenancy import as_organization_id
from core.contacts.errors import TookTooLong
from core.contacts.models import Contact, Segment
from core.contacts.segments.compile import people_sql, rule_sql
from core.contacts.segments.rules import Group

LIVE_SECONDS = 6.0
"""How long a page waits for a number; a segment that is saved is counted by a worker without a limit."""
WORK_MEMORY = "32MB"
"""For the hash tables of a million mails, which would go to disk piece by piece in the server's own 16 MB. With 64 MB
PostgreSQL hashes the millions of contacts instead, which takes three times as long."""
SAMPLE = 10
_MANY = 5_000
"""From here on ten people are found sooner by walking back from the newest contact than by finding all first."""

_SETTINGS = "SELECT set_config('statement_timeout', %s, true), set_config('work_mem', %s, true)"


def people_count(organization_id: UUID, rule: Group | dict[str, Any], *, seconds: float | None = LIVE_SECONDS) -> int:
    """How many contacts fit the rule. Raises TookTooLong past `seconds` (None: no limit), and as `rule_sql` does."""
    sql, parameters = people_sql(organization_id, rule, through_search=True)
    with time_limit(seconds), connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM ({sql}) AS people", parameters)  # noqa: S608 - of the compiler
        return int(cursor.fetchone()[0])


def people_sample(
    organization_id: UUID, rule: Group | dict[str, Any], *, count: int | None, seconds: float = LIVE_SECONDS
) -> list[Contact]:
    """The newest SAMPLE contacts of the rule, whose number is `count` (None: unknown). Raises as `people_count`."""
    organization_id = as_organization_id(organization_id)
    if count == 0:
        return []
    if count is None or count >= _MANY:
        sql, parameters = rule_sql(organization_id, rule, through_search=True)
        sql = f"""SELECT contact.id FROM contacts_contact AS contact
            WHERE contact.organization_id = %s AND contact.deleted_at IS NULL AND {sql}
            ORDER BY contact.id DESC LIMIT {SAMPLE}"""  # noqa: S608 - of the compiler
        parameters = [organization_id, *parameters]
    else:
        people, parameters = people_sql(organization_id, rule, through_search=True)
        sql = f"SELECT id FROM ({people} OFFSET 0) AS people ORDER BY id DESC LIMIT {SAMPLE}"  # noqa: S608
    with time_limit(seconds), connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        ids = [row[0] for row in cursor.fetchall()]
    return list(Contact.objects.filter(organization_id=organization_id, pk__in=ids).order_by("-pk"))


def segment_filter(queryset: models.QuerySet[Contact], segment: Segment) -> models.QuerySet[Contact]:
    """Those contacts of the queryset who are in the segment. Deleted ones are the queryset's own matter."""
    return queryset.filter(Fits(segment.organization_id, segment.rule), organization_id=segment.organization_id)


class Fits(Expression):
    """A rule as a condition of a queryset over contacts. Compiled with the statement, under the alias it has there."""

    conditional = True

    def __init__(self, organization_id: UUID, rule: dict[str, Any]) -> None:
        super().__init__(output_field=models.BooleanField())
        self.organization_id = organization_id
        self.rule = rule

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:
        alias = compiler.quote_name_unless_alias(compiler.query.get_initial_alias())
        sql, parameters = rule_sql(self.organization_id, self.rule, alias, through_search=True)
        return sql, tuple(parameters)


@contextmanager
def time_limit(seconds: float | None) -> Iterator[None]:
    """Queries inside get more memory, and an end after `seconds` (None: none). Raises TookTooLong."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT current_setting('statement_timeout'), current_setting('work_mem')")
            before = cursor.fetchone()
            cursor.execute(_SETTINGS, ["0" if seconds is None else str(int(seconds * 1000)), WORK_MEMORY])
            yield
            cursor.execute(_SETTINGS, before)
    except OperationalError as error:
        if isinstance(error.__cause__, psycopg.errors.QueryCanceled):
            raise TookTooLong(f"Counting takes longer than {seconds:g} seconds.", seconds=seconds) from error
        raise
