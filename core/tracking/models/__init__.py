from core.tracking.models.audience import (
    AudienceCohort,
    AudienceCount,
    AudienceDay,
    AudienceGroup,
    AudienceMonth,
    OrganizationWeekday,
)
from core.tracking.models.events import AnalyticsEvent
from core.tracking.models.inbound import Reply, SendingAlert
from core.tracking.models.losses import HeldHit, LostHits
from core.tracking.models.rollups import (
    APART,
    ONCE,
    PERIOD_COUNTS,
    AcceptedDay,
    CampaignHour,
    CampaignPart,
    CampaignRecount,
    LinkClicks,
    OrganizationPeriod,
)
from core.tracking.models.verdicts import VerdictRun
from core.tracking.models.webhooks import DeadEvent, WebhookEndpoint, WebhookPost

__all__ = [
    "APART",
    "ONCE",
    "PERIOD_COUNTS",
    "AcceptedDay",
    "AnalyticsEvent",
    "AudienceCohort",
    "AudienceCount",
    "AudienceDay",
    "AudienceGroup",
    "AudienceMonth",
    "CampaignHour",
    "CampaignPart",
    "CampaignRecount",
    "DeadEvent",
    "HeldHit",
    "LinkClicks",
    "LostHits",
    "OrganizationPeriod",
    "OrganizationWeekday",
    "Reply",
    "SendingAlert",
    "VerdictRun",
    "WebhookEndpoint",
    "WebhookPost",
]
