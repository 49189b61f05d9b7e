"""What does not come from events alone: accepted mails, from the ledger, and a campaign's groups, whose members come
and go. Counted anew by a job (services.roll_up), as of the moment of the count.

Only this writes rows of type "sent" and of part "group", one run at a time for a campaign, and the column "sent" of
the client's days and months.
"""

from typing import Any
from uuid import UUID

from django.db import connection

from core.common import tenancy
from core.tracking import partitions
from core.tracking.rollups import folding, periods
from core.tracking.rollups.contributions import DOMAIN, parameters

_SENT = f"""
CREATE TEMP TABLE tracking_sent ON COMMIT DROP AS
SELECT (message.accepted_at AT TIME ZONE organization.time_zone)::date AS day, {DOMAIN} AS domain,
       campaign.from_email AS sender, count(*) AS total
  FROM delivery_message AS message
  JOIN campaigns_campaign AS campaign ON campaign.id = message.campaign_id
  JOIN accounts_organization AS organization ON organization.id = message.organization_id
  JOIN contacts_contact AS contact ON contact.id = message.contact_id
  LEFT JOIN delivery_messagevalues AS value ON value.message_id = message.id
 WHERE message.organization_id = %(organization)s AND message.campaign_id = %(campaign)s
   AND message.send_state = 'accepted' AND message.accepted_at IS NOT NULL
 GROUP BY 1, 2, 3
"""  # noqa: S608 - made of the constants above

_KNOWN = """
LEFT JOIN unnest(%(domains)s::text[], %(providers)s::text[]) AS known (domain, provider)
  ON known.domain = sent.domain
"""

_CLEAR_SENT = """
DELETE FROM tracking_campaignpart
 WHERE organization_id = %(organization)s AND campaign_id = %(campaign)s AND type = 'sent' AND part <> 'group'
"""
_SENT_PARTS = f"""
INSERT INTO tracking_campaignpart (id, organization_id, campaign_id, part, value, type, verdict, total, firsts)
SELECT engagex_uuid7(), %(organization)s, %(campaign)s, part.part, part.value, 'sent', 'human', sum(total), sum(total)
  FROM tracking_sent AS sent {_KNOWN}
 CROSS JOIN LATERAL (VALUES ('all', ''), ('provider', coalesce(known.provider, %(other)s)), ('domain', sent.domain))
    AS part (part, value)
 GROUP BY part.part, part.value
"""  # noqa: S608 - made of the constants above

_CLEAR_DAYS = "DELETE FROM tracking_acceptedday WHERE organization_id = %(organization)s AND campaign_id = %(campaign)s"
_DAYS = f"""
INSERT INTO tracking_acceptedday (id, organization_id, campaign_id, day, sender, provider, total)
SELECT engagex_uuid7(), %(organization)s, %(campaign)s, sent.day, min(sent.sender),
       coalesce(known.provider, %(other)s), sum(total)
  FROM tracking_sent AS sent {_KNOWN} GROUP BY sent.day, coalesce(known.provider, %(other)s)
"""  # noqa: S608 - made of the constants above

# Campaigns of a client may be recounted at the same time; its days and months are one after the other.
_IN_TURN = "SELECT pg_advisory_xact_lock(hashtextextended('sent:' || %(organization)s::text, 0))"
_PERIODS = f"""
SELECT %(organization)s::uuid AS organization_id, period.length,
       date_trunc(period.length, accepted.day::timestamp)::date AS start, divided.part, divided.value,
       {", ".join("accepted.total AS sent" if one == "sent" else f"0 AS {one}" for one in periods.COLUMNS)}
  FROM tracking_acceptedday AS accepted CROSS JOIN (VALUES {periods.LENGTHS}) AS period (length)
 CROSS JOIN LATERAL (VALUES ('all', ''), ('sender', accepted.sender), ('provider', accepted.provider))
    AS divided (part, value)
 WHERE accepted.organization_id = %(organization)s
 UNION ALL
SELECT organization_id, length, start, part, value,
       {", ".join("-sent" if one == "sent" else "0" for one in periods.COLUMNS)}
  FROM tracking_organizationperiod WHERE organization_id = %(organization)s AND sent > 0
"""  # noqa: S608 - made of the constants above

_GROUPS = """
CREATE TEMP TABLE tracking_group ON COMMIT DROP AS
WITH member AS (
    SELECT chosen.group_id, membership.contact_id
      FROM campaigns_campaigngroup AS chosen
      JOIN contacts_contactgroupmembership AS membership
        ON membership.group_id = chosen.group_id AND membership.organization_id = chosen.organization_id
     WHERE chosen.organization_id = %(organization)s AND chosen.campaign_id = %(campaign)s AND NOT chosen.is_excluded
), fact AS (
    SELECT event.contact_id, event.type, event.verdict,
           row_number() OVER (
               PARTITION BY event.message_id, event.type, event.verdict = ANY(%(people)s::text[])
                   ORDER BY event.occurred_at, event.event_key
           ) = 1 AS is_first
      FROM tracking_analyticsevent AS event
     WHERE event.organization_id = %(organization)s AND event.campaign_id = %(campaign)s AND event.type <> 'sent'
       AND event.occurred_at >= %(since)s AND event.occurred_at < %(until)s
     UNION ALL
    SELECT contact_id, 'sent', 'human', true FROM delivery_message
     WHERE organization_id = %(organization)s AND campaign_id = %(campaign)s AND send_state = 'accepted'
       AND accepted_at IS NOT NULL
)
SELECT member.group_id::text AS value, fact.type, fact.verdict, count(*) AS total,
       count(*) FILTER (WHERE fact.is_first) AS firsts
  FROM fact JOIN member ON member.contact_id = fact.contact_id GROUP BY 1, 2, 3
"""
_CLEAR_GROUPS = """
DELETE FROM tracking_campaignpart
 WHERE organization_id = %(organization)s AND campaign_id = %(campaign)s AND part = 'group'
"""
_GROUP_PARTS = """
INSERT INTO tracking_campaignpart (id, organization_id, campaign_id, part, value, type, verdict, total, firsts)
SELECT engagex_uuid7(), %(organization)s, %(campaign)s, 'group', value, type, verdict, total, firsts FROM tracking_group
"""
_SPAN = """
SELECT coalesce(min(hour), '-infinity')::text, coalesce(max(hour) + interval '1 hour', '-infinity')::text
  FROM tracking_campaignhour WHERE organization_id = %(organization)s AND campaign_id = %(campaign)s
"""


def recount_sent(*, organization_id: UUID, campaign_id: UUID) -> None:
    """Count the campaign's accepted mails from the ledger; `recount_sent_periods` has to follow.

    In a transaction, inside the scope (OrganizationMismatch).
    """
    _run(organization_id, campaign_id, "tracking_sent", _SENT)
    _run(organization_id, campaign_id, "", _CLEAR_SENT, _SENT_PARTS, _CLEAR_DAYS, _DAYS)


def recount_sent_periods(*, organization_id: UUID) -> None:
    """Bring the accepted mails of the client's days and months up to its campaigns'. Last in a transaction: the intake
    writes the same rows and waits for its end. Inside the scope (OrganizationMismatch)."""
    tenancy.require(organization_id)
    words = {"organization": organization_id}
    with connection.cursor() as cursor:
        cursor.execute(_IN_TURN, words)
        folding.add_difference(cursor, "tracking_organizationperiod", _PERIODS, words)


def recount_groups(*, organization_id: UUID, campaign_id: UUID) -> bool:
    """Count the campaign by its groups, with who is in them now. False, and nothing done, when not all of its events
    are kept any more. In a transaction, inside the scope."""
    tenancy.require(organization_id)
    with connection.cursor() as cursor:
        cursor.execute(_SPAN, {"organization": organization_id, "campaign": campaign_id})
        since, until = cursor.fetchone()
        cursor.execute("SELECT %s::timestamptz < %s::timestamptz", [since, partitions.kept_since(cursor)])
        if since != "-infinity" and cursor.fetchone()[0]:
            return False
    _run(organization_id, campaign_id, "tracking_group", _GROUPS, since=since, until=until)
    _run(organization_id, campaign_id, "", _CLEAR_GROUPS, _GROUP_PARTS)
    return True


def _run(organization_id: UUID, campaign_id: UUID, made: str, *statements: str, **words: Any) -> None:
    tenancy.require(organization_id)
    words = {**parameters(), "organization": organization_id, "campaign": campaign_id, **words}
    with connection.cursor() as cursor:
        if made:
            cursor.execute(f"DROP TABLE IF EXISTS {made}")
        for statement in statements:
            cursor.execute(statement, words)
