"""Campaigns side by side: which are chosen, what is best, and what the files hold."""

import csv
import datetime
import io
from collections.abc import Callable

import openpyxl
import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from core.accounts.choices import Role
from core.accounts.models import Organization, User
from core.common.ids import new_id
from core.common.tenancy import organization_scope
from core.tracking.choices import EventType, Verdict
from core.tracking.services import event_record, roll_up
from tests.support import factories
from tests.tracking.mailed import Mailed, mailed_campaign

Member = Callable[..., User]
SignedIn = Callable[[User], Client]
PAGE, CSV, XLSX = "admin:compare", "compare.csv", "compare.xlsx"


@pytest.fixture
def manager(member: Member, signed_in: SignedIn) -> Client:
    return signed_in(member(Role.MANAGER))


def sent(organization: Organization, name: str, *, opened: int, people: int = 4, days_ago: int = 2) -> Mailed:
    started = timezone.now() - datetime.timedelta(days=days_ago)
    with organization_scope(organization):
        mailed = mailed_campaign(organization, people, name=name, accepted_at=started)
        for number in range(opened):
            event_record(
                message_id=mailed.messages[number].pk,
                type=EventType.OPENED,
                occurred_at=started + datetime.timedelta(hours=2 * number),
                event_key=f"{name}{number}",
                verdict=Verdict.HUMAN,
            )
        roll_up()
    return mailed


def file_of(name: str, *mailed: Mailed) -> str:
    query = "&".join(f"campaign={one.campaign.pk}" for one in mailed)
    return f"{reverse('admin:compare_file', args=[name])}?{query}"


def test_page_marks_the_best_in_words_and_draws_opens_by_hour(florist: Organization, manager: Client) -> None:
    good, poor = sent(florist, "Good", opened=3), sent(florist, "Poor", opened=1)
    response = manager.get(reverse(PAGE), {"campaign": [good.campaign.pk, poor.campaign.pk]})
    rows = {row.name: row.cells for row in response.context["rows"]}
    assert (rows["Good"][1].text, rows["Good"][1].is_best) == ("75.0 %", True)
    assert (rows["Poor"][1].text, rows["Poor"][1].is_best, rows["Poor"][1].width) == ("25.0 %", False, "33.3%")
    assert not any(cells[0].is_best for cells in rows.values())
    lines = {line["name"]: line["y"] for line in response.context["chart"].figure["data"]}
    assert lines["Good"][:5] == [25.0, 25.0, 50.0, 50.0, 75.0]
    assert ">best<" in response.content.decode()


def test_page_without_a_choice_takes_the_latest_that_had_a_day(florist: Organization, manager: Client) -> None:
    for number in range(6):
        sent(florist, f"Campaign {number}", opened=0, days_ago=number)
    response = manager.get(reverse(PAGE))
    assert [row.name for row in response.context["rows"]] == [f"Campaign {number}" for number in (1, 2, 3, 4)]


@pytest.mark.parametrize("asked", ["x", "'", "00000000-0000-0000-0000-000000000000"])
def test_page_of_what_is_no_campaign_still_answers(florist: Organization, manager: Client, asked: str) -> None:
    sent(florist, "Ours", opened=1)
    response = manager.get(reverse(PAGE), {"campaign": asked, "q": asked, "count": asked})
    assert response.status_code == 200


def test_page_takes_eight_and_says_so(florist: Organization, manager: Client) -> None:
    mine = [sent(florist, f"Campaign {number}", opened=0, people=1) for number in range(9)]
    response = manager.get(reverse(PAGE), {"campaign": [one.campaign.pk for one in mine]})
    assert len(response.context["rows"]) == 8
    assert "Up to 8 campaigns" in response.content.decode()


def test_page_and_files_leave_out_another_clients_campaign(
    florist: Organization, museum: Organization, manager: Client
) -> None:
    ours, theirs = sent(florist, "Ours", opened=1), sent(museum, "Theirs", opened=1)
    page = manager.get(reverse(PAGE), {"campaign": [ours.campaign.pk, theirs.campaign.pk]}).content.decode()
    assert "Ours" in page and "Theirs" not in page and "not among your clients" in page
    assert "Theirs" not in manager.get(file_of(CSV, ours, theirs)).content.decode()


def test_search_offers_only_what_holds_the_words(florist: Organization, manager: Client) -> None:
    sent(florist, "Tulip days", opened=0), sent(florist, "Rose week", opened=0)
    chosen = sent(florist, "Winter", opened=0)
    response = manager.get(reverse(PAGE), {"campaign": chosen.campaign.pk, "q": "rose"})
    assert [(offer.name, offer.is_chosen) for offer in response.context["offers"]] == [
        ("Winter", True),
        ("Rose week", False),
    ]


def test_files_hold_the_figures_of_the_page(florist: Organization, manager: Client) -> None:
    mailed = sent(florist, "=cmd()", opened=3), sent(florist, "Poor", opened=1)
    rows = list(csv.DictReader(io.StringIO(manager.get(file_of(CSV, *mailed)).content.decode("utf-8-sig"))))
    found = {row["Campaign"]: (row["Accepted"], row["Opened"], row["Opened, %"]) for row in rows}
    assert found == {"'=cmd()": ("4", "3", "75.0"), "Poor": ("4", "1", "25.0")}
    book = openpyxl.load_workbook(io.BytesIO(manager.get(file_of(XLSX, *mailed)).content))
    sheet = [[cell.value for cell in line] for line in book.active.iter_rows()]
    names = sheet[0]
    told = {line[0]: (line[names.index("Opened")], line[names.index("Opened, %")]) for line in sheet[1:]}
    assert told == {"=cmd()": (3, 75), "Poor": (1, 25)}


def test_files_for_a_viewer_are_refused(florist: Organization, member: Member, signed_in: SignedIn) -> None:
    mailed = sent(florist, "Ours", opened=1)
    viewer = signed_in(member(Role.VIEWER))
    assert viewer.get(file_of(CSV, mailed)).status_code == 403
    assert ".csv" not in viewer.get(reverse(PAGE)).content.decode()


def test_under_all_clients_each_row_names_its_client(
    florist: Organization, museum: Organization, superuser: User, signed_in: SignedIn
) -> None:
    mailed = sent(florist, "Ours", opened=1), sent(museum, "Theirs", opened=2)
    response = signed_in(superuser).get(reverse(PAGE), {"campaign": [one.campaign.pk for one in mailed]})
    assert {row.client for row in response.context["rows"]} == {"Florist", "Museum"}
    assert "Theirs · Museum" in response.content.decode()


def test_files_leave_out_clients_whose_export_is_not_allowed(
    florist: Organization, museum: Organization, member: Member, signed_in: SignedIn
) -> None:
    person = member(Role.ACCOUNT_MANAGER)
    factories.join(person, museum, Role.VIEWER)
    mailed = sent(florist, "Ours", opened=1), sent(museum, "Theirs", opened=2)
    browser = signed_in(person)
    assert "Theirs" in browser.get(reverse(PAGE)).content.decode()
    file = browser.get(file_of(CSV, *mailed)).content.decode()
    assert "Ours" in file and "Theirs" not in file


def test_page_runs_the_same_queries_for_many_campaigns(florist: Organization, manager: Client) -> None:
    mine = [sent(florist, f"Campaign {number}", opened=1, people=1) for number in range(6)]
    counts = []
    for chosen in (mine[:2], mine):
        asked = {"campaign": [one.campaign.pk for one in chosen]}
        manager.get(reverse(PAGE), asked)
        with CaptureQueriesContext(connection) as captured:
            assert manager.get(reverse(PAGE), asked).status_code == 200
        counts.append(len(captured))
        assert not [query for query in captured.captured_queries if "tracking_analyticsevent" in query["sql"]]
    assert counts[0] == counts[1]


def test_unknown_file_is_not_found(manager: Client) -> None:
    assert manager.get(reverse("admin:compare_file", args=[f"{new_id()}.csv"])).status_code == 404
