from core.tracking.admin.events import AnalyticsEventAdmin
from core.tracking.admin.losses import LostHitsAdmin
from core.tracking.admin.webhooks import DeadEventAdmin, WebhookEndpointAdmin

__all__ = ["AnalyticsEventAdmin", "DeadEventAdmin", "LostHitsAdmin", "WebhookEndpointAdmin"]
