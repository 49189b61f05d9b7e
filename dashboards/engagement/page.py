"""Engagement: what people did with the mails of a range, against the time before."""

import dataclasses
import datetime
from collections.abc import Mapping, Sequence
from typing import Any

from django.urls import reverse

from core.tracking.choices import EventType, PeriodPart
from core.tracking.queries import Counted
from core.tracking.queries.periods import (
    ENGAGEMENT,
    Figures,
    campaigns_started,
    devices_of,
    figures_of_page,
    summed,
)
from dashboards.engagement.campaigns import rates_chart, top_table
from dashboards.engagement.over_time import activity_chart, kinds_chart
from dashboards.engagement.shares import devices_chart, hours_chart, providers_chart
from dashboards.engagement.slots import Slot, rate, rate_text, who
from dashboards.filters import Range
from dashboards.numbers import count_text
from dashboards.overviews import (
    Asked,
    Overview,
    buckets_of,
    overview,
    span_of,
    split,
)
from dashboards.tiles import Tile, count_change, points_change

MOST_CAMPAIGNS = 200
"""Of a range, the newest; with more the page says so."""


@overview("engagement", title="Engagement", with_counts=True)
def engagement(asked: Asked) -> Overview:
    """Everything of the page (5 queries)."""
    found = asked.range
    span, previous = span_of(found), found.previous
    begin = previous.first if previous else span.first
    every_start, by_part = figures_of_page(asked.ids, span, begin, ENGAGEMENT, PeriodPart.PROVIDER)
    by_start, before = split(every_start, span)
    if not before:
        found = dataclasses.replace(found, compare=False)
    campaigns = campaigns_started(found.starts_at, found.ends_at, most=MOST_CAMPAIGNS)
    if not by_start and not campaigns:
        return _nothing(found)
    slots = _slots(found, by_start, before)
    devices = devices_of(campaign for campaign, _ in campaigns)
    charts = {
        "activity": activity_chart(found, slots),
        "kinds": kinds_chart(found, slots),
        "rates": rates_chart(asked, campaigns),
        "hours": hours_chart(asked, min(by_start, default=found.last)),
        "devices": devices_chart(found, devices),
        "providers": providers_chart(found, {name: value for (_, name), value in by_part[PeriodPart.PROVIDER].items()}),
    }
    top = top_table(asked, campaigns)
    context = {"top": top, "has_more": len(campaigns) == MOST_CAMPAIGNS, "most": MOST_CAMPAIGNS}
    return Overview(tiles=_tiles(found, slots), charts=charts, tables=[top], context=context)


def _nothing(found: Range) -> Overview:
    return Overview(
        empty=f"Nothing went out and nothing was read: {found.words}. Opens and clicks appear here once a campaign is "
        "on its way.",
        empty_url=reverse("admin:campaigns_campaign_changelist"),
        empty_button="Open the campaigns",
    )


def _slots(found: Range, by_start: Mapping[datetime.date, Figures], before: Mapping[datetime.date, Figures]) -> list:
    starts = buckets_of(found, list(by_start))
    earlier: list[Figures | None] = [None] * len(starts)
    if found.previous:
        told = [before.get(start, Figures()) for start in buckets_of(found.previous, list(before))]
        earlier = [*told[: len(starts)], *[None] * (len(starts) - len(told))]
    return [Slot(start, by_start.get(start, Figures()), old) for start, old in zip(starts, earlier, strict=True)]


def _tiles(found: Range, slots: Sequence[Slot]) -> list[Tile]:
    now = summed([slot.now for slot in slots])
    before = summed([slot.before for slot in slots if slot.before]) if found.previous else None
    against = found.previous_words
    sent = Tile(
        "Mails accepted",
        count_text(now.sent),
        note="by the recipients' or our provider's servers",
        change=count_change(now.sent, before.sent, against=against, better="neither") if before else None,
        trend=[slot.now.sent for slot in slots],
    )
    kinds = (
        ("Opened", EventType.OPENED, "up", "opened"),
        ("Clicked", EventType.CLICKED, "up", "clicked"),
        ("Unsubscribed", EventType.UNSUBSCRIBED, "down", "other"),
        ("Complained", EventType.COMPLAINED, "down", "bad"),
    )
    return [sent, *(_rate_tile(found, slots, now, before, *kind) for kind in kinds)]


def _rate_tile(
    found: Range,
    slots: Sequence[Slot],
    now: Figures,
    before: Figures | None,
    title: str,
    kind: EventType,
    better: Any,
    role: str,
) -> Tile:
    is_reaction = kind in (EventType.OPENED, EventType.CLICKED)
    counted = found.counted if is_reaction else Counted.EVERYBODY
    once = now.of(kind).once(counted)
    digits = 2 if kind in (EventType.UNSUBSCRIBED, EventType.COMPLAINED) else 1
    change = None
    if before:
        change = points_change(
            rate(now, kind, counted), rate(before, kind, counted),
            against=found.previous_words, digits=digits,
            better="neither" if counted is Counted.MACHINES else better,
        )  # fmt: skip
    return Tile(
        counted.titled(title),
        rate_text(now, kind, counted),
        base=f"of {count_text(now.sent)} mails accepted in these days",
        note=f"{count_text(once)} {who(counted)}",
        change=change,
        trend=[slot.now.of(kind).once(counted) for slot in slots],
        role=role,
    )
