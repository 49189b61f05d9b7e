"""The cockpit over all clients: the line of numbers, one row per client by need, and today's sends."""

import datetime
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from statistics import median
from uuid import UUID
from zoneinfo import ZoneInfo

from django.urls import reverse

from core.accounts.access import Access
from core.accounts.models import Organization
from core.accounts.permissions import Permission
from core.adminsite.home.facts import ClientFacts, Progress, client_facts, fully_counted
from core.adminsite.home.health import DAYS as HEALTH_DAYS
from core.adminsite.home.health import Health, health_of
from core.adminsite.home.rhythm import QUIET_RULE, Comparison, Quiet, comparison, quiet
from core.adminsite.home.timeline import Day, day_of_sends
from core.adminsite.navigation import link_or_none
from core.adminsite.next_steps import Problem, ProblemKind, Step, next_step, problems_of
from core.campaigns.approvals.queries import open_for
from core.campaigns.models import Approval, Campaign
from core.campaigns.states import RUNNING
from core.tracking.queries.clients import StartedCampaign, mails_on

ROWS_PER_PAGE = 25
PROBLEMS_SHOWN = 2
SENDS_SHOWN = 2
WEEKS_COMPARED = 4

ASPECTS = {
    "blocked": "Blocked clients",
    "senders": "Clients with an unhealthy sender",
    "limits": "Clients near a limit",
    "quiet": "Clients gone quiet",
    "sending": "Clients that are sending now",
}
"""What the rows can be narrowed down to: `?only=` in the address, and what the page then calls them."""


@dataclass(frozen=True)
class ClientRow:
    """A client in the cockpit. What only a shown row needs is made when it is asked for: most rows are on later
    pages."""

    access: Access
    now: datetime.datetime
    facts: ClientFacts
    problems: tuple[Problem, ...]
    health: Health
    quiet: Quiet | None
    approvals: tuple[Approval, ...]

    @property
    def client(self) -> Organization:
        return self.facts.client

    @cached_property
    def step(self) -> Step:
        return next_step(self.facts, self.access, self.health, self.approvals)

    @cached_property
    def comparison(self) -> Comparison | None:
        return comparison(self.facts.recent, self.now)

    @property
    def may_see_plan(self) -> bool:
        return self.access.can(Permission.PLAN_VIEW, self.client.pk)

    @cached_property
    def aspects(self) -> frozenset[str]:
        """Those of ASPECTS that are so here."""
        found = {
            "blocked": self.is_blocked,
            "senders": self.health.unhealthy > 0,
            "limits": any(problem.kind == ProblemKind.PLAN for problem in self.problems),
            "quiet": self.quiet is not None,
            "sending": bool(self.facts.running),
        }
        return frozenset(name for name, is_so in found.items() if is_so)

    @property
    def is_blocked(self) -> bool:
        return any(problem.is_stopping for problem in self.problems)

    @property
    def needs_you(self) -> bool:
        return bool(self.problems or self.approvals or self.quiet)

    @property
    def need(self) -> tuple[object, ...]:
        """Rows are sorted by it: what stands still, what waits for an answer, what may soon, what has gone quiet; then
        those that send."""
        signs = (
            self.is_blocked,
            bool(self.approvals),
            bool(self.problems),
            self.quiet is not None,
            bool(self.facts.running),
        )
        return (*(not sign for sign in signs), self.client.name.lower())

    @property
    def shown_problems(self) -> tuple[Problem, ...]:
        return self.problems[:PROBLEMS_SHOWN]

    @property
    def more_problems(self) -> int:
        return max(len(self.problems) - PROBLEMS_SHOWN, 0)

    @property
    def running(self) -> list[tuple[Campaign, Progress]]:
        return [(one, self.facts.progress.get(one.pk, Progress())) for one in self.facts.running[:SENDS_SHOWN]]

    @property
    def planned(self) -> list[Campaign]:
        return self.facts.scheduled[:SENDS_SHOWN]

    @property
    def last(self) -> StartedCampaign | None:
        """The last campaign that has reached somebody, or the last that started."""
        return next((one for one in self.facts.recent if one.sent), self.facts.last)

    @property
    def is_idle(self) -> bool:
        """Nothing to tell: no problem, nothing waiting, nothing on its way."""
        return not (self.problems or self.approvals or self.quiet or self.facts.running or self.facts.scheduled)


@dataclass(frozen=True, slots=True)
class Figure:
    """A number of the top line: what it counts, a few words below it, and the list it leads to."""

    key: str
    label: str
    value: int
    note: str
    url: str
    is_alert: bool = False
    title: str = ""


@dataclass(frozen=True)
class Cockpit:
    """Everything on the page. `rows` are those of this page; `found` counts what the search and `only` left."""

    figures: tuple[Figure, ...]
    rows: tuple[ClientRow, ...]
    found: int
    clients: int
    needing: int
    day: Day
    wanted: "Wanted"
    pages: int

    @property
    def only_label(self) -> str:
        return ASPECTS.get(self.wanted.only, "")

    @property
    def has_both_kinds(self) -> bool:
        """Whether headings between those who need you and the others say something on this page."""
        return len({row.needs_you for row in self.rows}) > 1


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the address asks for: words of a name, one of ASPECTS or "", and the page from 1 on."""

    words: str = ""
    only: str = ""
    page: int = 1

    @classmethod
    def of(cls, query: Mapping[str, str]) -> "Wanted":
        """Whatever the address says that means nothing counts as not said."""
        only, page = query.get("only", ""), query.get("page", "")
        number = int(page) if page.isascii() and page.isdigit() and len(page) < 6 else 1
        return cls(query.get("q", "").strip()[:100], only if only in ASPECTS else "", max(number, 1))

    def fits(self, row: ClientRow) -> bool:
        words = self.words.lower()
        return (not words or words in row.client.name.lower()) and (not self.only or self.only in row.aspects)


def cockpit(access: Access, wanted: Wanted, *, now: datetime.datetime, zone: datetime.tzinfo) -> Cockpit:
    """The page over all clients in reach. The number of queries does not depend on how many they are."""
    rows = _rows(access, now)
    fitting = [row for row in rows if wanted.fits(row)]
    pages = max(-(-len(fitting) // ROWS_PER_PAGE), 1)
    page = min(wanted.page, pages)
    first = (page - 1) * ROWS_PER_PAGE
    return Cockpit(
        figures=tuple(_figures(rows, now, zone)),
        rows=tuple(_complete(fitting[first : first + ROWS_PER_PAGE])),
        found=len(fitting),
        clients=len(rows),
        needing=sum(row.needs_you for row in rows),
        day=day_of_sends([row.facts for row in rows], now, zone),
        wanted=Wanted(wanted.words, wanted.only, page),
        pages=pages,
    )


def _rows(access: Access, now: datetime.datetime) -> list[ClientRow]:
    approvals: dict[UUID, list[Approval]] = defaultdict(list)
    for approval in open_for(access).select_related("campaign").order_by("id"):
        approvals[approval.organization_id].append(approval)
    found = client_facts(access.organizations, counted_since=now - datetime.timedelta(days=HEALTH_DAYS))
    rows = [_row(access, facts, tuple(approvals[facts.client.pk]), now) for facts in found]
    return sorted(rows, key=lambda row: row.need)


def _complete(rows: Sequence[ClientRow]) -> Iterator[ClientRow]:
    """With what only a shown row tells: its older campaigns' figures."""
    for row, facts in zip(rows, fully_counted([row.facts for row in rows]), strict=True):
        yield replace(row, facts=facts)


def _row(access: Access, facts: ClientFacts, approvals: tuple[Approval, ...], now: datetime.datetime) -> ClientRow:
    is_mailing = bool(facts.running or facts.scheduled or facts.paused)
    health = health_of(facts, now)
    return ClientRow(
        access=access,
        now=now,
        facts=facts,
        problems=tuple(problems_of(facts, access, health)),
        health=health,
        quiet=None if is_mailing else quiet(facts.recent, now),
        approvals=approvals,
    )


# The line of numbers


def _figures(rows: Sequence[ClientRow], now: datetime.datetime, zone: datetime.tzinfo) -> Iterator[Figure]:
    yield _mails_today(rows, now, f"{now.astimezone(zone):%A}")
    running = [campaign for row in rows for campaign in row.facts.running]
    campaigns = reverse("admin:campaigns_campaign_changelist")
    url = f"{campaigns}?status__in={','.join(sorted(RUNNING))}"
    yield Figure("sending", "Sending now", len(running), _names(running, "nothing on its way"), url)
    yield _waiting(rows)
    blocked = [row for row in rows if row.is_blocked]
    yield _aspect("blocked", "Blocked", len(blocked), _why(blocked) or "nothing stands still")
    unhealthy = sum(row.health.unhealthy for row in rows)
    names = ", ".join(row.client.name for row in rows if row.health.unhealthy)
    yield _aspect("senders", "Unhealthy senders", unhealthy, names or "all in order")
    near = [row for row in rows if "limits" in row.aspects]
    yield _aspect("limits", "Limits near", len(near), ", ".join(row.client.name for row in near) or "room for all")
    still = [row for row in rows if row.quiet]
    note = ", ".join(row.client.name for row in still) or "all in their rhythm"
    yield _aspect("quiet", "Quiet clients", len(still), note, title=QUIET_RULE)


def _mails_today(rows: Sequence[ClientRow], now: datetime.datetime, weekday: str) -> Figure:
    """Today beside the median of the same weekday of the last weeks, each client by its own calendar."""
    todays = {row.client.pk: now.astimezone(ZoneInfo(row.client.time_zone)).date() for row in rows}
    weeks = [datetime.timedelta(weeks=count) for count in range(WEEKS_COMPARED + 1)]
    mails = mails_on(list(todays), {day - week for day in todays.values() for week in weeks})
    sums = [sum(mails.get((pk, day - week), 0) for pk, day in todays.items()) for week in weeks]
    today, usual = sums[0] + sum(row.facts.uncounted for row in rows), round(median(sums[1:]))
    title = f"Mails accepted since midnight. Usual: the median of the last {WEEKS_COMPARED} {weekday}s, whole days."
    url = link_or_none(lambda: reverse("admin:engagement")) or reverse("admin:campaigns_campaign_changelist")
    return Figure("mails", "Mails today", today, f"usual {weekday}: {usual:,}", url, title=title)


def _waiting(rows: Sequence[ClientRow]) -> Figure:
    waiting = sum(len(row.facts.in_review) for row in rows)
    mine = sum(len(row.approvals) for row in rows)
    note = f"{mine:,} for you" if mine else ("for somebody else" if waiting else "nothing waits")
    return Figure("waiting", "Waiting for approval", waiting, note, reverse("admin:campaigns_approval_changelist"))


def _aspect(key: str, label: str, value: int, note: str, *, title: str = "") -> Figure:
    """A number whose list is the rows below, narrowed down."""
    return Figure(key, label, value, note, f"?only={key}#ex-clients", is_alert=value > 0, title=title)


def _why(rows: Sequence[ClientRow]) -> str:
    """2 paused, 1 connection paused: what stands still, the most frequent first."""
    counted = Counter(problem.short for row in rows for problem in row.problems if problem.is_stopping)
    return ", ".join(f"{count} {short}" for short, count in counted.most_common())


def _names(campaigns: Sequence[Campaign], nothing: str) -> str:
    if not campaigns:
        return nothing
    more = f", {len(campaigns) - 1} more" if len(campaigns) > 1 else ""
    return f"{campaigns[0].name}{more}"
