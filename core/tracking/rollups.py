"""Events and ledger → counters, in SQL. Recounted, never added to: late, doubled and re-judged events end in the same
rows."""

from typing import Any
from uuid import UUID

from django.db import connection

from core.common import tenancy
from core.tracking.choices import PEOPLE, EventType
from core.tracking.mailbox_providers import OTHER, PROVIDER_BY_DOMAIN

_CLEAR = "DELETE FROM {table} WHERE organization_id = %(organization)s AND campaign_id = %(campaign)s"

# What each event counts as. `firsts`: a message's first event of a type among people, and apart from it among machines.
# Ties are broken by the event's key, which does not depend on the order of arrival. An accepted mail is a first "sent".
_FACTS = """
WITH providers AS (
    SELECT * FROM unnest(%(domains)s::text[], %(providers)s::text[]) AS known (domain, provider)
), facts AS (
    SELECT event.campaign_id, event.message_id, event.contact_id, event.type, event.verdict, event.device,
           event.bounce_class, event.occurred_at, event.link_id,
           row_number() OVER (
               PARTITION BY event.message_id, event.type, event.verdict = ANY(%(people)s)
                   ORDER BY event.occurred_at, event.event_key
           ) = 1 AS is_first
      FROM tracking_analyticsevent AS event
     WHERE event.organization_id = %(organization)s AND event.campaign_id = ANY(%(campaigns)s) AND event.type <> 'sent'
     UNION ALL
    SELECT campaign_id, id, contact_id, 'sent', 'human', '', '', accepted_at, NULL, true
      FROM delivery_message
     WHERE organization_id = %(organization)s AND campaign_id = ANY(%(campaigns)s) AND send_state = 'accepted'
       AND accepted_at IS NOT NULL
), placed AS (
    SELECT facts.*, lower(split_part(coalesce(nullif(value.address, ''), contact.email), '@', 2)) AS domain
      FROM facts
      JOIN contacts_contact AS contact ON contact.id = facts.contact_id
      LEFT JOIN delivery_messagevalues AS value ON value.message_id = facts.message_id
), known AS (
    SELECT placed.*, coalesce(providers.provider, %(other)s) AS provider
      FROM placed LEFT JOIN providers ON providers.domain = placed.domain
)
"""

_HOURS = f"""
{_FACTS}
INSERT INTO tracking_campaignhour (id, organization_id, campaign_id, hour, type, verdict, total, firsts)
SELECT engagex_uuid7(), %(organization)s, campaign_id, date_trunc('hour', occurred_at, 'UTC'), type, verdict,
       count(*), count(*) FILTER (WHERE is_first)
  FROM facts WHERE type <> 'sent' GROUP BY campaign_id, 4, type, verdict
"""  # noqa: S608 - made of the constants above

_PARTS = f"""
{_FACTS}, divided AS (
    SELECT known.*, part.part, part.value
      FROM known
     CROSS JOIN LATERAL (
           SELECT 'all' AS part, '' AS value
           UNION ALL SELECT 'provider', provider
           UNION ALL SELECT 'domain', domain
           UNION ALL SELECT 'device', device WHERE type IN ('opened', 'clicked')
           UNION ALL SELECT 'bounce', bounce_class WHERE bounce_class <> ''
           UNION ALL SELECT 'group', chosen.group_id::text
                       FROM campaigns_campaigngroup AS chosen
                       JOIN contacts_contactgroupmembership AS membership
                         ON membership.group_id = chosen.group_id AND membership.contact_id = known.contact_id
                        AND membership.organization_id = %(organization)s
                      WHERE chosen.campaign_id = known.campaign_id AND NOT chosen.is_excluded
     ) AS part
)
INSERT INTO tracking_campaignpart (id, organization_id, campaign_id, part, value, type, verdict, total, firsts)
SELECT engagex_uuid7(), %(organization)s, campaign_id, part, value, type, verdict,
       count(*), count(*) FILTER (WHERE is_first)
  FROM divided GROUP BY campaign_id, part, value, type, verdict
"""  # noqa: S608 - made of the constants above

_PERIODS = f"""
{_FACTS}, dated AS (
    SELECT known.*, campaign.from_email AS sender, length.length,
           date_trunc(length.length, occurred_at AT TIME ZONE organization.time_zone)::date AS start
      FROM known
      JOIN campaigns_campaign AS campaign ON campaign.id = known.campaign_id
      JOIN accounts_organization AS organization ON organization.id = %(organization)s
     CROSS JOIN (VALUES ('day'), ('month')) AS length (length)
)
INSERT INTO tracking_organizationperiod
       (id, organization_id, length, start, sender, provider, type, verdict, total, firsts)
SELECT engagex_uuid7(), %(organization)s, length, start, sender, provider, type, verdict,
       count(*), count(*) FILTER (WHERE is_first)
  FROM dated GROUP BY length, start, sender, provider, type, verdict
"""  # noqa: S608 - made of the constants above

_LINKS = """
INSERT INTO tracking_linkclicks (id, organization_id, campaign_id, link_id, verdict, total, firsts)
SELECT engagex_uuid7(), %(organization)s, %(campaign)s, link_id, verdict, count(*), count(*) FILTER (WHERE place = 1)
FROM (
    SELECT link_id, verdict,
           row_number() OVER (
               PARTITION BY message_id, link_id, verdict = ANY(%(people)s) ORDER BY occurred_at, event_key
           ) AS place
    FROM tracking_analyticsevent
    WHERE organization_id = %(organization)s AND campaign_id = %(campaign)s
      AND type = %(clicked)s AND link_id IS NOT NULL
) AS clicks
GROUP BY link_id, verdict
"""


def recompute(*, organization_id: UUID, campaign_id: UUID) -> None:
    """Replace the campaign's rows of CampaignHour, CampaignPart and LinkClicks by a recount of its events and mails.

    Call inside a transaction, one call per campaign at a time. Raises OrganizationMismatch outside the scope.
    """
    tenancy.require(organization_id)
    parameters = _parameters(organization_id, [campaign_id]) | {"campaign": campaign_id}
    recounts = {"tracking_campaignhour": _HOURS, "tracking_campaignpart": _PARTS, "tracking_linkclicks": _LINKS}
    with connection.cursor() as cursor:
        for table, recount in recounts.items():
            cursor.execute(_CLEAR.format(table=table), parameters)
            cursor.execute(recount, parameters)


def recompute_periods(*, organization_id: UUID, campaign_ids: list[UUID]) -> None:
    """Replace the client's rows of OrganizationPeriod by a recount over these campaigns, which should be all of it."""
    tenancy.require(organization_id)
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM tracking_organizationperiod WHERE organization_id = %s", [organization_id])
        cursor.execute(_PERIODS, _parameters(organization_id, campaign_ids))


def _parameters(organization_id: UUID, campaign_ids: list[UUID]) -> dict[str, Any]:
    return {
        "organization": organization_id,
        "campaigns": campaign_ids,
        "people": sorted(verdict.value for verdict in PEOPLE),
        "domains": list(PROVIDER_BY_DOMAIN),
        "providers": list(PROVIDER_BY_DOMAIN.values()),
        "other": OTHER,
        "clicked": EventType.CLICKED.value,
    }
