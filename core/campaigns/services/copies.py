"""New drafts out of campaigns that are there."""

from typing import Any
from uuid import UUID

from django.db import transaction

from core.accounts import audit
from core.campaigns.ab.queries import variants_of
from core.campaigns.errors import NotSentYet
from core.campaigns.models import ABTest, Campaign, CampaignSnapshot, CampaignVariant
from core.campaigns.queries import audience_of, segments_of
from core.campaigns.services.drafts import write_groups, write_segments
from core.campaigns.services.moves import found
from core.common.request_context import current_context
from core.contacts.models import Segment
from core.contacts.services import segment_add

_KEPT = (
    *("organization_id", "template_id", "subject", "preheader", "from_name", "from_email", "reply_to"),
    *("utm_campaign", "window_from", "window_until", "window_days", "throttle_per_hour"),
)
_SAID = ("subject", "preheader", "from_name", "from_email", "reply_to")
CORRECTED = "“{}” was corrected while it went out. {} Look whether the mistake is still in this draft."
WITH_WORDS = "Subject and sender are the corrected ones; the rest is what its template says now."
AS_PLANNED = "The variants are as they were planned."
_KEPT_OF_VARIANT = ("number", "subject", "preheader", "from_name", "from_email", "template_id")


@transaction.atomic
def campaign_follow_up(*, campaign_id: UUID) -> Campaign:
    """A draft with the same content for those who got the campaign and neither opened nor clicked it: of an A/B test
    the winner's.

    They are a segment, so that somebody who opens it meanwhile is left out when the draft is sent. Raises
    NotSentYet for a campaign that has not begun.
    """
    original = found(campaign_id)
    if original.started_at is None:
        raise NotSentYet(f"“{original}” has not been sent, so nobody can have left it unopened.")
    winner = ABTest.objects.filter(campaign=original).values_list("winner", flat=True).first()
    variant = CampaignVariant.objects.filter(campaign=original, number=winner or 0).first()
    draft = _copy(original, f"{original.name[:105]} (once more)", variant)
    write_groups(draft, dict.fromkeys(audience_of(original)[1], True))
    write_segments(draft, dict.fromkeys(segments_of(original)[1], True) | {_unopened(original).pk: False})
    return draft


def _unopened(campaign: Campaign) -> Segment:
    """The segment of those who did not open it, made once."""
    this = {"campaign": str(campaign.pk)}
    rule = {
        "all": [
            {"field": "sent", "is": "did", **this},
            {"field": "opened", "is": "did_not", **this},
            {"field": "clicked", "is": "did_not", **this},
        ]
    }
    found = Segment.objects.filter(organization_id=campaign.organization_id, rule=rule).first()
    if found is not None:
        return found
    name = f"Did not open “{campaign.name[:90]}”"
    if Segment.objects.filter(organization_id=campaign.organization_id, name=name).exists():
        name = f"{name[:100]} ({campaign.pk.hex[-6:]})"
    return segment_add(organization=campaign.organization, name=name, rule=rule)


@transaction.atomic
def campaign_duplicate(*, campaign_id: UUID) -> Campaign:
    """A new draft with the same content, sender, groups, segments, pace and A/B test."""
    original = found(campaign_id)
    draft = _copy(original, f"{original.name[:113]} (copy)")
    included, excluded = audience_of(original)
    write_groups(draft, dict.fromkeys(included, False) | dict.fromkeys(excluded, True))
    included, excluded = segments_of(original)
    write_segments(draft, dict.fromkeys(included, False) | dict.fromkeys(excluded, True))
    _copy_test(original, draft)
    return draft


def _copy(original: Campaign, name: str, variant: CampaignVariant | None = None) -> Campaign:
    """A new draft with the same content and sender, for nobody yet."""
    fields = {field: getattr(original, field) for field in _KEPT} | _said_last(original, variant)
    draft = Campaign.objects.create(name=name, created_by_id=current_context().actor_id, **fields)
    audit.record(action="campaign.added", obj=draft, changes={"copy of": [None, str(original.pk)]})
    return draft


def _said_last(original: Campaign, variant: CampaignVariant | None) -> dict[str, Any]:
    """What the last mails of the campaign, or of this variant, said and its draft does not."""
    if variant is None and original.content_revision == 1:
        return {}
    versions = CampaignSnapshot.objects.filter(
        campaign=original, variant=variant.number if variant else 0, revision__lte=original.content_revision
    )
    last = versions.defer("html", "text").order_by("-revision").first()
    fields: dict[str, Any] = {name: getattr(last, name) for name in _SAID} if last is not None else {}
    if variant is not None and variant.template_id is not None:
        fields["template_id"] = variant.template_id
    if original.content_revision > 1:
        fields["problem"] = CORRECTED.format(original, WITH_WORDS if last is not None else AS_PLANNED)
    return fields


def _copy_test(original: Campaign, draft: Campaign) -> None:
    """The variants and how they are tried, without what was decided."""
    test = ABTest.objects.filter(campaign=original).first()
    if test is None:
        return
    owner = {"organization_id": draft.organization_id, "campaign": draft}
    ABTest.objects.create(
        **owner, metric=test.metric, sample_percent=test.sample_percent, wait_minutes=test.wait_minutes
    )
    CampaignVariant.objects.bulk_create(
        CampaignVariant(**owner, **{field: getattr(variant, field) for field in _KEPT_OF_VARIANT})
        for variant in variants_of(original)
    )
