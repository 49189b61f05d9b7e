"""The pages of a client with five million contacts, through Django's test client: middleware, queries and templates,
without a network. Medians of 20 after a warm-up; the ceiling is the promise of 300 ms (2 s for counting a segment).

The database is made by `manage.py generate_contacts`; with --data a directory keeps it for the next time.
"""

import statistics
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from django.core.management import call_command
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext

from core.accounts.choices import Role
from core.accounts.models import Organization, User
from core.adminsite.generated_mailings import busiest_contact
from core.adminsite.management.commands.generate_contacts import SLUG
from core.campaigns.models import Campaign
from core.common.tenancy import all_organizations, organization_scope
from core.contacts.generated import person
from core.contacts.models import Contact, ContactGroup
from core.contacts.segments.people import people_count
from tests.benchmarks.report import Measurement
from tests.support import factories

CONTACTS, QUICK_CONTACTS = 5_000_000, 20_000
ROUNDS, QUICK_ROUNDS = 20, 3
PROMISE_MS = 300.0
SEGMENT_PROMISE_MS = 2_000.0
CLIENTS = 200
LIST = "/admin/contacts/contact/"


def run(*, quick: bool, contacts: int | None = None) -> list[Measurement]:
    """Medians of each page in ms, and its number of queries on the error output."""
    count = contacts or (QUICK_CONTACTS if quick else CONTACTS)
    rounds = QUICK_ROUNDS if quick else ROUNDS
    call_command("generate_contacts", str(count), "--campaigns", "3", "--messages", str(count // 5), stdout=sys.stderr)
    with all_organizations(reason="the benchmark's client"):
        organization = Organization.objects.get(slug=SLUG)
    superuser = User.objects.filter(is_superuser=True).first() or User.objects.create_superuser(
        "root@agency.example", factories.PASSWORD, full_name="Root"
    )
    inside, above, member = _browser(superuser, organization), _browser(superuser), _browser(_member(organization))
    pages = [(inside, name, address) for name, address in _pages(organization, count)]
    pages += [(above, "all clients, first page", LIST), (member, f"member of {CLIENTS} clients, first page", LIST)]
    pages += [(member, f"member of {CLIENTS} clients, palette", "/admin/search/?s=ana.garcia&extended=1")]
    measurements = [_page(browser, name, address, rounds) for browser, name, address in pages]
    return [*measurements, *_segments(organization, rounds)]


def _pages(organization: Organization, count: int) -> Iterator[tuple[str, str]]:
    with organization_scope(organization):
        groups = {group.name: group.pk for group in ContactGroup.objects.all()}
        middle = Contact.objects.get(email_key=person(count // 2)[2])
        busy = busiest_contact(organization) or middle
    yield "first page", LIST
    yield "page 200", f"{LIST}?p=200"
    yield "by key, in the middle", f"{LIST}?after={middle.pk}"
    yield "by key, backwards", f"{LIST}?before={middle.pk}"
    yield "oldest first", f"{LIST}?o=5"
    yield "by address", f"{LIST}?o=1"
    for name, text in (
        ("rare part", str(middle.email_key).partition("@")[0][2:]),
        ("a name", "garcia"),
        ("common part", "ana"),
        ("part of all", "example"),
        ("a domain", "lettera"),
        ("a small domain", middle.email_key.partition("@")[2]),
        ("two words", "marta lopez"),
        ("no match", "qzxvwk"),
        ("two letters", "zo"),
    ):
        yield f"search, {name}", f"{LIST}?q={text}"
    for tag in ("newsletter", "vip", "trade fair", "beta tester", "unheard of"):
        yield f"tag, {tag}", f"{LIST}?tag={tag}"
    for group in ("Newsletter", "Press"):
        yield f"group, {group}", f"{LIST}?group={groups[group]}"
    yield "status, bounced", f"{LIST}?status__exact=bounced"
    yield "role addresses", f"{LIST}?address=role"
    yield "disposable addresses", f"{LIST}?address=disposable"
    yield "consent missing", f"{LIST}?consent=missing"
    month = f"{middle.created_at:%Y-%m}"
    yield "created in a month", f"{LIST}?created_at_from={month}-01&created_at_to={month}-28"
    yield "tag and search", f"{LIST}?tag=trade fair&q=ana"
    yield "contact page", f"{LIST}{middle.pk}/change/"
    yield "contact page, 5,000 events", f"{LIST}{busy.pk}/change/"
    yield "groups", "/admin/contacts/contactgroup/"
    yield "a group of millions", f"/admin/contacts/contactgroup/{groups['Newsletter']}/change/"
    yield "messages", "/admin/delivery/message/"
    yield "palette, common", "/admin/search/?s=ana&extended=1"
    yield "palette, rare", f"/admin/search/?s={middle.email_key[2:]}&extended=1"


def _page(browser: Browser, name: str, address: str, rounds: int) -> Measurement:
    with CaptureQueriesContext(connection) as captured:
        _answer(browser, address)
    queries = captured.captured_queries
    milliseconds = _median_ms(lambda: _answer(browser, address), rounds)
    slowest = max((float(query["time"]) for query in queries), default=0.0)
    sys.stderr.write(f"{name:45} {milliseconds:7.0f} ms  {len(queries):3} queries, slowest {slowest * 1000:.0f} ms\n")
    return Measurement(f"lists, {name}", milliseconds, "ms", PROMISE_MS, milliseconds <= PROMISE_MS)


def _segments(organization: Organization, rounds: int) -> Iterator[Measurement]:
    """The builder's live count over rules of three conditions."""
    with organization_scope(organization):
        campaign = str(Campaign.objects.get(name="Made-up mailing 1").pk)
        for name, conditions in _rules(campaign).items():
            work = partial(people_count, organization.pk, {"all": conditions})
            milliseconds = _median_ms(work, rounds)
            sys.stderr.write(f"segment, {name}: {milliseconds:.0f} ms, {work():,} people\n")
            is_met = milliseconds <= SEGMENT_PROMISE_MS
            yield Measurement(f"lists, segment, {name}", milliseconds, "ms", SEGMENT_PROMISE_MS, is_met)


def _rules(campaign: str) -> dict[str, list[dict[str, Any]]]:
    opened = {"field": "opened", "is": "did", "campaign": "any", "days": 90}
    not_clicked = {"field": "clicked", "is": "did_not", "campaign": campaign}
    return {
        "opened, not clicked, tag": [opened, not_clicked, {"field": "tags", "is": "any_of", "value": ["customer"]}],
        "sent twice, not opened": [
            {"field": "sent", "is": "did", "campaign": "last", "last": 2},
            {"field": "opened", "is": "did_not", "campaign": "any", "days": 90},
            {"field": "attribute.city", "is": "is", "value": "Madrid"},
        ],
        "sent a mail, opened it, not clicked": [
            {"field": "sent", "is": "did", "campaign": campaign},
            {"field": "opened", "is": "did", "campaign": campaign},
            not_clicked,
        ],
        "sent lately, nothing opened or clicked": [
            {"field": "sent", "is": "did", "campaign": "any", "days": 90},
            {"field": "opened", "is": "did_not", "campaign": "any", "days": 90},
            {"field": "clicked", "is": "did_not", "campaign": "any", "days": 90},
        ],
        "not sent lately, not clicked, subscribed": [
            {"field": "sent", "is": "did_not", "campaign": "any", "days": 30},
            {"field": "clicked", "is": "did_not", "campaign": "last", "last": 3},
            {"field": "status", "is": "is", "value": "subscribed"},
        ],
    }


def _answer(browser: Browser, address: str) -> None:
    response = browser.get(address)
    if response.status_code != 200:
        raise RuntimeError(f"{address} answered {response.status_code}.")


def _median_ms(work: Callable[[], Any], rounds: int) -> float:
    work()
    times = []
    for _ in range(rounds):
        began = time.perf_counter()
        work()
        times.append((time.perf_counter() - began) * 1_000)
    return statistics.median(times)


def _browser(user: User, organization: Organization | None = None) -> Browser:
    browser = Browser()
    browser.force_login(user)
    if organization:
        browser.post("/admin/switch/", {"organization": str(organization.pk)})
    return browser


def _member(organization: Organization) -> User:
    """Somebody who works for the client and many small ones."""
    user = User.objects.filter(email="many@agency.example").first()
    if user is None:
        user = factories.make_user(email="many@agency.example")
        factories.join(user, organization, Role.MANAGER)
        for number in range(CLIENTS - 1):
            client = factories.make_organization(f"Small client {number}")
            factories.join(user, client, Role.MANAGER)
            with organization_scope(client):
                factories.make_contact(client, f"ana.garcia@small-{number}.example")
    return user
