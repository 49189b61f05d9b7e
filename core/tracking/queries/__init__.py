"""Reads of tracking, from rollups only: a campaign of ten million events opens like one of ten.

People and machines are counted apart (choices.PEOPLE). Everything is limited to the open scope. Each page's reads stand
in a module of their own; what several pages need is named here.
"""

from core.tracking.queries.campaigns import (
    CampaignTotals,
    Moment,
    campaign_timeline,
    campaign_totals,
    campaigns_before,
    hours_since_start,
    reported_campaign,
    started_campaigns,
    totals_by_campaign,
)
from core.tracking.queries.counts import Count, Counted, counts_by, less, summed
from core.tracking.queries.links import LinkRow, campaign_links
from core.tracking.queries.parts import (
    PartRow,
    TopDomains,
    campaign_figures,
    campaign_parts,
    figures_by_campaign,
    most_mailed_domains,
    top_domains,
)

__all__ = [
    "CampaignTotals",
    "Count",
    "Counted",
    "LinkRow",
    "Moment",
    "PartRow",
    "TopDomains",
    "campaign_figures",
    "campaign_links",
    "campaign_parts",
    "campaign_timeline",
    "campaign_totals",
    "campaigns_before",
    "counts_by",
    "figures_by_campaign",
    "hours_since_start",
    "less",
    "most_mailed_domains",
    "reported_campaign",
    "started_campaigns",
    "summed",
    "top_domains",
    "totals_by_campaign",
]
