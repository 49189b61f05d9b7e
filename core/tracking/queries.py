"""Reads of tracking, from rollups only: a campaign of ten million events opens like one of ten.

People and machines are counted apart (choices.PEOPLE). Everything is limited to the open scope.
"""

import datetime
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db.models import Case, CharField, QuerySet, Sum, Value, When
from django.db.models.functions import TruncDay

from core.campaigns.models import Campaign, CampaignLink
from core.delivery.models import DeliveryBatch
from core.tracking.choices import PEOPLE, EventType
from core.tracking.models import CampaignHour, LinkClicks

_COUNTED = (EventType.OPENED, EventType.CLICKED, EventType.UNSUBSCRIBED)
_KIND = Case(
    When(verdict__in=[verdict.value for verdict in PEOPLE], then=Value("people")),
    default=Value("machines"),
    output_field=CharField(),
)


@dataclass(frozen=True, slots=True)
class Count:
    """Events of one type. `people` and `machines` count every event, the `_once` figures each mail's first one."""

    people: int = 0
    people_once: int = 0
    machines: int = 0
    machines_once: int = 0


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


@dataclass(frozen=True, slots=True)
class LinkRow:
    pk: UUID
    number: int
    url: str
    clicks: Count


@dataclass(frozen=True, slots=True)
class SentCampaign:
    """A campaign that has started. `accepted` is the base of all rates."""

    campaign: Campaign
    accepted: int
    totals: CampaignTotals


def reported_campaign(campaign_id: UUID) -> Campaign | None:
    """The campaign with its client, or None when it is not in the open scope."""
    return Campaign.objects.select_related("organization").filter(pk=campaign_id).first()


def campaign_totals(campaign_id: UUID) -> CampaignTotals:
    """Opens, clicks and unsubscribes of one campaign (1 query)."""
    return totals_by_campaign([campaign_id]).get(campaign_id, CampaignTotals())


def totals_by_campaign(campaign_ids: Iterable[UUID]) -> dict[UUID, CampaignTotals]:
    """The totals of several campaigns (1 query); those without any event are missing."""
    rows = CampaignHour.objects.filter(campaign_id__in=list(campaign_ids), type__in=_COUNTED).order_by()
    return {key: CampaignTotals(**counts) for key, counts in _counts_by(rows, "campaign_id").items()}


def campaign_timeline(campaign_id: UUID) -> list[Moment]:
    """One row per hour (UTC) in which something happened, in order of time (1 query)."""
    rows = CampaignHour.objects.filter(campaign_id=campaign_id, type__in=_COUNTED).order_by()
    return _moments(rows, "hour")


def days_since(since: datetime.datetime, zone: ZoneInfo) -> list[Moment]:
    """One row per day of the zone since then over all campaigns in scope, in order of time (1 query).

    Counters are kept by hours of UTC, so in zones off by half an hour half an hour falls into the neighbouring day.
    """
    rows = CampaignHour.objects.filter(hour__gte=since, type__in=_COUNTED).order_by()
    return _moments(rows.annotate(day=TruncDay("hour", tzinfo=zone)), "day")


def campaign_links(campaign_id: UUID) -> list[LinkRow]:
    """Every link of the campaign with its clicks, the most followed first (2 queries)."""
    rows = LinkClicks.objects.filter(campaign_id=campaign_id).values("link_id").annotate(kind=_KIND)
    counts: dict[UUID, dict[str, int]] = defaultdict(dict)
    for row in rows.annotate(all=Sum("total"), once=Sum("firsts")).values("link_id", "kind", "all", "once"):
        counts[row["link_id"]] |= _figures(row)
    links = CampaignLink.objects.filter(campaign_id=campaign_id).order_by("number")
    found = [LinkRow(link.pk, link.number, link.url, Count(**counts.get(link.pk, {}))) for link in links]
    return sorted(found, key=lambda link: (-link.clicks.people, link.number))


def accepted_per_day(since: datetime.datetime, zone: ZoneInfo) -> dict[datetime.datetime, int]:
    """Mails handed over by day of the zone, over all campaigns in scope (1 query)."""
    rows = _settled(DeliveryBatch.objects.filter(settled_at__gte=since))
    return dict(rows.annotate(at=TruncDay("settled_at", tzinfo=zone)).values_list("at").annotate(Sum("accepted_count")))


def campaigns_sent_since(since: datetime.datetime, *, limit: int) -> list[SentCampaign]:
    """The newest campaigns that started since then, with their figures (3 queries)."""
    campaigns = list(
        Campaign.objects.filter(started_at__gte=since).select_related("organization").order_by("-started_at")[:limit]
    )
    ids = [campaign.pk for campaign in campaigns]
    batches = DeliveryBatch.objects.filter(campaign_id__in=ids).order_by()
    accepted = dict(batches.values_list("campaign_id").annotate(Sum("accepted_count")))
    totals = totals_by_campaign(ids)
    return [
        SentCampaign(campaign, accepted.get(campaign.pk, 0), totals.get(campaign.pk, CampaignTotals()))
        for campaign in campaigns
    ]


def _settled(batches: QuerySet[DeliveryBatch]) -> QuerySet[DeliveryBatch]:
    return batches.filter(settled_at__isnull=False, accepted_count__gt=0).order_by()


def _moments(rows: QuerySet[CampaignHour], column: str) -> list[Moment]:
    return [Moment(at, **counts) for at, counts in sorted(_counts_by(rows, column).items())]


def _counts_by(rows: QuerySet[CampaignHour], column: str) -> dict[Any, dict[str, Count]]:
    """Sum counters by a column: {value: {"opened": Count, …}} with EventType values as keys."""
    figures: dict[Any, dict[str, dict[str, int]]] = defaultdict(lambda: defaultdict(dict))
    grouped = rows.annotate(kind=_KIND).values(column, "type", "kind").annotate(all=Sum("total"), once=Sum("firsts"))
    for row in grouped:
        figures[row[column]][row["type"]] |= _figures(row)
    return {key: {name: Count(**values) for name, values in by_type.items()} for key, by_type in figures.items()}


def _figures(row: Mapping[str, Any]) -> dict[str, int]:
    return {row["kind"]: row["all"], f"{row['kind']}_once": row["once"]}
