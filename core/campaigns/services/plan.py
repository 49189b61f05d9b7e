"""When a campaign goes out: now, later, or not yet after all."""

import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import transaction
from django.utils import timezone

from core.campaigns.ab.queries import variants_of
from core.campaigns.errors import BadTime, CampaignNotReady
from core.campaigns.models import Campaign
from core.campaigns.preflight import campaign_problems
from core.campaigns.queries import campaign_audience
from core.campaigns.schedule import FARTHEST, Planned, last_instant, plan_time
from core.campaigns.services.moves import SWEEP, changed_meanwhile, end_unsent, found, move, shortened
from core.campaigns.states import CampaignStatus, ScheduleZone, is_legal
from core.common.tasks import wake
from core.subscriptions import usage
from core.subscriptions.choices import Metric


@transaction.atomic
def campaign_send_now(*, campaign_id: UUID, version: int | None = None) -> Campaign:
    """Make a draft due now and count it against the plan; delivery is woken after the commit.

    `version` is the one a person confirmed: a draft edited since then is refused. Raises CampaignNotReady with every
    problem, LimitReached, NoUsableSubscription, IllegalTransition, ChangedMeanwhile; then nothing has changed.
    """
    campaign = _make_due(found(campaign_id), version, at=timezone.now(), scheduled_local="")
    wake(SWEEP)
    return campaign


@transaction.atomic
def campaign_schedule(*, campaign_id: UUID, version: int | None, at: datetime.datetime, zone: ScheduleZone) -> Campaign:
    """Plan a draft for a wall-clock time (naive `at`, the client's or each recipient's, as `zone` says).

    The mails count against the plan in the month of the first one. Raises BadTime for what has passed or lies more
    than a year ahead, and everything that `campaign_send_now` raises.
    """
    campaign, now = found(campaign_id), timezone.now()
    planned = plan_time(at, whose=zone, zone=ZoneInfo(campaign.organization.time_zone), now=now)
    _refuse_bad_time(planned, zone, now)
    if zone == ScheduleZone.RECIPIENT and variants_of(campaign):
        raise BadTime(
            "A test compares people who get their mail at the same time. Choose the client's time zone, or remove the"
            " A/B test."
        )
    local = at.isoformat(timespec="minutes")
    return _make_due(campaign, version, at=planned.begins_at, scheduled_local=local, schedule_zone=zone)


def _refuse_bad_time(planned: Planned, zone: ScheduleZone, now: datetime.datetime) -> None:
    if last_instant(planned, zone) <= now:
        raise BadTime(f"{planned.local:%d %b %Y, %H:%M} has passed. Choose a later time, or send it now.")
    if planned.begins_at > now + FARTHEST:
        raise BadTime("That is more than a year ahead. Choose a nearer day.")


def _make_due(campaign: Campaign, version: int | None, *, at: datetime.datetime, **fields: Any) -> Campaign:
    """Check, schedule and count against the plan, in the caller's transaction."""
    if version is not None and version != campaign.version:
        raise changed_meanwhile(campaign)
    audience = campaign_audience(campaign)
    if is_legal(campaign.status, CampaignStatus.SCHEDULED) and (problems := campaign_problems(campaign, audience)):
        raise CampaignNotReady(problems)
    month = usage.month_of(Metric.EMAILS, at)
    # The move comes first: of two at once only one gets past it, so that only one reserves.
    move(
        campaign,
        CampaignStatus.SCHEDULED,
        scheduled_at=at,
        emails_reserved=audience.sendable,
        reserved_month=month,
        problem="",
        **fields,
    )
    organization_id = campaign.organization_id
    usage.reserve(organization_id=organization_id, metric=Metric.EMAILS, amount=audience.sendable, month=month)
    usage.reserve(organization_id=organization_id, metric=Metric.CAMPAIGNS, amount=1, month=month)
    return campaign


@transaction.atomic
def campaign_unschedule(*, campaign_id: UUID) -> Campaign:
    """Make a draft of a campaign that has not begun, or that failed before its first mail; what was reserved is given
    back. Raises IllegalTransition, ChangedMeanwhile."""
    return _unscheduled(found(campaign_id), problem="")


def _unscheduled(campaign: Campaign, problem: str) -> Campaign:
    not_planned = {"scheduled_at": None, "finished_at": None, "scheduled_local": "", "problem": problem}
    return end_unsent(campaign, CampaignStatus.DRAFT, **not_planned, schedule_zone=ScheduleZone.CLIENT)


@transaction.atomic
def campaign_to_draft(*, campaign: Campaign, problem: str = "") -> Campaign:
    """In review, approved or planned → draft; what was reserved is given back. `problem` tells the author why."""
    return _unscheduled(campaign, shortened(problem))
