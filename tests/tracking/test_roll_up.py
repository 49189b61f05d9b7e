"""The counters equal a recount of the events, whatever order and however often the events arrived."""

import datetime
from collections import defaultdict
from typing import Any
from uuid import UUID

import pytest
from django.core.cache import cache
from django.db import connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.accounts.models import Organization
from core.common.tenancy import all_organizations, organization_scope
from core.delivery.models import Message
from core.tracking import rollups
from core.tracking.choices import PEOPLE, EventType, Verdict
from core.tracking.models import AnalyticsEvent, CampaignHour, CampaignRecount, LinkClicks
from core.tracking.queries import campaign_links, campaign_timeline, campaign_totals
from core.tracking.services import RecountsFailed, event_record, roll_up
from core.tracking.tasks import roll_up as roll_up_task
from tests.tracking.mailed import Mailed, mailed_campaign

START = datetime.datetime(2026, 5, 4, 12, 30, tzinfo=datetime.UTC)
TYPES = (EventType.OPENED, EventType.CLICKED, EventType.UNSUBSCRIBED)

verdicts = st.sampled_from(list(Verdict))

# (number of the message, type, verdict, minutes after START, number of the link)
Happening = tuple[int, EventType, Verdict, int, int]
happenings = st.lists(
    st.tuples(
        st.integers(0, 2),
        st.sampled_from(TYPES),
        verdicts,
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
        assert wrong_counters(mailed) == 0
        transaction.set_rollback(True)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(happened=happenings, data=st.data())
def test_changing_verdicts_in_any_steps_equals_recount(
    in_florist: Organization, happened: list[Happening], data: st.DataObject
) -> None:
    with transaction.atomic():
        mailed = mailed_campaign(in_florist)
        events = dict(enumerate(happened))
        for number, happening in events.items():
            record(mailed, f"key {number:02}", happening)
            if data.draw(st.booleans()):
                judged = data.draw(st.dictionaries(st.sampled_from(sorted(events)[: number + 1]), verdicts, max_size=3))
                for place, verdict in judged.items():
                    events[place] = (*events[place][:2], verdict, *events[place][3:])
                judge_anew(mailed, {f"key {place:02}": verdict for place, verdict in judged.items()})
        assert (hours(), links()) == recount([(f"key {number:02}", one) for number, one in events.items()])
        assert wrong_counters(mailed) == 0
        transaction.set_rollback(True)


def judge_anew(mailed: Mailed, judged: dict[str, Verdict]) -> None:
    """As `verdicts` does it: the first times of the messages follow."""
    messages = [message.pk for message in mailed.messages]
    with connection.cursor() as cursor, rollups.changing(cursor, messages):
        for key, verdict in judged.items():
            AnalyticsEvent.objects.filter(event_key=key).update(verdict=verdict)
        for message in messages:
            by_people = AnalyticsEvent.objects.filter(message_id=message, verdict__in=PEOPLE)
            firsts = {kind: by_people.filter(type=kind).order_by("occurred_at").first() for kind in TYPES[:2]}
            times = {f"{kind}_at": event.occurred_at if event else None for kind, event in firsts.items()}
            Message.objects.filter(pk=message).update(**times)


def wrong_counters(mailed: Mailed) -> int:
    """How many rows of any counter a recount from scratch finds wrong."""
    owner, campaign = mailed.campaign.organization_id, mailed.campaign.pk
    wrong = rollups.rebuild_campaign(organization_id=owner, campaign_id=campaign)
    assert wrong is not None
    return wrong + rollups.rebuild_periods(organization_id=owner, campaign_ids=[campaign])


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


def test_roll_up_campaign_that_fails_holds_nobody_up_and_is_told_at_the_end(
    florist: Organization,
    museum: Organization,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    cache.clear()
    campaigns, mailed_to = [], "marta@people.example"
    for organization in (florist, museum):
        with organization_scope(organization):
            campaigns += [mailed_campaign(organization, name=name).campaign.pk for name in ("Spring", "Summer")]
    recount, asked = rollups.recount_sent, []

    def recount_sent(*, organization_id: UUID, campaign_id: UUID) -> None:
        asked.append(campaign_id)
        if campaign_id == asked[0]:
            with connection.cursor() as cursor:
                cursor.execute("SELECT %s::int", [mailed_to])
        recount(organization_id=organization_id, campaign_id=campaign_id)

    monkeypatch.setattr(rollups, "recount_sent", recount_sent)
    with pytest.raises(RecountsFailed, match="1 of 4 recounts failed"):
        roll_up_task.apply().get()
    assert sorted(asked) == sorted(campaigns)
    with all_organizations(reason="test"):
        counted = CampaignRecount.objects.filter(accepted=3).values_list("pk", flat=True)
        assert set(counted) == set(campaigns) - {asked[0]}
    (logged,) = [entry.getMessage() for entry in caplog.records if entry.name == "core.tracking.services"]
    assert str(asked[0]) in logged
    assert mailed_to not in logged
    assert roll_up_task.apply().get() == {"campaigns": 0, "left_to_another_run": 0}
