from core.campaigns.admin.approvals import ApprovalAdmin
from core.campaigns.admin.campaigns import CampaignAdmin

__all__ = ["ApprovalAdmin", "CampaignAdmin"]
