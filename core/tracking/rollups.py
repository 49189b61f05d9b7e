"""Events → counters, in SQL. Recomputed, never added to: late, doubled and re-judged events end in the same rows."""

from typing import Any
from uuid import UUID

from django.db import connection

from core.common import tenancy
from core.tracking.choices import PEOPLE, EventType

_CLEAR = "DELETE FROM {table} WHERE organization_id = %(organization)s AND campaign_id = %(campaign)s"

# `firsts`: a message's first event of a type among people, and apart from it among machines. Ties are broken by the
# event's key, which does not depend on the order of arrival.
_HOURS = """
INSERT INTO tracking_campaignhour (id, organization_id, campaign_id, hour, type, verdict, total, firsts)
SELECT engagex_uuid7(), %(organization)s, %(campaign)s, hour, type, verdict, count(*), count(*) FILTER (WHERE place = 1)
FROM (
    SELECT date_trunc('hour', occurred_at, 'UTC') AS hour, type, verdict,
           row_number() OVER (
               PARTITION BY message_id, type, verdict = ANY(%(people)s) ORDER BY occurred_at, event_key
           ) AS place
    FROM tracking_analyticsevent
    WHERE organization_id = %(organization)s AND campaign_id = %(campaign)s
) AS events
GROUP BY hour, type, verdict
"""

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
    """Replace the campaign's rows of CampaignHour and LinkClicks by a recount of its events.

    Call inside a transaction, one call per campaign at a time. Raises OrganizationMismatch outside the scope.
    """
    tenancy.require(organization_id)
    parameters: dict[str, Any] = {
        "organization": organization_id,
        "campaign": campaign_id,
        "people": sorted(verdict.value for verdict in PEOPLE),
        "clicked": EventType.CLICKED.value,
    }
    with connection.cursor() as cursor:
        for table, recount in (("tracking_campaignhour", _HOURS), ("tracking_linkclicks", _LINKS)):
            cursor.execute(_CLEAR.format(table=table), parameters)
            cursor.execute(recount, parameters)
