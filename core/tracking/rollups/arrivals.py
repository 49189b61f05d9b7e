"""What new events add: each of them to the totals, and to the firsts where no event of its kind was before it.

The intake calls `count_fresh` with the messages locked. It reads its temporary tables: tracking_mails, with what stood
in the messages before, and tracking_fresh, the new events.
"""

from typing import Any

from core.tracking.rollups.contributions import QUARTER, SPAN, parameters

TABLES = """
CREATE TEMP TABLE IF NOT EXISTS tracking_before (
    message_id uuid, type text, is_person boolean, verdict text, device text, bounce_class text, link_id uuid,
    occurred_at timestamptz, event_key text
);
TRUNCATE tracking_before;
"""

# The first of the earlier events of each kind that is new, and of each link that is clicked. The first open and click
# of a person stand in the message: what comes after them needs no look at the events, and where there are none yet,
# there is nothing to look for. One by one (a month that has just begun has no statistics, and all its events would seem
# to be few), in order of time, and no further than to the first: a mail may have been hit a hundred thousand times.
_BEFORE = """
WITH wanted AS (
    SELECT message_id, type, verdict = ANY(%(people)s::text[]) AS is_person, NULL::uuid AS link_id,
           min(occurred_at) AS occurred_at
      FROM tracking_fresh WHERE type <> 'sent' GROUP BY 1, 2, 3
     UNION ALL
    SELECT message_id, type, verdict = ANY(%(people)s::text[]), link_id, min(occurred_at)
      FROM tracking_fresh WHERE type = 'clicked' AND link_id IS NOT NULL GROUP BY 1, 2, 3, 4
     ORDER BY 1
), known AS (
    SELECT wanted.*, mail.organization_id,
           wanted.is_person AND wanted.type IN ('opened', 'clicked') AS is_kept,
           CASE wanted.type WHEN 'opened' THEN mail.opened_at WHEN 'clicked' THEN mail.clicked_at END AS first_at
      FROM wanted JOIN tracking_mails AS mail ON mail.message_id = wanted.message_id
), looked_up AS (
    SELECT * FROM known WHERE NOT is_kept OR first_at >= occurred_at OR (link_id IS NOT NULL AND first_at IS NOT NULL)
)
INSERT INTO tracking_before
SELECT message_id, type, is_person, NULL, NULL, NULL, NULL::uuid, first_at, ''
  FROM known WHERE is_kept AND link_id IS NULL AND first_at < occurred_at
UNION ALL
SELECT looked_up.message_id, looked_up.type, looked_up.is_person, event.verdict, event.device, event.bounce_class,
       looked_up.link_id, event.occurred_at, event.event_key
  FROM looked_up
 CROSS JOIN LATERAL (
       SELECT event.* FROM tracking_analyticsevent AS event
        WHERE event.message_id = looked_up.message_id AND event.organization_id = looked_up.organization_id
          AND event.type = looked_up.type AND event.occurred_at >= %(since)s AND event.occurred_at < %(until)s
          AND (event.verdict = ANY(%(people)s::text[])) = looked_up.is_person
          AND (looked_up.link_id IS NULL OR event.link_id = looked_up.link_id)
          AND (event.message_id, event.event_key::text) NOT IN (SELECT message_id, event_key FROM tracking_fresh)
        ORDER BY event.occurred_at, event.event_key LIMIT 1
 ) AS event
"""

_DELTA = f"""
WITH fresh AS (
    SELECT fresh.*, mail.domain, fresh.verdict = ANY(%(people)s::text[]) AS is_person,
           row_number() OVER (
               PARTITION BY fresh.message_id, fresh.type, fresh.verdict = ANY(%(people)s::text[])
                   ORDER BY fresh.occurred_at, fresh.event_key
           ) = 1 AS leads
      FROM tracking_fresh AS fresh JOIN tracking_mails AS mail ON mail.message_id = fresh.message_id
     WHERE fresh.type <> 'sent'
), old AS (
    SELECT DISTINCT ON (message_id, type, is_person) * FROM tracking_before
     ORDER BY message_id, type, is_person, occurred_at, event_key
), judged AS (
    SELECT fresh.*, old.message_id IS NOT NULL AS has_old, old.occurred_at AS old_at, old.verdict AS old_verdict,
           old.device AS old_device, old.bounce_class AS old_class,
           fresh.leads AND (old.message_id IS NULL
               OR (fresh.occurred_at, fresh.event_key) < (old.occurred_at, old.event_key)) AS is_first
      FROM fresh LEFT JOIN old
        ON old.message_id = fresh.message_id AND old.type = fresh.type AND old.is_person = fresh.is_person
), changes AS (
    SELECT organization_id, campaign_id, domain, occurred_at, type, verdict, device, bounce_class,
           1 AS total, is_first::int AS firsts FROM judged
    UNION ALL
    SELECT organization_id, campaign_id, domain, old_at, type, old_verdict, old_device, old_class, 0, -1
      FROM judged WHERE is_first AND has_old
)
INSERT INTO tracking_delta
SELECT organization_id, campaign_id, domain, {QUARTER.format(at="occurred_at")}, type, verdict, device, bounce_class,
       sum(total), sum(firsts)
  FROM changes GROUP BY 1, 2, 3, 4, 5, 6, 7, 8
"""  # noqa: S608 - made of the constants above

_CLICK_DELTA = """
WITH fresh AS (
    SELECT fresh.*, fresh.verdict = ANY(%(people)s::text[]) AS is_person,
           row_number() OVER (
               PARTITION BY fresh.message_id, fresh.link_id, fresh.verdict = ANY(%(people)s::text[])
                   ORDER BY fresh.occurred_at, fresh.event_key
           ) = 1 AS leads
      FROM tracking_fresh AS fresh WHERE fresh.type = 'clicked' AND fresh.link_id IS NOT NULL
), old AS (
    SELECT DISTINCT ON (message_id, link_id, is_person) * FROM tracking_before
     WHERE type = 'clicked' AND link_id IS NOT NULL ORDER BY message_id, link_id, is_person, occurred_at, event_key
), judged AS (
    SELECT fresh.*, old.message_id IS NOT NULL AS has_old, old.verdict AS old_verdict,
           fresh.leads AND (old.message_id IS NULL
               OR (fresh.occurred_at, fresh.event_key) < (old.occurred_at, old.event_key)) AS is_first
      FROM fresh LEFT JOIN old
        ON old.message_id = fresh.message_id AND old.link_id = fresh.link_id AND old.is_person = fresh.is_person
)
INSERT INTO tracking_click_delta
SELECT organization_id, campaign_id, link_id, verdict, 1, is_first::int FROM judged
UNION ALL
SELECT organization_id, campaign_id, link_id, old_verdict, 0, -1 FROM judged WHERE is_first AND has_old
"""


def span(cursor: Any) -> dict[str, Any]:
    """From when until when (`since`, `until`) the counters know events of these mails' campaigns."""
    cursor.execute("SELECT array_agg(DISTINCT campaign_id) FROM tracking_mails")
    cursor.execute(SPAN, {"campaigns": cursor.fetchone()[0] or []})
    return dict(zip(("since", "until"), cursor.fetchone(), strict=True))


def count_fresh(cursor: Any, found: dict[str, Any]) -> None:
    """Put into the tables of differences what the new events add; `found` is `span`'s answer."""
    cursor.execute(_BEFORE, parameters() | found)
    cursor.execute(_DELTA, parameters())
    cursor.execute(_CLICK_DELTA, parameters())
