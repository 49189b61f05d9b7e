"""The months of the table of events: made ahead, and let go once they are older than EVENT_KEEP_MONTHS.

Counters stay when events go. From when on all events are kept stands at the table itself, as its comment, so that it
is true whatever the setting was.
"""

import datetime
import logging
from typing import Any

from django.conf import settings
from django.db import OperationalError, connection, transaction
from django.utils import timezone

logger = logging.getLogger(__name__)

TABLE = "tracking_analyticsevent"
REST = "tracking_analyticsevent_rest"
"""What fits no month: events of far away times."""
MONTHS_AHEAD = 3
_LOCK_SECONDS = 3
"""Making and dropping months keeps everybody from the table for a moment; what takes longer waits for the next run."""

_KEPT = "SELECT coalesce(substring(obj_description(%s::regclass) FROM 'kept since (\\S+)')::timestamptz, '-infinity')"
_MONTHS = """
SELECT child.relname FROM pg_inherits
  JOIN pg_class AS child ON child.oid = pg_inherits.inhrelid
 WHERE pg_inherits.inhparent = %s::regclass AND child.relname ~ '_\\d{4}_\\d{2}$' ORDER BY 1
"""
_STRAYS = """
SELECT DISTINCT date_trunc('month', occurred_at AT TIME ZONE 'UTC')::date FROM tracking_analyticsevent_rest
 WHERE occurred_at < %s
"""


def kept_since(cursor: Any) -> Any:
    """From when on all events are kept: a moment, or "-infinity" when none were ever let go."""
    cursor.execute(f"SELECT found::text FROM ({_KEPT}) AS kept (found)", [TABLE])  # noqa: S608 - a constant of ours
    return cursor.fetchone()[0]


def tend() -> dict[str, int]:
    """Make the months that are missing, and let go of those that are over. Safe to run twice."""
    today = timezone.now().astimezone(datetime.UTC).date().replace(day=1)
    oldest = _months_later(today, -settings.EVENT_KEEP_MONTHS) if settings.EVENT_KEEP_MONTHS else None
    dropped = _each(_drop, _before(oldest)) if oldest else 0
    if oldest:
        _forget_strays(oldest)
    return {"made": _each(_make, _missing(today, oldest)), "dropped": dropped}


def _missing(today: datetime.date, oldest: datetime.date | None) -> list[datetime.date]:
    """The coming months, and the past ones of which something lies in the rest."""
    until = _months_later(today, MONTHS_AHEAD + 1)
    with connection.cursor() as cursor:
        cursor.execute(_STRAYS, [until.isoformat()])
        strays = {row[0] for row in cursor.fetchall() if oldest is None or row[0] >= oldest}
    return sorted(strays | {_months_later(today, ahead) for ahead in range(MONTHS_AHEAD + 1)})


def _before(oldest: datetime.date) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(_MONTHS, [TABLE])
        return [name for (name,) in cursor.fetchall() if name[-7:] < f"{oldest:%Y_%m}"]


def _make(cursor: Any, month: datetime.date) -> bool:
    cursor.execute("SELECT tracking_event_month(%s)", [month])
    return bool(cursor.fetchone()[0])


def _drop(cursor: Any, name: str) -> bool:
    year, month = int(name[-7:-3]), int(name[-2:])
    _note_kept(cursor, _months_later(datetime.date(year, month, 1), 1))
    cursor.execute(f'DROP TABLE "{name}"')
    return True


def _forget_strays(oldest: datetime.date) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"DELETE FROM {REST} WHERE occurred_at < %s", [oldest.isoformat()])  # noqa: S608
        if cursor.rowcount:
            _note_kept(cursor, oldest)


def _note_kept(cursor: Any, since: datetime.date) -> None:
    cursor.execute(f"SELECT greatest(%s::timestamptz, ({_KEPT}))::date::text", [f"{since} 00:00+00", TABLE])
    cursor.execute(f"COMMENT ON TABLE {TABLE} IS 'kept since {cursor.fetchone()[0]}T00:00:00Z'")


def _each(change: Any, subjects: list[Any]) -> int:
    """Each in its own transaction, so that the locks are short."""
    done = 0
    for subject in subjects:
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(f"SET LOCAL lock_timeout = '{_LOCK_SECONDS}s'")
                done += change(cursor, subject)
        except OperationalError as error:
            logger.warning("The months of events are left to the next run (%s).", type(error).__name__)
    return done


def _months_later(month: datetime.date, count: int) -> datetime.date:
    number = month.year * 12 + month.month - 1 + count
    return datetime.date(number // 12, number % 12 + 1, 1)
