"""What an event adds to the counters, as SQL.

One row of `tracking_delta` for every campaign, quarter of an hour, domain, type, verdict, device and bounce class:
every clock of the world is off UTC by whole quarters, so hours and days follow from these.
"""

from typing import Any

from core.tracking.choices import PEOPLE
from core.tracking.mailbox_providers import OTHER, PROVIDER_BY_DOMAIN

QUARTER = "date_bin('15 minutes', {at}, '2000-01-01 00:00:00+00')"

DOMAIN = "lower(split_part(coalesce(nullif(value.address, ''), contact.email), '@', 2))"
"""Of the address the mail went to; of the contact's where no address was kept. Reads `value` and `contact`."""

# `firsts`: a message's first event of a type among people, and apart from it among machines. Ties are broken by the
# event's key, which does not depend on the order of arrival. That a mail was sent, the ledger tells.
_COUNTED = """
SELECT event.organization_id, event.campaign_id, event.message_id, event.contact_id, event.type, event.verdict,
       event.device, event.bounce_class, event.occurred_at, event.link_id,
       row_number() OVER (
           PARTITION BY event.message_id, event.type, event.verdict = ANY(%(people)s::text[])
               ORDER BY event.occurred_at, event.event_key
       ) = 1 AS is_first
  FROM tracking_analyticsevent AS event
 WHERE event.type <> 'sent' AND event.occurred_at >= %(since)s AND event.occurred_at < %(until)s AND {which}
"""

_OF_CAMPAIGNS = "event.organization_id = %(organization)s AND event.campaign_id = ANY(%(campaigns)s::uuid[])"
_OF_MESSAGES = "event.message_id = ANY(%(messages)s::uuid[]) AND event.organization_id = ANY(%(organizations)s::uuid[])"


def _contributions(which: str, sign: str) -> str:
    counted = _COUNTED.format(which=which)
    return f"""
SELECT counted.organization_id, counted.campaign_id, {DOMAIN} AS domain,
       {QUARTER.format(at="counted.occurred_at")} AS quarter, counted.type, counted.verdict, counted.device,
       counted.bounce_class, {sign} count(*) AS total, {sign} count(*) FILTER (WHERE is_first) AS firsts
  FROM ({counted}) AS counted
  JOIN contacts_contact AS contact ON contact.id = counted.contact_id
  LEFT JOIN delivery_messagevalues AS value ON value.message_id = counted.message_id
 GROUP BY 1, 2, 3, 4, 5, 6, 7, 8
"""  # noqa: S608 - made of the constants above


def _clicks(which: str, sign: str) -> str:
    return f"""
SELECT organization_id, campaign_id, link_id, verdict, {sign} count(*) AS total,
       {sign} count(*) FILTER (WHERE is_first) AS firsts
  FROM (SELECT event.organization_id, event.campaign_id, event.link_id, event.verdict,
               row_number() OVER (
                   PARTITION BY event.message_id, event.link_id, event.verdict = ANY(%(people)s::text[])
                       ORDER BY event.occurred_at, event.event_key
               ) = 1 AS is_first
          FROM tracking_analyticsevent AS event
         WHERE event.type = 'clicked' AND event.link_id IS NOT NULL AND event.occurred_at >= %(since)s
           AND event.occurred_at < %(until)s AND {which}) AS clicks
 GROUP BY 1, 2, 3, 4
"""  # noqa: S608 - made of the constants above


OF_CAMPAIGNS, CLICKS_OF_CAMPAIGNS = _contributions(_OF_CAMPAIGNS, ""), _clicks(_OF_CAMPAIGNS, "")
OF_MESSAGES, CLICKS_OF_MESSAGES = _contributions(_OF_MESSAGES, ""), _clicks(_OF_MESSAGES, "")
BEFORE_OF_MESSAGES, CLICKS_BEFORE_OF_MESSAGES = _contributions(_OF_MESSAGES, "-"), _clicks(_OF_MESSAGES, "-")

# Counters and events are written together, so that the counters know when a campaign's events were.
SPAN = """
SELECT coalesce(min(hour), '-infinity')::text, coalesce(max(hour) + interval '1 hour', '-infinity')::text
  FROM tracking_campaignhour WHERE campaign_id = ANY(%(campaigns)s::uuid[])
"""


def parameters() -> dict[str, Any]:
    return {
        "people": sorted(verdict.value for verdict in PEOPLE),
        "domains": list(PROVIDER_BY_DOMAIN),
        "providers": list(PROVIDER_BY_DOMAIN.values()),
        "other": OTHER,
    }
