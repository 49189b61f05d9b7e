"""Every segment of a report's charts leads to the rows behind it."""

import datetime
import html
import json
import re
from collections.abc import Callable
from urllib.parse import urlencode

import pytest
from django.test import Client
from django.urls import reverse

from core.accounts.choices import Role
from core.accounts.models import Organization, User
from core.common.tenancy import organization_scope
from core.tracking.admin.events import AnalyticsEventAdmin
from core.tracking.choices import Device, EventType, Verdict
from core.tracking.models import AnalyticsEvent
from core.tracking.services import campaign_roll_up
from tests.dashboards.test_report import happened
from tests.support import factories
from tests.tracking.mailed import Mailed, mailed_campaign

Member = Callable[..., User]
SignedIn = Callable[[User], Client]
EVENTS, LEDGER = "admin:tracking_analyticsevent_changelist", "admin:delivery_message_changelist"


@pytest.fixture
def manager(member: Member, signed_in: SignedIn) -> Client:
    return signed_in(member(Role.MANAGER))


@pytest.fixture
def mailed(florist: Organization) -> Mailed:
    """Of five people two are at Gmail; three opened, one of them on a phone, one clicked, one mail came back."""
    with organization_scope(florist):
        mailed = mailed_campaign(florist, 5)
        for contact in mailed.contacts[:2]:
            contact.email = contact.email_key = f"{contact.pk}@gmail.com"
            contact.save()
        for number in (0, 1, 2):
            happened(mailed, number, EventType.OPENED)
        happened(mailed, 3, EventType.OPENED, Verdict.PREFETCH)
        happened(mailed, 0, EventType.CLICKED)
        happened(mailed, 4, EventType.BOUNCED)
        events = AnalyticsEvent.objects.filter(campaign=mailed.campaign)
        events.filter(type=EventType.BOUNCED).update(bounce_class="mailbox_full")
        events.filter(message=mailed.messages[0], type=EventType.OPENED).update(device=Device.PHONE)
        campaign_roll_up(organization_id=florist.pk, campaign_id=mailed.campaign.pk)
    return mailed


def addresses(page: str) -> set[str]:
    figures = re.findall(r'-figure" type="application/json">(.*?)</script>', page)
    traces = [trace for figure in figures for trace in json.loads(figure)["data"]]
    drawn = json.dumps([trace["meta"].get("urls", []) for trace in traces])
    linked = [html.unescape(found) for found in re.findall(r'href="(/admin/[^"]*\?[^"]*)"', page)]
    return {*re.findall(r'"(/admin/[^"]*)"', drawn), *linked}


def found(browser: Client, view: str, mailed: Mailed, **filters: str) -> int:
    response = browser.get(reverse(view), {"campaign__id__exact": str(mailed.campaign.pk), **filters})
    assert response.status_code == 200
    return len(response.context["cl"].result_list)


def test_every_address_of_the_report_opens_a_list(mailed: Mailed, manager: Client) -> None:
    page = manager.get(reverse("admin:campaign_report", args=[mailed.campaign.pk])).content.decode()
    lists = {url for url in addresses(page) if "/analyticsevent/" in url or "/message/" in url}
    assert len(lists) > 12
    for url in lists:
        response = manager.get(url)
        assert response.status_code == 200, url
        # An address that the list does not understand is sent on to the whole list.
        assert "cl" in response.context, url


def test_bars_lead_to_as_many_rows_as_they_say(mailed: Mailed, manager: Client) -> None:
    page = manager.get(reverse("admin:campaign_report", args=[mailed.campaign.pk])).content.decode()
    figures = dict(re.findall(r'<script id="ex-dash-(\w+)-figure" type="application/json">(.*?)</script>', page))
    for name in ("funnel", "bounces"):
        for trace in json.loads(figures[name])["data"]:
            for count, url in zip(trace["x"], trace["meta"]["urls"], strict=True):
                assert len(manager.get(url).context["cl"].result_list) == count, (name, url)


def test_opens_of_a_campaign_are_walked_by_their_time(
    mailed: Mailed, manager: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Events that came in late stand where they belong, and each page goes on where the last one ended."""
    opened = AnalyticsEvent.objects.filter(campaign=mailed.campaign, type=EventType.OPENED)
    with organization_scope(mailed.campaign.organization_id):
        for minutes, event in zip((7, 1, 9, 1), opened.order_by("id"), strict=True):
            moved = event.occurred_at - datetime.timedelta(minutes=minutes)
            opened.filter(pk=event.pk).update(occurred_at=moved)
        wanted = [event.pk for event in opened.order_by("-occurred_at", "-id")]
    monkeypatch.setattr(AnalyticsEventAdmin, "list_per_page", 1)
    query = {"campaign__id__exact": str(mailed.campaign.pk), "type__exact": "opened"}
    url, seen, shown = f"?{urlencode({**query, 'after': wanted[0]})}", [], None
    while url:
        shown = manager.get(f"{reverse(EVENTS)}{url}").context["cl"]
        seen += [event.pk for event in shown.result_list]
        url = shown.next_url
    assert seen == wanted[1:]
    assert shown is not None
    back = manager.get(f"{reverse(EVENTS)}{shown.previous_url}").context["cl"]
    assert [event.pk for event in back.result_list] == [wanted[2]]


def test_opens_of_a_campaign_after_an_unknown_event_begin_anew(mailed: Mailed, manager: Client) -> None:
    query = {"campaign__id__exact": mailed.campaign.pk, "type__exact": "opened", "after": mailed.campaign.pk}
    assert manager.get(reverse(EVENTS), query).status_code == 302


@pytest.mark.parametrize(
    ("filters", "count"),
    [
        ({"type__exact": "opened"}, 4),
        ({"type__exact": "opened", "behind": "people"}, 3),
        ({"type__exact": "opened", "behind": "machines"}, 1),
        ({"type__exact": "opened", "device__exact": "phone"}, 1),
        ({"type__exact": "opened", "provider": "Gmail"}, 2),
        ({"type__exact": "opened", "provider": "Other"}, 2),
        ({"type__exact": "opened", "domain": "gmail.com"}, 2),
        ({"type__exact": "opened", "domain": "mail.com"}, 0),
        ({"bounce_class__exact": "mailbox_full"}, 1),
        ({"type__exact": "opened", "span": "2026-05-04T22:00Z_2026-05-04T23:00Z"}, 4),
        ({"type__exact": "opened", "span": "2026-05-04T23:00Z_2026-05-05T23:00Z"}, 0),
        ({"type__exact": "opened", "clock": "0-22"}, 4),
        ({"type__exact": "opened", "clock": "0-21"}, 0),
    ],
)
def test_events_are_filtered_as_the_charts_count_them(
    mailed: Mailed, manager: Client, filters: dict[str, str], count: int
) -> None:
    assert found(manager, EVENTS, mailed, **filters) == count


def test_hours_of_the_week_are_those_of_the_clients_clock(
    florist: Organization, mailed: Mailed, manager: Client
) -> None:
    with organization_scope(florist):
        Organization.objects.filter(pk=florist.pk).update(time_zone="Europe/Madrid")
    assert found(manager, EVENTS, mailed, type__exact="opened", clock="1-00") == 4


@pytest.mark.parametrize(("did", "count"), [("opened", 3), ("not_opened", 2), ("clicked", 1)])
def test_people_are_filtered_by_what_they_did(mailed: Mailed, manager: Client, did: str, count: int) -> None:
    assert found(manager, LEDGER, mailed, did=did) == count


@pytest.mark.parametrize(
    "filters",
    [
        {"span": "x"},
        {"span": "2026-13-45T99:99Z_2026-13-45T99:99Z"},
        {"span": "0001-01-01T00:00Z_9999-12-31T23:59Z"},
        {"clock": "9-99"},
        {"domain": "'; --"},
        {"domain": "(((" * 50},
        {"group": "x"},
        {"provider": "Nobody"},
        {"behind": "x"},
    ],
)
@pytest.mark.parametrize("zone", ["Europe/Madrid", "America/New_York"])
def test_filters_that_make_no_sense_are_no_error(
    florist: Organization, mailed: Mailed, manager: Client, zone: str, filters: dict[str, str]
) -> None:
    with organization_scope(florist):
        Organization.objects.filter(pk=florist.pk).update(time_zone=zone)
    query = {"campaign__id__exact": str(mailed.campaign.pk), **filters}
    assert manager.get(reverse(EVENTS), query).status_code == 200


def test_group_shows_its_members_and_another_clients_nobody(
    florist: Organization, museum: Organization, mailed: Mailed, manager: Client
) -> None:
    with organization_scope(florist):
        ours = factories.make_group(florist, "Two of them", mailed.contacts[:2])
    with organization_scope(museum):
        theirs = factories.make_group(museum, "Theirs", [factories.make_contact(museum)])
    assert found(manager, EVENTS, mailed, type__exact="opened", group=str(ours.pk)) == 2
    page = manager.get(reverse(EVENTS), {"group": str(theirs.pk)}).content.decode()
    assert "Theirs" not in page
