"""Audience growth: who came, who left, and how alive the list is."""

import datetime
from collections.abc import Callable, Sequence

from django.urls import reverse

from core.tracking.audience.choices import ARRIVALS, DEPARTURES, Activity, Turn
from core.tracking.choices import PeriodLength
from core.tracking.queries.audience import (
    ListDay,
    counted_at,
    group_sizes,
    list_cohorts,
    list_days,
    list_months,
    list_sources,
)
from dashboards.audience.cohorts import alive_sentence, cohort_rows, cohorts_table
from dashboards.audience.growth import churn_chart, growth_chart, total_chart
from dashboards.audience.people import MOST_GROUPS, groups_table, sources_chart
from dashboards.audience.slots import Slot, monthly_churn, signed
from dashboards.filters import Range
from dashboards.numbers import count_text, share_text
from dashboards.overviews import Asked, Overview, overview, span_of
from dashboards.tiles import Tile, count_change, points_change


@overview("audience_growth", title="Audience growth")
def audience_growth(asked: Asked) -> Overview:
    """Everything of the page (6 queries with a comparison)."""
    found = asked.range
    read = list_days if found.length == PeriodLength.DAY else list_months
    days = read(found.first, found.last)
    if not any(day.total or day.of(*ARRIVALS, *DEPARTURES) for day in days):
        return _nothing(asked)
    previous = found.previous
    before = read(previous.first, previous.last) if previous else []
    slots = _slots(days, _bucket_of(found))
    sources = list_sources(asked.ids, span_of(found))
    groups = groups_table(asked, group_sizes(asked.ids, found.first, found.last, most=MOST_GROUPS))
    cohorts = cohort_rows(list_cohorts())
    charts = {
        "growth": growth_chart(found, slots),
        "total": total_chart(found, slots, _slots(before, _bucket_of(found))),
        "churn": churn_chart(found, _slots(days, _churn_bucket(found))),
        "sources": sources_chart(sources),
    }
    context = {
        "cohorts": cohorts,
        "cohort_titles": Activity.labels,
        "groups": groups,
        "counted_at": counted_at(),
        "alive": alive_sentence(cohorts),
        "contacts_url": reverse("admin:contacts_contact_changelist"),
    }
    tables = [cohorts_table(cohorts), groups]
    return Overview(tiles=_tiles(found, slots, days, before), charts=charts, tables=tables, context=context)


def _nothing(asked: Asked) -> Overview:
    if not asked.clients or counted_at() is None:
        words = "The people of the lists have not been counted yet. That happens every quarter of an hour."
    else:
        words = f"Nobody was on the list yet: {asked.range.words}. Bring the list in, and its growth shows here."
    return Overview(
        empty=words, empty_url=reverse("admin:contacts_contact_changelist"), empty_button="Open the contacts"
    )


def _slots(days: Sequence[ListDay], bucket_of: Callable[[datetime.date], datetime.date]) -> list[Slot]:
    slots: dict[datetime.date, Slot] = {}
    for day in days:
        start = bucket_of(day.day)
        old = slots.get(start)
        turns = {name: number + (old.turns[name] if old else 0) for name, number in day.turns.items()}
        slots[start] = Slot(start, (old.days if old else 0) + day.days, turns, day.total)
    return list(slots.values())


def _bucket_of(found: Range) -> Callable[[datetime.date], datetime.date]:
    return (lambda day: day) if found.length == PeriodLength.DAY else (lambda day: day.replace(day=1))


def _churn_bucket(found: Range) -> Callable[[datetime.date], datetime.date]:
    """By weeks where the range is told by days: a day's churn is noise."""
    if found.length == PeriodLength.MONTH:
        return _bucket_of(found)
    return lambda day: day - datetime.timedelta(days=day.weekday())


def _tiles(found: Range, slots: Sequence[Slot], days: Sequence[ListDay], before: Sequence[ListDay]) -> list[Tile]:
    now, earlier = _whole(days), _whole(before) if before else None
    against = found.previous_words
    churn, old_churn = monthly_churn(now), monthly_churn(earlier) if earlier else None
    return [
        Tile(
            "Subscribed contacts",
            count_text(now.total),
            note=f"on {found.last:%-d %b %Y}",
            change=count_change(now.total, now.began_with, against="the start of the range"),
            trend=[slot.total for slot in slots],
            url=f"{reverse('admin:contacts_contact_changelist')}?status__exact=subscribed",
        ),
        Tile(
            "Came",
            count_text(now.arrived),
            note=f"{count_text(now.of(Turn.RESUBSCRIBED))} of them came back",
            change=count_change(now.arrived, earlier.arrived, against=against) if earlier else None,
            trend=[slot.arrived for slot in slots],
        ),
        Tile(
            "Left",
            count_text(now.left),
            note=f"{count_text(now.of(Turn.UNSUBSCRIBED))} unsubscribed",
            change=count_change(now.left, earlier.left, against=against, better="down") if earlier else None,
            trend=[slot.left for slot in slots],
            role="clicked",
        ),
        Tile(
            "Net growth",
            signed(now.net),
            base=f"{count_text(now.arrived)} came, {count_text(now.left)} left",
            note=f"{share_text(abs(now.net), now.began_with)} of the list at the start" if now.began_with else "",
        ),
        Tile(
            "Churn a month",
            "–" if churn is None else share_text(round(churn * 100), 10_000),
            base=f"{count_text(now.left)} of {count_text(now.began_with)} at the start left, by 30 days",
            note="of the list, leaving in 30 days",
            change=points_change(churn, old_churn, against=against, better="down", digits=2),
            role="bad",
        ),
    ]


def _whole(days: Sequence[ListDay]) -> Slot:
    slots = _slots(days, lambda _day: days[0].day)
    return slots[0]
