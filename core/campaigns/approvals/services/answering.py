"""Answering and commenting.

What somebody agrees to is compared with what the campaign says at that moment, under the lock; whatever slips in later
(a template saved a second after) no longer has the hash and is found when it is sent.
"""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from core.accounts import audit
from core.campaigns.approvals.errors import AlreadyAnswered, CommentRefused, LinkExpired, NotYours, RevokedByEdit
from core.campaigns.approvals.hashing import Fingerprint, asked_fingerprint, part_words
from core.campaigns.approvals.people import refuse_reviewer
from core.campaigns.approvals.queries import is_live
from core.campaigns.approvals.services.asking import open_stage
from core.campaigns.approvals.services.editing import approval_recheck
from core.campaigns.approvals.services.records import Asked, Decider, Spot, closed_words, locked
from core.campaigns.approvals.standing import parts_changed_since, standing_for
from core.campaigns.models import Approval, ApprovalComment, Campaign
from core.campaigns.services import campaign_agreed, campaign_to_draft
from core.campaigns.states import ApprovalStage, ApprovalState

MOST_COMMENTS = 50
LONGEST_TEXT = 2_000
LONGEST_NAME = 100
PER_MILLE = 1_000


def approval_approve(*, approval_id: UUID, decider: Decider) -> Approval:
    """Agree to what was asked. The next stage is asked, or the campaign is approved when this was the last one.

    Raises NotYours, AlreadyAnswered, LinkExpired, RevokedByEdit; then the request is as it was, or revoked when an
    edit had ended it.
    """
    return _checked(approval_id, lambda: _approve(approval_id, decider))


@transaction.atomic
def _approve(approval_id: UUID, decider: Decider) -> Approval:
    campaign, approval, fingerprint = _answerable(approval_id, decider)
    _decide(approval, ApprovalState.APPROVED, decider)
    if approval.revision:
        return approval  # the campaign stays paused: somebody of the team lets the correction go out
    missing = standing_for(campaign, fingerprint.whole).missing
    if missing:
        asked = _asked_before(approval)
        open_stage(campaign, missing[0], fingerprint.whole, asked, approval.asked_by, parts=fingerprint.parts)
    else:
        campaign_agreed(campaign=campaign)
    return approval


def _asked_before(approval: Approval) -> Asked:
    return Asked(approval.note, approval.approver_name, approval.approver_email, approval.language, approval.link_days)


def approval_ask_changes(*, approval_id: UUID, decider: Decider, text: str) -> Approval:
    """Hand the campaign back to its author, as a draft that shows text and comments. One of the two must be there.

    Raises CommentRefused and what `approval_approve` raises.
    """
    return _checked(approval_id, lambda: _ask_changes(approval_id, decider, _clean_text(text, is_needed=False)))


@transaction.atomic
def _ask_changes(approval_id: UUID, decider: Decider, text: str) -> Approval:
    campaign, approval, _fingerprint = _answerable(approval_id, decider)
    if not text and not approval.comments.exists():
        raise CommentRefused("Say what should change, here or in a comment.", field="text")
    _decide(approval, ApprovalState.CHANGES, decider, text)
    if not approval.revision:
        problem = f"{decider.shown_name} asked for changes: {text or 'see the comments'}"
        campaign_to_draft(campaign=campaign, problem=problem)
    return approval


@transaction.atomic
def approval_comment(*, approval_id: UUID, decider: Decider, text: str, spot: Spot | None = None) -> ApprovalComment:
    """Write a remark on an open request, pinned to a spot when there is one. A member who made the campaign or asked
    may comment as well. Raises CommentRefused, AlreadyAnswered, LinkExpired, NotYours."""
    text = _clean_text(text, is_needed=True)
    campaign, approval = locked(approval_id)
    _refuse_closed(campaign, approval)
    if decider.user is None and approval.stage != ApprovalStage.CLIENT:
        raise NotYours("This request is not the client's.")
    if approval.comments.count() >= MOST_COMMENTS:
        raise CommentRefused(
            f"There are {MOST_COMMENTS} comments already. Put the rest into your answer.", field="text"
        )
    comment = ApprovalComment.objects.create(
        organization_id=campaign.organization_id,
        approval=approval,
        author=decider.user,
        author_name=_clean_name(decider),
        text=text,
        **_spot_fields(spot),
    )
    audit.record(action="approval.commented", obj=approval, changes={"comment": [None, text]})
    return comment


def _spot_fields(spot: Spot | None) -> dict[str, Any]:
    if spot is None or spot.view not in ("desktop", "phone"):
        return {}
    x, y = (min(max(value, 0), PER_MILLE) for value in (spot.x, spot.y))
    return {"view": spot.view, "x": x, "y": y, "variant": spot.variant}


def _answerable(approval_id: UUID, decider: Decider) -> tuple[Campaign, Approval, Fingerprint]:
    """Campaign and request, locked, when this person may answer now and nothing was edited since it was asked."""
    campaign, approval = locked(approval_id)
    _refuse_closed(campaign, approval)
    if decider.user is not None:
        refuse_reviewer(decider.user, approval, campaign)
    elif approval.stage != ApprovalStage.CLIENT:
        raise NotYours("This request is not the client's.")
    _clean_name(decider)
    fingerprint = asked_fingerprint(campaign, approval)
    if fingerprint.whole != approval.content_hash:
        changed = parts_changed_since(approval, fingerprint.parts)
        raise RevokedByEdit(
            f"“{campaign}” was edited since approval was asked for ({part_words(changed)}), so nothing was decided.",
            changed=changed,
        )
    return campaign, approval, fingerprint


def _refuse_closed(campaign: Campaign, approval: Approval) -> None:
    if approval.state != ApprovalState.OPEN:
        raise AlreadyAnswered(closed_words(approval), state=approval.state)
    if approval.expires_at and approval.expires_at <= timezone.now():
        raise LinkExpired(f"The time to answer ended on {approval.expires_at:%d %b %Y}.")
    if not is_live(approval, campaign):
        raise AlreadyAnswered("This request was withdrawn.", state=ApprovalState.WITHDRAWN)


def _decide(approval: Approval, state: ApprovalState, decider: Decider, answer: str = "") -> None:
    before = approval.state
    approval.state, approval.decided_by, approval.decided_by_name = state, decider.user, decider.shown_name
    approval.decided_at, approval.decided_from, approval.answer = timezone.now(), decider.ip_address, answer
    approval.mail_due_at = None
    approval.save(
        update_fields=[
            "state", "decided_by", "decided_by_name", "decided_at", "decided_from", "answer", "mail_due_at",
        ]
    )  # fmt: skip
    changes: audit.Changes = {"state": [ApprovalState(before).label, state.label], "by": [None, decider.shown_name]}
    if answer:
        changes["answer"] = [None, answer]
    audit.record(action=f"approval.{state.value}", obj=approval, changes=changes)


def _clean_text(text: str, *, is_needed: bool) -> str:
    text = text.replace("\x00", "").strip()
    if is_needed and not text:
        raise CommentRefused("Write what you want to say.", field="text")
    if len(text) > LONGEST_TEXT:
        raise CommentRefused(f"{len(text):,} characters are too many: {LONGEST_TEXT:,} fit.", field="text")
    return text


def _clean_name(decider: Decider) -> str:
    name = " ".join(decider.shown_name.replace("\x00", "").split())
    if not name or not name.isprintable():
        raise CommentRefused("Write your name, so that everybody knows who answered.", field="name")
    if len(name) > LONGEST_NAME:
        raise CommentRefused(f"The name is too long: {LONGEST_NAME} characters fit.", field="name")
    return name


def _checked(approval_id: UUID, work: Callable[[], Approval]) -> Approval:
    """Run an answer; when an edit has ended the request, note that in a transaction of its own before refusing."""
    try:
        return work()
    except RevokedByEdit:
        campaign_id = Approval.objects.values_list("campaign_id", flat=True).get(pk=approval_id)
        approval_recheck(campaign_id=campaign_id)
        raise
