"""The links of a mail and who followed them."""

from collections import defaultdict
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Sum

from core.campaigns.models import CampaignLink
from core.tracking.models import LinkClicks
from core.tracking.queries.counts import KIND, Count, figures_of


@dataclass(frozen=True, slots=True)
class LinkRow:
    pk: UUID
    number: int
    url: str
    clicks: Count


def campaign_links(campaign_id: UUID) -> list[LinkRow]:
    """Every link of the campaign with its clicks, the most followed first (2 queries)."""
    rows = LinkClicks.objects.filter(campaign_id=campaign_id).values("link_id").annotate(kind=KIND)
    counts: dict[UUID, dict[str, int]] = defaultdict(dict)
    for row in rows.annotate(all=Sum("total"), once=Sum("firsts")).values("link_id", "kind", "all", "once"):
        counts[row["link_id"]] |= figures_of(row)
    links = CampaignLink.objects.filter(campaign_id=campaign_id).order_by("number")
    found = [LinkRow(link.pk, link.number, link.url, Count(**counts.get(link.pk, {}))) for link in links]
    return sorted(found, key=lambda link: (-link.clicks.people, link.number))
