"""What stands in an address, and the view that comes of it."""

import datetime
from zoneinfo import ZoneInfo

import pytest
import time_machine

from core.tracking.choices import PeriodLength
from core.tracking.queries import Counted
from dashboards.filters import Choice, filter_bar, range_of

MADRID = ZoneInfo("Europe/Madrid")
LATE_EVENING = datetime.datetime(2026, 5, 4, 22, 30, tzinfo=datetime.UTC)
TODAY = datetime.date(2026, 5, 5)
"""In Madrid it is tomorrow already."""

pytestmark = pytest.mark.usefixtures("evening")


@pytest.fixture
def evening():  # type: ignore[no-untyped-def]
    with time_machine.travel(LATE_EVENING, tick=False):
        yield


@pytest.mark.parametrize(
    ("key", "first", "length"),
    [
        ("7d", datetime.date(2026, 4, 29), PeriodLength.DAY),
        ("30d", datetime.date(2026, 4, 6), PeriodLength.DAY),
        ("90d", datetime.date(2026, 2, 5), PeriodLength.DAY),
        ("year", datetime.date(2025, 6, 1), PeriodLength.MONTH),
        ("all", None, PeriodLength.MONTH),
    ],
)
def test_range_of_a_preset_ends_today_in_the_clients_zone(
    key: str, first: datetime.date | None, length: PeriodLength
) -> None:
    found = range_of({"range": key}, zone=MADRID)
    assert (found.first, found.last, found.length, found.problem) == (first, TODAY, length, "")


def test_range_of_nothing_is_thirty_days_of_people_compared() -> None:
    found = range_of({}, zone=MADRID)
    assert (found.key, found.days, found.compare, found.counted) == ("30d", 30, True, Counted.PEOPLE)
    assert found.query() == "?"


def test_previous_has_as_many_days_and_ends_the_day_before() -> None:
    previous = range_of({"range": "7d"}, zone=MADRID).previous
    assert previous and (previous.first, previous.last) == (datetime.date(2026, 4, 22), datetime.date(2026, 4, 28))
    months = range_of({"range": "year"}, zone=MADRID).previous
    assert months and (months.first, months.last) == (datetime.date(2024, 6, 1), datetime.date(2025, 5, 31))
    assert range_of({"range": "all"}, zone=MADRID).previous is None
    assert range_of({"compare": "none"}, zone=MADRID).previous is None


def test_long_custom_range_is_told_in_whole_months() -> None:
    found = range_of({"range": "custom", "from": "2025-03-17", "to": "2025-12-05"}, zone=MADRID)
    assert (found.first, found.last) == (datetime.date(2025, 3, 1), datetime.date(2025, 12, 31))
    assert found.previous and found.previous.first == datetime.date(2024, 5, 1)


@pytest.mark.parametrize(
    "asked",
    [
        {"range": "custom"},
        {"range": "custom", "from": "2026-02-31", "to": "2026-03-01"},
        {"range": "custom", "from": "2026-03-02", "to": "2026-03-01"},
        {"range": "custom", "from": "2027-01-01", "to": "2027-02-01"},
        {"range": "custom", "from": "9999-12-31", "to": "9999-12-31"},
        {"range": "custom", "from": "x" * 10_000, "to": "\x00"},
        {"range": "'; --"},
    ],
)
def test_range_of_an_impossible_address_is_the_default_with_a_sentence(asked: dict[str, str]) -> None:
    found = range_of(asked, zone=MADRID)
    assert found.days == 30 and found.problem.endswith("30 days.")


def test_query_keeps_everything_but_what_is_changed() -> None:
    asked = {"range": "custom", "from": "2026-04-01", "to": "2026-04-30", "count": "machines", "sender": "a@b.example"}
    found = range_of(asked, zone=MADRID, kept=("sender",))
    query = found.query(sender="", compare="none")
    assert query == "?range=custom&from=2026-04-01&to=2026-04-30&count=machines&compare=none"
    assert found.query().endswith("sender=a%40b.example")


def test_filter_bar_keeps_the_range_in_the_form_of_the_choices() -> None:
    found = range_of(
        {"range": "7d", "count": "machines", "sender": "x", "provider": "y"}, zone=MADRID, kept=("sender", "provider")
    )
    bar = filter_bar(found, choices=[Choice("sender", "Sender", [("", "All"), ("x", "x")], "x")])
    assert bar.hidden_of_choices == [("range", "7d"), ("count", "machines"), ("provider", "y")]
    assert [option.label for option in bar.presets if option.is_current] == ["7 days"]
    assert [option.label for option in bar.counts if option.is_current] == ["Machines"]
