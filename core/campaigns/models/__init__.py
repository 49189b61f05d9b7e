from core.campaigns.models.ab_tests import ABTest, CampaignVariant
from core.campaigns.models.approvals import Approval, ApprovalComment
from core.campaigns.models.campaigns import Campaign, CampaignGroup, CampaignSegment
from core.campaigns.models.snapshots import CampaignLink, CampaignSnapshot

__all__ = [
    "ABTest",
    "Approval",
    "ApprovalComment",
    "Campaign",
    "CampaignGroup",
    "CampaignLink",
    "CampaignSegment",
    "CampaignSnapshot",
    "CampaignVariant",
]
