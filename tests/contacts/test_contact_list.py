"""The list of contacts: pages by number and by key, filters, orders, and what of it is said in numbers."""

import datetime
import re
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from core.accounts.choices import Role
from core.accounts.model_admins import changelist
from core.accounts.models import Organization
from core.common import paginator
from core.common.tenancy import organization_scope
from core.contacts.models import Contact, ContactImport, ContactTag, Segment
from core.contacts.search import contacts_reindex
from tests.support import factories

LIST = "/admin/contacts/contact/"
PEOPLE = 60


@pytest.fixture
def people(in_florist: Organization) -> list[Contact]:
    """person00 (the oldest) to person59."""
    made = [factories.make_contact(in_florist, f"person{number:02}@mail.example") for number in range(PEOPLE)]
    contacts_reindex(organization_id=in_florist.pk, contact_ids=[contact.pk for contact in made])
    return made


@pytest.fixture
def browser(member: Callable, signed_in: Callable) -> Browser:
    return signed_in(member(Role.MANAGER))


@pytest.fixture
def capped_at_50(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paginator, "COUNT_CAP", 50)
    monkeypatch.setattr(changelist, "COUNT_CAP", 50)


def _rows(response: Any) -> list[int]:
    """The numbers of the people on the page, from top to bottom."""
    return [int(re.search(r"\d+", contact.email).group()) for contact in response.context["cl"].result_list]  # type: ignore[union-attr]


def _get(browser: Browser, query: str = "") -> Any:
    response = browser.get(LIST + query)
    assert response.status_code == 200, response
    return response


def test_pages_by_number_say_how_many_there_are(browser: Browser, people: list[Contact]) -> None:
    page = _get(browser, "?p=3")
    assert _rows(page) == list(range(9, -1, -1))
    assert page.context["cl"].count_words == "60"
    assert page.context["cl"].next_url == ""


def test_walk_past_the_cap_by_key_meets_everybody_once(
    browser: Browser, people: list[Contact], capped_at_50: None
) -> None:
    page, seen = _get(browser), []
    assert page.context["cl"].count_words == "50+"
    assert "50+ contacts" in " ".join(page.content.decode().split())
    while True:
        seen += _rows(page)
        if not page.context["cl"].next_url:
            break
        page = _get(browser, page.context["cl"].next_url)
    assert seen == list(range(PEOPLE - 1, -1, -1))


def test_way_back_by_key_shows_the_same_pages(browser: Browser, people: list[Contact]) -> None:
    second = _get(browser, f"?after={people[35].pk}")
    third = _get(browser, second.context["cl"].next_url)
    assert _rows(third) == list(range(9, -1, -1))
    back = _get(browser, third.context["cl"].previous_url)
    assert _rows(back) == _rows(second) == list(range(34, 9, -1))
    first = _get(browser, back.context["cl"].previous_url)
    assert _rows(first) == list(range(59, 34, -1))
    assert first.context["cl"].previous_url == ""
    assert _rows(_get(browser, third.context["cl"].first_url)) == list(range(59, 34, -1))


def test_key_keeps_search_and_filters(browser: Browser, people: list[Contact]) -> None:
    Contact.objects.filter(pk=people[40].pk).update(status="bounced")
    page = _get(browser, "?q=person&status__exact=subscribed")
    assert _rows(page) == [*range(59, 40, -1), *range(39, 33, -1)]
    assert page.context["cl"].count_words == "25+"
    assert _rows(_get(browser, page.context["cl"].next_url)) == list(range(33, 8, -1))


@pytest.mark.parametrize("query", ["?after=nonsense", "?before=7", "?p=9999", "?q=person&o=1&p=99999"])
def test_forged_place_leads_back_to_the_list(browser: Browser, people: list[Contact], query: str) -> None:
    response = browser.get(LIST + query)
    assert (response.status_code, response.headers["Location"]) == (302, f"{LIST}?e=1")


def test_search_does_not_count(browser: Browser, people: list[Contact]) -> None:
    with CaptureQueriesContext(connection) as captured:
        page = _get(browser, "?q=person5")
    assert page.context["cl"].count_words == "10"
    assert "10 found" in " ".join(page.content.decode().split())
    assert not [query for query in captured if '"__count"' in query["sql"]]


def test_search_in_order_of_address_pages_by_number(browser: Browser, people: list[Contact]) -> None:
    first = _get(browser, "?q=person&o=1")
    assert _rows(first) == list(range(25))
    last = _get(browser, "?q=person&o=1&p=3")
    assert _rows(last) == list(range(50, 60))
    assert last.context["cl"].next_url == ""
    assert _rows(_get(browser, last.context["cl"].previous_url)) == list(range(25, 50))


def test_order_is_offered_only_where_an_index_answers(browser: Browser, people: list[Contact]) -> None:
    assert _rows(_get(browser, "?o=5"))[:2] == [0, 1]
    assert _rows(_get(browser, "?o=-1"))[:2] == [59, 58]
    for column in (2, 3, 4, 99, "x", "²"):
        assert _rows(_get(browser, f"?o={column}"))[:2] == [59, 58], column


def test_select_all_is_offered_only_for_a_known_number(
    browser: Browser, people: list[Contact], monkeypatch: pytest.MonkeyPatch
) -> None:
    offer = 'class="question hidden"'
    assert offer in _get(browser).content.decode()
    assert offer not in _get(browser, "?q=person").content.decode()
    monkeypatch.setattr(paginator, "COUNT_CAP", 50)
    assert offer not in _get(browser).content.decode()


def test_filters_narrow_the_list(browser: Browser, people: list[Contact], in_florist: Organization) -> None:
    group = factories.make_group(in_florist, "Press", people[1:3])
    ContactTag.objects.create(organization=in_florist, name="vip")
    Contact.objects.filter(pk=people[3].pk).update(tags=["vip"], is_role_address=True, consent_basis="express")
    Contact.objects.filter(pk=people[4].pk).update(is_disposable_address=True)
    Segment.objects.create(organization=in_florist, name="Of the press", rule=_in_group(group.pk))
    assert _rows(_get(browser, f"?group={group.pk}")) == [2, 1]
    assert _rows(_get(browser, "?tag=vip")) == [3]
    assert _rows(_get(browser, "?tag=unheard")) == []
    assert _rows(_get(browser, "?address=role")) == [3]
    assert _rows(_get(browser, "?address=disposable")) == [4]
    by_segment = _get(browser, f"?segment={Segment.objects.get().pk}")
    assert (_rows(by_segment), by_segment.context["cl"].count_words) == ([2, 1], "2")
    assert 3 not in _rows(_get(browser, "?consent=missing&p=3"))
    assert _rows(_get(browser, "?consent=missing"))[0] == 59


def _in_group(group_id: UUID) -> dict[str, Any]:
    return {"all": [{"field": "groups", "is": "any_of", "value": [str(group_id)]}]}


def test_import_filter_finds_what_that_import_brought(browser: Browser, in_florist: Organization) -> None:
    first_day = timezone.now() - datetime.timedelta(days=3)

    def run(day: datetime.datetime, *numbers: int, source: str = "Import people.csv") -> ContactImport:
        for number in numbers:
            key = UUID(int=(int(day.timestamp() * 1_000 + number) << 80) + number)
            factories.make_contact(in_florist, f"person{number}@mail.example", source=source, id=key)
        made = ContactImport.objects.create(organization=in_florist, file_name="people.csv")
        ContactImport.objects.filter(pk=made.pk).update(created_at=day, finished_at=day + datetime.timedelta(hours=1))
        return made

    first = run(first_day, 1, 2)
    second = run(first_day + datetime.timedelta(days=1), 3)
    run(first_day, 4, source="Added by hand")
    assert _rows(_get(browser, f"?import={first.pk}")) == [2, 1]
    assert _rows(_get(browser, f"?import={second.pk}")) == [3]


def test_created_filter_takes_whole_days(browser: Browser, people: list[Contact]) -> None:
    today = timezone.now().date()
    yesterday = today - datetime.timedelta(days=1)
    Contact.objects.filter(pk=people[59].pk).update(created_at=timezone.now() - datetime.timedelta(days=1))
    assert _rows(_get(browser, f"?created_at_from={yesterday}&created_at_to={yesterday}")) == [59]
    assert _rows(_get(browser, f"?created_at_from={today}&created_at_to={today}"))[0] == 58
    assert _rows(_get(browser, f"?created_at_to={yesterday - datetime.timedelta(days=1)}")) == []


def test_created_filter_finds_the_demos_contacts_moved_back_in_time(
    browser: Browser, people: list[Contact], in_florist: Organization
) -> None:
    Organization.objects.filter(pk=in_florist.pk).update(is_demo=True)
    day = datetime.datetime(2025, 3, 7, 23, 30, tzinfo=datetime.UTC)
    Contact.objects.filter(pk=people[7].pk).update(created_at=day)
    assert _rows(_get(browser, "?created_at_from=2025-03-07&created_at_to=2025-03-07")) == [7]
    assert _rows(_get(browser, "?created_at_to=2025-03-06")) == []


@pytest.mark.parametrize(
    "query",
    [
        "?group=nonsense",
        "?segment=nonsense",
        "?import=nonsense",
        "?address=nonsense",
        "?consent=nonsense",
        "?created_at_from=2025-99-99&created_at_to=9999-12-31",
        "?created_at_from=yesterday",
        "?tag=%F0%9F%92%90%27",
    ],
)
def test_filter_with_nonsense_answers(browser: Browser, people: list[Contact], query: str) -> None:
    _get(browser, query)


def test_filters_of_another_clients_rows_find_nothing(
    browser: Browser, people: list[Contact], museum: Organization
) -> None:
    with organization_scope(museum):
        theirs = factories.make_contact(museum)
        group = factories.make_group(museum, "Theirs", [theirs])
        contact_import = ContactImport.objects.create(organization=museum, file_name="theirs.csv")
        ContactTag.objects.create(organization=museum, name="theirs-only")
    for query in (f"?group={group.pk}", f"?import={contact_import.pk}", f"?after={theirs.pk}&tag=theirs-only"):
        page = _get(browser, query)
        assert _rows(page) == []
        assert "Theirs" not in page.content.decode()
        assert "theirs.csv" not in page.content.decode()


def test_group_choices_are_found_by_typing(browser: Browser, in_florist: Organization, museum: Organization) -> None:
    factories.make_group(in_florist, "Friends")
    with organization_scope(museum):
        factories.make_group(museum, "Friends of the museum")
    assert "Friends" not in re.sub(r"(?s)<nav.*?</nav>", "", _get(browser).content.decode())
    answer = browser.get(
        "/admin/autocomplete/",
        {"app_label": "contacts", "model_name": "contactgroupmembership", "field_name": "group", "term": "frie"},
    )
    assert [choice["text"] for choice in answer.json()["results"]] == ["Friends"]


def test_groups_say_how_many_people_up_to_the_cap(
    browser: Browser, people: list[Contact], in_florist: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    from core.contacts.admin import groups

    factories.make_group(in_florist, "All", people)
    factories.make_group(in_florist, "Few", people[:3])
    factories.make_group(in_florist, "None")
    monkeypatch.setattr(groups, "COUNT_CAP", 50)
    page = browser.get("/admin/contacts/contactgroup/").content.decode()
    assert [word for word in ("50+", "60") if f">{word}<" in page.replace("\n", "").replace(" ", "")] == ["50+"]
