"""Events into rows, in bulk: one COPY, then a handful of statements for any number of events and clients.

Each event is written once per (organization, event_key). Everything that follows is a minimum, a maximum or the
gravest of something over the events that are new, so that any order, doubling and delay end in the same rows. Locks
are taken in one order everywhere: contacts by address, messages by id, counters by their keys. The messages are locked
before anything is written: what is read about their earlier events stays true to the end.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import IntegrityError, connection, transaction
from psycopg.errors import UniqueViolation

from core.common import tenancy
from core.delivery import bounces, outcomes
from core.delivery.states import DeliveryState
from core.tracking import consequences, rollups
from core.tracking.arrivals import Arrival, blocks_of, row_of
from core.tracking.choices import PEOPLE, EventType
from core.tracking.verdicts.seen import STEPS
from core.tracking.verdicts.touched import rejudge_touched


@dataclass(frozen=True, slots=True)
class Taken:
    """How many events were new, and the places of those whose message or link is not known (to this client)."""

    new: int
    unknown: tuple[int, ...]


# Emptied rather than made anew: a catalogue entry per call would cost more than the rows. Keys tell the planner, which
# has no statistics of them, that a row meets one row at most.
_TABLES = """
CREATE TEMP TABLE IF NOT EXISTS tracking_arrivals (
    place int, message_id uuid, type text, verdict text, reasons jsonb, bounce_class text, device text, event_key text,
    occurred_at timestamptz, link_number int, seen jsonb, profile int
);
CREATE TEMP TABLE IF NOT EXISTS tracking_judgements (
    profile int, step int, verdict text, reasons jsonb, device text, PRIMARY KEY (profile, step)
);
CREATE TEMP TABLE IF NOT EXISTS tracking_known (
    message_id uuid, contact_id uuid, address text
);
CREATE TEMP TABLE IF NOT EXISTS tracking_people (
    contact_id uuid PRIMARY KEY, email text
);
CREATE TEMP TABLE IF NOT EXISTS tracking_mails (
    message_id uuid PRIMARY KEY, organization_id uuid, campaign_id uuid, contact_id uuid, domain text, send_state text,
    delivery_state text, accepted_at timestamptz, opened_at timestamptz, clicked_at timestamptz,
    complained_at timestamptz, unsubscribed_at timestamptz
);
CREATE TEMP TABLE IF NOT EXISTS tracking_fresh (
    organization_id uuid, message_id uuid, campaign_id uuid, contact_id uuid, link_id uuid, type text, verdict text,
    bounce_class text, device text, event_key text, occurred_at timestamptz
);
TRUNCATE tracking_arrivals, tracking_judgements, tracking_known, tracking_people, tracking_mails, tracking_fresh;
"""
# Every statement starts from these tables and finds what it needs of the big ones by key. Of tables without statistics
# the planner expects the worst and would rather read the big ones from end to end, for every block.
_BY_KEY = "SET LOCAL enable_seqscan = {}"
_COPY = "COPY tracking_arrivals FROM STDIN"
_COPY_HITS = (
    "COPY tracking_arrivals (place, message_id, type, event_key, occurred_at, link_number, seen, profile) FROM STDIN"
)
_COPY_JUDGEMENTS = "COPY tracking_judgements FROM STDIN"

# Read before anything is locked; what may change meanwhile is read again under the lock.
_KNOWN = """
INSERT INTO tracking_known
SELECT message.id, message.contact_id, value.address
  FROM (SELECT DISTINCT message_id FROM tracking_arrivals ORDER BY message_id) AS arrival
  JOIN delivery_message AS message ON message.id = arrival.message_id
  LEFT JOIN delivery_messagevalues AS value ON value.message_id = message.id
 WHERE %(organization)s::uuid IS NULL OR message.organization_id = %(organization)s
"""

# All contacts that any of the statements below writes. Not FOR UPDATE: foreign keys of other runs would wait for it.
_LOCK_CONTACTS = """
INSERT INTO tracking_people
SELECT contact.id, contact.email
  FROM (SELECT DISTINCT contact_id FROM ({concerned}) AS concerned ORDER BY contact_id) AS concerned
  JOIN contacts_contact AS contact ON contact.id = concerned.contact_id
 ORDER BY contact.email_key, contact.id FOR NO KEY UPDATE OF contact
"""
_OF_ALL = "SELECT contact_id FROM tracking_known"
_OF_SOME = """
SELECT known.contact_id FROM tracking_arrivals AS arrival JOIN tracking_known AS known USING (message_id)
 WHERE arrival.type IN ('opened', 'clicked', 'trapped', 'complained', 'unsubscribed') OR arrival.bounce_class <> ''
"""
_OTHER_CONTACTS = """
INSERT INTO tracking_people
SELECT contact.id, contact.email FROM (
    SELECT contact_id FROM tracking_known EXCEPT SELECT contact_id FROM tracking_people
) AS other JOIN contacts_contact AS contact ON contact.id = other.contact_id
"""

# One by one in order of their ids, each looked up when its turn comes.
_MAILS = f"""
INSERT INTO tracking_mails
SELECT known.message_id, message.organization_id, message.campaign_id, message.contact_id, known.domain,
       message.send_state, message.delivery_state, message.accepted_at, message.opened_at, message.clicked_at,
       message.complained_at, message.unsubscribed_at
  FROM (
    SELECT value.message_id, {rollups.DOMAIN} AS domain
      FROM tracking_known AS value JOIN tracking_people AS contact USING (contact_id) ORDER BY 1
 ) AS known CROSS JOIN LATERAL (
    SELECT message.* FROM delivery_message AS message WHERE message.id = known.message_id FOR NO KEY UPDATE
 ) AS message
"""  # noqa: S608 - made of the constants above

_FOUND = """
SELECT arrival.place, arrival.message_id, arrival.type, arrival.event_key, arrival.occurred_at, arrival.seen,
       mail.organization_id, mail.campaign_id, mail.contact_id, link.id AS link_id, {judged}
  FROM tracking_arrivals AS arrival
  JOIN tracking_mails AS mail ON mail.message_id = arrival.message_id {judgement}
  LEFT JOIN campaigns_campaignlink AS link
    ON link.campaign_id = mail.campaign_id AND link.number = arrival.link_number
 WHERE arrival.link_number IS NULL OR link.id IS NOT NULL
"""
_AS_SAID = {
    "judged": "arrival.verdict, arrival.reasons, arrival.bounce_class, arrival.device",
    "judgement": "",
}
# By the time since the mail was taken: 0 while it is being handed over, for ever when that is not known.
_BY_AGE = {
    "judged": "judgement.verdict, judgement.reasons, '' AS bounce_class, judgement.device",
    "judgement": """
  JOIN tracking_judgements AS judgement
    ON judgement.profile = arrival.profile
   AND judgement.step = width_bucket(
           coalesce(date_part('epoch', arrival.occurred_at - mail.accepted_at),
                    CASE WHEN mail.send_state = 'ready' THEN 0 ELSE 'Infinity'::float8 END), %(steps)s::float8[])""",
}

# A key of ours is made with its time and cannot come back with another. With a provider's, anything may happen: of the
# same event with two times the first one counts. The message is locked, so nobody else writes it meanwhile.
_STRANGE = """
    WHERE NOT EXISTS (SELECT FROM tracking_analyticsevent AS event
                     WHERE event.organization_id = found.organization_id AND event.event_key = found.event_key
                       AND event.occurred_at >= %(since)s AND event.occurred_at < %(until)s)
    AND (event_key, place) IN (SELECT event_key, min(place) FROM tracking_arrivals GROUP BY event_key)
    ORDER BY place
"""

_INSERT = """
WITH found AS ({found}), written AS (
    INSERT INTO tracking_analyticsevent
           (id, organization_id, message_id, campaign_id, contact_id, link_id, type, verdict, reasons, bounce_class,
            device, event_key, occurred_at, received_at, seen)
    SELECT engagex_uuid7(), organization_id, message_id, campaign_id, contact_id, link_id, type, verdict, reasons,
           bounce_class, device, event_key, occurred_at, now(), seen
      FROM found {once}
    {conflict}
    RETURNING organization_id, message_id, campaign_id, contact_id, link_id, type, verdict, bounce_class, device,
              event_key, occurred_at
)
INSERT INTO tracking_fresh SELECT * FROM written
"""

_OR_NOTHING = "ON CONFLICT (organization_id, event_key, occurred_at) DO NOTHING"

_UNKNOWN = """
SELECT arrival.place
  FROM tracking_arrivals AS arrival
  LEFT JOIN tracking_mails AS mail ON mail.message_id = arrival.message_id
  LEFT JOIN campaigns_campaignlink AS link
    ON link.campaign_id = mail.campaign_id AND link.number = arrival.link_number
 WHERE mail.message_id IS NULL OR (arrival.link_number IS NOT NULL AND link.id IS NULL) ORDER BY 1
"""

_CONTACTS = """
WITH fresh AS (
    SELECT contact_id, max(occurred_at) FILTER (WHERE type = 'opened') AS opened_at,
           max(occurred_at) FILTER (WHERE type = 'clicked') AS clicked_at
      FROM tracking_fresh WHERE verdict = ANY(%(people)s::text[]) AND type IN ('opened', 'clicked')
     GROUP BY contact_id ORDER BY contact_id
)
UPDATE contacts_contact AS contact
   SET last_opened_at = greatest(contact.last_opened_at, fresh.opened_at),
       last_clicked_at = greatest(contact.last_clicked_at, fresh.clicked_at)
  FROM fresh
 WHERE contact.id = fresh.contact_id
   AND (fresh.opened_at > coalesce(contact.last_opened_at, '-infinity')
        OR fresh.clicked_at > coalesce(contact.last_clicked_at, '-infinity'))
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
      FROM tracking_fresh GROUP BY message_id ORDER BY message_id
), gravest AS (
    SELECT DISTINCT ON (event.message_id) event.message_id, event.bounce_class, event.seen ->> 'words' AS words
      FROM fresh JOIN tracking_analyticsevent AS event ON event.message_id = fresh.message_id
     WHERE fresh.came_back AND event.bounce_class <> ''
     ORDER BY event.message_id, array_position(%(gravity)s::text[], event.bounce_class::text), event.occurred_at,
              event.event_key
), held AS (
    SELECT fresh.*, gravest.bounce_class, gravest.words
      FROM fresh JOIN tracking_mails AS mail ON mail.message_id = fresh.message_id
      LEFT JOIN gravest ON gravest.message_id = fresh.message_id
     WHERE fresh.came_back
        OR fresh.state > coalesce(array_position(%(named)s::text[], mail.delivery_state), 0)
        OR fresh.opened_at < coalesce(mail.opened_at, 'infinity')
        OR fresh.clicked_at < coalesce(mail.clicked_at, 'infinity')
        OR fresh.complained_at < coalesce(mail.complained_at, 'infinity')
        OR fresh.unsubscribed_at < coalesce(mail.unsubscribed_at, 'infinity')
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
"""

_ANY_DOUBTED = "SELECT EXISTS (SELECT FROM tracking_mails WHERE send_state IN ('uncertain', 'unresolved'))"
_DOUBTED = """
SELECT organization_id, message_id FROM tracking_mails
 WHERE send_state IN ('uncertain', 'unresolved') AND message_id IN (SELECT message_id FROM tracking_fresh) ORDER BY 1, 2
"""

_STATES = [EventType.SENT.value, EventType.DEFERRED.value, EventType.DELIVERED.value]
_STATE_NAMES = [DeliveryState.PROCESSED.value, DeliveryState.DEFERRED.value, DeliveryState.DELIVERED.value]


def take(arrivals: Sequence[Arrival], *, organization_id: UUID | None = None) -> Taken:
    """Write these events and all that follows from them, in one transaction. The same events again change nothing.

    With an organization only its own messages are known: whoever speaks for one client cannot touch another. Without
    one the ids must come out of tokens of ours. Raises OrganizationMismatch outside the open scope.
    """
    if organization_id is not None:
        tenancy.require(organization_id)
    else:
        _require_all()
    lines = (row_of(place, arrival) for place, arrival in enumerate(arrivals))
    return _take(blocks_of(lines), organization_id, follows=True)


def take_own(arrival: Arrival, *, organization_id: UUID) -> bool:
    """One event of which the caller says who was behind it, and has seen to all that it means for the contact; whether
    it was new."""
    tenancy.require(organization_id)
    return bool(_take([row_of(0, arrival)], organization_id, follows=False).new)


@dataclass(frozen=True, slots=True)
class HitBlock:
    """Opens and clicks as lines of COPY, see lean/judging.py. `hits`: place, message, type, event key (made with its
    time, which is what makes the pair unique), time, number of the link, seen, profile. `judgements`: for each profile
    the verdict, reasons and device, by the step of STEPS (from 0) that the time since the mail was taken is on."""

    hits: bytes
    judgements: bytes


def take_hits(block: HitBlock) -> Taken:
    """`take` for many opens and clicks of all clients, in the scope of all clients."""
    _require_all()
    return _take([block.hits], None, follows=False, judgements=block.judgements)


@transaction.atomic
def _take(
    blocks: Iterable[bytes], organization_id: UUID | None, *, follows: bool, judgements: bytes | None = None
) -> Taken:
    is_hits = judgements is not None
    with connection.cursor() as cursor:
        with rollups.gathering(cursor):
            cursor.execute(_TABLES + rollups.TABLES + _BY_KEY.format("off"))
            arrived = _copy(cursor, _COPY_HITS if is_hits else _COPY, blocks)
            if judgements is not None:
                _copy(cursor, _COPY_JUDGEMENTS, [judgements])
            _lock_mails(cursor, organization_id, is_hits=is_hits)
            span = rollups.span(cursor)
            new = _insert(cursor, span, is_hits=is_hits)
            if new:
                if follows:
                    consequences.apply(cursor)
                _follow(cursor, span)
                if follows or is_hits:
                    rejudge_touched(cursor)
            unknown = _unknown(cursor) if new < arrived else ()
        cursor.execute(_BY_KEY.format("DEFAULT"))
    return Taken(new, unknown)


def _lock_mails(cursor: Any, organization_id: UUID | None, *, is_hits: bool) -> None:
    cursor.execute(_KNOWN, {"organization": organization_id})
    cursor.execute(_LOCK_CONTACTS.format(concerned=_OF_ALL if is_hits else _OF_SOME))
    if not is_hits:
        cursor.execute(_OTHER_CONTACTS)
    cursor.execute(_MAILS)


def _insert(cursor: Any, span: dict[str, Any], *, is_hits: bool) -> int:
    """The number of new events. Hits come twice only after a crash, so they are written as if they never did: looking
    for each of them first would cost as much as the rows."""
    found = _FOUND.format(**(_BY_AGE if is_hits else _AS_SAID))
    once = "" if is_hits else _STRANGE
    words = {**span, "steps": sorted(STEPS)[1:]}
    try:
        with transaction.atomic():
            cursor.execute(_INSERT.format(found=found, once=once, conflict="" if is_hits else _OR_NOTHING), words)
    except IntegrityError as error:
        if not isinstance(error.__cause__, UniqueViolation):
            raise
        cursor.execute(_INSERT.format(found=found, once=once, conflict=_OR_NOTHING), words)
    return int(cursor.rowcount)


def _unknown(cursor: Any) -> tuple[int, ...]:
    cursor.execute(_UNKNOWN)
    return tuple(row[0] for row in cursor.fetchall())


def _copy(cursor: Any, sql: str, blocks: Iterable[bytes]) -> int:
    """How many rows there were."""
    rows = 0
    with cursor.copy(sql) as copy:
        for block in blocks:
            copy.write(block)
            rows += block.count(b"\n")
    return rows


def _require_all() -> None:
    if tenancy.current_scope().organization_ids is not None:
        raise tenancy.OrganizationMismatch("Events of all clients are taken in the scope of all clients only.")


def _follow(cursor: Any, span: dict[str, Any]) -> None:
    """What new events change, in the order of the locks."""
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
    rollups.count_fresh(cursor, span)


def _settle_doubts(cursor: Any) -> None:
    """Whatever a provider or a person tells of a mail, the mail was taken: even a drop was decided after that."""
    cursor.execute(_ANY_DOUBTED)
    if not cursor.fetchone()[0]:
        return
    cursor.execute(_DOUBTED)
    doubted: dict[UUID, list[UUID]] = {}
    for organization_id, message_id in cursor.fetchall():
        doubted.setdefault(organization_id, []).append(message_id)
    for organization_id, message_ids in doubted.items():
        outcomes.prove_accepted(organization_id=organization_id, message_ids=message_ids)
