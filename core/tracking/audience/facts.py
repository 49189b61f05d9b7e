"""Contacts, their consent and their suppressions → who came and went on which day, in SQL.

One definition serves both the recount of everybody and the update of the last days; they differ in whom they look at.
Everything is read in slices of contacts, so that no statement is long, whatever the size of a list.
"""

import datetime
from collections.abc import Iterator
from typing import Any
from uuid import UUID

from django.db import connection

from core.common import tenancy

SLICE = 20_000
BEGINNING = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
EARLIEST_DAYS = 3650
"""What is said to have happened earlier than ten years ago counts as then."""

_NEXT = "SELECT id FROM contacts_contact WHERE organization_id = %(organization)s AND id > %(after)s ORDER BY id"
_LAST_OF_SLICE = f"SELECT max(id::text)::uuid, count(*) FROM ({_NEXT} LIMIT {SLICE}) AS slice"  # noqa: S608 - ours

_OF_SLICE = "{column} > %(after)s AND {column} <= %(until)s"
_OF_LIST = "{column} = ANY(%(contacts)s)"

# A withdrawal ends a subscription and a consent after it begins one again; what repeats the state before says nothing.
# Whoever is not subscribed without a withdrawal was stopped by a bounce or the like: the suppression says since when
# (looked up one by one for those few, hence OFFSET 0: a client may have millions of suppressions).
# A suppression that is older than the contact means that it never was subscribed here: it neither came nor went.
_FACTS = """
WITH chosen AS (
    SELECT id, created_at, updated_at, deleted_at, status, source, email_key,
           greatest(last_opened_at, last_clicked_at) AS active_at
      FROM contacts_contact WHERE organization_id = %(organization)s AND {whom}
), told AS (
    SELECT event.contact_id, event.occurred_at, event.change = 'withdrawn' AS leaves,
           lag(event.change = 'withdrawn', 1, false) OVER history AS had_left,
           lead(event.id) OVER history IS NULL AS is_last
      FROM contacts_consentevent AS event
     WHERE event.organization_id = %(organization)s AND event.change IN ('given', 'confirmed', 'withdrawn')
       AND {whose}
    WINDOW history AS (PARTITION BY event.contact_id ORDER BY event.occurred_at, event.id)
), people AS (
    SELECT chosen.*, coalesce(last.leaves, false) AS has_left, suppression.created_at AS stopped_at
      FROM chosen
      LEFT JOIN told AS last ON last.contact_id = chosen.id AND last.is_last
      LEFT JOIN LATERAL (
           SELECT created_at FROM contacts_suppression
            WHERE chosen.status <> 'subscribed' AND NOT coalesce(last.leaves, false)
              AND organization_id = %(organization)s AND group_id IS NULL AND key = 'address:' || chosen.email_key
           OFFSET 0) AS suppression ON true
     WHERE chosen.status <> 'pending'
), members AS (
    SELECT * FROM people
     WHERE status = 'subscribed' OR has_left OR stopped_at IS NULL OR stopped_at > created_at
), turns AS (
    SELECT created_at AS at, 'joined' AS turn, source FROM members
     UNION ALL
    SELECT told.occurred_at,
           CASE WHEN NOT told.leaves THEN 'resubscribed'
                WHEN told.is_last AND members.status = 'complained' THEN 'complained'
                ELSE 'unsubscribed' END, ''
      FROM told JOIN members ON members.id = told.contact_id WHERE told.leaves <> told.had_left
     UNION ALL
    SELECT coalesce(stopped_at, deleted_at, updated_at), status, ''
      FROM members WHERE status <> 'subscribed' AND NOT has_left
     UNION ALL
    SELECT updated_at, 'resubscribed', '' FROM members WHERE status = 'subscribed' AND has_left
     UNION ALL
    SELECT deleted_at, 'deleted', '' FROM members WHERE status = 'subscribed' AND deleted_at IS NOT NULL
)
"""
_TURNS = """
SELECT greatest(least((at AT TIME ZONE %(zone)s)::date, %(today)s), %(earliest)s) AS day, turn, source, count(*)
  FROM turns WHERE at >= %(since)s GROUP BY day, turn, source
"""
_COHORTS = """
SELECT date_trunc('month', greatest((created_at AT TIME ZONE %(zone)s)::date, %(earliest)s))::date AS month,
       CASE WHEN status <> 'subscribed' OR deleted_at IS NOT NULL THEN 'left'
            WHEN active_at IS NULL THEN 'never'
            WHEN active_at > %(now)s - interval '30 days' THEN 'month'
            WHEN active_at > %(now)s - interval '90 days' THEN 'quarter'
            WHEN active_at > %(now)s - interval '365 days' THEN 'year'
            ELSE 'longer' END AS activity, count(*)
  FROM members GROUP BY month, activity
"""

# Keys rise with time: what is new stands at the end of every index that begins with one.
_TOUCHED = """
SELECT contact_id FROM contacts_consentevent
 WHERE id >= %(first_key)s AND organization_id = %(organization)s
 UNION
SELECT contact.id FROM contacts_suppression AS suppression
  JOIN contacts_contact AS contact
    ON contact.organization_id = %(organization)s AND contact.email_key = substr(suppression.key, 9)
 WHERE suppression.organization_id = %(organization)s AND suppression.id >= %(first_key)s
   AND suppression.group_id IS NULL AND suppression.key LIKE 'address:%%'
 UNION
SELECT id FROM contacts_contact
 WHERE organization_id = %(organization)s AND deleted_at >= %(since)s
 UNION
SELECT id FROM contacts_contact
 WHERE organization_id = %(organization)s AND id >= %(first_key)s
 LIMIT %(most)s
"""

TurnRow = tuple[datetime.date, str, str, int]
CohortRow = tuple[datetime.date, str, int]


def slices(organization_id: UUID) -> Iterator[tuple[UUID, UUID]]:
    """(after, until) of the client's contacts, SLICE at a time, in the order of keys."""
    tenancy.require(organization_id)
    after = UUID(int=0)
    while True:
        with connection.cursor() as cursor:
            cursor.execute(_LAST_OF_SLICE, {"organization": organization_id, "after": after})
            until, found = cursor.fetchone()
        if not found:
            return
        yield after, until
        after = until


def turns_of_slice(bounds: tuple[UUID, UUID], parameters: dict[str, Any]) -> list[TurnRow]:
    """(day, turn, source of those who joined, people) over a slice. `parameters` as of `parameters_of`."""
    return _rows(_TURNS, _OF_SLICE, {**parameters, "after": bounds[0], "until": bounds[1]})


def cohorts_of_slice(bounds: tuple[UUID, UUID], parameters: dict[str, Any]) -> list[CohortRow]:
    """(month of joining, Activity, people) over a slice."""
    return _rows(_COHORTS, _OF_SLICE, {**parameters, "after": bounds[0], "until": bounds[1]})


def turns_of(contact_ids: list[UUID], parameters: dict[str, Any]) -> list[TurnRow]:
    """As `turns_of_slice`, over these contacts."""
    rows: list[TurnRow] = []
    for start in range(0, len(contact_ids), SLICE):
        rows += _rows(_TURNS, _OF_LIST, {**parameters, "contacts": contact_ids[start : start + SLICE]})
    return rows


def touched_since(organization_id: UUID, since: datetime.datetime, *, most: int) -> list[UUID]:
    """Contacts that are new or whose standing may have changed since then, `most` of them at most."""
    tenancy.require(organization_id)
    parameters: dict[str, Any] = {
        "organization": organization_id,
        "since": since,
        "first_key": first_key(since),
        "most": most,
    }
    with connection.cursor() as cursor:
        cursor.execute(_TOUCHED, parameters)
        return [row[0] for row in cursor.fetchall()]


def first_key(moment: datetime.datetime) -> UUID:
    """The smallest key that a row made at this moment or later can have, with an hour for clocks that differ."""
    milliseconds = int((moment - datetime.timedelta(hours=1)).timestamp() * 1000)
    return UUID(int=milliseconds << 80)


def parameters_of(
    organization_id: UUID, zone: str, *, now: datetime.datetime, today: datetime.date, since: datetime.datetime
) -> dict[str, Any]:
    """What the statements need: turns before `since` are left out."""
    earliest = today - datetime.timedelta(days=EARLIEST_DAYS)
    return {
        "organization": organization_id,
        "zone": zone,
        "now": now,
        "today": today,
        "earliest": earliest,
        "since": since,
    }


def _rows(select: str, whom: str, parameters: dict[str, Any]) -> list[Any]:
    tenancy.require(parameters["organization"])
    facts = _FACTS.format(whom=whom.format(column="id"), whose=whom.format(column="event.contact_id"))
    with connection.cursor() as cursor:
        cursor.execute(facts + select, parameters)
        return cursor.fetchall()
