"""Taking one batch to work on: nobody else gets it, every client has its turn, and no limit is passed.

Pause and cancel against a claim (PostgreSQL, READ COMMITTED; the claim locks the campaign's row FOR SHARE):

1. The claim locks first: the pause waits for its commit, so the claim was before the pause. The intent, which takes
   the same lock, then finds the campaign paused and gives the batch back.
2. The pause locks first: the claim waits, looks at the committed row again, and finds nothing to claim.

A batch of a campaign that is sent is claimed as well: that is the resend an operator asked for afterwards.

A limit may allow less than the batch holds: then the claim has an `allowance`, and after so many mails the batch is
given back. Tokens are taken before the batch, and what of them is not used goes back; a worker that dies in between
takes them along, which errs on the slow side.
"""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction

from core.common.prepared import prepared
from core.common.tenancy import current_scope, organization_scope
from core.delivery.limits import buckets, daily
from core.delivery.limits.buckets import Bucket
from core.delivery.limits.daily import Held
from core.delivery.limits.turns import Admission, Admitted, Turn, turns
from core.delivery.models import Connection
from core.domains.models import SendingDomain

# A claim may be lost when PostgreSQL itself dies: nothing was said to anybody yet, and the intent, which is on disk
# before the first mail, carries the claim there with it. So its commit waits for no disk. Should the lost claim's token
# be given out again, the intent finds another worker's name in the batch. The connection is asked for and not joined:
# for a join the planner likes to read and sort all batches that wait, to take the first.
_CLAIM = """
    WITH unhurried AS (
        SELECT set_config('synchronous_commit', 'off', true)
    ), campaign AS (
        SELECT id, content_revision FROM campaigns_campaign
         WHERE id = %(campaign_id)s AND organization_id = %(organization_id)s AND status IN ('sending', 'sent')
           FOR SHARE
    ), next AS (
        SELECT batch.id, batch.connection_id FROM delivery_deliverybatch AS batch
         WHERE batch.campaign_id = (SELECT id FROM campaign)
           AND batch.state = 'ready' AND batch.due_at <= now()
           AND (SELECT paused_at IS NULL FROM delivery_connection WHERE id = batch.connection_id)
         ORDER BY batch.due_at, batch.number
         LIMIT 1
           FOR UPDATE OF batch SKIP LOCKED
    )
    UPDATE delivery_deliverybatch AS batch
       SET state = 'leased',
           lease_until = now() + %(lease)s * interval '1 second',
           fencing_token = batch.fencing_token + 1,
           worker = %(worker)s
      FROM next JOIN delivery_connection AS connection ON connection.id = next.connection_id
           LEFT JOIN delivery_agencyaccount AS account ON account.id = connection.account_id,
           campaign, unhurried
     WHERE batch.id = next.id
    RETURNING batch.id, batch.organization_id, batch.campaign_id, batch.connection_id,
              greatest(connection.updated_at, account.updated_at), batch.fencing_token, batch.worker,
              (SELECT snapshot.id FROM campaigns_campaignsnapshot AS snapshot
                WHERE snapshot.organization_id = batch.organization_id AND snapshot.campaign_id = batch.campaign_id
                  AND snapshot.variant = batch.variant AND snapshot.revision <= campaign.content_revision
                ORDER BY snapshot.revision DESC LIMIT 1), campaign.content_revision,
              batch.size - batch.accepted_count - batch.suppressed_count - batch.failed_count - batch.retry_count
                         - batch.uncertain_count - batch.unresolved_count
"""


@dataclass(frozen=True, slots=True)
class BatchClaim:
    """A batch that this worker holds as long as its lease lasts and `fencing_token` is the batch's newest.

    Its mails are made from `snapshot_id`, what goes out now at the campaign's `revision`.

    At most `allowance` of its mails may go out (None: all). They are charged to `buckets` and to the day in `held`;
    `give_back` returns what was not used.
    """

    batch_id: UUID
    organization_id: UUID
    campaign_id: UUID
    connection_id: UUID
    connection_changed_at: datetime.datetime
    fencing_token: int
    worker: str
    snapshot_id: UUID
    revision: int
    waiting: int
    allowance: int | None = None
    buckets: tuple[Bucket, ...] = ()
    held: Held | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """What a look for work found. Without a claim, `wait` says in how many seconds the next limit lets something
    through; None: there is nothing to wait for."""

    claim: BatchClaim | None
    wait: float | None = None


def claim_batch(*, worker: str, after: UUID | None = None) -> BatchClaim | None:
    """Claim one due batch and commit; None when nothing may go out now. Call outside of a transaction.

    First come the clients with the fewest batches in work, so that a client's million does not hold back another's
    five hundred; among equals the next one in a circle behind `after`, the client this worker served last. A campaign
    at its limit is passed over.
    """
    return find_batch(worker=worker, after=after).claim


def find_batch(*, worker: str, after: UUID | None = None) -> Found:
    """As `claim_batch`, and says how long limits keep what is there from going out."""
    if current_scope().organization_ids is not None:
        raise RuntimeError("Batches are claimed for all organizations; open all_organizations() first.")
    admission = Admission(turns(after))
    for admitted in admission:
        claim = _claimed(admitted, worker)
        if claim is not None:
            return Found(claim)
    return Found(None, admission.wait)


def _claimed(admitted: Admitted, worker: str) -> BatchClaim | None:
    """Claim the batch of an admitted campaign. None: another worker was quicker, or the day's limit is reached."""
    turn = admitted.turn
    claim = None
    try:
        claim = _claimed_within_the_day(admitted, worker) if turn.has_daily_limit else _claim(admitted, worker)
    finally:
        used = 0 if claim is None else min(claim.waiting, claim.allowance or 0)
        buckets.give_back(turn.request.buckets, (admitted.granted or 0) - used)
    return claim


def _claim(admitted: Admitted, worker: str, held: Held | None = None) -> BatchClaim | None:
    turn = admitted.turn
    parameters = {
        "campaign_id": turn.campaign_id,
        "organization_id": turn.organization_id,
        "lease": settings.DELIVERY_LEASE_SECONDS,
        "worker": worker,
    }
    with prepared(_CLAIM, parameters) as cursor:
        row = cursor.fetchone()
    limits = [limit for limit in (admitted.granted, held.room if held else None) if limit is not None]
    allowance = min(limits, default=None)
    if row is None:
        return None
    return replace(BatchClaim(*row), allowance=allowance, buckets=turn.request.buckets, held=held)


def _claimed_within_the_day(admitted: Admitted, worker: str) -> BatchClaim | None:
    """Claim and count against the day in one transaction."""
    turn = admitted.turn
    with organization_scope(turn.organization_id), transaction.atomic():
        held = daily.hold(turn.organization_id, _subjects(turn))
        if held is not None and held.room <= 0:
            return None
        claim = _claim(admitted, worker, held)
        if claim is not None and held is not None:
            daily.use(held, min(claim.waiting, claim.allowance or 0))
        return claim


def _subjects(turn: Turn) -> Sequence[daily.Subject]:
    domains = SendingDomain.objects.filter(pk=turn.domain_id) if turn.domain_id else []
    return [*Connection.objects.filter(pk=turn.connection_id), *domains]


def give_back(claim: BatchClaim, handed_over: int) -> None:
    """Return what the claim was granted beyond the mails that were really handed over."""
    if claim.allowance is None:
        return
    unused = min(claim.waiting, claim.allowance) - handed_over
    buckets.give_back(claim.buckets, unused)
    if claim.held is not None:
        daily.use(claim.held, -unused)


def renew(claim: BatchClaim) -> bool:
    """Push the end of the lease out. False: the batch is not this worker's any more."""
    return _change(
        claim, "lease_until = now() + %(lease)s * interval '1 second'", "TRUE", lease=settings.DELIVERY_LEASE_SECONDS
    )


def hand_back(claim: BatchClaim) -> bool:
    """Give a batch back that this worker may not go on with (its campaign was paused). Nothing may be on its way."""
    return _change(claim, "state = 'ready', lease_until = NULL", "TRUE")


def close(claim: BatchClaim) -> None:
    """Settle the batch, or give it back where mails of it still wait."""
    if not settle(claim):
        hand_back(claim)


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
           AND batch.fencing_token = %(token)s AND batch.worker = %(worker)s
           AND batch.state IN ('leased', 'dispatching') AND {condition}
    """  # noqa: S608 - both parts are constants of this module
    ids: dict[str, Any] = {
        "batch_id": claim.batch_id,
        "organization_id": claim.organization_id,
        "token": claim.fencing_token,
        "worker": claim.worker,
    }
    with prepared(sql, {**ids, **parameters}) as cursor:
        return cursor.rowcount == 1
