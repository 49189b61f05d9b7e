from core.tracking.models.events import AnalyticsEvent
from core.tracking.models.losses import HeldHit, LostHits
from core.tracking.models.rollups import CampaignHour, CampaignPart, DirtyCampaign, LinkClicks, OrganizationPeriod
from core.tracking.models.webhooks import DeadEvent, WebhookEndpoint, WebhookPost

__all__ = [
    "AnalyticsEvent",
    "CampaignHour",
    "CampaignPart",
    "DeadEvent",
    "DirtyCampaign",
    "HeldHit",
    "LinkClicks",
    "LostHits",
    "OrganizationPeriod",
    "WebhookEndpoint",
    "WebhookPost",
]
