"""What an edit does to requests and approvals, and what time does."""

import datetime
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from core.campaigns.approvals.closing import close, close_open
from core.campaigns.approvals.errors import AlreadyAnswered
from core.campaigns.approvals.hashing import Fingerprint, asked_fingerprint, campaign_fingerprint, part_words
from core.campaigns.approvals.queries import LIVE, campaigns_to_check, is_live
from core.campaigns.approvals.services.asking import approval_remind
from core.campaigns.approvals.services.records import locked, locked_campaign
from core.campaigns.approvals.standing import gap_words, parts_changed_since, standing_for
from core.campaigns.models import Approval, Campaign
from core.campaigns.services import campaign_to_draft
from core.campaigns.states import FROZEN, ApprovalStage, ApprovalState, CampaignStatus

REMIND_AFTER = datetime.timedelta(days=2)
_IN_THE_CHAIN = (CampaignStatus.IN_REVIEW, CampaignStatus.APPROVED)


@transaction.atomic
def approval_recheck(*, campaign_id: UUID) -> list[str]:
    """End every request and approval that the campaign as it stands no longer bears out; the parts that changed.

    A campaign in review, approved or planned becomes a draft by it, with a sentence that names the parts. What has
    started stays as it is: the ledger shows what was sent. Call after every edit; the periodic job finds the others.
    """
    campaign = locked_campaign(campaign_id)
    if campaign.status == CampaignStatus.CANCELLED:
        close_open(campaign, ApprovalState.WITHDRAWN)
    if campaign.status in FROZEN:
        _close_left_over(campaign)
        return []
    live = Approval.objects.filter(campaign=campaign, state__in=(ApprovalState.OPEN, ApprovalState.APPROVED))
    rows = list(live.select_for_update().order_by("id"))
    if not rows and campaign.status not in _IN_THE_CHAIN:
        return []
    fingerprint = campaign_fingerprint(campaign)
    stale = [row for row in rows if row.content_hash != fingerprint.whole]
    for row in stale:
        row.changed = parts_changed_since(row, fingerprint.parts)
        close(row, ApprovalState.REVOKED)
    if campaign.status not in (*_IN_THE_CHAIN, CampaignStatus.SCHEDULED):
        if not stale:
            close_open(campaign, ApprovalState.WITHDRAWN)
        return stale[-1].changed if stale else []
    return _settle(campaign, rows, stale, fingerprint)


def _close_left_over(campaign: Campaign) -> None:
    """End requests about corrections that nobody can answer any more, or that are about something else by now."""
    for row in Approval.objects.filter(campaign=campaign, state=ApprovalState.OPEN, revision__gt=0):
        if not is_live(row, campaign):
            close(row, ApprovalState.WITHDRAWN)
        elif asked_fingerprint(campaign, row).whole != row.content_hash:
            row.changed = ["html"]
            close(row, ApprovalState.REVOKED)


def _settle(campaign: Campaign, rows: list[Approval], stale: list[Approval], fingerprint: Fingerprint) -> list[str]:
    """Make a draft of a campaign that lost what it needs. A planned one without a rule goes out as it is."""
    standing = standing_for(campaign, fingerprint.whole)
    if stale and (standing.missing or campaign.status == CampaignStatus.IN_REVIEW):
        words = part_words(stale[-1].changed)
        close_open(campaign, ApprovalState.WITHDRAWN)
        campaign_to_draft(campaign=campaign, problem=f"The approval was ended by an edit: {words}. Ask for it again.")
        return stale[-1].changed
    is_waiting = campaign.status == CampaignStatus.IN_REVIEW and any(row.state == ApprovalState.OPEN for row in rows)
    if standing.missing and not is_waiting:
        campaign_to_draft(campaign=campaign, problem=gap_words(campaign, standing))
    return []


def approvals_check() -> dict[str, int]:
    """The periodic look, in the scope of all clients: what was edited, what ran out, whom to remind."""
    revoked = sum(bool(approval_recheck(campaign_id=pk)) for pk in campaigns_to_check())
    return {"revoked": revoked, "expired": _expire(), "reminded": _remind()}


def _expire() -> int:
    over = Approval.objects.filter(state=ApprovalState.OPEN, expires_at__lte=timezone.now())
    return sum(approval_expire(approval_id=pk) for pk in over.values_list("pk", flat=True))


@transaction.atomic
def approval_expire(*, approval_id: UUID) -> bool:
    """End a request whose time is over; the campaign is a draft again. False when it was answered meanwhile."""
    campaign, approval = locked(approval_id)
    if approval.state != ApprovalState.OPEN or not approval.expires_at or approval.expires_at > timezone.now():
        return False
    close(approval, ApprovalState.EXPIRED)
    if campaign.status == CampaignStatus.IN_REVIEW:
        who = approval.approver_name or "The client"
        problem = f"{who} did not answer within {approval.link_days} days. Ask for approval again."
        campaign_to_draft(campaign=campaign, problem=problem)
    return True


def _remind() -> int:
    """Once, after REMIND_AFTER, whoever got the first mail and did not answer."""
    waiting = Approval.objects.filter(
        LIVE,
        state=ApprovalState.OPEN,
        stage=ApprovalStage.CLIENT,
        mailed_at__lte=timezone.now() - REMIND_AFTER,
        reminded_at=None,
        mail_due_at=None,
    ).exclude(approver_email="")
    count = 0
    for pk in waiting.values_list("pk", flat=True):
        try:
            approval_remind(approval_id=pk, by=None)
            count += 1
        except AlreadyAnswered:
            continue  # answered between the list and the lock
    return count
