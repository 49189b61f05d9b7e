"""Campaigns side by side: their rates, which is best in what, and how quickly each was opened."""

import datetime
import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.utils import timezone

from core.tracking.choices import EventType
from core.tracking.queries import (
    Count,
    Counted,
    PartRow,
    figures_by_campaign,
    hours_since_start,
    started_campaigns,
)
from dashboards.addresses import report_url
from dashboards.charts import Chart, Line, lines_figure
from dashboards.numbers import count_text, share, share_text
from dashboards.report.tiles import delivered_of
from dashboards.tables import Column, Table

MOST = 8
OFFERED = 12
BY_DEFAULT = 4
HOURS = 72
_ROLES = ("accepted", "clicked", "opened", "fifth", "fourth")


@dataclass(frozen=True)
class Metric:
    """A rate of the accepted mails; `is_better_high` False for what should be rare."""

    name: str
    title: str
    is_better_high: bool
    count: Callable[[PartRow, Counted], int]
    digits: int = 1
    role: str = "accepted"


def _of(event_type: EventType) -> Callable[[PartRow, Counted], int]:
    is_reaction = event_type in (EventType.OPENED, EventType.CLICKED)
    return lambda row, counted: row.of(event_type).once(counted if is_reaction else Counted.EVERYBODY)


_REACTIONS = ("opened", "clicked")
METRICS = (
    Metric("delivered", "Delivered", True, lambda row, counted: delivered_of(row, row.sent)),
    Metric("opened", "Opened", True, _of(EventType.OPENED), role="opened"),
    Metric("clicked", "Clicked", True, _of(EventType.CLICKED), role="clicked"),
    Metric("bounced", "Bounced", False, _of(EventType.BOUNCED), 2, "other"),
    Metric("unsubscribed", "Unsubscribed", False, _of(EventType.UNSUBSCRIBED), 2, "other"),
    Metric("complained", "Complained", False, _of(EventType.COMPLAINED), 2, "other"),
)


@dataclass(frozen=True)
class Cell:
    """One rate: its bar is as long as its part of the highest in the column."""

    text: str
    base: str
    width: str
    role: str
    is_best: bool


@dataclass(frozen=True)
class Row:
    name: str
    client: str
    url: str
    started: str
    accepted: str
    cells: list[Cell]


@dataclass(frozen=True)
class Offer:
    """A campaign in the picker."""

    pk: UUID
    name: str
    client: str
    started: str
    is_chosen: bool


class Comparison:
    """Campaigns in the open scope, in the order of their start, the latest first."""

    def __init__(self, campaigns: Sequence[Any], counted: Counted, zone: ZoneInfo, *, with_client: bool) -> None:
        self.campaigns = list(campaigns)
        self.counted = counted
        self.zone = zone
        self.with_client = with_client

    @cached_property
    def figures(self) -> dict[UUID, PartRow]:
        return figures_by_campaign(campaign.pk for campaign in self.campaigns)

    def of(self, campaign: Any) -> PartRow:
        return self.figures.get(campaign.pk, PartRow(""))

    def count(self, campaign: Any, metric: Metric) -> int:
        return metric.count(self.of(campaign), self.counted)

    def rate(self, campaign: Any, metric: Metric) -> float | None:
        return share(self.count(campaign, metric), self.of(campaign).sent)

    def best(self, metric: Metric) -> set[UUID]:
        """The campaigns with the best rate; none where all are alike or there is nothing to compare."""
        rates = {campaign.pk: self.rate(campaign, metric) for campaign in self.campaigns}
        known = [rate for rate in rates.values() if rate is not None]
        if len(known) < 2 or max(known) == min(known):
            return set()
        best = max(known) if metric.is_better_high else min(known)
        return {pk for pk, rate in rates.items() if rate == best}

    def rows(self) -> list[Row]:
        best = {metric.name: self.best(metric) for metric in METRICS}
        return [self._row(campaign, best) for campaign in self.campaigns]

    def _row(self, campaign: Any, best: dict[str, set[UUID]]) -> Row:
        return Row(
            name=campaign.name,
            client=campaign.organization.name,
            url=report_url(campaign.pk),
            started=self._local(campaign).strftime("%d %b %Y"),
            accepted=count_text(self.of(campaign).sent),
            cells=[self._cell(campaign, metric, campaign.pk in best[metric.name]) for metric in METRICS],
        )

    def _cell(self, campaign: Any, metric: Metric, is_best: bool) -> Cell:
        sent, count = self.of(campaign).sent, self.count(campaign, metric)
        highest = max((self.rate(one, metric) or 0 for one in self.campaigns), default=0)
        return Cell(
            text=share_text(count, sent, digits=metric.digits),
            base=f"{count_text(count)} of {count_text(sent)} accepted",
            width=f"{100 * (self.rate(campaign, metric) or 0) / highest:.1f}%" if highest else "0%",
            role=metric.role,
            is_best=is_best,
        )

    def table(self) -> Table:
        """For downloads: counts, and shares in percent as numbers."""
        client = (Column("Client", lambda campaign: campaign.organization.name),) if self.with_client else ()
        columns = (
            Column("Campaign", lambda campaign: campaign.name),
            *client,
            Column(f"Started ({self.zone.key})", lambda campaign: self._local(campaign).replace(tzinfo=None)),
            Column("Accepted", lambda campaign: self.of(campaign).sent, is_number=True),
            *(column for metric in METRICS for column in self._columns(metric)),
        )
        return Table("compare", "Campaigns side by side", columns, self.campaigns)

    def titles(self) -> list[str]:
        return [self._title(metric) for metric in METRICS]

    def _title(self, metric: Metric) -> str:
        return self.counted.titled(metric.title) if metric.role in _REACTIONS else metric.title

    def _columns(self, metric: Metric) -> tuple[Column, Column]:
        title = self._title(metric)
        return (
            Column(title, lambda campaign: self.count(campaign, metric), is_number=True),
            Column(f"{title}, %", lambda campaign: self.rate(campaign, metric), is_number=True),
        )

    @cached_property
    def opened_by_hour(self) -> dict[UUID, list[float | None]]:
        """The share of accepted mails that had been opened at the end of each hour since the start, in percent.

        Hours that have not come yet are None.
        """
        hours = hours_since_start([one.pk for one in self.campaigns], EventType.OPENED, hours=HOURS)
        return {one.pk: self._curve(one, hours.get(one.pk, {})) for one in self.campaigns}

    def _curve(self, campaign: Any, by_hour: dict[int, Count]) -> list[float | None]:
        sent = self.of(campaign).sent
        age = (timezone.now() - campaign.started_at).total_seconds() / 3600
        curve: list[float | None] = []
        opened = 0
        for hour in range(HOURS):
            opened += by_hour.get(hour, Count()).once(self.counted)
            curve.append(round(100 * opened / sent, 2) if sent and hour <= age else None)
        return curve

    def chart(self) -> Chart:
        lines = [
            Line(self._name(one), _ROLES[place % len(_ROLES)], self.opened_by_hour[one.pk], dash=place // len(_ROLES))
            for place, one in enumerate(self.campaigns)
        ]
        middle = statistics.median([values[-1] for values in self._known_curves()] or [0.0])
        x_axis = {
            "title": {"text": "Hours since the start", "font": {"size": 13}},
            "dtick": 12,
            "range": [0, HOURS + 0.5],
        }
        return Chart(
            name="opens",
            title="How quickly it was opened",
            summary=f"Share of mails opened in the first {HOURS} hours; half of the campaigns reach {middle:.1f} %.",
            figure=lines_figure(list(range(1, HOURS + 1)), lines, is_percent=True, height=380, x_axis=x_axis),
            table=self.hours_table(),
            note=f"Share of the accepted mails that had been opened, by the hour since each campaign's start. "
            f"By {self.counted.value} only, each mail once.",
            empty="" if any(any(values) for values in self.opened_by_hour.values()) else "Nobody has opened them yet.",
        )

    def _known_curves(self) -> Iterable[list[float]]:
        for values in self.opened_by_hour.values():
            known = [value for value in values if value is not None]
            if known:
                yield known

    def hours_table(self) -> Table:
        columns = (
            Column("Hours since the start", lambda hour: hour + 1, is_number=True),
            *(Column(f"{self._name(one)}, %", self._reader(one), is_number=True) for one in self.campaigns),
        )
        return Table("opens", "Opened so far, in percent of the accepted mails", columns, list(range(HOURS)))

    def _reader(self, campaign: Any) -> Callable[[int], float | None]:
        return lambda hour: self.opened_by_hour[campaign.pk][hour]

    def _name(self, campaign: Any) -> str:
        return f"{campaign.name} · {campaign.organization.name}" if self.with_client else campaign.name

    def _local(self, campaign: Any) -> datetime.datetime:
        return campaign.started_at.astimezone(self.zone)


def asked_ids(values: Iterable[str]) -> tuple[list[UUID], str]:
    """The campaigns that an address names, at most MOST, and a sentence about what was left out."""
    ids = list(dict.fromkeys(found for value in values if (found := _uuid(value))))
    left_out = f"Up to {MOST} campaigns stand side by side; you see the first {MOST}." if len(ids) > MOST else ""
    return ids[:MOST], left_out


def by_default(organization_ids: Sequence[UUID]) -> list[Any]:
    """The latest campaigns that had a day to be read; where there are none, the latest of all."""
    a_day_ago = timezone.now() - datetime.timedelta(days=1)
    found = started_campaigns(organization_ids=organization_ids, limit=OFFERED)
    return ([one for one in found if one.started_at and one.started_at < a_day_ago] or found)[:BY_DEFAULT]


def offers(chosen: Sequence[Any], search: str, zone: ZoneInfo, *, organization_ids: Sequence[UUID]) -> list[Offer]:
    """What can be picked: the chosen ones first, then the latest whose name holds the words."""
    found = started_campaigns(search=search, organization_ids=organization_ids, limit=OFFERED)
    known = {one.pk for one in chosen}
    others = [_offer(one, zone, is_chosen=False) for one in found if one.pk not in known]
    return [*(_offer(one, zone, is_chosen=True) for one in chosen), *others]


def _offer(campaign: Any, zone: ZoneInfo, *, is_chosen: bool) -> Offer:
    started = campaign.started_at.astimezone(zone).strftime("%d %b %Y")
    return Offer(campaign.pk, campaign.name, campaign.organization.name, started, is_chosen)


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
