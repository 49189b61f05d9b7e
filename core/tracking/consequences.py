"""What events mean for contacts. Reads the new events of the running intake and calls the contacts' own services.

| what came | the contact |
|---|---|
| a mailbox that does not exist (bounces.HARD) | bounced and suppressed at once |
| full, given up after days, on the provider's list (bounces.COUNTED) | the same, after so many days of it in a month |
| reputation, authentication, content, policy, too many (bounces.ABOUT_SENDER) | nothing: it is about the sender |
|   … | and the client's team sees a SendingAlert, one for each domain, kind and day |
| a complaint | complained and suppressed at once |
| an unsubscription at the provider, or by mail | unsubscribed and suppressed at once |
"""

from typing import Any
from uuid import UUID

from django.conf import settings

from core.contacts.choices import SuppressionReason
from core.contacts.services import contacts_stop
from core.delivery.bounces import COUNTED, HARD, BounceClass
from core.tracking.choices import AlertKind

# A bounce speaks of the address the mail went to: whoever has another one by now is left alone.
_GONE = """
SELECT DISTINCT fresh.contact_id
  FROM tracking_fresh AS fresh JOIN contacts_contact AS contact ON contact.id = fresh.contact_id
  LEFT JOIN delivery_messagevalues AS value ON value.message_id = fresh.message_id
 WHERE fresh.bounce_class = ANY(%(classes)s::text[])
   AND (coalesce(value.address, '') = '' OR lower(value.address) = lower(contact.email))
"""
_SAID = "SELECT DISTINCT contact_id FROM tracking_fresh WHERE type = %(type)s OR bounce_class = %(elsewhere)s"

# In any month that ends with one of the bounces, counted by days: three mails on one bad day are one.
_OFTEN = """
SELECT DISTINCT contact_id FROM (
    SELECT last.contact_id
      FROM tracking_analyticsevent AS last
      JOIN tracking_analyticsevent AS one
        ON one.contact_id = last.contact_id AND one.organization_id = last.organization_id
       AND one.bounce_class = ANY(%(classes)s::text[])
       AND one.occurred_at <= last.occurred_at AND one.occurred_at > last.occurred_at - %(days)s * interval '1 day'
     WHERE last.contact_id = ANY(%(contacts)s::uuid[]) AND last.bounce_class = ANY(%(classes)s::text[])
     GROUP BY last.contact_id, last.id
    HAVING count(DISTINCT (one.occurred_at AT TIME ZONE 'UTC')::date) >= %(often)s
) AS contacts
"""

# Once for each kind, domain and day, whatever order events come in: counts add up, times are the least and the
# greatest, words and campaign those of the first. Written in the order of the key, as everywhere.
_ALERTS = """
WITH held AS (
    SELECT fresh.organization_id, fresh.bounce_class AS kind, lower(split_part(campaign.from_email, '@', 2)) AS domain,
           (fresh.occurred_at AT TIME ZONE 'UTC')::date AS day, fresh.campaign_id, fresh.occurred_at,
           (SELECT coalesce(min(left(event.seen ->> 'words', 500)), '') FROM tracking_analyticsevent AS event
             WHERE event.message_id = fresh.message_id AND event.organization_id = fresh.organization_id
               AND event.bounce_class = fresh.bounce_class AND event.occurred_at = fresh.occurred_at) AS words
      FROM tracking_fresh AS fresh JOIN campaigns_campaign AS campaign ON campaign.id = fresh.campaign_id
     WHERE fresh.bounce_class = ANY(%(kinds)s::text[])
), first AS (
    SELECT DISTINCT ON (organization_id, kind, domain, day) *
      FROM held ORDER BY organization_id, kind, domain, day, occurred_at, words, campaign_id
), counted AS (
    SELECT organization_id, kind, domain, day, count(*) AS mails, max(occurred_at) AS last
      FROM held GROUP BY organization_id, kind, domain, day
)
INSERT INTO tracking_sendingalert AS alert
       (id, organization_id, kind, domain, day, campaign_id, words, count, first_seen, last_seen)
SELECT engagex_uuid7(), first.organization_id, first.kind, first.domain, first.day, first.campaign_id, first.words,
       counted.mails, first.occurred_at, counted.last
  FROM first JOIN counted USING (organization_id, kind, domain, day)
 ORDER BY organization_id, kind, domain, day
    ON CONFLICT (organization_id, kind, domain, day) DO UPDATE SET
       count = alert.count + excluded.count,
       (words, campaign_id) = (
           SELECT told.words, told.campaign_id
             FROM (VALUES (alert.first_seen, alert.words, alert.campaign_id),
                          (excluded.first_seen, excluded.words, excluded.campaign_id)
                  ) AS told (seen, words, campaign_id)
            ORDER BY told.seen, told.words, told.campaign_id LIMIT 1
       ),
       first_seen = least(alert.first_seen, excluded.first_seen),
       last_seen = greatest(alert.last_seen, excluded.last_seen)
"""


def apply(cursor: Any) -> None:
    """Stop mailing whom the new events say so. Inside the intake's transaction."""
    complained = _ids(cursor, _SAID, type="complained", elsewhere=BounceClass.COMPLAINED_THERE.value)
    left = _ids(cursor, _SAID, type="unsubscribed", elsewhere=BounceClass.LEFT_THERE.value)
    gone = _ids(cursor, _GONE, classes=sorted(HARD))
    maybe = _ids(cursor, _GONE, classes=sorted(COUNTED))
    often: list[UUID] = []
    if maybe:
        often = _ids(
            cursor,
            _OFTEN,
            contacts=maybe,
            classes=sorted(COUNTED),
            days=settings.BOUNCE_DAYS,
            often=settings.BOUNCES_BEFORE_STOP,
        )
    for contact_ids, reason, note in (
        (complained, SuppressionReason.COMPLAINED, "complaint reported by the mailbox provider"),
        ([*gone, *often], SuppressionReason.BOUNCED, "bounce reported by the mail server"),
        (left, SuppressionReason.UNSUBSCRIBED, "unsubscribed by mail or at the mail provider"),
    ):
        if contact_ids:
            contacts_stop(contact_ids=contact_ids, reason=reason, note=note)
    cursor.execute(_ALERTS, {"kinds": sorted(AlertKind.values)})


def _ids(cursor: Any, sql: str, **parameters: Any) -> list[UUID]:
    cursor.execute(sql, parameters)
    return [row[0] for row in cursor.fetchall()]
