"""Reads of the approval chain."""

from collections.abc import Sequence
from uuid import UUID

from django.db.models import Q, QuerySet

from core.accounts.access import Access
from core.accounts.models import Organization
from core.accounts.permissions import Permission
from core.campaigns.models import Approval, ApprovalComment, Campaign
from core.campaigns.states import ApprovalStage, ApprovalState, CampaignStatus

MOST_COUNTED = 99
_SHOWN_REQUESTS = 20
LIVE = Q(revision=0, campaign__status=CampaignStatus.IN_REVIEW) | Q(
    revision__gt=0, campaign__status=CampaignStatus.PAUSED
)
"""Which open requests can be answered: a campaign's while it is in review, a correction's while it is paused."""


def is_live(approval: Approval, campaign: Campaign) -> bool:
    """Whether somebody can still answer, as far as the states go."""
    status = CampaignStatus.PAUSED if approval.revision else CampaignStatus.IN_REVIEW
    return approval.state == ApprovalState.OPEN and campaign.status == status


def last_asked(campaign: Campaign) -> Approval | None:
    """The last request to the client about this campaign."""
    rows = Approval.objects.filter(campaign=campaign, stage=ApprovalStage.CLIENT)
    return rows.order_by("-id").first()


def campaigns_to_check() -> list[UUID]:
    """Campaigns whose content may have changed since somebody was asked or agreed, in the open scope."""
    chain = Q(status__in=(CampaignStatus.IN_REVIEW, CampaignStatus.APPROVED))
    rows = Approval.objects.filter(state__in=(ApprovalState.OPEN, ApprovalState.APPROVED))
    planned = Q(status=CampaignStatus.SCHEDULED, pk__in=rows.values("campaign_id"))
    left_over = Q(
        status__in=(CampaignStatus.DRAFT, CampaignStatus.CANCELLED),
        pk__in=rows.filter(state=ApprovalState.OPEN).values("campaign_id"),
    )
    about_corrections = Q(pk__in=rows.filter(state=ApprovalState.OPEN, revision__gt=0).values("campaign_id"))
    found = Campaign.objects.filter(chain | planned | left_over | about_corrections)
    return list(found.order_by("pk").values_list("pk", flat=True))


def open_for(access: Access) -> QuerySet[Approval]:
    """The open requests that this person may answer, in the clients in reach."""
    ids = [client.pk for client in access.in_reach if access.can(Permission.CAMPAIGNS_SEND, client.pk)]
    return (
        Approval.objects.filter(
            organization_id__in=ids,
            state=ApprovalState.OPEN,
            stage=ApprovalStage.INTERNAL,
            campaign__status=CampaignStatus.IN_REVIEW,
        )
        .exclude(asked_by_id=access.user.pk)
        .exclude(campaign__created_by_id=access.user.pk)
    )


def open_count(access: Access) -> int:
    """How many requests wait for this person, MOST_COUNTED + 1 at most."""
    return len(open_for(access).order_by().values_list("pk", flat=True)[: MOST_COUNTED + 1])


def waiting_for_client(organization_ids: Sequence[UUID]) -> dict[UUID, int]:
    """How many campaigns of each client wait for the client's own answer."""
    rows = Approval.objects.filter(
        LIVE, organization_id__in=organization_ids, state=ApprovalState.OPEN, stage=ApprovalStage.CLIENT
    ).values_list("organization_id", flat=True)
    counts: dict[UUID, int] = {}
    for organization_id in rows:
        counts[organization_id] = counts.get(organization_id, 0) + 1
    return counts


def in_review_count(organization_ids: Sequence[UUID]) -> int:
    """How many campaigns of these clients wait for somebody's approval."""
    return Campaign.objects.filter(organization_id__in=organization_ids, status=CampaignStatus.IN_REVIEW).count()


def requests_of(campaign: Campaign) -> list[Approval]:
    """The campaign's newest requests with their comments, the newest first: two queries."""
    rows = Approval.objects.filter(campaign=campaign).select_related("asked_by", "decided_by")
    return list(rows.prefetch_related("comments").order_by("-id")[:_SHOWN_REQUESTS])


def open_request(campaign: Campaign) -> Approval | None:
    return Approval.objects.filter(campaign=campaign, state=ApprovalState.OPEN).order_by("-id").first()


def comments_of(approval: Approval) -> list[ApprovalComment]:
    return list(approval.comments.order_by("id"))


def last_language(organization: Organization) -> str:
    """The language in which this client was asked last."""
    rows = Approval.objects.filter(organization_id=organization.pk, stage=ApprovalStage.CLIENT)
    return rows.order_by("-id").values_list("language", flat=True).first() or "en"
