"""Editing a draft: holding it, its groups and its segments."""

from uuid import UUID

from django.db import transaction

from core.accounts import audit
from core.campaigns.errors import IllegalTransition
from core.campaigns.models import Campaign, CampaignGroup, CampaignSegment
from core.campaigns.queries import audience_of, segments_of
from core.campaigns.services.moves import changed_meanwhile, found
from core.campaigns.states import EDITABLE, CampaignStatus
from core.contacts.models import ContactGroup, Segment


def campaign_hold_draft(*, campaign_id: UUID, version: int) -> int:
    """Claim a draft for being edited until the caller's transaction ends; returns its new version.

    A *Send now* or an approval at the same moment waits and then finds another version. A campaign in review or
    approved may be edited as well: call `approvals.services.approval_recheck` after the edit, in the same transaction.
    Raises IllegalTransition when the campaign is past that, ChangedMeanwhile when it was edited since `version` was
    read.
    """
    draft = Campaign.objects.filter(pk=campaign_id, status__in=EDITABLE, version=version)
    if draft.update(version=version + 1):
        return version + 1
    campaign = found(campaign_id)
    if campaign.status in EDITABLE:
        raise changed_meanwhile(campaign)
    raise IllegalTransition(
        f"“{campaign}” is {CampaignStatus(campaign.status).label.lower()}: only a draft can be edited.",
        before=campaign.status,
        after="draft",
    )


@transaction.atomic
def campaign_set_groups(*, campaign: Campaign, include_ids: list[UUID], exclude_ids: list[UUID]) -> None:
    """Say who gets a draft. A group in both lists is left out. The caller holds the draft (`campaign_hold_draft`)."""
    before = audience_of(campaign)
    wanted = dict.fromkeys(include_ids, False) | dict.fromkeys(exclude_ids, True)
    stored = {row.group_id: row.is_excluded for row in CampaignGroup.objects.filter(campaign=campaign)}
    if wanted == stored:
        return
    CampaignGroup.objects.filter(campaign=campaign).delete()
    write_groups(campaign, wanted)
    after = audience_of(campaign)
    changes = {
        name: [_group_names(old), _group_names(new)]
        for name, old, new in zip(("groups", "groups left out"), before, after, strict=True)
        if old != new
    }
    audit.record(action="campaign.changed", obj=campaign, changes=changes)


def write_groups(campaign: Campaign, is_excluded_by_id: dict[UUID, bool]) -> None:
    CampaignGroup.objects.bulk_create(
        CampaignGroup(
            organization_id=campaign.organization_id, campaign=campaign, group_id=group_id, is_excluded=is_excluded
        )
        for group_id, is_excluded in is_excluded_by_id.items()
    )


def _group_names(ids: list[UUID]) -> list[str]:
    return list(ContactGroup.objects.filter(pk__in=ids).order_by("name").values_list("name", flat=True))


@transaction.atomic
def campaign_set_segments(*, campaign: Campaign, include_ids: list[UUID], exclude_ids: list[UUID]) -> None:
    """Which segments a draft goes to and which it leaves out, beside its groups. As `campaign_set_groups`."""
    before = segments_of(campaign)
    wanted = dict.fromkeys(include_ids, False) | dict.fromkeys(exclude_ids, True)
    stored = dict.fromkeys(before[0], False) | dict.fromkeys(before[1], True)
    if wanted == stored:
        return
    CampaignSegment.objects.filter(campaign=campaign).delete()
    write_segments(campaign, wanted)
    after = segments_of(campaign)
    changes = {
        name: [_segment_names(old), _segment_names(new)]
        for name, old, new in zip(("segments", "segments left out"), before, after, strict=True)
        if old != new
    }
    audit.record(action="campaign.changed", obj=campaign, changes=changes)


def write_segments(campaign: Campaign, is_excluded_by_id: dict[UUID, bool]) -> None:
    CampaignSegment.objects.bulk_create(
        CampaignSegment(
            organization_id=campaign.organization_id, campaign=campaign, segment_id=segment_id, is_excluded=is_excluded
        )
        for segment_id, is_excluded in is_excluded_by_id.items()
    )


def _segment_names(ids: list[UUID]) -> list[str]:
    return list(Segment.objects.filter(pk__in=ids).order_by("name").values_list("name", flat=True))
