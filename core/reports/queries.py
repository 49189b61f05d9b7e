"""Collecting the figures of a report, from counters only: a handful of queries whatever the number of events."""

import datetime
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db.models import F, QuerySet, Sum
from django.db.models.functions import ExtractHour, ExtractIsoWeekDay

from core.accounts.models import Organization
from core.campaigns.models import Campaign, CampaignLink
from core.common.tenancy import require
from core.reports.figures import (
    YOUNG,
    Audience,
    AudienceSlot,
    CampaignRow,
    Figures,
    LinkRow,
    PartRow,
    Reason,
    Slot,
    Tally,
    total,
)
from core.reports.periods import Days, before
from core.tracking.choices import PEOPLE, EventType, Part, PeriodLength, PeriodPart, Verdict
from core.tracking.models import AudienceDay, CampaignHour, CampaignPart, LinkClicks, OrganizationPeriod

MOST_LINKS = 10
MOST_DAILY_SLOTS = 45
MOST_WEEKLY_DAYS = 200
_DAY = datetime.timedelta(days=1)
_WEEK_DAYS, _MONTH_DAYS = 7, 30
_PEOPLE = [verdict.value for verdict in PEOPLE]
_COLUMN = {
    EventType.SENT: "sent",
    EventType.DELIVERED: "delivered",
    EventType.OPENED: "opened",
    EventType.CLICKED: "clicked",
    EventType.UNSUBSCRIBED: "unsubscribed",
    EventType.BOUNCED: "bounced",
    EventType.COMPLAINED: "complained",
    EventType.REPLIED: "replied",
}
_MACHINE_COLUMN = {
    (EventType.OPENED, Verdict.PREFETCH): "prefetched",
    (EventType.OPENED, Verdict.SCANNER): "scanned",
    (EventType.CLICKED, Verdict.PREFETCH): "scanned_clicks",
    (EventType.CLICKED, Verdict.SCANNER): "scanned_clicks",
}
_SLOT_COLUMNS = {"sent": "sent", "opened_people_once": "opened", "clicked_people_once": "clicked"}
"""Of OrganizationPeriod, and what they are called here."""


def collect_figures(*, organization: Organization, days: Days, made_at: datetime.datetime) -> Figures:
    """The client's figures of these days as they stand now, in its scope."""
    require(organization.pk)
    zone = ZoneInfo(organization.time_zone)
    earlier = before(days)
    campaigns = _campaigns(organization.pk, days, zone)
    campaigns_before = _campaigns(organization.pk, earlier, zone)
    ids = [campaign.pk for campaign in campaigns]
    tallies = _tallies_by_campaign(ids + [campaign.pk for campaign in campaigns_before])
    rows = tuple(_campaign_row(campaign, tallies.get(campaign.pk, Tally()), zone, made_at) for campaign in campaigns)
    parts = _tallies_by_part(ids)
    slot_days, slots = _slots(organization.pk, days, earlier)
    return Figures(
        client=organization.name,
        zone=organization.time_zone,
        first=days.first,
        last=days.last,
        first_before=earlier.first,
        last_before=earlier.last,
        made_at=made_at,
        now=total(row.tally for row in rows),
        before=total(tallies.get(campaign.pk, Tally()) for campaign in campaigns_before),
        campaigns=rows,
        campaigns_before=len(campaigns_before),
        slot_days=slot_days,
        slots=slots,
        providers=_part_rows(parts[Part.PROVIDER.value], lambda tally: tally.sent),
        devices=_part_rows(parts[Part.DEVICE.value], lambda tally: tally.opened),
        reasons=_reasons(parts[Part.BOUNCE.value]),
        hours=_hours(ids, zone),
        links=_links(ids),
        audience=_audience(organization.pk, days, slot_days),
    )


def _campaigns(organization_id: UUID, days: Days, zone: ZoneInfo) -> list[Campaign]:
    """Those that started on these days, the earliest first."""
    first, end = days.moments(zone)
    started = Campaign.objects.filter(organization_id=organization_id, started_at__gte=first, started_at__lt=end)
    return list(started.only("name", "started_at", "organization_id").order_by("started_at", "id"))


def _campaign_row(campaign: Campaign, tally: Tally, zone: ZoneInfo, made_at: datetime.datetime) -> CampaignRow:
    assert campaign.started_at is not None
    started = campaign.started_at.astimezone(zone).date()
    return CampaignRow(campaign.name, started, made_at - campaign.started_at < YOUNG, tally)


def _tallies_by_campaign(campaign_ids: Sequence[UUID]) -> dict[UUID, Tally]:
    rows = CampaignPart.objects.filter(campaign_id__in=campaign_ids, part=Part.ALL)
    return _tallies(rows, "campaign_id")


def _tallies_by_part(campaign_ids: Sequence[UUID]) -> dict[str, dict[str, Tally]]:
    """{part: {value: Tally}} over these campaigns."""
    wanted = (Part.PROVIDER, Part.DEVICE, Part.BOUNCE)
    rows = CampaignPart.objects.filter(campaign_id__in=campaign_ids, part__in=wanted)
    found: dict[str, dict[str, Tally]] = defaultdict(dict)
    for (part, value), tally in _tallies(rows, "part", "value").items():
        found[part][value] = tally
    return found


def _tallies(rows: QuerySet[Any], *columns: str) -> dict[Any, Tally]:
    """Each mail's first events, summed by these columns (1 query)."""
    counts: dict[Any, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for row in rows.order_by().values(*columns, "type", "verdict").annotate(mails=Sum("firsts")):
        key = row[columns[0]] if len(columns) == 1 else tuple(row[column] for column in columns)
        name = _column_of(row["type"], row["verdict"])
        if name:
            counts[key][name] += row["mails"]
    return {key: Tally(**columns_of_key) for key, columns_of_key in counts.items()}


def _column_of(event_type: str, verdict: str) -> str:
    if verdict in _PEOPLE:
        return _COLUMN.get(EventType(event_type), "")
    return _MACHINE_COLUMN.get((EventType(event_type), Verdict(verdict)), "")


def _part_rows(tallies: dict[str, Tally], size: Callable[[Tally], int]) -> tuple[PartRow, ...]:
    rows = [PartRow(name, tally) for name, tally in tallies.items() if size(tally)]
    return tuple(sorted(rows, key=lambda row: (-size(row.tally), row.name)))


def _reasons(tallies: dict[str, Tally]) -> tuple[Reason, ...]:
    rows = [Reason(name, tally.bounced) for name, tally in tallies.items() if tally.bounced]
    return tuple(sorted(rows, key=lambda row: (-row.mails, row.name)))


def _slots(organization_id: UUID, days: Days, earlier: Days) -> tuple[int, tuple[Slot, ...]]:
    """How long a slot is, and what happened in each; the n-th slot of the period before stands beside the n-th."""
    length = _slot_days(days.count)
    starts = _slot_starts(days, length)
    by_day = _by_day(organization_id, Days(earlier.first, days.last))
    now = [_sum_of(by_day, first, last) for first, last in _spans(starts, days.last)]
    then = [_sum_of(by_day, first, last) for first, last in _spans(_slot_starts(earlier, length), earlier.last)]
    then += [{}] * (len(now) - len(then))
    return length, tuple(
        Slot(start, **counts, **{f"{name}_before": mails for name, mails in old.items()})
        for start, counts, old in zip(starts, now, then, strict=False)
    )


def _slot_days(count: int) -> int:
    if count <= MOST_DAILY_SLOTS:
        return 1
    return _WEEK_DAYS if count <= MOST_WEEKLY_DAYS else _MONTH_DAYS


def _slot_starts(days: Days, length: int) -> list[datetime.date]:
    """Days, weeks from the first day on, or the first day and then each first of a month."""
    if length == _MONTH_DAYS:
        every = (days.first + offset * _DAY for offset in range(days.count))
        return [day for day in every if day == days.first or day.day == 1]
    return [days.first + offset * _DAY for offset in range(0, days.count, length)]


def _spans(starts: list[datetime.date], last: datetime.date) -> Iterable[tuple[datetime.date, datetime.date]]:
    ends = [start - _DAY for start in starts[1:]] + [last]
    return zip(starts, ends, strict=True)


def _by_day(organization_id: UUID, days: Days) -> dict[datetime.date, dict[str, int]]:
    """{day: {"sent": mails, "opened": …, "clicked": …}} of people (1 query)."""
    rows = OrganizationPeriod.objects.filter(
        organization_id=organization_id,
        length=PeriodLength.DAY,
        part=PeriodPart.ALL,
        start__range=(days.first, days.last),
    )
    found = rows.values_list("start", *_SLOT_COLUMNS)
    return {start: dict(zip(_SLOT_COLUMNS.values(), mails, strict=True)) for start, *mails in found}


def _sum_of(by_day: dict[datetime.date, dict[str, int]], first: datetime.date, last: datetime.date) -> dict[str, int]:
    counts: dict[str, int] = defaultdict(int)
    for offset in range((last - first).days + 1):
        for name, mails in by_day.get(first + offset * _DAY, {}).items():
            counts[name] += mails
    return dict(counts)


def _hours(campaign_ids: Sequence[UUID], zone: ZoneInfo) -> tuple[tuple[int, ...], ...]:
    """First opens by people, by weekday (Monday first) and hour of the client's clock (1 query)."""
    rows = CampaignHour.objects.filter(campaign_id__in=campaign_ids, type=EventType.OPENED, verdict__in=_PEOPLE)
    hours = [[0] * 24 for _ in range(7)]
    placed = rows.order_by().annotate(
        weekday=ExtractIsoWeekDay("hour", tzinfo=zone), clock=ExtractHour("hour", tzinfo=zone)
    )
    for weekday, clock, mails in placed.values_list("weekday", "clock").annotate(mails=Sum("firsts")):
        hours[weekday - 1][clock] = mails
    return tuple(tuple(row) for row in hours)


def _links(campaign_ids: Sequence[UUID]) -> tuple[LinkRow, ...]:
    """The links that most people followed (2 queries)."""
    rows = LinkClicks.objects.filter(campaign_id__in=campaign_ids, verdict__in=_PEOPLE).order_by()
    counts = rows.values_list("link_id").annotate(mails=Sum("firsts")).filter(mails__gt=0)
    best = dict(counts.order_by(F("mails").desc(), "link_id")[:MOST_LINKS])
    links = CampaignLink.objects.filter(pk__in=best).select_related("campaign")
    found = [LinkRow(link.url, link.campaign.name, best[link.pk]) for link in links]
    return tuple(sorted(found, key=lambda row: (-row.people, row.url, row.campaign)))


def _audience(organization_id: UUID, days: Days, slot_days: int) -> Audience | None:
    """Who came and went on these days (1 query); None while nobody has counted them."""
    rows = AudienceDay.objects.filter(organization_id=organization_id, day__range=(days.first - _DAY, days.last))
    by_day = {row.day: row for row in rows}
    inside = [row for day, row in by_day.items() if day >= days.first]
    if not inside:
        return None
    slots = []
    for first, last in _spans(_slot_starts(days, slot_days), days.last):
        counted = [row for row in inside if first <= row.day <= last]
        slots.append(AudienceSlot(first, sum(map(_joined, counted)), sum(map(_left, counted))))
    start = by_day.get(days.first - _DAY)
    return Audience(
        at_end=max(inside, key=lambda row: row.day).total,
        at_start=start.total if start else None,
        joined=sum(slot.joined for slot in slots),
        left=sum(slot.left for slot in slots),
        slots=tuple(slots),
    )


def _joined(row: AudienceDay) -> int:
    return row.joined + row.resubscribed


def _left(row: AudienceDay) -> int:
    return row.unsubscribed + row.bounced + row.complained + row.deleted
