"""The counters equal a recount of the events, whatever order and however often the events arrived."""

import datetime
import threading
from collections import defaultdict
from typing import Any

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.accounts.models import Organization
from core.common.tenancy import all_organizations, organization_scope
from core.tracking.choices import PEOPLE, EventType, Verdict
from core.tracking.models import AnalyticsEvent, CampaignHour, DirtyCampaign, LinkClicks
from core.tracking.queries import campaign_links, campaign_timeline, campaign_totals
from core.tracking.services import campaign_roll_up, event_record, roll_up
from core.tracking.tasks import roll_up as roll_up_task
from tests.tracking.mailed import Mailed, mailed_campaign

START = datetime.datetime(2026, 5, 4, 12, 30, tzinfo=datetime.UTC)
TYPES = (EventType.OPENED, EventType.CLICKED, EventType.UNSUBSCRIBED)

# (number of the message, type, verdict, minutes after START, number of the link)
Happening = tuple[int, EventType, Verdict, int, int]
happenings = st.lists(
    st.tuples(
        st.integers(0, 2),
        st.sampled_from(TYPES),
        st.sampled_from(list(Verdict)),
        st.sampled_from([0, 0, 10, 40, 45, 100, 200]),
        st.integers(1, 2),
    ),
    max_size=14,
)


def record(mailed: Mailed, key: str, happening: Happening) -> None:
    number, event_type, verdict, minutes, link_number = happening
    event_record(
        message_id=mailed.messages[number].pk,
        type=event_type,
        occurred_at=START + datetime.timedelta(minutes=minutes),
        event_key=key,
        link_number=link_number if event_type == EventType.CLICKED else None,
        verdict=verdict,
    )


def hours() -> set[tuple[Any, ...]]:
    return set(CampaignHour.objects.values_list("hour", "type", "verdict", "total", "firsts"))


def links() -> set[tuple[Any, ...]]:
    return set(LinkClicks.objects.values_list("link__number", "verdict", "total", "firsts"))


def recount(events: list[tuple[str, Happening]]) -> tuple[set[tuple[Any, ...]], set[tuple[Any, ...]]]:
    """The counters by plain counting, as the definition reads."""
    totals: dict[Any, list[int]] = defaultdict(lambda: [0, 0])
    clicks: dict[Any, list[int]] = defaultdict(lambda: [0, 0])
    seen: set[Any] = set()
    for _key, (number, event_type, verdict, minutes, link) in sorted(events, key=lambda one: (one[1][3], one[0])):
        at = (START + datetime.timedelta(minutes=minutes)).replace(minute=0)
        is_person = verdict in PEOPLE
        counters = [(totals[at, event_type.value, verdict.value], (number, event_type, is_person))]
        if event_type == EventType.CLICKED:
            counters.append((clicks[link, verdict.value], (number, "link", link, is_person)))
        for counter, first in counters:
            counter[0] += 1
            counter[1] += first not in seen
            seen.add(first)
    return {(*key, *value) for key, value in totals.items()}, {(*key, *value) for key, value in clicks.items()}


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(happened=happenings, data=st.data())
def test_roll_up_any_order_and_doubling_equals_recount(
    in_florist: Organization, happened: list[Happening], data: st.DataObject
) -> None:
    events = [(f"key {number:02}", happening) for number, happening in enumerate(happened)]
    arrivals = data.draw(st.permutations(events)) + data.draw(st.lists(st.sampled_from(events or [None]), max_size=5))
    with transaction.atomic():
        mailed = mailed_campaign(in_florist)
        pause = data.draw(st.integers(0, len(arrivals)))
        for position, arrival in enumerate(arrivals):
            if position == pause:
                roll_up()  # what comes afterwards is late
            if arrival:
                record(mailed, *arrival)
        roll_up()
        assert (hours(), links()) == recount(events)
        assert not DirtyCampaign.objects.exists()
        before = hours(), links()
        campaign_roll_up(organization_id=in_florist.pk, campaign_id=mailed.campaign.pk)
        assert (hours(), links()) == before
        transaction.set_rollback(True)


def test_queries_equal_sql_over_the_events(in_florist: Organization) -> None:
    mailed = mailed_campaign(in_florist)
    events: list[Happening] = [
        (0, EventType.OPENED, Verdict.PREFETCH, 0, 1),
        (0, EventType.OPENED, Verdict.HUMAN, 10, 1),
        (0, EventType.OPENED, Verdict.PROXY, 100, 1),
        (1, EventType.OPENED, Verdict.UNKNOWN, 10, 1),
        (1, EventType.CLICKED, Verdict.HUMAN, 40, 1),
        (1, EventType.CLICKED, Verdict.HUMAN, 40, 2),
        (1, EventType.CLICKED, Verdict.SCANNER, 0, 2),
        (2, EventType.UNSUBSCRIBED, Verdict.HUMAN, 100, 1),
    ]
    for number, happening in enumerate(events):
        record(mailed, str(number), happening)
    roll_up()
    totals = campaign_totals(mailed.campaign.pk)
    people = AnalyticsEvent.objects.filter(verdict__in=PEOPLE)
    for event_type, count in (("opened", totals.opened), ("clicked", totals.clicked)):
        of_people = people.filter(type=event_type)
        assert count.people == of_people.count()
        assert count.people_once == of_people.values("message").distinct().count()
        assert count.machines == AnalyticsEvent.objects.filter(type=event_type).exclude(verdict__in=PEOPLE).count()
    assert (totals.opened.people, totals.opened.people_once, totals.opened.machines_once) == (3, 2, 1)
    assert totals.unsubscribed.people_once == 1
    timeline = campaign_timeline(mailed.campaign.pk)
    assert [moment.at.hour for moment in timeline] == [12, 13, 14]
    assert [moment.opened.people for moment in timeline] == [2, 0, 1]
    found = {link.number: link.clicks for link in campaign_links(mailed.campaign.pk)}
    assert (found[1].people_once, found[2].people_once, found[2].machines) == (1, 1, 1)


def test_campaign_without_events_has_empty_totals(in_florist: Organization) -> None:
    mailed = mailed_campaign(in_florist)
    assert campaign_totals(mailed.campaign.pk).opened.people == 0
    assert campaign_timeline(mailed.campaign.pk) == []
    assert [link.clicks.people for link in campaign_links(mailed.campaign.pk)] == [0, 0]


def test_roll_up_task_counts_campaigns_of_all_clients(florist: Organization, museum: Organization) -> None:
    for organization in (florist, museum):
        with organization_scope(organization):
            record(mailed_campaign(organization), "one", (0, EventType.OPENED, Verdict.HUMAN, 0, 1))
    assert roll_up_task.apply().get() == {"campaigns": 2, "left_to_another_run": 0}
    with all_organizations(reason="test"):
        assert CampaignHour.objects.count() == 2
    with organization_scope(museum):
        assert CampaignHour.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_roll_up_while_an_event_is_being_written_keeps_the_mark(florist: Organization) -> None:
    """The event commits after the recount and before the mark is removed: the next run must still find it."""
    with organization_scope(florist):
        mailed = mailed_campaign(florist)
        record(mailed, "one", (0, EventType.OPENED, Verdict.HUMAN, 0, 1))
    written, may_commit = threading.Event(), threading.Event()

    def write_slowly() -> None:
        with organization_scope(florist), transaction.atomic():
            record(mailed, "two", (1, EventType.OPENED, Verdict.HUMAN, 0, 1))
            written.set()
            may_commit.wait(20)
        connection.close()

    def count() -> None:
        with organization_scope(florist):
            roll_up()
        connection.close()

    writer, counter = threading.Thread(target=write_slowly), threading.Thread(target=count)
    writer.start()
    assert written.wait(20)
    counter.start()
    _wait_until_someone_waits_for_a_lock()
    may_commit.set()
    writer.join(20)
    counter.join(20)
    with organization_scope(florist):
        assert DirtyCampaign.objects.exists()
        roll_up()
        assert campaign_totals(mailed.campaign.pk).opened.people_once == 2
        assert not DirtyCampaign.objects.exists()


def _wait_until_someone_waits_for_a_lock() -> None:
    for _ in range(200):
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
            if cursor.fetchone()[0]:
                return
        threading.Event().wait(0.05)
    raise AssertionError("Nobody came to wait for the lock.")
