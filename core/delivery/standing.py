"""The ledger's answers to the pages of a campaign: who had it, in which version, and how an A/B test stands.

From batches and attempts wherever possible: a million mails are ten thousand rows there.
"""

import datetime
from typing import Any
from uuid import UUID

from django.db import connection

from core.campaigns.ledger import LedgerSource, SampleState, Standing, VariantResult, VersionUse
from core.campaigns.models import Campaign
from core.common.tenancy import require
from core.contacts.segments.people import time_limit
from core.delivery.batches import HELD_UNTIL
from core.delivery.circuit import last_stop
from core.delivery.queries import campaign_progress

# All attempts of most batches lie on one side of every correction, and their accepted mails are of one version. Only
# the few batches that were cut in two by a pause are counted mail by mail. `activated_at` and `started_at` are both the
# database's clock, and no attempt with the old content can begin after the correction (see `intent`).
_VERSIONS = """
    WITH version AS (
        SELECT snapshot.id, snapshot.variant, coalesce(snapshot.activated_at, '-infinity') AS since,
               coalesce(lead(snapshot.activated_at) OVER (PARTITION BY snapshot.variant ORDER BY snapshot.revision),
                        'infinity') AS until
          FROM campaigns_campaign AS campaign
          JOIN campaigns_campaignsnapshot AS snapshot
            ON snapshot.campaign_id = campaign.id AND snapshot.revision <= campaign.content_revision
         WHERE campaign.id = %(campaign_id)s AND campaign.organization_id = %(organization_id)s
    ), span AS (
        SELECT batch.id, batch.variant, batch.accepted_count, min(attempt.started_at) AS first,
               max(attempt.started_at) AS last
          FROM delivery_deliverybatch AS batch
          JOIN delivery_sendattempt AS attempt ON attempt.batch_id = batch.id
         WHERE batch.campaign_id = %(campaign_id)s AND batch.organization_id = %(organization_id)s
           AND batch.accepted_count > 0
         GROUP BY batch.id
    ), whole AS (
        SELECT version.id, span.accepted_count AS people, span.first, span.last
          FROM span JOIN version
            ON version.variant = span.variant AND span.first >= version.since AND span.last < version.until
    ), parted AS (
        SELECT kept.snapshot_id AS id, count(*) AS people, min(kept.written_at) AS first, max(kept.written_at) AS last
          FROM span
          JOIN version ON version.variant = span.variant AND span.first < version.since AND span.last >= version.since
          JOIN delivery_message AS message ON message.batch_id = span.id AND message.send_state = 'accepted'
          JOIN delivery_messagevalues AS kept ON kept.message_id = message.id
         GROUP BY span.id, kept.snapshot_id
    )
    SELECT id, sum(people), min(first), max(last)
      FROM (SELECT * FROM whole UNION ALL SELECT * FROM parted) AS counted GROUP BY id
"""

# When nine tenths of what was accepted had been accepted: a few mails that wait for another try for hours would put the
# decision off for as long.
_SAMPLE = """
    WITH settled AS (
        SELECT settled_at, sum(accepted_count) OVER (ORDER BY settled_at) AS so_far,
               sum(accepted_count) OVER () AS accepted
          FROM delivery_deliverybatch
         WHERE campaign_id = %(campaign_id)s AND organization_id = %(organization_id)s
           AND variant > 0 AND state = 'settled'
    ), batch AS (
        SELECT sum(size - suppressed_count) FILTER (WHERE variant > 0) AS sample,
               sum(accepted_count) FILTER (WHERE variant > 0) AS accepted,
               sum(size - suppressed_count) FILTER (WHERE variant = 0 AND state = 'ready' AND due_at = %(held_until)s)
                   AS held,
               bool_or(variant > 0 AND state <> 'settled') AS is_open
          FROM delivery_deliverybatch
         WHERE campaign_id = %(campaign_id)s AND organization_id = %(organization_id)s
    )
    SELECT coalesce(sample, 0), coalesce(accepted, 0), coalesce(held, 0),
           CASE WHEN NOT is_open THEN (SELECT min(settled_at) FROM settled WHERE so_far >= 0.9 * accepted) END,
           now()
      FROM batch
"""

_RESULTS = """
    SELECT batch.variant, count(*), count(message.opened_at), count(message.clicked_at)
      FROM delivery_deliverybatch AS batch
      JOIN delivery_message AS message ON message.batch_id = batch.id
     WHERE batch.campaign_id = %(campaign_id)s AND batch.organization_id = %(organization_id)s
       AND batch.variant > 0 AND message.send_state = 'accepted'
       AND message.accepted_at <= %(until)s
     GROUP BY batch.variant ORDER BY batch.variant
"""

_NEXT_DUE = """
    SELECT min(due_at) FROM delivery_deliverybatch
     WHERE campaign_id = %(campaign_id)s AND organization_id = %(organization_id)s
       AND state = 'ready' AND due_at < %(held_until)s
    HAVING min(due_at) > now()
"""

_RELEASE = """
    UPDATE delivery_deliverybatch SET variant = %(variant)s, due_at = now()
     WHERE campaign_id = %(campaign_id)s AND organization_id = %(organization_id)s
       AND variant = 0 AND state = 'ready' AND due_at = %(held_until)s
"""


def standing(campaign: Campaign) -> Standing:
    """Who had it, from the batches."""
    progress = campaign_progress(campaign.pk)
    return Standing(
        had=progress.accepted,
        in_doubt=progress.uncertain + progress.unresolved,
        waiting=progress.waiting + progress.retrying,
        skipped=progress.skipped,
        failed=progress.failed,
    )


def versions(campaign: Campaign) -> dict[UUID, VersionUse]:
    """How many people had each version that went out, by the id of its snapshot."""
    return {row[0]: VersionUse(int(row[1]), row[2], row[3]) for row in _rows(_VERSIONS, campaign)}


def sample(campaign: Campaign) -> SampleState:
    """How far the sample of an A/B test is, from the batches."""
    found, accepted, held, out_since, now = _rows(_SAMPLE, campaign)[0]
    return SampleState(int(found), int(accepted), int(held), out_since, now)


def results(
    campaign: Campaign, until: datetime.datetime | None = None, seconds: float | None = None
) -> list[VariantResult]:
    """What the sample did, variant by variant: mails accepted up to `until` (None: all). Raises TookTooLong
    past `seconds` (None: no limit)."""
    latest = until or datetime.datetime.max.replace(tzinfo=datetime.UTC)
    with time_limit(seconds):
        return [VariantResult(*row) for row in _rows(_RESULTS, campaign, until=latest)]


def next_due_at(campaign: Campaign) -> datetime.datetime | None:
    """When the next people of a running campaign are due; None when some are due now, or nobody has a time."""
    rows = _rows(_NEXT_DUE, campaign)
    return rows[0][0] if rows else None


def release(campaign: Campaign, variant: int) -> int:
    """Give everybody who waits for the winner this variant, inside the caller's transaction; how many batches."""
    require(campaign.organization_id)
    with connection.cursor() as cursor:
        cursor.execute(_RELEASE, {**_names(campaign), "variant": variant})
        return cursor.rowcount


def _rows(sql: str, campaign: Campaign, **parameters: Any) -> list[tuple[Any, ...]]:
    require(campaign.organization_id)
    with connection.cursor() as cursor:
        cursor.execute(sql, {**_names(campaign), **parameters})
        return cursor.fetchall()


def _names(campaign: Campaign) -> dict[str, Any]:
    return {"organization_id": campaign.organization_id, "campaign_id": campaign.pk, "held_until": HELD_UNTIL}


LEDGER = LedgerSource(standing, versions, sample, results, next_due_at, release, last_stop)
