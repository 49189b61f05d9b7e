from core.campaigns.admin.campaigns import CampaignAdmin

__all__ = ["CampaignAdmin"]
