"""The chain in words: the strip above a campaign, the timeline beside it, what the next step is."""

import datetime
from dataclasses import dataclass

from django.urls import reverse

from core.accounts.models import User
from core.campaigns.approvals.hashing import part_words
from core.campaigns.approvals.links import approval_url
from core.campaigns.approvals.people import why_not
from core.campaigns.approvals.queries import is_live, requests_of
from core.campaigns.approvals.standing import stages_of
from core.campaigns.models import Approval, ApprovalComment, Campaign
from core.campaigns.states import ApprovalStage, ApprovalState, CampaignStatus

APPROVAL_COLORS = {
    ApprovalState.OPEN: "warning",
    ApprovalState.APPROVED: "success",
    ApprovalState.CHANGES: "danger",
    ApprovalState.REVOKED: "danger",
    ApprovalState.WITHDRAWN: "info",
    ApprovalState.EXPIRED: "info",
}
ICONS = {
    ApprovalState.OPEN: "hourglass_empty",
    ApprovalState.APPROVED: "check_circle",
    ApprovalState.CHANGES: "edit_note",
    ApprovalState.REVOKED: "link_off",
    ApprovalState.WITHDRAWN: "undo",
    ApprovalState.EXPIRED: "timer_off",
}


@dataclass(frozen=True, slots=True)
class ApprovalStep:
    """One stage in the strip: `who` did what, and when; `mark` as in `campaigns.presentation.Step`."""

    label: str
    mark: str
    at: datetime.datetime | None
    who: str


@dataclass(frozen=True, slots=True)
class TimelineEntry:
    """One request and what became of it. `link` is "" unless the client may answer by it now."""

    approval: Approval
    icon: str
    color: str
    asked: str
    outcome: str
    comments: tuple[ApprovalComment, ...]
    url: str
    link: str
    mail: str


def approval_steps(campaign: Campaign) -> tuple[ApprovalStep, ...]:
    """The steps *In review* and *Approved*, of a client with a rule or a campaign that has been through it; else none.

    For the strip of `campaigns.presentation.steps`, between draft and scheduled. One query.
    """
    rows = list(
        Approval.objects.filter(campaign=campaign, revision=0).select_related("asked_by").order_by("-id")[:2]
        if campaign.status != CampaignStatus.DRAFT or stages_of(campaign.organization)
        else ()
    )
    if not rows and not stages_of(campaign.organization):
        return ()
    newest = rows[0] if rows else None
    status = CampaignStatus(campaign.status)
    if newest is None or status == CampaignStatus.DRAFT:
        return (
            ApprovalStep(CampaignStatus.IN_REVIEW.label, "", None, ""),
            ApprovalStep(CampaignStatus.APPROVED.label, "", None, ""),
        )
    asked = ApprovalStep(
        CampaignStatus.IN_REVIEW.label,
        "now" if status == CampaignStatus.IN_REVIEW else "done",
        newest.asked_at,
        waiting_words(newest) if status == CampaignStatus.IN_REVIEW else f"asked by {newest.asked_by or 'somebody'}",
    )
    if status == CampaignStatus.IN_REVIEW or newest.state != ApprovalState.APPROVED:
        return asked, ApprovalStep(CampaignStatus.APPROVED.label, "", None, "")
    mark = "now" if status == CampaignStatus.APPROVED else "done"
    agreed = ApprovalStep(CampaignStatus.APPROVED.label, mark, newest.decided_at, f"by {newest.decided_by_name}")
    return asked, agreed


def waiting_words(approval: Approval) -> str:
    """waits for a second member; waits for Clara Client"""
    if approval.stage == ApprovalStage.INTERNAL:
        return "waits for a second member"
    return f"waits for {approval.approver_name or approval.approver_email or 'the client'}"


def timeline(campaign: Campaign) -> tuple[TimelineEntry, ...]:
    """Every request with its answer and comments, the newest first."""
    return tuple(_entry(approval, campaign) for approval in requests_of(campaign))


def _entry(approval: Approval, campaign: Campaign) -> TimelineEntry:
    state = ApprovalState(approval.state)
    is_link = is_live(approval, campaign) and approval.stage == ApprovalStage.CLIENT
    return TimelineEntry(
        approval,
        ICONS[state],
        APPROVAL_COLORS[state],
        _asked_words(approval),
        outcome_words(approval),
        tuple(approval.comments.all()),
        reverse("admin:campaigns_approval_change", args=[approval.pk]),
        approval_url(approval) if is_link else "",
        mail_words(approval) if is_link else "",
    )


def _asked_words(approval: Approval) -> str:
    who = str(approval.asked_by) if approval.asked_by else "Somebody"
    if approval.stage == ApprovalStage.INTERNAL:
        return f"{who} asked the team"
    whom = approval.approver_name or approval.approver_email or "The client"
    what = f" about the correction (version {approval.revision})" if approval.revision else ""
    return f"{whom} was asked{what} on behalf of {who}"


def outcome_words(approval: Approval) -> str:
    who = approval.decided_by_name or "Somebody"
    state = ApprovalState(approval.state)
    if state == ApprovalState.REVOKED:
        before = f"{who} had approved; an" if approval.decided_at else "An"
        return f"{before} edit ended it: {part_words(approval.changed)}"
    return {
        ApprovalState.OPEN: waiting_words(approval).capitalize()
        if approval.stage == ApprovalStage.INTERNAL
        else waiting_words(approval).replace("waits", "Waits", 1),
        ApprovalState.APPROVED: f"{who} approved",
        ApprovalState.CHANGES: f"{who} asked for changes",
        ApprovalState.WITHDRAWN: "Withdrawn",
        ApprovalState.EXPIRED: "Not answered in time",
    }[state]


def mail_words(approval: Approval) -> str:
    if not approval.approver_email:
        return "No address was given: hand the link over yourself."
    if approval.mail_due_at and approval.mail_problem:
        return f"The mail to {approval.approver_email} waits: {approval.mail_problem}"
    if approval.mail_due_at:
        return f"The mail to {approval.approver_email} is on its way."
    if approval.mail_problem and not approval.mailed_at:
        return f"The mail to {approval.approver_email} was refused: {approval.mail_problem}"
    return f"Mailed to {approval.approver_email}{', and reminded' if approval.reminded_at else ''}."


def hurdle(user: User, approval: Approval, campaign: Campaign) -> str:
    """Why this person cannot answer now, in a sentence; "" when she can."""
    if not is_live(approval, campaign):
        return f"{outcome_words(approval)}."
    return why_not(user, approval, campaign)
