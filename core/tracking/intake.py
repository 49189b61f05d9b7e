"""Events into rows, in bulk: one COPY, then a handful of statements for any number of events and clients.

Each event is written once per (organization, event_key). Everything that follows is a minimum, a maximum or the
gravest of something over the events that are new, so that any order, doubling and delay end in the same rows. Locks
are taken in one order everywhere: contacts by address, messages by id, marks of campaigns by id.
"""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from uuid import UUID

import orjson
from django.db import connection, transaction

from core.common import tenancy
from core.delivery import bounces, outcomes
from core.delivery.states import DeliveryState
from core.tracking import consequences
from core.tracking.choices import PEOPLE, Device, EventType, Verdict
from core.tracking.waking import wake_roll_up


@dataclass(frozen=True, slots=True)
class Arrival:
    """One event as it came in. `link_number` counts the links of the message's campaign from 1."""

    message_id: UUID
    type: str
    event_key: str
    occurred_at: datetime.datetime
    link_number: int | None = None
    verdict: str = Verdict.UNKNOWN
    reasons: tuple[str, ...] = ()
    bounce_class: str = ""
    device: str = Device.UNKNOWN
    seen: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Taken:
    """How many events were new, and the places of those whose message or link is not known (to this client)."""

    new: int
    unknown: tuple[int, ...]


# Emptied rather than made anew: a catalogue entry per call would cost more than the rows.
_TABLES = """
CREATE TEMP TABLE IF NOT EXISTS tracking_arrivals (
    place int, message_id uuid, type text, verdict text, reasons jsonb, bounce_class text, device text, event_key text,
    occurred_at timestamptz, link_number int, seen jsonb
);
CREATE TEMP TABLE IF NOT EXISTS tracking_fresh (
    organization_id uuid, message_id uuid, campaign_id uuid, contact_id uuid, type text, verdict text,
    bounce_class text, occurred_at timestamptz
);
TRUNCATE tracking_arrivals, tracking_fresh;
"""
_COPY = "COPY tracking_arrivals FROM STDIN"
_ROWS_A_BLOCK = 1_000
_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r", "\x00": ""})

_FIND = """
    SELECT arrival.*, message.organization_id, message.campaign_id, message.contact_id, link.id AS link_id
      FROM tracking_arrivals AS arrival
      JOIN delivery_message AS message ON message.id = arrival.message_id
      LEFT JOIN campaigns_campaignlink AS link
        ON link.campaign_id = message.campaign_id AND link.number = arrival.link_number
     WHERE (%(organization)s::uuid IS NULL OR message.organization_id = %(organization)s)
       AND (arrival.link_number IS NULL OR link.id IS NOT NULL)
"""

# In order of the keys, so that two runs with the same events wait for each other instead of both failing.
_INSERT = f"""
WITH found AS ({_FIND}), written AS (
    INSERT INTO tracking_analyticsevent
           (id, organization_id, message_id, campaign_id, contact_id, link_id, type, verdict, reasons, bounce_class,
            device, event_key, occurred_at, received_at, seen)
    SELECT engagex_uuid7(), organization_id, message_id, campaign_id, contact_id, link_id, type, verdict, reasons,
           bounce_class, device, event_key, occurred_at, now(), seen
      FROM found ORDER BY organization_id, event_key, place
        ON CONFLICT (organization_id, event_key) DO NOTHING
    RETURNING organization_id, message_id, campaign_id, contact_id, type, verdict, bounce_class, occurred_at
)
INSERT INTO tracking_fresh SELECT * FROM written
"""  # noqa: S608 - made of the constants above

_UNKNOWN = f"""
SELECT place FROM tracking_arrivals WHERE place NOT IN (SELECT place FROM ({_FIND}) AS found) ORDER BY place
"""  # noqa: S608 - made of the constants above

# All contacts that any of the statements below writes. Not FOR UPDATE: foreign keys of other runs would wait for it.
_LOCK_CONTACTS = """
SELECT 1 FROM contacts_contact
 WHERE id IN (SELECT contact_id FROM tracking_fresh
               WHERE type IN ('opened', 'clicked', 'complained', 'unsubscribed') OR bounce_class <> '')
 ORDER BY email_key, id FOR NO KEY UPDATE
"""

_CONTACTS = """
WITH fresh AS (
    SELECT contact_id, max(occurred_at) FILTER (WHERE type = 'opened') AS opened_at,
           max(occurred_at) FILTER (WHERE type = 'clicked') AS clicked_at
      FROM tracking_fresh WHERE verdict = ANY(%(people)s::text[]) AND type IN ('opened', 'clicked')
     GROUP BY contact_id
)
UPDATE contacts_contact AS contact
   SET last_opened_at = greatest(contact.last_opened_at, fresh.opened_at),
       last_clicked_at = greatest(contact.last_clicked_at, fresh.clicked_at)
  FROM fresh WHERE contact.id = fresh.contact_id
"""

# What came back is told by all events of a mail, not only by the new ones: the words belong to the gravest report.
_MESSAGES = """
WITH fresh AS (
    SELECT message_id,
           max(array_position(%(states)s::text[], type)) AS state,
           min(occurred_at) FILTER (WHERE type = 'opened' AND verdict = ANY(%(people)s::text[])) AS opened_at,
           min(occurred_at) FILTER (WHERE type = 'clicked' AND verdict = ANY(%(people)s::text[])) AS clicked_at,
           min(occurred_at) FILTER (WHERE bounce_class = ANY(%(hard)s::text[])) AS bounced_at,
           min(occurred_at) FILTER (WHERE type = 'complained') AS complained_at,
           min(occurred_at) FILTER (WHERE type = 'unsubscribed') AS unsubscribed_at,
           bool_or(bounce_class <> '') AS came_back
      FROM tracking_fresh GROUP BY message_id
), gravest AS (
    SELECT DISTINCT ON (event.message_id) event.message_id, event.bounce_class, event.seen ->> 'words' AS words
      FROM fresh JOIN tracking_analyticsevent AS event ON event.message_id = fresh.message_id
     WHERE fresh.came_back AND event.bounce_class <> ''
     ORDER BY event.message_id, array_position(%(gravity)s::text[], event.bounce_class::text), event.occurred_at,
              event.event_key
), held AS (
    SELECT fresh.*, gravest.bounce_class, gravest.words
      FROM fresh JOIN delivery_message AS message ON message.id = fresh.message_id
      LEFT JOIN gravest ON gravest.message_id = fresh.message_id
     ORDER BY message.id FOR NO KEY UPDATE OF message
)
UPDATE delivery_message AS message
   SET delivery_state = coalesce((%(named)s::text[])[greatest(
           array_position(%(named)s::text[], message.delivery_state::text), held.state)], message.delivery_state),
       opened_at = least(message.opened_at, held.opened_at),
       clicked_at = least(message.clicked_at, held.clicked_at),
       bounced_at = least(message.bounced_at, held.bounced_at),
       complained_at = least(message.complained_at, held.complained_at),
       unsubscribed_at = least(message.unsubscribed_at, held.unsubscribed_at),
       bounce_class = coalesce(held.bounce_class, message.bounce_class),
       bounce_words = CASE WHEN held.bounce_class IS NULL THEN message.bounce_words
                           ELSE left(coalesce(held.words, ''), 500) END
  FROM held
 WHERE message.id = held.message_id
   AND (held.came_back
        OR held.state > coalesce(array_position(%(named)s::text[], message.delivery_state::text), 0)
        OR held.opened_at < coalesce(message.opened_at, 'infinity')
        OR held.clicked_at < coalesce(message.clicked_at, 'infinity')
        OR held.complained_at < coalesce(message.complained_at, 'infinity')
        OR held.unsubscribed_at < coalesce(message.unsubscribed_at, 'infinity'))
"""

_MARK = """
INSERT INTO tracking_dirtycampaign AS dirty (organization_id, campaign_id, touched)
SELECT DISTINCT organization_id, campaign_id, 1 FROM tracking_fresh ORDER BY campaign_id
    ON CONFLICT (campaign_id) DO UPDATE SET touched = dirty.touched + 1
"""

_DOUBTED = """
SELECT DISTINCT message.organization_id, message.id
  FROM tracking_fresh AS fresh JOIN delivery_message AS message ON message.id = fresh.message_id
 WHERE message.send_state IN ('uncertain', 'unresolved') ORDER BY 1, 2
"""

_STATES = [EventType.SENT.value, EventType.DEFERRED.value, EventType.DELIVERED.value]
_STATE_NAMES = [DeliveryState.PROCESSED.value, DeliveryState.DEFERRED.value, DeliveryState.DELIVERED.value]


@transaction.atomic
def take(arrivals: Sequence[Arrival], *, organization_id: UUID | None = None) -> Taken:
    """Write these events and all that follows from them, in one transaction. The same events again change nothing.

    With an organization only its own messages are known: whoever speaks for one client cannot touch another. Without
    one the ids must come out of tokens of ours. Raises OrganizationMismatch outside the open scope.
    """
    if organization_id is not None:
        tenancy.require(organization_id)
    elif tenancy.current_scope().organization_ids is not None:
        raise tenancy.OrganizationMismatch("Events of all clients are taken in the scope of all clients only.")
    with connection.cursor() as cursor:
        cursor.execute(_TABLES)
        _copy(cursor, arrivals)
        cursor.execute(_INSERT, {"organization": organization_id})
        new = cursor.rowcount
        cursor.execute(_UNKNOWN, {"organization": organization_id})
        unknown = tuple(row[0] for row in cursor.fetchall())
        if new:
            _follow(cursor)
    return Taken(new, unknown)


def _copy(cursor: Any, arrivals: Sequence[Arrival]) -> None:
    with cursor.copy(_COPY) as copy:
        for start in range(0, len(arrivals), _ROWS_A_BLOCK):
            block = arrivals[start : start + _ROWS_A_BLOCK]
            copy.write(b"".join(_line(start + place, arrival) for place, arrival in enumerate(block)))


def _line(place: int, arrival: Arrival) -> bytes:
    """A row in COPY's text format: a backslash before what would mean something there (PostgreSQL, COPY)."""
    link = "\\N" if arrival.link_number is None else str(arrival.link_number)
    key = arrival.event_key.translate(_ESCAPES).encode()
    reasons, seen = (orjson.dumps(value).replace(b"\\", b"\\\\") for value in (arrival.reasons, arrival.seen))
    plain = f"{place}\t{arrival.message_id}\t{arrival.type}\t{arrival.verdict}\t".encode()
    return b"%b%b\t%b\t%b\t%b\t%b\t%b\t%b\n" % (
        plain,
        reasons,
        str(arrival.bounce_class).encode(),
        str(arrival.device).encode(),
        key,
        arrival.occurred_at.isoformat().encode(),
        link.encode(),
        seen,
    )


def _follow(cursor: Any) -> None:
    """What new events change, in the order of the locks."""
    cursor.execute(_LOCK_CONTACTS)
    consequences.apply(cursor)
    parameters = {
        "people": sorted(verdict.value for verdict in PEOPLE),
        "states": _STATES,
        "named": _STATE_NAMES,
        "hard": sorted(bounces.HARD),
        "gravity": list(bounces.BY_GRAVITY),
    }
    cursor.execute(_CONTACTS, parameters)
    cursor.execute(_MESSAGES, parameters)
    _settle_doubts(cursor)
    cursor.execute(_MARK)
    transaction.on_commit(partial(wake_roll_up), robust=True)


def _settle_doubts(cursor: Any) -> None:
    """Whatever a provider or a person tells of a mail, the mail was taken: even a drop was decided after that."""
    cursor.execute(_DOUBTED)
    doubted: dict[UUID, list[UUID]] = {}
    for organization_id, message_id in cursor.fetchall():
        doubted.setdefault(organization_id, []).append(message_id)
    for organization_id, message_ids in doubted.items():
        outcomes.prove_accepted(organization_id=organization_id, message_ids=message_ids)
