"""Engagement, audience growth and deliverability: what they say, for whom, and with how many queries."""

import csv
import datetime
import io
from collections.abc import Callable
from itertools import product
from typing import Any

import openpyxl
import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from core.accounts.choices import Role
from core.accounts.models import Organization, User
from core.common.tenancy import organization_scope
from core.contacts.models import Contact
from core.tracking.audience.services import audience_count
from core.tracking.choices import EventType, Part, PeriodLength, PeriodPart
from core.tracking.models import PERIOD_COUNTS, CampaignPart, OrganizationPeriod, OrganizationWeekday
from tests.support import factories
from tests.tracking.mailed import mailed_campaign

Member = Callable[..., User]
SignedIn = Callable[[User], Client]
PAGES = ("engagement", "audience_growth", "deliverability")
DAY = datetime.timedelta(days=1)


def figures(organization: Organization, days_ago: int = 1, sender: str = "hello@florist.example", **mails: Any) -> None:
    """Counters of a day, and of its month: `sent=100, opened=40, opened_machines=7, provider="Gmail"`."""
    provider = mails.pop("provider", "Gmail")
    day = timezone.now().date() - days_ago * DAY
    with organization_scope(organization):
        starts = ((PeriodLength.DAY, day), (PeriodLength.MONTH, day.replace(day=1)))
        parts = ((PeriodPart.ALL, ""), (PeriodPart.SENDER, sender), (PeriodPart.PROVIDER, provider))
        for (length, start), (part, value) in product(starts, parts):
            row, _ = OrganizationPeriod.objects.get_or_create(
                organization=organization, length=length, start=start, part=part, value=value
            )
            for name, number in mails.items():
                for column in columns_of(name):
                    setattr(row, column, getattr(row, column) + number)
            row.save()


def columns_of(name: str) -> list[str]:
    """Of an event's type, of people or, as in "opened_machines", of machines."""
    kind, _, machines = name.partition("_")
    whose = "machines" if machines else "people"
    columns = PERIOD_COUNTS[EventType(kind)]
    return list(columns) if len(columns) == 1 else [f"{kind}_{whose}", f"{kind}_{whose}_once"]


def text_of(client: Client, page: str, query: str = "") -> str:
    response = client.get(f"{reverse(f'admin:{page}')}{query}")
    assert response.status_code == 200
    return response.content.decode()


@pytest.fixture
def manager(member: Member, signed_in: SignedIn) -> Client:
    return signed_in(member(Role.MANAGER))


def test_deliverability_of_many_senders_shows_the_first_and_downloads_all(
    florist: Organization, manager: Client
) -> None:
    for number in range(60):
        figures(florist, sent=300 + number, complained=9, sender=f"hello@brand-{number:02}.example")
    page = text_of(manager, "deliverability")
    assert "The first 50 of 60" in page
    assert "61 things" in page and page.count("<strong>From brand-") == 25 - page.count("<strong>To ")
    downloaded = manager.get(reverse("admin:deliverability_csv", args=["senders"])).content.decode()
    assert downloaded.count("hello@brand-") == 60


@pytest.mark.parametrize("page", PAGES)
def test_page_of_a_client_without_anything_invites(page: str, florist: Organization, manager: Client) -> None:
    text = text_of(manager, page)
    assert "ex-dash-invitation" in text
    assert "plotly" not in text and "XLSX" not in text


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize(
    "query",
    ["?range=<b>", "?from=2026-02-31&to=x", "?from=9999-12-31&to=0001-01-01", "?count=&range=custom", "?range=all&x=1"],
)
def test_hostile_addresses_still_open_a_page(page: str, query: str, florist: Organization, manager: Client) -> None:
    figures(florist, sent=10, opened=1)
    text = text_of(manager, page, query)
    assert "<b>" not in text


@pytest.mark.parametrize("page", PAGES)
def test_number_of_queries_is_the_same_with_much_more_data(page: str, florist: Organization, manager: Client) -> None:
    def queries() -> int:
        with CaptureQueriesContext(
            connection,
        ) as found:
            text_of(manager, page)
        return len(found)

    grow(florist, days=2)
    manager.get(reverse(f"admin:{page}"))
    few = queries()
    grow(florist, days=25)
    assert queries() == few


def grow(organization: Organization, *, days: int) -> None:
    with organization_scope(organization):
        for number in range(days):
            campaign = mailed_campaign(organization, 1, name=f"Mailing {days} {number}").campaign
            for kind, firsts in (("sent", 80), ("opened", 30), ("clicked", 5), ("bounced", 4)):
                CampaignPart.objects.create(
                    organization=organization,
                    campaign=campaign,
                    part=Part.ALL,
                    type=kind,
                    verdict="human",
                    firsts=firsts,
                )
        audience_count(organization_id=organization.pk)
    for number in range(days):
        figures(organization, days_ago=number, sent=300, opened=90, bounced=30, complained=4, provider=f"P{number % 9}")


# --- Engagement -------------------------------------------------------------------------------------------------------


def test_engagement_counts_people_and_with_the_switch_machines_apart(florist: Organization, manager: Client) -> None:
    figures(florist, sent=200, opened=80, opened_machines=20, clicked=10)
    people, machines = text_of(manager, "engagement"), text_of(manager, "engagement", "?count=machines")
    assert "40.0 %" in people and "80 mails, by people" in people
    assert "10.0 %" in machines and "20 mails, by machines" in machines
    assert "40.0 %" not in machines and "do not add up" in machines


def test_engagement_compares_with_the_time_before(florist: Organization, manager: Client) -> None:
    figures(florist, days_ago=2, sent=100, opened=50)
    figures(florist, days_ago=9, sent=100, opened=40)
    text = text_of(manager, "engagement", "?range=7d")
    assert "+10.0 points" in text
    assert "Opened, the 7 days before" in text
    assert "the 7 days before" not in text_of(manager, "engagement", "?range=7d&compare=none")


def test_engagement_gives_no_rate_where_late_opens_outnumber_the_mails(florist: Organization, manager: Client) -> None:
    figures(florist, sent=1, opened=30)
    text = text_of(manager, "engagement")
    assert "3,000" not in text
    assert "30 mails, by people" in text


def test_best_hour_is_named_in_words(florist: Organization, manager: Client) -> None:
    figures(florist, sent=10, opened=5)
    with organization_scope(florist):
        OrganizationWeekday.objects.create(
            organization=florist,
            month=timezone.now().date().replace(day=1),
            weekday=3,
            people=[30 if hour == 17 else 2 for hour in range(24)],
            machines=[99 if hour == 5 else 0 for hour in range(24)],
        )
    assert "Wednesday from 17:00 to 18:00" in text_of(manager, "engagement")
    assert "Wednesday from 05:00 to 06:00" in text_of(manager, "engagement", "?count=machines")


def test_top_campaigns_are_those_of_the_range_by_clicks(florist: Organization, manager: Client) -> None:
    with organization_scope(florist):
        for name, days_ago, clicked in (("Fine", 3, 20), ("Finer", 4, 40), ("Long ago", 50, 90)):
            at = timezone.now() - days_ago * DAY
            campaign = mailed_campaign(florist, 1, name=name, accepted_at=at).campaign
            for kind, firsts in (("sent", 100), ("clicked", clicked)):
                CampaignPart.objects.create(
                    organization=florist, campaign=campaign, part=Part.ALL, type=kind, verdict="human", firsts=firsts
                )
    rows = table(manager, "engagement", "top", "?range=30d")
    assert [row[0] for row in rows[1:]] == ["Finer", "Fine"]
    assert rows[1][4] == "40.0 %"


# --- Audience ---------------------------------------------------------------------------------------------------------


def test_audience_tells_who_came_from_where_and_what_remains(florist: Organization, manager: Client) -> None:
    with organization_scope(florist):
        people = [factories.make_contact(florist, source="Fair") for _ in range(4)]
        factories.make_group(florist, "Regulars", people[:3])
        Contact.objects.filter(pk=people[0].pk).update(deleted_at=timezone.now())
        audience_count(organization_id=florist.pk)
    text = text_of(manager, "audience_growth", "?range=7d")
    assert "Fair: 4." in text
    assert "Of 3 people on the list" in text
    growth = table(manager, "audience_growth", "growth", "?range=7d")
    assert growth[0][1:] == [
        *("Joined", "Came back", "Unsubscribed", "Address bounced", "Complained", "Deleted or merged"),
        *("Net", "Subscribed at the end"),
    ]
    assert growth[-1][1:] == ["4", "0", "0", "0", "0", "1", "3", "3"]
    assert table(manager, "audience_growth", "groups", "?range=7d")[1] == ["Regulars", "3", "'+3", "new"]


# --- Deliverability ---------------------------------------------------------------------------------------------------


def test_provider_above_the_line_is_named_with_its_rate_and_since_when(florist: Organization, manager: Client) -> None:
    for days_ago in range(20):
        figures(florist, days_ago=days_ago, sent=500, provider="Yahoo")
        figures(florist, days_ago=days_ago, sent=500, complained=1 if days_ago < 10 else 0)
    text = text_of(manager, "deliverability")
    assert "To Gmail" in text and "To Yahoo" not in text
    assert "0.10 % complaints (10 of 10,000 mails accepted), above the 0.1 % line since" in text
    assert "Watch this" in text and "Act now" not in text


def test_complaints_above_the_second_line_and_bounces_ask_to_act(florist: Organization, manager: Client) -> None:
    figures(florist, sent=1000, complained=4, bounced=60)
    text = text_of(manager, "deliverability")
    assert "above the 0.3 % line" in text
    assert "6.00 % bounces (60 of 1,000 mails accepted), above the 5 % line" in text
    assert "reason__exact=bounced" in text and "reason__exact=complained" in text


@pytest.mark.parametrize("mails", [{"sent": 199, "complained": 5, "bounced": 50}, {"sent": 900, "complained": 2}])
def test_few_mails_or_cases_alarm_nobody(mails: dict[str, int], florist: Organization, manager: Client) -> None:
    figures(florist, **mails)
    text = text_of(manager, "deliverability")
    assert "Nothing to worry about" in text
    assert "oo few to judge" in text


def test_line_that_is_no_longer_passed_says_so(florist: Organization, manager: Client) -> None:
    figures(florist, days_ago=25, sent=1000, bounced=400)
    figures(florist, days_ago=2, sent=1000)
    assert "above the 5 % line over these days, but below it again since" in text_of(manager, "deliverability")


# --- Downloads and rights ---------------------------------------------------------------------------------------------


def table(client: Client, page: str, name: str, query: str = "") -> list[list[str]]:
    response = client.get(f"{reverse(f'admin:{page}_csv', args=[name])}{query}")
    assert response.status_code == 200
    return list(csv.reader(io.StringIO(response.content.decode("utf-8-sig"))))


@pytest.mark.parametrize("page", PAGES)
def test_workbook_has_every_table_of_the_page(page: str, florist: Organization, manager: Client) -> None:
    grow(florist, days=3)
    response = manager.get(reverse(f"admin:{page}_xlsx"))
    book = openpyxl.load_workbook(io.BytesIO(response.content))
    assert len(book.sheetnames) >= 6
    assert manager.get(reverse(f"admin:{page}_csv", args=["nothing"])).status_code == 404


@pytest.mark.parametrize("page", PAGES)
def test_viewer_sees_the_page_and_takes_nothing_away(
    page: str, florist: Organization, member: Member, signed_in: SignedIn
) -> None:
    grow(florist, days=2)
    viewer = signed_in(member(Role.VIEWER))
    text = text_of(viewer, page)
    assert ".csv" not in text and ".xlsx" not in text
    assert viewer.get(reverse(f"admin:{page}_xlsx")).status_code == 403


@pytest.mark.parametrize("page", PAGES)
def test_other_clients_figures_are_neither_shown_nor_summed(
    page: str, florist: Organization, museum: Organization, manager: Client
) -> None:
    grow(museum, days=2)
    assert "ex-dash-invitation" in text_of(manager, page)


def test_all_clients_adds_up_and_names_each(
    florist: Organization, museum: Organization, superuser: User, signed_in: SignedIn
) -> None:
    figures(florist, sent=300)
    figures(museum, sent=700, sender="hello@museum.example")
    rows = table(signed_in(superuser), "deliverability", "clients")
    assert [row[:2] for row in rows[1:]] == [["Museum", "700"], ["Florist", "300"]]


def test_deliveries_are_a_share_of_the_mails_whose_provider_tells(florist: Organization, manager: Client) -> None:
    figures(florist, sender="silent@florist.example", sent=900)
    assert "no provider reports deliveries" in text_of(manager, "deliverability")
    figures(florist, sender="told@florist.example", sent=100, delivered=97)
    text = text_of(manager, "deliverability")
    assert "97.00 %" in text and "for the 100 mails whose provider tells" in text
    _header, row = table(manager, "deliverability", "providers")
    assert row[:3] == ["Gmail", "1000", "not reported"]
