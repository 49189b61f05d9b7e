"""The client's patterns: names of campaigns, and what links carry when the content is frozen."""

import datetime

import pytest

from core.accounts.models import Organization
from core.campaigns.models import Campaign
from core.campaigns.naming import filled, new_name
from core.campaigns.snapshot import draft_snapshot
from tests.support import factories

AT = datetime.datetime(2026, 1, 1, 3, tzinfo=datetime.UTC)


@pytest.mark.parametrize(
    ("pattern", "name"),
    [
        ("{client} {year}-{month}-{day}", "Florist 2025-12-31"),  # by the client's own clock
        ("W{week} {template}", "W01 {template}"),
        ("{Client} {other} {", "Florist {other} {"),
        ("", ""),
    ],
)
def test_pattern_is_filled_with_the_clients_day(in_florist: Organization, pattern: str, name: str) -> None:
    in_florist.time_zone = "America/New_York"

    assert filled(pattern, in_florist, AT) == name


def test_pattern_is_filled_once(in_florist: Organization) -> None:
    assert filled("{template} {client}", in_florist, AT, template="{client} {year}") == "{client} {year} Florist"


def test_new_name_is_cut_to_what_fits(in_florist: Organization) -> None:
    in_florist.campaign_name_pattern = "{client}" * 40

    assert len(new_name(in_florist)) == 120


def test_frozen_links_carry_the_clients_parameters_and_the_campaigns_own(in_florist: Organization) -> None:
    in_florist.utm_source, in_florist.utm_campaign = "newsletter", "{campaign}"
    in_florist.web_hosts = ["shop.example"]
    in_florist.save()
    campaign = factories.make_campaign(in_florist, name="Spring & more")

    _, links = draft_snapshot(Campaign.objects.get(pk=campaign.pk))
    Campaign.objects.update(utm_campaign="own-{client}")
    _, own_links = draft_snapshot(Campaign.objects.get(pk=campaign.pk))

    assert links == ("https://shop.example/offer?a=1&b=2&utm_source=newsletter&utm_campaign=Spring%20%26%20more",)
    assert own_links == ("https://shop.example/offer?a=1&b=2&utm_source=newsletter&utm_campaign=own-Florist",)


def test_frozen_links_without_patterns_stay(in_florist: Organization) -> None:
    _, links = draft_snapshot(factories.make_campaign(in_florist))

    assert links == ("https://shop.example/offer?a=1&b=2",)
