"""Editing a draft: holding it, its groups and its segments."""

from dataclasses import dataclass
from uuid import UUID

from django.db import transaction

from core.accounts import audit
from core.campaigns.errors import IllegalTransition
from core.campaigns.models import Campaign, CampaignGroup, CampaignSegment
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


def campaign_set_groups(*, campaign: Campaign, include_ids: list[UUID], exclude_ids: list[UUID]) -> None:
    """Say who gets a draft. A group in both lists is left out. The caller holds the draft (`campaign_hold_draft`)."""
    _set(campaign, _GROUPS, _wanted(include_ids, exclude_ids))


def campaign_set_segments(*, campaign: Campaign, include_ids: list[UUID], exclude_ids: list[UUID]) -> None:
    """Which segments a draft goes to and which it leaves out, beside its groups. As `campaign_set_groups`."""
    _set(campaign, _SEGMENTS, _wanted(include_ids, exclude_ids))


def write_groups(campaign: Campaign, is_excluded_by_id: dict[UUID, bool]) -> None:
    _write(campaign, _GROUPS, is_excluded_by_id)


def write_segments(campaign: Campaign, is_excluded_by_id: dict[UUID, bool]) -> None:
    _write(campaign, _SEGMENTS, is_excluded_by_id)


@dataclass(frozen=True)
class _Kind:
    """What an audience is put together from, and the rows that say so: `field` of a row names a `whole`."""

    rows: type[CampaignGroup | CampaignSegment]
    field: str
    whole: type[ContactGroup | Segment]
    title: str


_GROUPS = _Kind(CampaignGroup, "group_id", ContactGroup, "groups")
_SEGMENTS = _Kind(CampaignSegment, "segment_id", Segment, "segments")


def _wanted(include_ids: list[UUID], exclude_ids: list[UUID]) -> dict[UUID, bool]:
    return dict.fromkeys(include_ids, False) | dict.fromkeys(exclude_ids, True)


@transaction.atomic
def _set(campaign: Campaign, kind: _Kind, wanted: dict[UUID, bool]) -> None:
    rows = kind.rows._default_manager.filter(campaign=campaign)
    stored: dict[UUID, bool] = dict(rows.values_list(kind.field, "is_excluded"))
    if wanted == stored:
        return
    rows.delete()
    _write(campaign, kind, wanted)
    changes = {
        title: [_names(kind, stored, is_excluded), _names(kind, wanted, is_excluded)]
        for title, is_excluded in ((kind.title, False), (f"{kind.title} left out", True))
    }
    changed = {title: names for title, names in changes.items() if names[0] != names[1]}
    audit.record(action="campaign.changed", obj=campaign, changes=changed)


def _write(campaign: Campaign, kind: _Kind, is_excluded_by_id: dict[UUID, bool]) -> None:
    kind.rows._default_manager.bulk_create(
        kind.rows(
            organization_id=campaign.organization_id,
            campaign=campaign,
            is_excluded=is_excluded,
            **{kind.field: whole_id},
        )
        for whole_id, is_excluded in is_excluded_by_id.items()
    )


def _names(kind: _Kind, is_excluded_by_id: dict[UUID, bool], is_excluded: bool) -> list[str]:
    ids = [whole_id for whole_id, value in is_excluded_by_id.items() if value == is_excluded]
    return list(kind.whole._default_manager.filter(pk__in=ids).order_by("name").values_list("name", flat=True))
