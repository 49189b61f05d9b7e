"""Who was behind 2,000 and more labelled hits, through the stream, the worker and the database."""

import datetime
import random
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest
from django.utils import timezone

from core.accounts.models import Organization
from core.common.tenancy import all_organizations, organization_scope
from core.contacts.models import Contact
from core.delivery.models import Message
from core.tracking import services
from core.tracking.choices import PEOPLE, EventType
from core.tracking.lean import drain
from core.tracking.lean.hits import FIELD, STREAM, packed
from core.tracking.models import AnalyticsEvent
from core.tracking.queries import totals_by_campaign
from core.tracking.tasks import read_hits
from tests.tracking.mailed import Mailed, mailed_campaign
from tests.tracking.replay import NEWSLETTER_LINKS, ReplayHit, Situation, drawn

PRECISION, RECALL = 0.97, 0.90
URLS = tuple(f"https://shop.example/{number}" for number in range(1, NEWSLETTER_LINKS + 1))


@dataclass(frozen=True)
class Replayed:
    """Mails with what happened to them; `at` is when all of them were taken."""

    mails: list[tuple[Situation, list[ReplayHit], Message]]
    at: datetime.datetime

    def stream(self) -> list[bytes]:
        start = self.at.timestamp()
        return [
            packed(
                message.pk,
                hit.link,
                round((start + hit.after) * 1000),
                (hit.method, hit.agent, hit.language, hit.network),
            )
            for _, hits, message in self.mails
            for hit in hits
        ]

    def labels(self) -> dict[tuple[UUID, int], list[ReplayHit]]:
        """Hits by their mail and millisecond."""
        start = self.at.timestamp()
        found: dict[tuple[UUID, int], list[ReplayHit]] = defaultdict(list)
        for _, hits, message in self.mails:
            for hit in hits:
                found[message.pk, round((start + hit.after) * 1000)].append(hit)
        return found


@pytest.fixture(params=[False, True], ids=["without the hidden link", "with the hidden link"])
def replayed(request: pytest.FixtureRequest, florist: Organization) -> Iterator[Replayed]:
    at = timezone.now().replace(microsecond=0) - datetime.timedelta(days=40)
    mails = drawn(has_hidden_link=request.param)
    letters: dict[int, list[Any]] = defaultdict(list)
    for situation, hits in mails:
        letters[situation.links].append((situation, hits))
    found = []
    with organization_scope(florist):
        for links, entries in letters.items():
            campaign: Mailed = mailed_campaign(
                florist, len(entries), name=f"Mail with {links}", urls=URLS[:links], accepted_at=at
            )
            found += [(*entry, message) for entry, message in zip(entries, campaign.messages, strict=True)]
    redis = drain.connect()
    redis.delete(STREAM)
    yield Replayed(found, at)
    redis.delete(STREAM)
    redis.close()


def feed(raws: list[bytes], cuts: int) -> None:
    """Into the stream and through the worker, in so many runs."""
    redis = drain.connect()
    size = -(-len(raws) // cuts)
    for start in range(0, len(raws), size):
        for raw in raws[start : start + size]:
            redis.xadd(STREAM, {FIELD: raw})
        read_hits.apply()
    redis.close()


def verdicts(organization: Organization) -> list[tuple[Any, ...]]:
    with organization_scope(organization):
        rows = AnalyticsEvent.objects.values_list(
            "message_id", "occurred_at", "type", "link__number", "verdict", "reasons"
        )
        return sorted((*row[:3], row[3] or 0, row[4], row[5]) for row in rows)


def states(organization: Organization) -> list[Any]:
    with organization_scope(organization):
        return [
            *Message.objects.order_by("pk").values_list("pk", "opened_at", "clicked_at"),
            *Contact.objects.order_by("pk").values_list("pk", "last_opened_at", "last_clicked_at"),
        ]


def test_labelled_replay_tells_people_from_machines(replayed: Replayed, florist: Organization) -> None:
    raws = replayed.stream()
    assert len(raws) >= 2_000
    random.Random(1).shuffle(raws)
    feed(raws, cuts=9)
    table: dict[str, Counter[tuple[bool, bool]]] = defaultdict(Counter)
    reasons: dict[str, Counter[str]] = defaultdict(Counter)
    labels = replayed.labels()
    for message_id, at, event_type, link, verdict, why in verdicts(florist):
        candidates = labels[message_id, round(at.timestamp() * 1000)]
        hit = next(one for one in candidates if event_type == EventType.TRAPPED or one.link == link)
        table[hit.situation][hit.is_person, verdict in PEOPLE] += 1
        reasons[hit.situation][why[0]] += 1
    total = sum(table.values(), Counter())
    assert total.total() == len(raws)
    precision = total[True, True] / (total[True, True] + total[False, True])
    recall = total[True, True] / (total[True, True] + total[True, False])
    # Shown with -s, and when the bar is missed.
    sys.stdout.write("\n".join(["", *table_lines(table, reasons, total, precision, recall)]))
    assert precision >= PRECISION
    assert recall >= RECALL


def table_lines(table: Any, reasons: Any, total: Any, precision: float, recall: float) -> list[str]:
    """The confusion table by situation."""
    lines = [f"{'situation':42}{'people: right':>14}{'wrong':>7}{'machines: right':>17}{'wrong':>7}  first reasons"]
    for name, counts in [*table.items(), ("all", total)]:
        cells = (counts[True, True], counts[True, False], counts[False, False], counts[False, True])
        why = ", ".join(f"{reason} {count}" for reason, count in reasons[name].most_common(4))
        lines.append(f"{name:42}{cells[0]:14}{cells[1]:7}{cells[2]:17}{cells[3]:7}  {why}")
    return [*lines, f"people: precision {precision:.1%}, recall {recall:.1%} of {total.total():,} hits", ""]


def test_labelled_replay_scan_of_every_link_changes_no_state(replayed: Replayed, florist: Organization) -> None:
    feed(replayed.stream(), cuts=3)
    scanned = [message.pk for situation, _, message in replayed.mails if situation.is_scan_of_all]
    with organization_scope(florist):
        messages = Message.objects.filter(pk__in=scanned).select_related("contact")
        changed = [
            message.pk
            for message in messages
            if message.opened_at
            or message.clicked_at
            or message.contact.last_opened_at
            or message.contact.last_clicked_at
        ]
    assert len(scanned) > 50
    assert changed == []


def test_labelled_replay_in_any_order_ends_in_the_same_rows(replayed: Replayed, florist: Organization) -> None:
    raws = replayed.stream()
    found = []
    for seed in (2, 3):
        random.Random(seed).shuffle(raws)
        feed(raws, cuts=5 * seed)
        found.append((verdicts(florist), states(florist)))
        with organization_scope(florist):
            AnalyticsEvent.objects.all().delete()
            Message.objects.update(opened_at=None, clicked_at=None)
            Contact.objects.update(last_opened_at=None, last_clicked_at=None)
    assert found[0] == found[1]


def test_labelled_replay_counters_agree_with_events(replayed: Replayed, florist: Organization) -> None:
    feed(replayed.stream(), cuts=4)
    with all_organizations(reason="test"):
        services.roll_up()
    with organization_scope(florist):
        counted = totals_by_campaign({message.campaign_id for _, _, message in replayed.mails})
        for campaign_id, totals in counted.items():
            for event_type, count in ((EventType.OPENED, totals.opened), (EventType.CLICKED, totals.clicked)):
                events = AnalyticsEvent.objects.filter(campaign_id=campaign_id, type=event_type)
                people = events.filter(verdict__in=PEOPLE)
                assert count.people == people.count()
                assert count.machines == events.count() - people.count()
                assert count.people_once == people.values("message_id").distinct().count()
