"""What people do with a campaign that is going out."""

from typing import Any
from uuid import UUID

from django.db import transaction

from core.campaigns.approvals.closing import close_correction_requests
from core.campaigns.errors import ChangedMeanwhile, IllegalTransition
from core.campaigns.models import Campaign
from core.campaigns.services.moves import SWEEP, end_unsent, found, move
from core.campaigns.services.plan import campaign_unschedule
from core.campaigns.states import FROZEN, ApprovalState, CampaignStatus, PauseReason
from core.common.tasks import wake

STOP_ATTEMPTS = 3


@transaction.atomic
def campaign_pause(*, campaign_id: UUID) -> Campaign:
    """Stop a campaign that is going out: no further batch starts. Raises IllegalTransition, ChangedMeanwhile."""
    return move(found(campaign_id), CampaignStatus.PAUSED, pause_reason=PauseReason.MANUAL, problem="")


@transaction.atomic
def campaign_resume(*, campaign_id: UUID) -> Campaign:
    """Go on where the campaign stopped: with its preparation when that had not been finished, else with sending.

    A correction that waits goes to nobody by it; who was asked about it finds that it was taken back.
    """
    campaign = campaign_go_on(found(campaign_id))
    close_correction_requests(campaign, ApprovalState.WITHDRAWN, agreed_too=False)
    return campaign


def campaign_go_on(campaign: Campaign, **fields: Any) -> Campaign:
    """Lift a pause, inside the caller's transaction, and write the fields with it."""
    _refuse_unless_paused(campaign)
    to = CampaignStatus.SENDING if campaign.started_at else CampaignStatus.MATERIALISING
    move(campaign, to, pause_reason="", problem="", **fields)
    wake(SWEEP)
    return campaign


def _refuse_unless_paused(campaign: Campaign) -> None:
    if campaign.status != CampaignStatus.PAUSED:
        label = CampaignStatus(campaign.status).label.lower()
        raise IllegalTransition(
            f"“{campaign}” is {label}: only a paused campaign can be resumed.", before=campaign.status, after="sending"
        )


@transaction.atomic
def campaign_cancel(*, campaign_id: UUID) -> Campaign:
    """Call a campaign off. Before it is frozen it is over at once and what was reserved is given back; later,
    delivery skips everybody who has not had it and then finishes it. Raises IllegalTransition, ChangedMeanwhile."""
    campaign = found(campaign_id)
    if campaign.status in FROZEN:
        move(campaign, CampaignStatus.CANCELLING)
        close_correction_requests(campaign, ApprovalState.WITHDRAWN, agreed_too=False)
        wake(SWEEP)
        return campaign
    return end_unsent(campaign, CampaignStatus.CANCELLED)


def campaign_stop(*, campaign_id: UUID) -> Campaign:
    """The emergency stop: pause what is going out, make a draft of what is about to begin.

    A campaign that moves on at the same moment is tried again. Raises IllegalTransition when there is nothing to stop.
    """
    for attempt in range(1, STOP_ATTEMPTS + 1):
        is_waiting = found(campaign_id).status == CampaignStatus.SCHEDULED
        try:
            return (campaign_unschedule if is_waiting else campaign_pause)(campaign_id=campaign_id)
        except ChangedMeanwhile:
            if attempt == STOP_ATTEMPTS:
                raise
    raise AssertionError("The last attempt returns or raises.")
