"""Whether a campaign has the approval that its client's rule asks for. Reads only; services and pages ask here."""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from core.accounts.choices import ApprovalPolicy
from core.accounts.models import Organization
from core.campaigns.approvals.errors import ApprovalMissing
from core.campaigns.approvals.hashing import campaign_hash, changed_parts, correction_hash, frozen_hash
from core.campaigns.models import Approval, Campaign, CampaignSnapshot
from core.campaigns.states import ApprovalStage, ApprovalState

STAGES: dict[str, tuple[ApprovalStage, ...]] = {
    ApprovalPolicy.NONE: (),
    ApprovalPolicy.TWO_PERSON: (ApprovalStage.INTERNAL,),
    ApprovalPolicy.CLIENT: (ApprovalStage.INTERNAL, ApprovalStage.CLIENT),
}
WHO: dict[str, str] = {
    ApprovalPolicy.TWO_PERSON: "a second member of the team",
    ApprovalPolicy.CLIENT: "a second member of the team and the client",
}


@dataclass(frozen=True, slots=True)
class Standing:
    """Which stages the client's rule asks for, and which of them agreed to exactly this content."""

    stages: tuple[ApprovalStage, ...]
    agreed: frozenset[str]

    @property
    def missing(self) -> tuple[ApprovalStage, ...]:
        return tuple(stage for stage in self.stages if stage not in self.agreed)


def stages_of(organization: Organization) -> tuple[ApprovalStage, ...]:
    """The stages of the client's rule, in their order; none when whoever may send, sends."""
    return STAGES[organization.approval_policy]


def newest_approvals(campaign_id: UUID) -> dict[str, Approval]:
    """The last request to each stage, by stage; those about corrections are of no account here."""
    rows = Approval.objects.filter(campaign_id=campaign_id, revision=0).order_by("stage", "-id").distinct("stage")
    return {row.stage: row for row in rows}


def standing_for(campaign: Campaign, content_hash: str) -> Standing:
    """An approval counts when it is its stage's last word and was given to this hash."""
    stages = stages_of(campaign.organization)
    if not stages:
        return Standing((), frozenset())
    newest = newest_approvals(campaign.pk)
    agreed = frozenset(
        stage
        for stage, row in newest.items()
        if row.state == ApprovalState.APPROVED and row.content_hash == content_hash
    )
    return Standing(stages, agreed)


def approval_gap(campaign: Campaign) -> str:
    """What is missing before the campaign may be sent, in a sentence; "" when nothing is. No query without a rule."""
    if not stages_of(campaign.organization):
        return ""
    return gap_words(campaign, standing_for(campaign, campaign_hash(campaign)))


def gap_words(campaign: Campaign, standing: Standing) -> str:
    if not standing.missing:
        return ""
    who = WHO[campaign.organization.approval_policy]
    if standing.agreed:
        return f"{campaign.organization} asks for approval by {who}; the client has not agreed yet."
    return f"{campaign.organization} asks for approval by {who} before anything is sent. Ask for it on this page."


def refuse_unapproved(campaign: Campaign, snapshots: Iterable[CampaignSnapshot]) -> None:
    """Guard of the start: what was frozen must be what was agreed to. Call in the transaction that froze it.

    Raises ApprovalMissing, which undoes the freezing.
    """
    if not stages_of(campaign.organization):
        return
    if standing_for(campaign, frozen_hash(snapshots)).missing:
        raise ApprovalMissing(
            f"“{campaign}” was not started: it is not what was approved, or the approval was taken back. "
            "Ask for approval again."
        )


def correction_request(correction: CampaignSnapshot) -> Approval | None:
    """The last request about this correction."""
    rows = Approval.objects.filter(campaign_id=correction.campaign_id, revision=correction.revision)
    return rows.select_related("asked_by").order_by("-id").first()


def correction_agreed(campaign: Campaign, correction: CampaignSnapshot) -> bool:
    """Whether the client's last word about exactly this correction was yes, or the client's rule does not ask."""
    if ApprovalStage.CLIENT not in stages_of(campaign.organization):
        return True
    last = correction_request(correction)
    return (
        last is not None
        and last.stage == ApprovalStage.CLIENT
        and last.state == ApprovalState.APPROVED
        and last.content_hash == correction_hash(correction)
    )


def parts_changed_since(approval: Approval, parts: dict[str, str]) -> list[str]:
    """Which parts are not as they were when approval was asked for; "html" stands in when nothing else can be named."""
    return changed_parts(approval.parts, parts) or ["html"]
