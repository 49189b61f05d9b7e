"""Writing other verdicts: the events, and all that follows from who was behind them, in the caller's transaction.

A mail's first and a contact's last open and click are a minimum and a maximum over people's events. Where the event
that they came from turns out to be a machine's, they are found anew among those that remain; events that are no longer
kept are missed by nobody, because only that one value is given up.
"""

from collections.abc import Sequence
from typing import Any

import orjson

from core.tracking import rollups
from core.tracking.choices import PEOPLE, Verdict
from core.tracking.verdicts.mails import StoredHit
from core.tracking.verdicts.rule import Judgement

Change = tuple[StoredHit, Judgement]

_LOCK_CONTACTS = """
SELECT 1 FROM contacts_contact
 WHERE id IN (SELECT contact_id FROM delivery_message WHERE id = ANY(%(messages)s::uuid[]))
 ORDER BY email_key, id FOR NO KEY UPDATE
"""

_EVENTS = """
UPDATE tracking_analyticsevent AS event
   SET verdict = change.verdict, reasons = change.reasons::jsonb
  FROM unnest(%(ids)s::uuid[], %(times)s::timestamptz[], %(verdicts)s::text[], %(reasons)s::text[])
       AS change (id, occurred_at, verdict, reasons)
 WHERE event.id = change.id AND event.occurred_at = change.occurred_at
"""

_LOST = """
lost AS (
    SELECT * FROM unnest(%(lost_messages)s::uuid[], %(lost_types)s::text[], %(lost_times)s::timestamptz[])
               AS lost (message_id, type, occurred_at)
)
"""

_MESSAGES = f"""
WITH {_LOST}, people AS (
    SELECT message.id, message.organization_id,
           (SELECT min(occurred_at) FROM tracking_analyticsevent AS event
             WHERE event.message_id = message.id AND event.organization_id = message.organization_id
               AND event.type = 'opened' AND event.verdict = ANY(%(people)s::text[])) AS opened_at,
           (SELECT min(occurred_at) FROM tracking_analyticsevent AS event
             WHERE event.message_id = message.id AND event.organization_id = message.organization_id
               AND event.type = 'clicked' AND event.verdict = ANY(%(people)s::text[])) AS clicked_at
      FROM delivery_message AS message WHERE message.id = ANY(%(messages)s::uuid[])
)
UPDATE delivery_message AS message
   SET opened_at = CASE WHEN EXISTS (SELECT 1 FROM lost WHERE lost.message_id = message.id AND lost.type = 'opened'
                                        AND lost.occurred_at = message.opened_at)
                        THEN people.opened_at ELSE least(message.opened_at, people.opened_at) END,
       clicked_at = CASE WHEN EXISTS (SELECT 1 FROM lost WHERE lost.message_id = message.id AND lost.type = 'clicked'
                                         AND lost.occurred_at = message.clicked_at)
                         THEN people.clicked_at ELSE least(message.clicked_at, people.clicked_at) END
  FROM people WHERE people.id = message.id
"""  # noqa: S608 - made of the constants above

# Behind the messages: their first times speak for events that are no longer kept.
_CONTACTS = f"""
WITH {_LOST}, touched AS (
    SELECT DISTINCT contact_id AS id, organization_id FROM delivery_message WHERE id = ANY(%(messages)s::uuid[])
), given_up AS (
    SELECT DISTINCT message.contact_id, lost.type, lost.occurred_at
      FROM lost JOIN delivery_message AS message ON message.id = lost.message_id
), people AS (
    SELECT touched.id,
           (SELECT greatest(max(event.occurred_at), (SELECT max(opened_at) FROM delivery_message AS message
                                                      WHERE message.contact_id = touched.id
                                                        AND message.organization_id = touched.organization_id))
              FROM tracking_analyticsevent AS event
             WHERE event.contact_id = touched.id AND event.organization_id = touched.organization_id
               AND event.type = 'opened' AND event.verdict = ANY(%(people)s::text[])) AS opened_at,
           (SELECT greatest(max(event.occurred_at), (SELECT max(clicked_at) FROM delivery_message AS message
                                                      WHERE message.contact_id = touched.id
                                                        AND message.organization_id = touched.organization_id))
              FROM tracking_analyticsevent AS event
             WHERE event.contact_id = touched.id AND event.organization_id = touched.organization_id
               AND event.type = 'clicked' AND event.verdict = ANY(%(people)s::text[])) AS clicked_at
      FROM touched
)
UPDATE contacts_contact AS contact
   SET last_opened_at = CASE WHEN EXISTS (SELECT 1 FROM given_up WHERE given_up.contact_id = contact.id
                                             AND type = 'opened' AND occurred_at = contact.last_opened_at)
                             THEN people.opened_at ELSE greatest(contact.last_opened_at, people.opened_at) END,
       last_clicked_at = CASE WHEN EXISTS (SELECT 1 FROM given_up WHERE given_up.contact_id = contact.id
                                              AND type = 'clicked' AND occurred_at = contact.last_clicked_at)
                              THEN people.clicked_at ELSE greatest(contact.last_clicked_at, people.clicked_at) END
  FROM people WHERE people.id = contact.id
"""  # noqa: S608 - made of the constants above


def write_changes(cursor: Any, changes: Sequence[Change]) -> None:
    """Write these verdicts and what follows from them. Locks contacts by address, messages by id, counters by key."""
    if not changes:
        return
    parameters = _parameters(changes)
    crossing = parameters | {
        "messages": sorted({stored.message_id for stored, judgement in changes if _crosses(stored, judgement)})
    }
    cursor.execute(_LOCK_CONTACTS, crossing)
    with rollups.changing(cursor, parameters["messages"]):
        cursor.execute(_EVENTS, parameters)
        if crossing["messages"]:
            cursor.execute(_MESSAGES, crossing)
            cursor.execute(_CONTACTS, crossing)


def _parameters(changes: Sequence[Change]) -> dict[str, Any]:
    lost = [stored for stored, judgement in changes if _crosses(stored, judgement) and stored.verdict in PEOPLE]
    return {
        "messages": sorted({stored.message_id for stored, _ in changes}),
        "ids": [stored.id for stored, _ in changes],
        "times": [stored.occurred_at for stored, _ in changes],
        "verdicts": [judgement.verdict.value for _, judgement in changes],
        "reasons": [orjson.dumps(judgement.reasons).decode() for _, judgement in changes],
        "lost_messages": [stored.message_id for stored in lost],
        "lost_types": [stored.type for stored in lost],
        "lost_times": [stored.occurred_at for stored in lost],
        "people": sorted(verdict.value for verdict in PEOPLE),
    }


def _crosses(stored: StoredHit, judgement: Judgement) -> bool:
    """Whether a person becomes a machine, or the other way round: the rest changes no state."""
    return (Verdict(stored.verdict) in PEOPLE) != (judgement.verdict in PEOPLE)
