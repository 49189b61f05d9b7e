"""The overview of one client: five tiles, what was sent last, how the list grows, what is planned, what is wrong."""

import datetime
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from django.urls import reverse

from core.accounts.access import Access
from core.accounts.models import Organization
from core.accounts.permissions import Permission
from core.adminsite.home.facts import ClientFacts, Progress, client_facts
from core.adminsite.home.health import Health, health_of
from core.adminsite.home.rhythm import Quiet, quiet
from core.adminsite.navigation import link_or_none
from core.adminsite.next_steps import Problem, Step, next_step, problems_of
from core.campaigns.approvals.queries import open_for, waiting_for_client
from core.campaigns.models import Approval, Campaign
from core.campaigns.presentation import planned_words
from core.campaigns.states import STATUS_COLORS, CampaignStatus
from core.subscriptions.queries import UsageOf
from core.tracking.audience.choices import ARRIVALS, DEPARTURES
from core.tracking.choices import EventType, PeriodLength
from core.tracking.queries.audience import ListDay, list_days
from core.tracking.queries.clients import StartedCampaign
from core.tracking.queries.periods import Span, figures_by_start

DAYS = 30
PLANNED_DAYS = 14
RECENT_SHOWN = 6
IN_WORK_SHOWN = 5
APPROVALS_SHOWN = 5
GROWTH_DAYS = 90
FEWEST_FOR_PERCENT = 10
"""From one to six is five more, not 500 %."""


@dataclass(frozen=True, slots=True)
class DayFigures:
    """A day of the client's calendar: mails accepted, and first opens and clicks by people on that day."""

    sent: int = 0
    opened: int = 0
    clicked: int = 0

    def __add__(self, other: "DayFigures") -> "DayFigures":
        return DayFigures(self.sent + other.sent, self.opened + other.opened, self.clicked + other.clicked)


@dataclass(frozen=True, slots=True)
class Tile:
    """A figure of the last DAYS days, beside that of the DAYS before. `base` says on hover what it is a part of, `note`
    stands in the place of a change that there is not."""

    label: str
    value: str
    base: str
    change: str
    direction: str
    line: tuple[float | None, ...]
    line_label: str
    url: str
    note: str = ""
    from_zero: bool = True


@dataclass(frozen=True, slots=True)
class CampaignRow:
    """A recent campaign with its figures; `progress` while it is on its way."""

    campaign: Campaign
    started: StartedCampaign
    progress: Progress | None

    @property
    def color(self) -> str:
        return STATUS_COLORS[CampaignStatus(self.campaign.status)]

    @property
    def accepted(self) -> int:
        return self.started.sent

    @property
    def total(self) -> int:
        return max(self.progress.total if self.progress else 0, self.accepted)

    @property
    def funnel(self) -> list[tuple[str, int, float]]:
        """(what, how many, percent of the accepted mails): the bars beside each other."""
        steps = (("opened", self.started.opened), ("clicked", self.started.clicked))
        return [(name, count, _share(count, self.accepted) or 0.0) for name, count in steps]


@dataclass(frozen=True, slots=True)
class Bar:
    """A day of the chart; heights are percent of the chart's top."""

    day: datetime.date
    figures: DayFigures
    sent_height: float
    opened_height: float


@dataclass(frozen=True, slots=True)
class GrowthChart:
    """The line of subscribed people in a box of 600 × 120, and what it says in numbers."""

    first_day: datetime.date
    days: int
    first: int
    last: int
    came: int
    went: int
    path: str
    area: str

    @property
    def change(self) -> str:
        return f"{self.last - self.first:+,}" if self.last != self.first else ""


@dataclass(frozen=True)
class Overview:
    facts: ClientFacts
    tiles: tuple[Tile, ...]
    rows: tuple[CampaignRow, ...]
    bars: tuple[Bar, ...]
    growth: tuple[ListDay, ...]
    planned: tuple[tuple[Campaign, str], ...]
    in_work: tuple[Campaign, ...]
    problems: tuple[Problem, ...]
    health: Health
    quiet: Quiet | None
    step: Step
    approvals: tuple[Approval, ...]
    waiting_for_client: int
    may_see_plan: bool

    @property
    def client(self) -> Organization:
        return self.facts.client

    @property
    def is_stopped(self) -> bool:
        return any(problem.is_stopping for problem in self.problems)

    @property
    def has_sent(self) -> bool:
        return any(bar.figures.sent or bar.figures.opened for bar in self.bars)

    @property
    def growth_chart(self) -> GrowthChart | None:
        """None before the first days were counted."""
        return _growth_chart(self.growth) if len(self.growth) > 1 else None

    @property
    def usage_bars(self) -> list[UsageOf]:
        return [usage for usage in self.facts.usage.metrics.values() if usage.limit is not None]


def overview(access: Access, client: Organization, now: datetime.datetime) -> Overview:
    """A fixed number of queries, whatever the client has."""
    facts = client_facts([client])[0]
    today = now.astimezone(ZoneInfo(client.time_zone)).date()
    days = _days(today)
    growth = list_days(today - datetime.timedelta(days=GROWTH_DAYS), today)
    starts = _starts(client, today)
    approvals = tuple(open_for(access).select_related("campaign", "asked_by").order_by("id")[:APPROVALS_SHOWN])
    is_mailing = bool(facts.running or facts.scheduled or facts.paused)
    health = health_of(facts, now)
    return Overview(
        facts=facts,
        tiles=tuple(_tiles(access, facts, days, growth, starts, today)),
        rows=tuple(_campaign_rows(facts)),
        bars=tuple(_bars(days, today)),
        growth=tuple(growth),
        planned=tuple(_planned(facts, now)),
        in_work=tuple(_in_work(client)),
        problems=tuple(problems_of(facts, access, health)),
        health=health,
        quiet=None if is_mailing else quiet(facts.recent, now),
        step=next_step(facts, access, health, approvals),
        approvals=approvals,
        waiting_for_client=_waiting_for_client(access, client),
        may_see_plan=access.can(Permission.PLAN_VIEW),
    )


def _days(today: datetime.date) -> dict[datetime.date, DayFigures]:
    """The days of both periods, read with the numbers that the pages of results show."""
    span = Span(PeriodLength.DAY, today - datetime.timedelta(days=2 * DAYS - 1), today)
    found = figures_by_start(span, (EventType.SENT, EventType.OPENED, EventType.CLICKED))
    return defaultdict(
        DayFigures,
        {
            day: DayFigures(one.sent, one.of(EventType.OPENED).people_once, one.of(EventType.CLICKED).people_once)
            for day, one in found.items()
        },
    )


def _starts(client: Organization, today: datetime.date) -> list[datetime.date]:
    """The days (of the client) on which a campaign started, since the two periods began."""
    zone = ZoneInfo(client.time_zone)
    since = datetime.datetime.combine(today - datetime.timedelta(days=2 * DAYS - 1), datetime.time.min, zone)
    rows = Campaign.objects.filter(organization_id=client.pk, started_at__gte=since).order_by()
    return [at.astimezone(zone).date() for at in rows.values_list("started_at", flat=True) if at]


def _waiting_for_client(access: Access, client: Organization) -> int:
    if not access.can(Permission.CAMPAIGNS_VIEW, client.pk):
        return 0
    return waiting_for_client([client.pk]).get(client.pk, 0)


# Tiles


def _tiles(
    access: Access,
    facts: ClientFacts,
    days: Mapping[datetime.date, DayFigures],
    growth: Sequence[ListDay],
    starts: Sequence[datetime.date],
    today: datetime.date,
) -> Iterator[Tile]:
    def to(permission: Permission, name: str) -> str:
        return (link_or_none(lambda: reverse(f"admin:{name}")) or "") if access.can(permission) else ""

    now, before = _period(today), _period(today - datetime.timedelta(days=DAYS))
    this, last = _sum(days, now), _sum(days, before)
    results = to(Permission.RESULTS_VIEW, "engagement")
    yield _contacts(facts, growth, today, to(Permission.RESULTS_VIEW, "audience_growth"))
    nothing = f"none in {DAYS} days"
    campaigns, earlier = sum(day in now for day in starts), sum(day in before for day in starts)
    yield Tile(
        "Campaigns",
        f"{campaigns:,}",
        f"started in the last {DAYS} days",
        *_change(campaigns, earlier),
        tuple(float(starts.count(day)) for day in now),
        "Campaigns started, by day",
        to(Permission.CAMPAIGNS_VIEW, "campaigns_campaign_changelist"),
        nothing,
    )
    sent = tuple(float(days[day].sent) for day in now)
    base = f"mails accepted in the last {DAYS} days"
    yield Tile(
        "Emails", f"{this.sent:,}", base, *_change(this.sent, last.sent), sent, "Emails by day", results, nothing
    )
    yield _rate(
        "Open rate", "opened", this.opened, this, _share(last.opened, last.sent), _line(facts, "open_rate"), results
    )
    yield _rate(
        "Click rate",
        "clicked",
        this.clicked,
        this,
        _share(last.clicked, last.sent),
        _line(facts, "click_rate"),
        results,
    )


def _contacts(facts: ClientFacts, growth: Sequence[ListDay], today: datetime.date, url: str) -> Tile:
    began = today - datetime.timedelta(days=DAYS)
    line = [one.total for one in growth if one.day > began]
    before = next((one.total for one in growth if one.day == began), None)
    change = _change(line[-1], before) if line and before is not None else ("", "")
    base = "people on the lists, those who left included" if not line else f"{line[-1]:,} of them subscribed"
    return Tile(
        "Contacts",
        f"{facts.contacts.used:,}",
        base,
        *change,
        tuple(line),
        "Subscribed people by day",
        url,
        note="on the lists",
        from_zero=False,
    )


def _rate(
    label: str,
    verb: str,
    part: int,
    this: DayFigures,
    before: float | None,
    line: tuple[float | None, ...],
    url: str,
) -> Tile:
    rate = _share(part, this.sent)
    value = "–" if rate is None else f"{rate:.1f} %"
    base = f"{part:,} {verb} by people, of {this.sent:,} mails in the last {DAYS} days"
    note = f"of {this.sent:,} mails" if this.sent else f"none sent in {DAYS} days"
    words = f"{label} of the last {len(line)} campaigns"
    return Tile(label, value, base, *_points(rate, before), line, words, url, note)


def _line(facts: ClientFacts, rate: str) -> tuple[float | None, ...]:
    """The rates of the last campaigns, the oldest first."""
    return tuple(getattr(campaign, rate) for campaign in reversed(facts.recent) if campaign.sent)


def _period(last: datetime.date) -> list[datetime.date]:
    """The DAYS days that end with this one."""
    return [last - datetime.timedelta(days=back) for back in range(DAYS - 1, -1, -1)]


def _sum(days: Mapping[datetime.date, DayFigures], period: Sequence[datetime.date]) -> DayFigures:
    return sum((days[day] for day in period), start=DayFigures())


def _change(now: int, before: int) -> tuple[str, str]:
    """(words, "up" | "down" | ""): against the period before."""
    if not before:
        return (f"none in the {DAYS} days before" if now else "", "")
    if now == before:
        return (f"as in the {DAYS} days before", "")
    words = f"{now - before:+,}" if before < FEWEST_FOR_PERCENT else f"{100 * (now - before) / before:+,.1f} %"
    return (words, "up" if now > before else "down")


def _points(now: float | None, before: float | None) -> tuple[str, str]:
    if now is None or before is None:
        return ("", "")
    points = round(now - before, 1)
    if not points:
        return (f"as in the {DAYS} days before", "")
    return (f"{points:+.1f} points", "up" if points > 0 else "down")


def _share(part: int, whole: int) -> float | None:
    return 100 * part / whole if whole else None


# What was, and what will be


def _campaign_rows(facts: ClientFacts) -> list[CampaignRow]:
    started = {campaign.pk: campaign for campaign in facts.recent}
    ids = [campaign.pk for campaign in facts.recent[:RECENT_SHOWN]]
    found = Campaign.objects.in_bulk(ids)
    return [CampaignRow(found[pk], started[pk], facts.progress.get(pk)) for pk in ids if pk in found]


def _in_work(client: Organization) -> list[Campaign]:
    """What is being made: drafts, and what waits for an approval or for its day."""
    status = (CampaignStatus.DRAFT, CampaignStatus.IN_REVIEW, CampaignStatus.APPROVED)
    rows = Campaign.objects.filter(organization_id=client.pk, status__in=status)
    return list(rows.order_by("-id")[:IN_WORK_SHOWN])


def _growth_chart(days: Sequence[ListDay]) -> GrowthChart:
    """The line between the smallest and the largest size of the list, with a margin: growth is what it shows."""
    totals = [day.total for day in days]
    low, high = min(totals), max(totals)
    margin = max((high - low) * 0.15, 1.0)
    step, scale = 600 / (len(totals) - 1), 120 / (high - low + 2 * margin)
    points = [f"{place * step:.1f} {120 - (total - low + margin) * scale:.1f}" for place, total in enumerate(totals)]
    path = "M" + "L".join(points)
    return GrowthChart(
        first_day=days[0].day,
        days=(days[-1].day - days[0].day).days,
        first=totals[0],
        last=totals[-1],
        came=sum(day.of(*ARRIVALS) for day in days[1:]),
        went=sum(day.of(*DEPARTURES) for day in days[1:]),
        path=path,
        area=f"{path}L600 120L0 120Z",
    )


def _bars(days: Mapping[datetime.date, DayFigures], today: datetime.date) -> Iterator[Bar]:
    period = _period(today)
    top = max((max(days[day].sent, days[day].opened) for day in period), default=0) or 1
    for day in period:
        yield Bar(day, days[day], 100 * days[day].sent / top, 100 * days[day].opened / top)


def _planned(facts: ClientFacts, now: datetime.datetime) -> Iterator[tuple[Campaign, str]]:
    until = now + datetime.timedelta(days=PLANNED_DAYS)
    for campaign in facts.scheduled:
        if campaign.scheduled_at and campaign.scheduled_at <= until:
            yield campaign, planned_words(campaign)
