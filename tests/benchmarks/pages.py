"""Dashboards, reports and lists with ten million events in the database, through Django's test client: middleware,
queries and templates, without a network. Medians of 20 after a warm-up.

The promises for each page: 300 ms in all, 20 ms of them in the database, 1,000 kB (without the Plotly file, which all
pages share), and as many queries as the same page takes for a client with a two-hundredth of the events, give or take
those for what one client has and the other has not (a problem, a link that nobody followed).
"""

import datetime
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

from django.db import connection
from django.test import Client as Browser
from django.utils.http import urlencode

from core.accounts.models import Organization, User
from core.campaigns.models import Campaign, CampaignLink, CampaignSnapshot
from core.common.tenancy import all_organizations, organization_scope
from core.contacts.models import ContactGroup
from core.delivery.models import Message
from core.reports.choices import Period, Section
from core.reports.models import ReportPack
from core.reports.services import ReportSpec, pack_make
from core.tracking.models import AnalyticsEvent
from tests.benchmarks.pages_data import CLIENT, agency
from tests.benchmarks.report import Measurement
from tests.support import factories

EVENTS, QUICK_EVENTS = 10_000_000, 100_000
CLIENTS, QUICK_CLIENTS = 200, 10
ROUNDS, QUICK_ROUNDS = 20, 3
PROMISE_MS, DATABASE_PROMISE_MS, PROMISE_KB = 300.0, 20.0, 1_000.0
GIVE_OR_TAKE = 3
_EVENTS, _MAILS = "/admin/tracking/analyticsevent/", "/admin/delivery/message/"


@dataclass
class Clock:
    """How long the database took, and for how many queries: an execute_wrapper of the connection."""

    times: list[float] = field(default_factory=list)

    def __call__(self, execute: Callable[..., Any], *arguments: Any) -> Any:
        began = time.perf_counter()
        try:
            return execute(*arguments)
        finally:
            self.times.append((time.perf_counter() - began) * 1_000)


@dataclass(frozen=True)
class Shown:
    """A page: medians in ms, its number of queries and its size."""

    milliseconds: float
    database: float
    queries: int
    kilobytes: float


def run(*, quick: bool, events: int = 0) -> list[Measurement]:
    """Four figures a page; a table for people on the error output."""
    rounds = QUICK_ROUNDS if quick else ROUNDS
    made = agency(events=events or (QUICK_EVENTS if quick else EVENTS), clients=QUICK_CLIENTS if quick else CLIENTS)
    sys.stderr.write(
        f"{made.events:,} events, {made.of_campaign:,} of one campaign, which {made.mails:,} mails took.\n"
    )
    sys.stderr.write(f"{'page':42} {'ms':>6} {'db ms':>6} {'queries':>8} {'kB':>6}\n")
    superuser = User.objects.filter(is_superuser=True).first() or User.objects.create_superuser(
        "root@agency.example", factories.PASSWORD, full_name="Root"
    )
    with all_organizations(reason="the benchmark's clients"):
        small = Organization.objects.get(name=f"{CLIENT} 001")
        small_campaign = Campaign.objects.filter(organization=small).order_by("-started_at")[0]
    inside, beside, above = _browser(superuser, made.big), _browser(superuser, small), _browser(superuser)
    measurements: list[Measurement] = []
    twins = dict(_pages_of_client(small, small_campaign))
    for name, address in list(_pages_of_client(made.big, made.campaign)):
        usual = _shown(beside, twins[name], 1).queries
        measurements += _measurements(name, _shown(inside, address, rounds), usual)
    for name, address in _pages_of_agency(made.campaign):
        measurements += _measurements(f"all clients, {name}", _shown(above, address, rounds), None)
    return measurements


def _measurements(name: str, shown: Shown, usual: int | None) -> Iterator[Measurement]:
    more = "" if usual in (None, shown.queries) else f"  (elsewhere {usual} queries)"
    sys.stderr.write(
        f"{name:42} {shown.milliseconds:6.0f} {shown.database:6.1f} {shown.queries:8} {shown.kilobytes:6.0f}{more}\n"
    )
    for words, value, unit, most in (
        ("", shown.milliseconds, "ms", PROMISE_MS),
        (", database", shown.database, "ms", DATABASE_PROMISE_MS),
        (", queries", shown.queries, "queries", usual),
        (", size", shown.kilobytes, "kB", PROMISE_KB),
    ):
        slack = GIVE_OR_TAKE if unit == "queries" else 0
        yield Measurement(f"pages, {name}{words}", value, unit, most, most is None or value <= most + slack)


def _shown(browser: Browser, address: str, rounds: int) -> Shown:
    times, databases, clock, size = [], [], Clock(), 0
    for number in range(rounds + 1):
        clock = Clock()
        with ExitStack() as stack:
            stack.enter_context(connection.execute_wrapper(clock))
            began = time.perf_counter()
            size = _size(browser, address)
            took = (time.perf_counter() - began) * 1_000
        if number:
            times.append(took)
            databases.append(sum(clock.times))
    return Shown(statistics.median(times), statistics.median(databases), len(clock.times), size / 1_000)


def _size(browser: Browser, address: str) -> int:
    response = browser.get(address)
    if response.status_code != 200:
        raise RuntimeError(f"{address} answered {response.status_code}.")
    return len(response.getvalue())


def _browser(user: User, organization: Organization | None = None) -> Browser:
    browser = Browser()
    browser.force_login(user)
    if organization:
        browser.post("/admin/switch/", {"organization": str(organization.pk)})
    return browser


def _pages_of_client(organization: Organization, campaign: Campaign) -> Iterator[tuple[str, str]]:
    """(name, address); the same names for every client."""
    with organization_scope(organization):
        yield "overview", "/admin/"
        yield "overview, update", "/admin/home/live/"
        yield from _of_campaign(campaign)
        yield from _results()
        several = Campaign.objects.exclude(pk=campaign.pk).order_by("-started_at").values_list("pk", flat=True)[:7]
        yield "compare", "/admin/results/compare/"
        chosen = urlencode({"campaign": [campaign.pk, *several]}, doseq=True)
        yield "compare, eight campaigns", f"/admin/results/compare/?{chosen}"
        yield from _packs(organization)
        yield from _lists(campaign)


def _pages_of_agency(campaign: Campaign) -> Iterator[tuple[str, str]]:
    yield "cockpit", "/admin/"
    yield "cockpit, page 2", "/admin/?page=2"
    yield "cockpit, update", "/admin/home/live/"
    yield from _results()
    yield "compare", "/admin/results/compare/"
    yield "campaign report", f"/admin/campaigns/campaign/{campaign.pk}/report/"
    yield "campaigns", "/admin/campaigns/campaign/"
    yield "events", _EVENTS
    yield "mails", _MAILS


def _of_campaign(campaign: Campaign) -> Iterator[tuple[str, str]]:
    report = f"/admin/campaigns/campaign/{campaign.pk}/report/"
    yield "campaign report", report
    yield "campaign report, machines too", f"{report}?count=all"
    yield "campaign report, update", f"{report}progress.json"
    version = CampaignSnapshot.objects.filter(campaign=campaign)[0]
    yield "campaign report, the mail", f"{report}mail/{version.pk}/"
    for table in ("timeline", "links", "domains"):
        yield f"campaign report, {table}.csv", f"{report}{table}.csv"
    yield "campaign", f"/admin/campaigns/campaign/{campaign.pk}/change/"
    yield "campaigns", "/admin/campaigns/campaign/"


def _results() -> Iterator[tuple[str, str]]:
    today = datetime.datetime.now(datetime.UTC).date()
    custom = urlencode({"range": "custom", "from": today - datetime.timedelta(days=110), "to": today})
    ranges = {name: f"range={name}" for name in ("7d", "30d", "90d", "year", "all")} | {"custom": custom}
    for page, slug in (
        ("engagement", "engagement"),
        ("deliverability", "deliverability"),
        ("audience", "audience-growth"),
    ):
        for name, query in ranges.items():
            yield f"{page}, {name}", f"/admin/results/{slug}/?{query}"


def _packs(organization: Organization) -> Iterator[tuple[str, str]]:
    spec = ReportSpec(organization, Period.LAST_30_DAYS, tuple(Section.values), "en", title="Benchmark")
    pack = ReportPack.objects.first() or pack_make(spec=spec, user=None)
    yield "report packs", "/admin/reports/reportpack/"
    yield "report pack, builder and preview", "/admin/reports/new/"
    yield "report pack", f"/admin/reports/reportpack/{pack.pk}/change/"
    yield "report pack, the report", f"/admin/reports/reportpack/{pack.pk}/frame/"


def _lists(campaign: Campaign) -> Iterator[tuple[str, str]]:
    """Where the figures of a report lead, and the contact's page."""
    link = CampaignLink.objects.filter(campaign=campaign, number=1)[0]
    group = ContactGroup.objects.get(name="Customers")
    middle = Message.objects.filter(campaign=campaign).order_by("contact_id")[campaign.messages.count() // 2]
    event = AnalyticsEvent.objects.filter(message=middle)[0]
    since = campaign.started_at + datetime.timedelta(hours=6)
    span = f"{since:%Y-%m-%dT%H:00Z}_{since + datetime.timedelta(hours=1):%Y-%m-%dT%H:00Z}"
    of_type = {
        "opens": {"type__exact": "opened"},
        "clicks": {"type__exact": "clicked"},
        "bounces": {"type__exact": "bounced"},
        "opens by people": {"type__exact": "opened", "behind": "people"},
        "opens by phone": {"type__exact": "opened", "device__exact": "phone"},
        "opens at Gmail": {"type__exact": "opened", "provider": "Gmail"},
        "opens at a domain": {"type__exact": "opened", "domain": "company7.example"},
        "opens of a group": {"type__exact": "opened", "group": group.pk},
        "opens, an hour": {"type__exact": "opened", "span": span},
        "opens, Mondays at nine": {"type__exact": "opened", "clock": "0-09"},
        "clicks on a link": {"type__exact": "clicked", "link__id__exact": link.pk},
        "bounces, mailbox full": {"type__exact": "bounced", "bounce_class__exact": "mailbox_full"},
    }
    yield "events", _EVENTS
    yield "events, by key in the middle", f"{_EVENTS}?after={event.pk}"
    for name, filters in of_type.items():
        yield f"events, {name}", f"{_EVENTS}?{urlencode({'campaign__id__exact': campaign.pk, **filters})}"
    yield "event", f"{_EVENTS}{event.pk}/change/"
    yield "mails", _MAILS
    yield "mails of the campaign", f"{_MAILS}?campaign__id__exact={campaign.pk}"
    for did in ("opened", "not_opened", "clicked", "bounced", "unsubscribed", "complained"):
        yield f"mails, {did}", f"{_MAILS}?{urlencode({'campaign': campaign.pk, 'did': did})}"
    yield "mail", f"{_MAILS}{middle.pk}/change/"
    yield "contact", f"/admin/contacts/contact/{middle.contact_id}/change/"
