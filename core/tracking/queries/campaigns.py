"""Campaigns with their figures, from counters by the hour."""

import datetime
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from uuid import UUID

from django.db.models import F, Q, QuerySet, Sum

from core.campaigns.models import Campaign
from core.tracking.choices import PEOPLE, EventType, Part
from core.tracking.models import CampaignHour, CampaignPart
from core.tracking.queries.counts import Count, counts_by

_COUNTED = (EventType.OPENED, EventType.CLICKED, EventType.UNSUBSCRIBED)
_BY_PEOPLE = Q(verdict__in=[verdict.value for verdict in PEOPLE])
_FIELDS = {
    "people": ("total", _BY_PEOPLE),
    "people_once": ("firsts", _BY_PEOPLE),
    "machines": ("total", ~_BY_PEOPLE),
    "machines_once": ("firsts", ~_BY_PEOPLE),
}
"""Of Count, in its order."""
_SUMS = {
    f"{name}_{field}": Sum(column, filter=Q(type=name) & kind, default=0)
    for name in _COUNTED
    for field, (column, kind) in _FIELDS.items()
}


@dataclass(frozen=True, slots=True)
class CampaignTotals:
    opened: Count = field(default_factory=Count)
    clicked: Count = field(default_factory=Count)
    unsubscribed: Count = field(default_factory=Count)


@dataclass(frozen=True, slots=True)
class Moment:
    """What happened from `at` (start of an hour or a day) on: counts of events, per event type."""

    at: datetime.datetime
    opened: Count = field(default_factory=Count)
    clicked: Count = field(default_factory=Count)
    unsubscribed: Count = field(default_factory=Count)


def reported_campaign(campaign_id: UUID) -> Campaign | None:
    """The campaign with its client, or None when it is not in the open scope."""
    return Campaign.objects.select_related("organization").filter(pk=campaign_id).first()


def campaign_totals(campaign_id: UUID) -> CampaignTotals:
    """Opens, clicks and unsubscribes of one campaign (1 query)."""
    return totals_by_campaign([campaign_id]).get(campaign_id, CampaignTotals())


def totals_by_campaign(campaign_ids: Iterable[UUID]) -> dict[UUID, CampaignTotals]:
    """The totals of several campaigns (1 query); those without any event are missing."""
    rows = CampaignPart.objects.filter(campaign_id__in=list(campaign_ids), part=Part.ALL, value="", type__in=_COUNTED)
    return {key: CampaignTotals(**counts) for key, counts in counts_by(rows, "campaign_id").items()}


def campaign_timeline(campaign_id: UUID, *, until: datetime.datetime | None = None) -> list[Moment]:
    """One row per hour (UTC) in which something happened, in order of time, of the hours before `until` (1 query)."""
    rows = CampaignHour.objects.filter(campaign_id=campaign_id, type__in=_COUNTED).order_by()
    rows = rows.filter(hour__lt=until) if until else rows
    return _moments(rows, "hour")


def campaigns_before(campaign: Campaign, *, limit: int) -> list[UUID]:
    """The client's campaigns that started before this one, the latest first (1 query)."""
    if campaign.started_at is None:
        return []
    before = Campaign.objects.filter(organization_id=campaign.organization_id, started_at__lt=campaign.started_at)
    return list(before.order_by("-started_at").values_list("pk", flat=True)[:limit])


def started_campaigns(
    *, search: str = "", ids: Iterable[UUID] | None = None, organization_ids: Iterable[UUID] | None = None, limit: int
) -> list[Campaign]:
    """Campaigns with figures, the latest first: these ones, or those whose name holds the words (1 query)."""
    found = Campaign.objects.filter(started_at__isnull=False)
    if ids is not None:
        found = found.filter(pk__in=list(ids))
    if organization_ids is not None:
        found = found.filter(organization_id__in=list(organization_ids))
    for word in search.split():
        found = found.filter(name__icontains=word)
    return list(found.select_related("organization").order_by("-started_at")[:limit])


def hours_since_start(
    campaign_ids: Iterable[UUID], event_type: EventType, *, hours: int
) -> dict[UUID, dict[int, Count]]:
    """Events by the hour since each campaign's start: {campaign: {0: the first hour, …}} (1 query).

    Counters are kept by hours of the clock, so "the first hour" is the one in which the campaign started.
    """
    rows = CampaignHour.objects.filter(
        campaign_id__in=list(campaign_ids),
        type=event_type,
        hour__lt=F("campaign__started_at") + datetime.timedelta(hours=hours),
    )
    found: dict[UUID, dict[int, Count]] = defaultdict(lambda: defaultdict(Count))
    for (campaign_id, started_at, hour), counts in counts_by(
        rows, "campaign_id", "campaign__started_at", "hour"
    ).items():
        number = int((hour - started_at.replace(minute=0, second=0, microsecond=0)).total_seconds() // 3600)
        found[campaign_id][max(number, 0)] += counts[event_type.value]
    return found


def _moments(rows: QuerySet[CampaignHour], column: str) -> list[Moment]:
    """One row of the database for each moment: a year of hours is quickly read."""
    found = rows.values(column).annotate(**_SUMS).order_by(column)
    return [
        Moment(row[column], **{name: Count(*(row[f"{name}_{field}"] for field in _FIELDS)) for name in _COUNTED})
        for row in found
    ]
