"""Where a campaign's pages are."""

from django.urls import reverse

from core.campaigns.models import Campaign


def report_url(campaign: Campaign) -> str:
    return reverse("admin:campaign_report", args=[campaign.pk])


def change_url(campaign: Campaign) -> str:
    return reverse("admin:campaigns_campaign_change", args=[campaign.pk])


def list_url() -> str:
    return reverse("admin:campaigns_campaign_changelist")
