"""The end of a campaign: everybody has a final answer, or it was called off."""

import logging
from collections.abc import Callable
from uuid import UUID

from django.db import connection, transaction

from core.campaigns.models import Campaign
from core.campaigns.services import campaign_cancelled, campaign_completed, campaign_correct_reservation
from core.campaigns.states import CampaignStatus
from core.common.errors import DomainError
from core.common.tenancy import require
from core.delivery import outcomes
from core.delivery.outcomes import Move
from core.delivery.states import SendState, SkipReason

logger = logging.getLogger(__name__)

MESSAGES_PER_STEP = 5_000

# From batch rows only: a million messages are ten thousand rows here. Mails in doubt do not keep a campaign open.
_FINISHED = """
    SELECT campaign.id FROM campaigns_campaign AS campaign
     WHERE campaign.status = 'sending'
       AND NOT EXISTS (SELECT 1 FROM delivery_deliverybatch AS batch
                        WHERE batch.campaign_id = campaign.id
                          AND (batch.state <> 'settled' OR batch.retry_count > 0))
"""

# Batches in a worker's hands are left to it: it finds the campaign cancelled before its next slice and gives the rest
# back, or its lease runs out.
_LOCK_READY_BATCHES = """
    SELECT id FROM delivery_deliverybatch
     WHERE campaign_id = %(campaign_id)s AND organization_id = %(organization_id)s AND state = 'ready'
     ORDER BY number LIMIT 50
       FOR UPDATE SKIP LOCKED
"""
_STILL_OPEN = """
    SELECT id FROM delivery_message
     WHERE campaign_id = %(campaign_id)s AND organization_id = %(organization_id)s
       AND ((send_state = 'ready' AND batch_id = ANY(%(batch_ids)s)) OR send_state = 'retry_wait')
     ORDER BY id LIMIT %(limit)s
       FOR UPDATE SKIP LOCKED
"""
_CLOSE_EMPTY = """
    UPDATE delivery_deliverybatch AS batch SET state = 'settled', settled_at = now()
     WHERE batch.id = ANY(%(batch_ids)s) AND batch.organization_id = %(organization_id)s AND batch.state = 'ready'
       AND NOT EXISTS (SELECT 1 FROM delivery_message AS message
                        WHERE message.batch_id = batch.id AND message.send_state = 'ready')
"""


def complete_finished_campaigns() -> int:
    """Close the campaigns in which nobody waits any more; how many."""
    with connection.cursor() as cursor:
        cursor.execute(_FINISHED)
        ids = [row[0] for row in cursor.fetchall()]
    return sum(_closed(campaign_id, campaign_completed) for campaign_id in ids)


def cancel_called_off_campaigns() -> int:
    """Skip everybody who has not had a campaign that is being cancelled, then close it; how many were closed."""
    campaigns = Campaign.objects.filter(status=CampaignStatus.CANCELLING)
    return sum(_cancel(campaign) for campaign in campaigns)


def _closed(campaign_id: UUID, close: Callable[..., object]) -> bool:
    try:
        close(campaign_id=campaign_id)
    except DomainError as error:
        # Paused or cancelled between the two statements: the next sweep looks again.
        logger.info("Campaign %s was not closed: %s", campaign_id, error)
        return False
    return True


def _cancel(campaign: Campaign) -> bool:
    """Skip the rest in steps, each a commit. False while a worker still holds one of the batches."""
    if campaign.started_at is None:
        # Called off before its mails were counted one by one: the whole reservation is given back at once.
        campaign_correct_reservation(campaign_id=campaign.pk, emails=0)
    while _cancel_step(campaign):
        pass
    return not campaign_has_open_work(campaign.pk) and _closed(campaign.pk, campaign_cancelled)


@transaction.atomic
def _cancel_step(campaign: Campaign) -> int:
    """Skip up to some thousand people in one transaction; how many. Their mails are given back to the plan."""
    require(campaign.organization_id)
    ids = {"campaign_id": campaign.pk, "organization_id": campaign.organization_id}
    with connection.cursor() as cursor:
        cursor.execute(_LOCK_READY_BATCHES, ids)
        batch_ids = [row[0] for row in cursor.fetchall()]
        cursor.execute(_STILL_OPEN, {**ids, "batch_ids": batch_ids, "limit": MESSAGES_PER_STEP})
        message_ids = [row[0] for row in cursor.fetchall()]
        outcomes.write(
            organization_id=campaign.organization_id,
            campaign_id=campaign.pk,
            moves=[Move(message_id, SendState.SUPPRESSED, SkipReason.CANCELLED) for message_id in message_ids],
            is_charged=campaign.started_at is not None,
        )
        cursor.execute(_CLOSE_EMPTY, {**ids, "batch_ids": batch_ids})
        return len(message_ids) + cursor.rowcount


def campaign_has_open_work(campaign_id: UUID) -> bool:
    """Whether any batch is not settled or any message waits for another try; from batch rows only."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT 1 FROM delivery_deliverybatch"
            " WHERE campaign_id = %s AND (state <> 'settled' OR retry_count > 0))",
            [campaign_id],
        )
        return bool(cursor.fetchone()[0])
