"""Healing what dead workers and silent providers left behind. Every function may run twice, and at the same time.

Cases of a batch whose lease ran out:

1. leased: no intent was committed, nothing was sent. It is ready again.
2. dispatching, with an unfinished attempt: its mails may have gone out. They become uncertain and are never sent again
   by themselves; the rest of the batch was not touched and is ready again.
3. dispatching, all attempts finished: the worker died between two slices. As in 2, with nobody in doubt.

The old worker may be alive after all: the next claim has a higher fencing token, so its intents and outcomes are
refused, and its late answers serve as proof only.
"""

from collections.abc import Iterable
from itertools import groupby
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from core.common.tenancy import require
from core.delivery import outcomes
from core.delivery.batches import new_batch
from core.delivery.outcomes import Move
from core.delivery.states import SendState, SkipReason

BATCHES_PER_SWEEP = 200
MESSAGES_PER_SWEEP = 5_000

# A worker that is writing an outcome holds the batch's row: skipped here, found settled or expired by the next sweep.
_EXPIRED = """
    SELECT id, organization_id, campaign_id, state FROM delivery_deliverybatch
     WHERE state IN ('leased', 'dispatching') AND lease_until < now()
     ORDER BY lease_until
     LIMIT 1
       FOR UPDATE SKIP LOCKED
"""

_CLOSE_ATTEMPTS = """
    UPDATE delivery_sendattempt SET finished_at = now(), result = '{"lease_expired": true}'
     WHERE batch_id = %s AND organization_id = %s AND finished_at IS NULL
    RETURNING message_ids
"""

_REOPEN = """
    UPDATE delivery_deliverybatch AS batch
       SET state = CASE WHEN waits.any THEN 'ready' ELSE 'settled' END,
           settled_at = CASE WHEN NOT waits.any THEN now() END,
           lease_until = NULL
      FROM (SELECT EXISTS (SELECT 1 FROM delivery_message
                            WHERE batch_id = %(batch_id)s AND send_state = 'ready') AS any) AS waits
     WHERE batch.id = %(batch_id)s AND batch.organization_id = %(organization_id)s
"""

# In order of campaign, connection and variant, so that neighbours share a batch. Rows that another sweep holds are left
# to it.
_DUE_AGAIN = """
    SELECT message.organization_id, message.campaign_id, batch.connection_id, batch.variant, connection.batch_size,
           message.id
      FROM delivery_message AS message
      JOIN delivery_deliverybatch AS batch ON batch.id = message.batch_id
      JOIN delivery_connection AS connection ON connection.id = batch.connection_id
      JOIN campaigns_campaign AS campaign ON campaign.id = message.campaign_id
     WHERE message.send_state = 'retry_wait' AND message.due_at <= now()
       AND campaign.status IN ('sending', 'sent') AND connection.paused_at IS NULL
     ORDER BY message.campaign_id, batch.connection_id, batch.variant, message.id
     LIMIT %s
       FOR UPDATE OF message SKIP LOCKED
"""

_UNPROVEN = """
    SELECT organization_id, campaign_id, id FROM delivery_message
     WHERE send_state = 'uncertain' AND due_at <= now()
     ORDER BY campaign_id, id
     LIMIT %s
       FOR UPDATE SKIP LOCKED
"""


def recover_expired_batches() -> int:
    """Take back batches of workers that gave no sign of life, each in its own transaction; how many."""
    recovered = 0
    while recovered < BATCHES_PER_SWEEP and _recover_one():
        recovered += 1
    return recovered


def requeue_due_retries() -> int:
    """Put messages whose waiting time is over into new batches; how many messages."""
    with transaction.atomic():
        rows = _rows(_DUE_AGAIN, [MESSAGES_PER_SWEEP])
        for (organization_id, campaign_id, connection_id, variant, size), group in groupby(
            rows, key=lambda row: row[:5]
        ):
            message_ids = [row[5] for row in group]
            for start in range(0, len(message_ids), size):
                batch_id = new_batch(
                    organization_id=organization_id,
                    campaign_id=campaign_id,
                    connection_id=connection_id,
                    variant=variant,
                )
                moves = [
                    Move(message_id, SendState.READY, batch_id=batch_id)
                    for message_id in message_ids[start : start + size]
                ]
                outcomes.write(organization_id=organization_id, campaign_id=campaign_id, moves=moves)
    return len(rows)


def give_up_on_proof() -> int:
    """Hand mails whose doubt nobody settled in time to a person; how many."""
    with transaction.atomic():
        rows = _rows(_UNPROVEN, [MESSAGES_PER_SWEEP])
        for (organization_id, campaign_id), group in groupby(rows, key=lambda row: row[:2]):
            moves = [Move(row[2], SendState.UNRESOLVED, SkipReason.NO_PROOF) for row in group]
            outcomes.write(organization_id=organization_id, campaign_id=campaign_id, moves=moves)
    return len(rows)


@transaction.atomic
def _recover_one() -> bool:
    rows = _rows(_EXPIRED, [])
    if not rows:
        return False
    batch_id, organization_id, campaign_id, _state = rows[0]
    require(organization_id)
    attempts = _rows(_CLOSE_ATTEMPTS, [batch_id, organization_id])
    message_ids = [message_id for (ids,) in attempts for message_id in ids]
    outcomes.doubt(organization_id=organization_id, campaign_id=campaign_id, message_ids=message_ids)
    _reopen(batch_id, organization_id)
    return True


def _reopen(batch_id: UUID, organization_id: UUID) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_REOPEN, {"batch_id": batch_id, "organization_id": organization_id})


def _rows(sql: str, parameters: Iterable[Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, list(parameters))
        return cursor.fetchall()
