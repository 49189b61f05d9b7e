"""Every change of a campaign's state is one compare-and-set, with its audit row in the same transaction."""

from typing import Any
from uuid import UUID

from django.utils import timezone

from core.accounts import audit
from core.campaigns.errors import ChangedMeanwhile, IllegalTransition
from core.campaigns.models import Campaign
from core.campaigns.states import CampaignStatus, is_legal
from core.subscriptions import usage
from core.subscriptions.choices import Metric

SWEEP = "delivery.sweep"
_LONGEST_PROBLEM = 500


def move(campaign: Campaign, to: CampaignStatus, **fields: Any) -> Campaign:
    """Bring the campaign from the state it was read in to another one, write the fields with it and the audit row.

    The only writer of `status`. Two at once: both read the same (status, version), the second UPDATE waits for the
    first and then matches no row. Raises IllegalTransition or ChangedMeanwhile; the caller's transaction is undone.
    """
    before = CampaignStatus(campaign.status)
    if not is_legal(before, to):
        raise IllegalTransition(
            f"“{campaign}” is {before.label.lower()}, so it cannot become {to.label.lower()} now.",
            before=before.value,
            after=to.value,
        )
    changed = {"status": to, "version": campaign.version + 1, **fields}
    same = Campaign.objects.filter(pk=campaign.pk, status=before, version=campaign.version)
    if not same.update(**changed, updated_at=timezone.now()):
        raise changed_meanwhile(campaign)
    values = {name: [getattr(campaign, name), value] for name, value in fields.items()}
    for name, value in changed.items():
        setattr(campaign, name, value)
    changes = {name: pair for name, pair in values.items() if pair[0] != pair[1]}
    audit.record(action=f"campaign.{to.value}", obj=campaign, changes={"status": [before.value, to.value], **changes})
    return campaign


def end_unsent(campaign: Campaign, to: CampaignStatus, **fields: Any) -> Campaign:
    """End a campaign of which nothing was mailed, and give back what it had reserved."""
    reserved, was_counted = campaign.emails_reserved, campaign.reserved_month is not None
    month = campaign.reserved_month
    move(campaign, to, **{"emails_reserved": 0, "reserved_month": None, "finished_at": timezone.now(), **fields})
    if was_counted:
        organization_id = campaign.organization_id
        usage.release(organization_id=organization_id, metric=Metric.EMAILS, amount=reserved, month=month)
        usage.release(organization_id=organization_id, metric=Metric.CAMPAIGNS, amount=1, month=month)
    return campaign


def changed_meanwhile(campaign: Campaign) -> ChangedMeanwhile:
    return ChangedMeanwhile(f"“{campaign}” was changed by somebody else in the meantime. Look at it again.")


def refuse_other_version(campaign: Campaign, version: int | None) -> None:
    """Raise ChangedMeanwhile when the campaign is not the version that a person confirmed (None: whatever it is)."""
    if version is not None and version != campaign.version:
        raise changed_meanwhile(campaign)


def found(campaign_id: UUID) -> Campaign:
    return Campaign.objects.select_related("template", "organization").get(pk=campaign_id)


def shortened(problem: str) -> str:
    """As much of the words as a campaign keeps."""
    return problem[:_LONGEST_PROBLEM]
