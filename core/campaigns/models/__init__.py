from core.campaigns.models.campaigns import Campaign, CampaignGroup, CampaignSegment
from core.campaigns.models.snapshots import CampaignLink, CampaignSnapshot

__all__ = ["Campaign", "CampaignGroup", "CampaignLink", "CampaignSegment", "CampaignSnapshot"]
