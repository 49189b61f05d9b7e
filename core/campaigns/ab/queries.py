"""Reads of A/B tests."""

from core.campaigns.models import ABTest, Campaign, CampaignVariant

FEWEST_VARIANTS = 2


def ab_test_of(campaign: Campaign) -> ABTest | None:
    """The campaign's A/B test, if it has one."""
    return ABTest.objects.filter(campaign=campaign).select_related("decided_by").first()


def variants_of(campaign: Campaign) -> list[CampaignVariant]:
    """The variants that a campaign tries, A first, with their templates; none without a test (1 query)."""
    variants = CampaignVariant.objects.filter(campaign=campaign, campaign__ab_test__isnull=False)
    return list(variants.select_related("template").order_by("number"))
