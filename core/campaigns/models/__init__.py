from core.campaigns.models.campaigns import Campaign, CampaignGroup
from core.campaigns.models.snapshots import CampaignLink, CampaignSnapshot

__all__ = ["Campaign", "CampaignGroup", "CampaignLink", "CampaignSnapshot"]
