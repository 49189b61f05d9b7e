"""Taking one batch to work on: nobody else gets it, and every client has its turn.

Pause and cancel against a claim (PostgreSQL, READ COMMITTED; the claim locks the campaign's row FOR SHARE):

1. The claim locks first: the pause waits for its commit, so the claim was before the pause. The intent, which takes
   the same lock, then finds the campaign paused and gives the batch back.
2. The pause locks first: the claim waits, looks at the committed row again, and finds nothing to claim.

A batch of a campaign that is sent is claimed as well: that is the resend an operator asked for afterwards.
"""

import datetime
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.conf import settings

from core.common.prepared import prepared
from core.common.tenancy import current_scope

CANDIDATES = 20

# The campaigns with a batch that is due, found by hopping from campaign to campaign through the small partial index:
# the cost grows with the campaigns at work, not with batches or with the campaigns of past years.
_TURNS = """
    WITH RECURSIVE waiting AS (
        (SELECT campaign_id FROM delivery_deliverybatch WHERE state = 'ready' ORDER BY campaign_id LIMIT 1)
        UNION ALL
        SELECT (SELECT batch.campaign_id FROM delivery_deliverybatch AS batch
                 WHERE batch.state = 'ready' AND batch.campaign_id > waiting.campaign_id
                 ORDER BY batch.campaign_id LIMIT 1)
          FROM waiting WHERE waiting.campaign_id IS NOT NULL
    ), busy AS (
        SELECT organization_id, count(*) AS batches FROM delivery_deliverybatch
         WHERE state IN ('leased', 'dispatching') GROUP BY organization_id
    )
    SELECT campaign.organization_id, campaign.id
      FROM waiting
      JOIN campaigns_campaign AS campaign ON campaign.id = waiting.campaign_id
      LEFT JOIN busy ON busy.organization_id = campaign.organization_id
     WHERE campaign.status IN ('sending', 'sent')
       AND EXISTS (SELECT 1 FROM delivery_deliverybatch AS batch
                     JOIN delivery_connection AS connection ON connection.id = batch.connection_id
                    WHERE batch.campaign_id = campaign.id AND batch.state = 'ready' AND batch.due_at <= now()
                      AND connection.paused_at IS NULL)
     ORDER BY coalesce(busy.batches, 0),
              campaign.organization_id <= %(last)s, campaign.organization_id,
              campaign.started_at, campaign.id
     LIMIT %(candidates)s
"""

_CLAIM = """
    WITH campaign AS (
        SELECT id FROM campaigns_campaign
         WHERE id = %(campaign_id)s AND organization_id = %(organization_id)s AND status IN ('sending', 'sent')
           FOR SHARE
    ), next AS (
        SELECT batch.id, connection.updated_at
          FROM delivery_deliverybatch AS batch
          JOIN delivery_connection AS connection ON connection.id = batch.connection_id
         WHERE batch.campaign_id = (SELECT id FROM campaign)
           AND batch.state = 'ready' AND batch.due_at <= now() AND connection.paused_at IS NULL
         ORDER BY batch.due_at, batch.number
         LIMIT 1
           FOR UPDATE OF batch SKIP LOCKED
    )
    UPDATE delivery_deliverybatch AS batch
       SET state = 'leased',
           lease_until = now() + %(lease)s * interval '1 second',
           fencing_token = batch.fencing_token + 1,
           worker = %(worker)s
      FROM next
     WHERE batch.id = next.id
    RETURNING batch.id, batch.organization_id, batch.campaign_id, batch.connection_id, next.updated_at,
              batch.fencing_token, batch.worker
"""

_NOBODY = UUID(int=0)


@dataclass(frozen=True, slots=True)
class BatchClaim:
    """A batch that this worker holds as long as its lease lasts and `fencing_token` is the batch's newest."""

    batch_id: UUID
    organization_id: UUID
    campaign_id: UUID
    connection_id: UUID
    connection_changed_at: datetime.datetime
    fencing_token: int
    worker: str


def claim_batch(*, worker: str, after: UUID | None = None) -> BatchClaim | None:
    """Claim one due batch and commit; None when there is nothing to do. Call outside of a transaction.

    First come the clients with the fewest batches in work, so that a client's million does not hold back another's
    five hundred; among equals the next one in a circle behind `after`, the client this worker served last.
    """
    if current_scope().organization_ids is not None:
        raise RuntimeError("Batches are claimed for all organizations; open all_organizations() first.")
    with prepared(_TURNS, {"last": after or _NOBODY, "candidates": CANDIDATES}) as cursor:
        candidates = cursor.fetchall()
    for organization_id, campaign_id in candidates:
        parameters = {
            "campaign_id": campaign_id,
            "organization_id": organization_id,
            "lease": settings.DELIVERY_LEASE_SECONDS,
            "worker": worker,
        }
        with prepared(_CLAIM, parameters) as cursor:
            row = cursor.fetchone()
        if row is not None:
            return BatchClaim(*row)
    return None


def renew(claim: BatchClaim) -> bool:
    """Push the end of the lease out. False: the batch is not this worker's any more."""
    return _change(
        claim, "lease_until = now() + %(lease)s * interval '1 second'", "TRUE", lease=settings.DELIVERY_LEASE_SECONDS
    )


def hand_back(claim: BatchClaim) -> bool:
    """Give a batch back that this worker may not go on with (its campaign was paused). Nothing may be on its way."""
    return _change(claim, "state = 'ready', lease_until = NULL", "TRUE")


def settle(claim: BatchClaim) -> bool:
    """Close a batch in which no message is waiting any more."""
    nothing_waits = (
        "NOT EXISTS (SELECT 1 FROM delivery_message AS message WHERE message.batch_id = batch.id"
        " AND message.send_state = 'ready')"
    )
    return _change(claim, "state = 'settled', lease_until = NULL, settled_at = now()", nothing_waits)


def _change(claim: BatchClaim, assignment: str, condition: str, **parameters: int) -> bool:
    """One guarded change of a batch that this worker holds."""
    sql = f"""
        UPDATE delivery_deliverybatch AS batch SET {assignment}
         WHERE batch.id = %(batch_id)s AND batch.organization_id = %(organization_id)s
           AND batch.fencing_token = %(token)s AND batch.state IN ('leased', 'dispatching') AND {condition}
    """  # noqa: S608 - both parts are constants of this module
    ids: dict[str, Any] = {
        "batch_id": claim.batch_id,
        "organization_id": claim.organization_id,
        "token": claim.fencing_token,
    }
    with prepared(sql, {**ids, **parameters}) as cursor:
        return cursor.rowcount == 1
