"""Writes of campaigns."""

from core.campaigns.services.copies import campaign_duplicate, campaign_follow_up
from core.campaigns.services.drafts import campaign_hold_draft, campaign_set_groups, campaign_set_segments
from core.campaigns.services.moves import refuse_other_version
from core.campaigns.services.plan import campaign_schedule, campaign_send_now, campaign_to_draft, campaign_unschedule
from core.campaigns.services.progress import (
    campaign_agreed,
    campaign_begin,
    campaign_cancelled,
    campaign_completed,
    campaign_correct_reservation,
    campaign_failed,
    campaign_halted,
    campaign_started,
    campaign_to_review,
)
from core.campaigns.services.steer import (
    campaign_cancel,
    campaign_go_on,
    campaign_pause,
    campaign_resume,
    campaign_stop,
)

__all__ = [
    "campaign_agreed",
    "campaign_begin",
    "campaign_cancel",
    "campaign_cancelled",
    "campaign_completed",
    "campaign_correct_reservation",
    "campaign_duplicate",
    "campaign_failed",
    "campaign_follow_up",
    "campaign_go_on",
    "campaign_halted",
    "campaign_hold_draft",
    "campaign_pause",
    "campaign_resume",
    "campaign_schedule",
    "campaign_send_now",
    "campaign_set_groups",
    "campaign_set_segments",
    "campaign_started",
    "campaign_stop",
    "campaign_to_draft",
    "campaign_to_review",
    "campaign_unschedule",
    "refuse_other_version",
]
