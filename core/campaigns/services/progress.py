"""What the approval chain and delivery report of a campaign."""

from uuid import UUID

from django.db import transaction
from django.utils import timezone

from core.campaigns.approvals.standing import refuse_unapproved
from core.campaigns.errors import CampaignNotReady, IllegalTransition
from core.campaigns.models import Campaign, CampaignSnapshot
from core.campaigns.preflight import due_problems, edited_problems
from core.campaigns.services.moves import end_unsent, found, move, shortened
from core.campaigns.snapshot import campaign_freeze
from core.campaigns.states import CampaignStatus, PauseReason
from core.subscriptions import usage
from core.subscriptions.choices import Metric


@transaction.atomic
def campaign_to_review(*, campaign: Campaign) -> Campaign:
    """draft → in review. Raises IllegalTransition, ChangedMeanwhile."""
    return move(campaign, CampaignStatus.IN_REVIEW, problem="")


@transaction.atomic
def campaign_agreed(*, campaign: Campaign) -> Campaign:
    """The last stage has agreed: in review → approved. Raises IllegalTransition, ChangedMeanwhile."""
    return move(campaign, CampaignStatus.APPROVED, problem="")


@transaction.atomic
def campaign_begin(*, campaign_id: UUID) -> CampaignSnapshot:
    """Freeze a due campaign and start preparing its mails: scheduled → materialising.

    For one that is being prepared already, it returns what was frozen: a killed worker's successor goes on with it.
    Raises CampaignNotReady when its content has got a hard stop since somebody confirmed it, or anything else has of a
    campaign planned ahead; ApprovalMissing when what was frozen is not what was approved.
    """
    campaign = found(campaign_id)
    if campaign.status != CampaignStatus.MATERIALISING:
        _refuse_unless(campaign, CampaignStatus.SCHEDULED, to=CampaignStatus.MATERIALISING)
        if problems := due_problems(campaign) if campaign.scheduled_local else edited_problems(campaign):
            raise CampaignNotReady(problems)
        move(campaign, CampaignStatus.MATERIALISING)
        snapshot = campaign_freeze(campaign)
        refuse_unapproved(campaign, CampaignSnapshot.objects.filter(campaign=campaign, revision=1))
        return snapshot
    return campaign_freeze(campaign)


def _refuse_unless(campaign: Campaign, status: CampaignStatus, *, to: CampaignStatus) -> None:
    """The table also lets a person's *Resume* make this move; a late job must not lift a pause."""
    if campaign.status != status:
        label = CampaignStatus(campaign.status).label.lower()
        raise IllegalTransition(
            f"“{campaign}” is {label}, not {status.label.lower()}.", before=campaign.status, after=to.value
        )


@transaction.atomic
def campaign_started(*, campaign_id: UUID) -> Campaign:
    """Every mail of the audience stands in the ledger: materialising → sending."""
    campaign = found(campaign_id)
    _refuse_unless(campaign, CampaignStatus.MATERIALISING, to=CampaignStatus.SENDING)
    return move(campaign, CampaignStatus.SENDING, started_at=timezone.now())


@transaction.atomic
def campaign_completed(*, campaign_id: UUID) -> Campaign:
    """Nothing is left to send: sending → sent."""
    return move(found(campaign_id), CampaignStatus.SENT, finished_at=timezone.now())


@transaction.atomic
def campaign_halted(*, campaign_id: UUID, reason: PauseReason, problem: str) -> Campaign:
    """The product itself stops the campaign; `problem` tells a person why and what to do: → paused."""
    problem = shortened(problem)
    return move(found(campaign_id), CampaignStatus.PAUSED, pause_reason=reason, problem=problem)


@transaction.atomic
def campaign_failed(*, campaign_id: UUID, problem: str) -> Campaign:
    """It could not be begun or prepared, nobody got anything: → failed. What was reserved is given back."""
    return end_unsent(found(campaign_id), CampaignStatus.FAILED, problem=shortened(problem))


@transaction.atomic
def campaign_cancelled(*, campaign_id: UUID) -> Campaign:
    """Everybody who had not had it is skipped now: cancelling → cancelled."""
    return move(found(campaign_id), CampaignStatus.CANCELLED, finished_at=timezone.now())


@transaction.atomic
def campaign_correct_reservation(*, campaign_id: UUID, emails: int) -> None:
    """Set what is reserved to the mails the audience really needs, once it is known. Raises LimitReached."""
    campaign = Campaign.objects.select_for_update().get(pk=campaign_id)
    difference = emails - campaign.emails_reserved
    if difference > 0:
        month = campaign.reserved_month
        usage.reserve(organization_id=campaign.organization_id, metric=Metric.EMAILS, amount=difference, month=month)
    elif difference < 0:
        _release_emails(campaign, -difference)
    Campaign.objects.filter(pk=campaign.pk).update(emails_reserved=emails)


def _release_emails(campaign: Campaign, amount: int) -> None:
    usage.release(
        organization_id=campaign.organization_id, metric=Metric.EMAILS, amount=amount, month=campaign.reserved_month
    )
