"""Reads of campaigns."""

from uuid import UUID

from django.db.models import Q
from django.db.models.functions import Now

from core.campaigns.models import Campaign, CampaignGroup, CampaignSegment, CampaignSnapshot
from core.campaigns.states import CampaignStatus
from core.contacts.audience import AudienceCounts, AudienceDefinition, audience_counts
from core.contacts.errors import TookTooLong
from core.contacts.segments.people import time_limit

QUICK_SECONDS = 0.5


def due_campaign_ids() -> list[tuple[UUID, UUID]]:
    """(organization id, campaign id) of what delivery has to start or go on preparing, the longest due first."""
    due = Q(status=CampaignStatus.SCHEDULED, scheduled_at__lte=Now()) | Q(status=CampaignStatus.MATERIALISING)
    return list(Campaign.objects.filter(due).order_by("scheduled_at", "id").values_list("organization_id", "id"))


def audience_of(campaign: Campaign) -> tuple[list[UUID], list[UUID]]:
    """The ids of the groups included and of those left out."""
    rows = list(CampaignGroup.objects.filter(campaign=campaign).order_by("group_id"))
    included = [row.group_id for row in rows if not row.is_excluded]
    return included, [row.group_id for row in rows if row.is_excluded]


def segments_of(campaign: Campaign) -> tuple[list[UUID], list[UUID]]:
    """The ids of the segments included and of those left out."""
    rows = list(CampaignSegment.objects.filter(campaign=campaign).order_by("segment_id"))
    included = [row.segment_id for row in rows if not row.is_excluded]
    return included, [row.segment_id for row in rows if row.is_excluded]


def campaign_audience(campaign: Campaign) -> AudienceCounts:
    """How many people the campaign would reach now, and how many are skipped for which reason."""
    return audience_counts(drafted_audience(campaign))


def quick_campaign_audience(campaign: Campaign) -> AudienceCounts | None:
    """The same while a page is opened; None when it takes longer than somebody waits for a page."""
    try:
        with time_limit(QUICK_SECONDS):
            return campaign_audience(campaign)
    except TookTooLong:
        return None


def drafted_audience(campaign: Campaign) -> AudienceDefinition:
    """Who gets the campaign as it stands now."""
    included, excluded = audience_of(campaign)
    segments = list(CampaignSegment.objects.filter(campaign=campaign).select_related("segment").order_by("segment_id"))
    return AudienceDefinition(
        organization_id=campaign.organization_id,
        include_group_ids=included,
        exclude_group_ids=excluded,
        include_rules=[row.segment.rule for row in segments if not row.is_excluded],
        exclude_rules=[row.segment.rule for row in segments if row.is_excluded],
    )


def frozen_audience(snapshot: CampaignSnapshot) -> AudienceDefinition:
    """The audience as it was frozen, not as the draft, its groups' names or its segments' rules may read now."""
    audience = snapshot.audience
    return AudienceDefinition(
        organization_id=snapshot.organization_id,
        include_group_ids=[UUID(group["id"]) for group in audience["included"]],
        exclude_group_ids=[UUID(group["id"]) for group in audience["excluded"]],
        include_rules=[segment["rule"] for segment in audience.get("included_segments", [])],
        exclude_rules=[segment["rule"] for segment in audience.get("excluded_segments", [])],
    )


ASSUMED_MAILS_PER_SECOND = 50.0
"""Before a client has sent enough to tell. On the slow side: the first campaign should end sooner than was said."""
_ENOUGH_TO_TELL = 500


def expected_seconds(campaign: Campaign, mails: int) -> float:
    """How long that many mails will take, by the speed of this client's last finished campaign."""
    last = (
        Campaign.objects.filter(
            organization_id=campaign.organization_id, status=CampaignStatus.SENT, emails_reserved__gte=_ENOUGH_TO_TELL
        )
        .exclude(started_at=None)
        .order_by("-finished_at")
        .first()
    )
    rate = ASSUMED_MAILS_PER_SECOND
    if last is not None and last.started_at and last.finished_at:
        rate = max(last.emails_reserved / max((last.finished_at - last.started_at).total_seconds(), 1.0), 0.1)
    return mails / rate
