"""The product's own invariants, over everything that a test left behind."""

from core.accounts.models import Organization
from core.campaigns.models import Campaign
from core.common.tenancy import all_organizations
from core.delivery.invariants import broken_for_client, broken_in_campaign


def broken_invariants() -> dict[str, list[str]]:
    """The invariants that do not hold anywhere, by key, with what breaks them."""
    found: dict[str, list[str]] = {}
    with all_organizations(reason="the invariants of the ledger"):
        campaigns = list(Campaign.objects.values_list("organization_id", "pk"))
        broken = [
            each
            for organization_id, campaign_id in campaigns
            for each in broken_in_campaign(organization_id=organization_id, campaign_id=campaign_id)
        ]
        for organization_id in Organization.objects.values_list("pk", flat=True):
            broken += broken_for_client(organization_id=organization_id)
    for each in broken:
        found.setdefault(each.invariant.key, []).extend(f"{pk}: {detail}" for pk, detail in each.offenders)
    return found
