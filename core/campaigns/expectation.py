"""When a campaign will be through: by its window, its throttle, the client's limit and the speed seen so far."""

import datetime
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from zoneinfo import ZoneInfo

from django.utils import timezone

from core.campaigns.models import ABTest, Campaign
from core.campaigns.queries import expected_seconds
from core.campaigns.schedule import LATEST_OFFSET, Flow, Window, end_of_sending, flow, instant_of, planned_local
from core.campaigns.states import ScheduleZone


@dataclass(frozen=True, slots=True)
class Pace:
    """Mails a second as far as the machines go, and mails an hour at most (None: no limit)."""

    per_second: float
    per_hour: int | None


def window_of(campaign: Campaign) -> Window:
    return Window(
        ZoneInfo(campaign.organization.time_zone),
        campaign.window_from,
        campaign.window_until,
        tuple(campaign.window_days or ()),
    )


def pace_of(campaign: Campaign, per_second: float | None = None) -> Pace:
    """By the client's last campaign, unless a measured speed is given. The tighter of both hourly limits counts."""
    limits = [limit for limit in (campaign.throttle_per_hour, campaign.organization.mails_per_hour) if limit]
    return Pace(per_second or 1000 / expected_seconds(campaign, 1000), min(limits) if limits else None)


def expected_end(campaign: Campaign, mails: int, *, begin: datetime.datetime | None = None) -> datetime.datetime | None:
    """When the last of so many mails leaves, beginning at `begin` (None: when it is planned, or now). None: past a
    year. With recipients' time zones, not before the last of them has reached the planned time."""
    start = begin or max(campaign.scheduled_at or timezone.now(), timezone.now())
    pace = pace_of(campaign)
    end = end_of_sending(window_of(campaign), start, mails, per_second=pace.per_second, per_hour=pace.per_hour)
    local = planned_local(campaign.scheduled_local)
    if end is None or local is None or campaign.schedule_zone != ScheduleZone.RECIPIENT:
        return end
    return max(end, local.replace(tzinfo=LATEST_OFFSET))


def flow_of(campaign: Campaign, by_zone: Mapping[str, int], *, per_second: float | None = None) -> Flow:
    """How the mails leave hour by hour, given how many people live in which time zone ("": the client's)."""
    begin = max(campaign.scheduled_at or timezone.now(), timezone.now())
    pace = pace_of(campaign, per_second)
    arrivals = [(_turn(campaign, name, begin), count) for name, count in by_zone.items()]
    return flow(window_of(campaign), arrivals, per_second=pace.per_second, per_hour=pace.per_hour)


@dataclass(frozen=True, slots=True)
class TestedFlow:
    """How the mails of an A/B test leave: the sample, then nothing until a winner can be `decided`, then the rest."""

    flow: Flow
    decided: datetime.datetime | None


def tested_flow_of(
    campaign: Campaign, test: ABTest, *, sample: int, rest: int, per_second: float | None = None
) -> TestedFlow:
    """As `flow_of`, for a test: recipients' time zones are refused there, so all of a part are due at once."""
    begin = max(campaign.scheduled_at or timezone.now(), timezone.now())
    pace, window = pace_of(campaign, per_second), window_of(campaign)
    leaving = partial(flow, window, per_second=pace.per_second, per_hour=pace.per_hour)
    first = leaving([(begin, sample)])
    if first.end is None:
        return TestedFlow(first, None)
    decided = first.end + datetime.timedelta(minutes=test.wait_minutes)
    second = leaving([(decided, rest)])
    hours = Counter(dict(first.hours)) + Counter(dict(second.hours))
    return TestedFlow(Flow(tuple(sorted(hours.items())), second.end if rest else first.end), decided)


def _turn(campaign: Campaign, zone_name: str, begin: datetime.datetime) -> datetime.datetime:
    """When people of a zone are due."""
    local = planned_local(campaign.scheduled_local)
    if local is None or campaign.schedule_zone != ScheduleZone.RECIPIENT:
        return begin
    return max(instant_of(local, ZoneInfo(zone_name or campaign.organization.time_zone)), begin)
