from core.tracking.admin.alerts import SendingAlertAdmin
from core.tracking.admin.events import AnalyticsEventAdmin
from core.tracking.admin.losses import LostHitsAdmin
from core.tracking.admin.replies import ReplyAdmin
from core.tracking.admin.verdicts import VerdictRunAdmin
from core.tracking.admin.webhooks import DeadEventAdmin, WebhookEndpointAdmin

__all__ = [
    "AnalyticsEventAdmin",
    "DeadEventAdmin",
    "LostHitsAdmin",
    "ReplyAdmin",
    "SendingAlertAdmin",
    "VerdictRunAdmin",
    "WebhookEndpointAdmin",
]
