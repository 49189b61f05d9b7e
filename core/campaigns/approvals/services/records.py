"""What all writes of the chain share: who answers, what is asked, the locks, and how a request ends.

Every write locks the campaign's row first and the request second, so that an edit, a second answer and a withdrawal
come one after the other.
"""

from dataclasses import dataclass
from uuid import UUID

from core.accounts.models import User
from core.campaigns.approvals.hashing import part_words
from core.campaigns.models import Approval, Campaign
from core.campaigns.states import ApprovalState

LINK_DAYS = 14


@dataclass(frozen=True, slots=True)
class Decider:
    """Who answers: a member (`user`), or the client's approver by the name she typed and where she came from."""

    user: User | None = None
    name: str = ""
    ip_address: str | None = None

    @property
    def shown_name(self) -> str:
        return str(self.user) if self.user else self.name


@dataclass(frozen=True, slots=True)
class Spot:
    """A place on a preview, in per mille of its width and height. `view` is "desktop" or "phone"."""

    view: str
    x: int
    y: int
    variant: int = 0


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request for approval says. Name and address are of the client's approver; no address: no mail."""

    note: str = ""
    approver_name: str = ""
    approver_email: str = ""
    language: str = "en"
    link_days: int = LINK_DAYS


def locked_campaign(campaign_id: UUID) -> Campaign:
    """Locked, with its client and template as they are after the wait for the lock."""
    Campaign.objects.select_for_update().only("pk").get(pk=campaign_id)
    return Campaign.objects.select_related("template", "organization").get(pk=campaign_id)


def locked(approval_id: UUID) -> tuple[Campaign, Approval]:
    campaign_id = Approval.objects.values_list("campaign_id", flat=True).get(pk=approval_id)
    campaign = locked_campaign(campaign_id)
    return campaign, Approval.objects.select_for_update().get(pk=approval_id)


def closed_words(approval: Approval) -> str:
    """What became of a request that is no longer open."""
    who = approval.decided_by_name or "Somebody"
    return {
        ApprovalState.APPROVED: f"{who} has approved this already.",
        ApprovalState.CHANGES: f"{who} has asked for changes already.",
        ApprovalState.REVOKED: f"An edit has ended this request ({part_words(approval.changed)}).",
        ApprovalState.WITHDRAWN: "This request was withdrawn.",
        ApprovalState.EXPIRED: "The time to answer is over.",
    }.get(ApprovalState(approval.state), "This request is open.")
