"""How a request for approval ends without an answer."""

from core.accounts import audit
from core.campaigns.approvals.hashing import part_words
from core.campaigns.models import Approval, Campaign
from core.campaigns.states import ApprovalState


def close_open(campaign: Campaign, state: ApprovalState) -> None:
    for approval in Approval.objects.filter(campaign=campaign, state=ApprovalState.OPEN):
        close(approval, state)


def close_correction_requests(campaign: Campaign, state: ApprovalState, *, agreed_too: bool) -> None:
    """End what was asked, and with `agreed_too` what was agreed to, about a correction that has not gone out.

    Call under the campaign's lock.
    """
    states = [ApprovalState.OPEN, ApprovalState.APPROVED] if agreed_too else [ApprovalState.OPEN]
    rows = Approval.objects.filter(campaign=campaign, state__in=states, revision__gt=campaign.content_revision)
    for approval in rows.select_for_update().order_by("id"):
        approval.changed = ["html"] if state == ApprovalState.REVOKED else approval.changed
        close(approval, state)


def close(approval: Approval, state: ApprovalState) -> None:
    before = approval.state
    approval.state, approval.mail_due_at = state, None
    approval.save(update_fields=["state", "changed", "mail_due_at"])
    changes: audit.Changes = {"state": [ApprovalState(before).label, state.label]}
    if state == ApprovalState.REVOKED:
        changes["changed"] = [None, part_words(approval.changed)]
    audit.record(action=f"approval.{state.value}", obj=approval, changes=changes)
