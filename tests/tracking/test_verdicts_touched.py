"""Later hits change the verdicts on earlier ones, and all that followed from them."""

import datetime
import itertools
from typing import Any

import pytest
from django.db import connection

from core.accounts.models import Organization
from core.campaigns.models import CampaignLink, CampaignSnapshot
from core.common.tenancy import all_organizations
from core.contacts.models import Contact
from core.delivery.models import Message, MessageValues
from core.delivery.public_links import HIDDEN_LINK
from core.tracking import services
from core.tracking.arrivals import Arrival
from core.tracking.choices import EventType, Verdict
from core.tracking.intake import take
from core.tracking.models import AnalyticsEvent, LinkClicks
from core.tracking.queries import campaign_totals
from core.tracking.verdicts import hit_of, judge
from core.tracking.verdicts.scans import scan_notes
from core.tracking.verdicts.touched import rejudge_touched
from tests.tracking.mailed import BROWSER, Mailed, mailed_campaign

NOON = datetime.datetime(2026, 5, 4, 12, tzinfo=datetime.UTC)
URLS = tuple(f"https://shop.example/{number}" for number in range(1, 5))
HOME, OFFICE = "84.160.1.0/24", "193.99.1.0/24"


@pytest.fixture
def mailed(in_florist: Organization) -> Mailed:
    return mailed_campaign(in_florist, 2, urls=URLS, accepted_at=NOON)


def arrival(mailed: Mailed, minutes: float, link: int = 0, network: str = HOME, *, message: int = 0) -> Arrival:
    """An open (link 0), a click, or a hit on the hidden link, by a browser."""
    seen = {"method": "GET", "user_agent": BROWSER, "language": "en", "network": network}
    event_type = EventType.TRAPPED if link == HIDDEN_LINK else EventType.CLICKED if link else EventType.OPENED
    judgement = judge(hit_of(event_type, seen, minutes * 60))
    return Arrival(
        message_id=mailed.messages[message].pk,
        type=event_type,
        event_key=f"hit:{message} {minutes} {link}",
        occurred_at=NOON + datetime.timedelta(minutes=minutes),
        link_number=link if event_type == EventType.CLICKED else None,
        verdict=judgement.verdict,
        reasons=judgement.reasons,
        seen=seen,
    )


def take_one_by_one(mailed: Mailed, arrivals: Any) -> None:
    for one in arrivals:
        take([one], organization_id=mailed.campaign.organization_id)


def verdicts() -> list[tuple[str, str, str]]:
    events = AnalyticsEvent.objects.order_by("occurred_at", "event_key")
    return [(event.type, event.verdict, event.reasons[0]) for event in events]


def state(mailed: Mailed) -> tuple[Any, ...]:
    message, contact = Message.objects.get(pk=mailed.messages[0].pk), Contact.objects.get(pk=mailed.contacts[0].pk)
    return message.opened_at, message.clicked_at, contact.last_opened_at, contact.last_clicked_at


SECOND = 1 / 60


def test_take_scan_in_any_order_changes_no_state(mailed: Mailed) -> None:
    scan = [arrival(mailed, 10), *(arrival(mailed, 10 + SECOND * number / 2, number) for number in range(1, 5))]
    for order in itertools.islice(itertools.permutations(scan), 0, None, 17):
        take_one_by_one(mailed, order)
        assert {verdict for _, verdict, _ in verdicts()} == {Verdict.SCANNER}
        assert state(mailed) == (None, None, None, None)
        AnalyticsEvent.objects.all().delete()


def test_take_person_before_and_after_a_scan_keeps_their_times(mailed: Mailed) -> None:
    scan = [arrival(mailed, 60 + SECOND * number / 4, number, OFFICE) for number in range(1, 5)]
    take_one_by_one(mailed, scan[:1])
    assert state(mailed)[1] == scan[0].occurred_at
    take_one_by_one(mailed, [*scan[1:], arrival(mailed, 5), arrival(mailed, 6, 2), arrival(mailed, 200, 3)])
    moments = [NOON + datetime.timedelta(minutes=minutes) for minutes in (5, 6, 5, 200)]
    assert state(mailed) == tuple(moments)


def test_take_scan_of_one_mail_keeps_what_the_contact_did_with_another(
    mailed: Mailed, in_florist: Organization
) -> None:
    contact = mailed.contacts[0]
    earlier = mailed_campaign(in_florist, 1, name="Earlier", urls=URLS, accepted_at=NOON)
    Message.objects.filter(pk=earlier.messages[0].pk).update(contact_id=contact.pk)
    take_one_by_one(earlier, [arrival(earlier, 30, 1)])
    take_one_by_one(mailed, [arrival(mailed, 60 + SECOND * number / 4, number) for number in range(1, 5)])
    contact.refresh_from_db()
    assert contact.last_clicked_at == NOON + datetime.timedelta(minutes=30)


def test_take_hidden_link_condemns_its_network_and_counts_as_no_link(mailed: Mailed) -> None:
    take_one_by_one(mailed, [arrival(mailed, 10, 1), arrival(mailed, 10.1), arrival(mailed, 11, HIDDEN_LINK)])
    take_one_by_one(mailed, [arrival(mailed, 11.2, 2, OFFICE)])
    with all_organizations(reason="test"):
        services.roll_up()
    assert verdicts() == [
        ("clicked", "scanner", "honeypot"),
        ("opened", "scanner", "honeypot"),
        ("trapped", "scanner", "honeypot"),
        ("clicked", "human", "browser"),
    ]
    totals = campaign_totals(mailed.campaign.pk)
    assert (totals.clicked.people, totals.clicked.machines, totals.opened.people, totals.opened.machines) == (
        1,
        1,
        0,
        1,
    )
    assert LinkClicks.objects.count() == 2
    assert Message.objects.get(pk=mailed.messages[0].pk).clicked_at == NOON + datetime.timedelta(minutes=11.2)


def test_take_scan_of_one_person_leaves_others_alone(mailed: Mailed) -> None:
    scan = [arrival(mailed, 10 + SECOND * number / 4, number) for number in range(1, 5)]
    other = arrival(mailed, 10, 1, message=1)
    take([*scan, other], organization_id=mailed.campaign.organization_id)
    assert AnalyticsEvent.objects.get(message=mailed.messages[1]).verdict == Verdict.HUMAN
    assert Message.objects.get(pk=mailed.messages[1].pk).clicked_at == NOON + datetime.timedelta(minutes=10)


def test_take_all_links_means_those_of_the_version_somebody_got(mailed: Mailed) -> None:
    """The campaign has four links, this person's mail three of them."""
    organization_id = mailed.campaign.organization_id
    snapshot = CampaignSnapshot.objects.create(
        organization_id=organization_id,
        campaign=mailed.campaign,
        html='<a href="{{ link.1 }}">a</a><a href="{{ link.2 }}">b</a><a href="{{ link.3 }}">c</a>',
        content_hash="x",
        organization_values={},
        audience={},
        merge_keys=[],
    )
    for message in mailed.messages:
        MessageValues.objects.create(
            organization_id=organization_id,
            message=message,
            address="",
            snapshot=snapshot if message == mailed.messages[0] else None,
        )
    for number in (0, 1):
        take(
            [arrival(mailed, 10 + SECOND * 10 * link, link, message=number) for link in (1, 2, 3)],
            organization_id=organization_id,
        )
    three, of_four = (AnalyticsEvent.objects.filter(message=message) for message in mailed.messages)
    assert {event.reasons[0] for event in three} == {"all_links"}
    assert {event.reasons[0] for event in of_four} == {"browser"}
    assert CampaignLink.objects.count() == 4


def test_take_ordinary_hits_look_no_further(mailed: Mailed, django_assert_num_queries: Any) -> None:
    """One statement more than without verdicts, for any number of mails without a scan."""
    take(
        [arrival(mailed, 10), arrival(mailed, 11, 1), arrival(mailed, 11, 2, message=1)],
        organization_id=mailed.campaign.organization_id,
    )
    with django_assert_num_queries(1), connection.cursor() as cursor:
        assert rejudge_touched(cursor) == 0


def test_scan_notes_say_what_a_scan_did(mailed: Mailed) -> None:
    take(
        [arrival(mailed, 10 + SECOND * number / 2, number) for number in range(1, 5)],
        organization_id=mailed.campaign.organization_id,
    )
    take(
        [arrival(mailed, 10 + SECOND * number / 4, number, message=1) for number in (1, 2)],
        organization_id=mailed.campaign.organization_id,
    )
    notes = scan_notes(AnalyticsEvent.objects.all())
    of_first = {notes[event.pk] for event in AnalyticsEvent.objects.filter(message=mailed.messages[0])}
    of_second = {notes[event.pk] for event in AnalyticsEvent.objects.filter(message=mailed.messages[1])}
    assert of_first == {"opened all 4 links within 2 seconds"}
    assert of_second == {"opened 2 of 4 links within 1 second"}
