"""Asking for approval, asking again, and taking it back."""

from uuid import UUID

from django.db import transaction
from django.utils import timezone

from core.accounts import audit
from core.accounts.models import User
from core.campaigns.approvals.closing import close, close_open
from core.campaigns.approvals.errors import AlreadyAnswered, ApprovalRefused, NotYours
from core.campaigns.approvals.hashing import UNREADABLE, Fingerprint, campaign_fingerprint
from core.campaigns.approvals.links import expiry
from core.campaigns.approvals.people import may_manage, reviewers_of
from core.campaigns.approvals.queries import is_live
from core.campaigns.approvals.services.records import (
    Asked,
    closed_words,
    locked,
    locked_campaign,
)
from core.campaigns.approvals.standing import stages_of, standing_for
from core.campaigns.errors import CampaignNotReady
from core.campaigns.models import Approval, Campaign
from core.campaigns.preflight import known_problems
from core.campaigns.preflight.approval import NEEDS_APPROVAL
from core.campaigns.services import campaign_to_draft, campaign_to_review, refuse_other_version
from core.campaigns.states import ApprovalStage, ApprovalState, CampaignStatus
from core.common.tasks import wake
from core.subscriptions.features import CLIENT_APPROVAL
from core.subscriptions.queries import require_feature

LONGEST_LINK_DAYS = 60
SEND_TASK = "delivery.send_approval_mails"
_ASKED_BEFORE_ASKING = frozenset({"who", "what", "from"})
_IN_THE_CHAIN = (CampaignStatus.IN_REVIEW, CampaignStatus.APPROVED)


@transaction.atomic
def approval_request(*, campaign_id: UUID, version: int | None, by: User, asked: Asked) -> Approval:
    """Put a draft into review and ask the first stage that has not agreed to exactly this yet.

    Raises ApprovalRefused (no rule, agreed already, nobody to ask), FeatureLocked, CampaignNotReady when the content
    cannot be looked at, NotYours, IllegalTransition, ChangedMeanwhile; then nothing has changed.
    """
    campaign = locked_campaign(campaign_id)
    if ApprovalStage.CLIENT in stages_of(campaign.organization):
        # Said before the team has worked on it: the client's turn would come later.
        require_feature(campaign.organization_id, CLIENT_APPROVAL)
    if not may_manage(by, campaign.organization_id):
        raise NotYours(f"Asking for approval needs the right to write campaigns of {campaign.organization}.")
    refuse_other_version(campaign, version)
    fingerprint = campaign_fingerprint(campaign)
    stage = _first_stage(campaign, fingerprint)
    if stage == ApprovalStage.INTERNAL and not reviewers_of(
        campaign.organization, without=(by.pk, campaign.created_by_id)
    ):
        raise ApprovalRefused(
            f"Nobody else may approve for {campaign.organization}: it takes a second member with the right to send. "
            "Add one under Members."
        )
    close_open(campaign, ApprovalState.WITHDRAWN)
    approval = open_stage(campaign, stage, fingerprint.whole, asked, by, parts=fingerprint.parts)
    campaign_to_review(campaign=campaign)
    return approval


def _first_stage(campaign: Campaign, fingerprint: Fingerprint) -> ApprovalStage:
    """Raises ApprovalRefused and CampaignNotReady."""
    stages = stages_of(campaign.organization)
    if not stages:
        raise ApprovalRefused(f"{campaign.organization} asks for no approval: “{campaign}” can be sent as it is.")
    problems = [
        problem
        for problem in known_problems(campaign, None)
        if problem.where in _ASKED_BEFORE_ASKING and problem.code != NEEDS_APPROVAL and "domain" not in problem.code
    ]
    if problems or fingerprint.whole == UNREADABLE:
        raise CampaignNotReady(problems)
    missing = standing_for(campaign, fingerprint.whole).missing
    if not missing:
        raise ApprovalRefused(f"“{campaign}” is approved as it stands. It can be sent.")
    return missing[0]


def open_stage(
    campaign: Campaign,
    stage: ApprovalStage,
    content_hash: str,
    asked: Asked,
    by: User | None,
    *,
    parts: dict[str, str] | None = None,
    revision: int = 0,
) -> Approval:
    """The request as a row, and for the client its mail. `revision` as in Approval. Raises FeatureLocked."""
    is_client = stage == ApprovalStage.CLIENT
    if is_client:
        require_feature(campaign.organization_id, CLIENT_APPROVAL)
    approval = Approval.objects.create(
        organization_id=campaign.organization_id,
        campaign=campaign,
        stage=stage,
        revision=revision,
        content_hash=content_hash,
        parts=parts or {},
        asked_by=by,
        note=asked.note,
        approver_name=asked.approver_name,
        approver_email=asked.approver_email,
        language=asked.language,
        link_days=asked.link_days,
        expires_at=expiry(asked.link_days) if is_client else None,
        mail_due_at=timezone.now() if is_client and asked.approver_email else None,
    )
    whom = asked.approver_name or asked.approver_email or "the client" if is_client else "a second member"
    audit.record(action="approval.asked", obj=approval, changes={"asked": [None, whom]})
    if approval.mail_due_at:
        wake(SEND_TASK, organization_id=campaign.organization_id)
    return approval


@transaction.atomic
def approval_withdraw(*, campaign_id: UUID, by: User) -> Campaign:
    """End the review, or give up an approval: the campaign is a draft again and links to it say so.

    Raises NotYours, ApprovalRefused, ChangedMeanwhile.
    """
    campaign = locked_campaign(campaign_id)
    if not may_manage(by, campaign.organization_id):
        raise NotYours(f"This needs the right to write campaigns of {campaign.organization}.")
    if campaign.status not in _IN_THE_CHAIN:
        raise ApprovalRefused(f"“{campaign}” is {campaign.get_status_display().lower()}: there is nothing to withdraw.")
    close_open(campaign, ApprovalState.WITHDRAWN)
    for approval in Approval.objects.filter(campaign=campaign, state=ApprovalState.APPROVED):
        close(approval, ApprovalState.WITHDRAWN)
    return campaign_to_draft(campaign=campaign)


@transaction.atomic
def approval_remind(*, approval_id: UUID, by: User | None) -> Approval:
    """Mail the client's link once more, good for its days from now on. `by` None is the product itself.

    Raises AlreadyAnswered, ApprovalRefused, NotYours.
    """
    campaign, approval = locked(approval_id)
    if by is not None and not may_manage(by, campaign.organization_id):
        raise NotYours(f"This needs the right to write campaigns of {campaign.organization}.")
    if not is_live(approval, campaign):
        raise AlreadyAnswered(closed_words(approval), state=approval.state)
    if approval.stage != ApprovalStage.CLIENT or not approval.approver_email:
        raise ApprovalRefused("There is no address to remind: copy the link and hand it over yourself.")
    approval.expires_at = expiry(approval.link_days)
    approval.mail_due_at = approval.reminded_at = timezone.now()
    approval.mail_attempts, approval.mail_problem = 0, ""
    approval.save(update_fields=["expires_at", "mail_due_at", "reminded_at", "mail_attempts", "mail_problem"])
    audit.record(action="approval.reminded", obj=approval, changes={"mailed to": [None, approval.approver_email]})
    wake(SEND_TASK, organization_id=campaign.organization_id)
    return approval
