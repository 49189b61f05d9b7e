"""The days a report is about, and the moments at which a planned one goes out."""

import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.reports.choices import Frequency, Period
from core.reports.errors import ReportRefused
from core.reports.periods import Days, Plan, before, days_of

MADRID = ZoneInfo("Europe/Madrid")
D = datetime.date
START = datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC)


def due(plan: Plan, after: datetime.datetime, times: int, zone: ZoneInfo = MADRID) -> list[str]:
    """The next moments on the clock of the zone."""
    found = []
    for _ in range(times):
        after = plan.first_after(after, zone)
        found.append(after.astimezone(zone).strftime("%Y-%m-%d %H:%M"))
    return found


@pytest.mark.parametrize(
    ("period", "today", "expected"),
    [
        (Period.LAST_MONTH, D(2026, 3, 31), Days(D(2026, 2, 1), D(2026, 2, 28))),
        (Period.LAST_MONTH, D(2026, 1, 1), Days(D(2025, 12, 1), D(2025, 12, 31))),
        (Period.LAST_QUARTER, D(2026, 5, 9), Days(D(2026, 1, 1), D(2026, 3, 31))),
        (Period.LAST_QUARTER, D(2026, 1, 1), Days(D(2025, 10, 1), D(2025, 12, 31))),
        (Period.LAST_30_DAYS, D(2026, 3, 1), Days(D(2026, 1, 30), D(2026, 2, 28))),
        (Period.LAST_7_DAYS, D(2026, 1, 3), Days(D(2025, 12, 27), D(2026, 1, 2))),
    ],
)
def test_days_of_period_are_whole_days_before_today(period: Period, today: D, expected: Days) -> None:
    assert days_of(period, today) == expected


@pytest.mark.parametrize(
    ("first", "last"),
    [(None, None), (D(2026, 2, 2), D(2026, 2, 1)), (D(2030, 1, 1), D(2030, 1, 2)), (D(2020, 1, 1), D(2026, 1, 1))],
)
def test_days_of_custom_that_are_no_period_is_refused(first: D | None, last: D | None) -> None:
    with pytest.raises(ReportRefused):
        days_of(Period.CUSTOM, D(2026, 6, 1), first, last)


def test_before_whole_months_is_as_many_whole_months() -> None:
    assert before(Days(D(2026, 3, 1), D(2026, 3, 31))) == Days(D(2026, 2, 1), D(2026, 2, 28))
    assert before(Days(D(2026, 1, 1), D(2026, 3, 31))) == Days(D(2025, 10, 1), D(2025, 12, 31))
    assert before(Days(D(2026, 3, 3), D(2026, 3, 9))) == Days(D(2026, 2, 24), D(2026, 3, 2))


def test_monthly_on_the_31st_goes_out_on_the_last_day_of_shorter_months() -> None:
    start = datetime.datetime(2027, 12, 31, 9, tzinfo=MADRID)
    assert due(Plan(Frequency.MONTHLY, 31, 8), start, 4) == [
        "2028-01-31 08:00",
        "2028-02-29 08:00",
        "2028-03-31 08:00",
        "2028-04-30 08:00",
    ]


def test_weekly_keeps_its_hour_over_both_changes_of_the_clock() -> None:
    spring = datetime.datetime(2026, 3, 21, tzinfo=MADRID)
    assert due(Plan(Frequency.WEEKLY, 6, 8), spring, 3) == ["2026-03-22 08:00", "2026-03-29 08:00", "2026-04-05 08:00"]
    autumn = datetime.datetime(2026, 10, 18, 12, tzinfo=MADRID)
    assert due(Plan(Frequency.WEEKLY, 6, 8), autumn, 2) == ["2026-10-25 08:00", "2026-11-01 08:00"]


def test_hour_that_the_clock_skips_or_shows_twice_comes_once() -> None:
    skipped = due(Plan(Frequency.WEEKLY, 6, 2), datetime.datetime(2026, 3, 28, tzinfo=MADRID), 2)
    assert skipped == ["2026-03-29 03:00", "2026-04-05 02:00"]
    twice = due(Plan(Frequency.WEEKLY, 6, 2), datetime.datetime(2026, 10, 24, 12, tzinfo=MADRID), 2)
    assert twice == ["2026-10-25 02:00", "2026-11-01 02:00"]


@given(
    moment=st.integers(0, 5 * 365 * 24 * 60).map(lambda minutes: START + datetime.timedelta(minutes=minutes)),
    zone=st.sampled_from(["UTC", "Europe/Madrid", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia"]),
    plan=st.one_of(
        st.builds(Plan, st.just(Frequency.WEEKLY), st.integers(0, 6), st.integers(0, 23)),
        st.builds(Plan, st.just(Frequency.MONTHLY), st.integers(1, 31), st.integers(0, 23)),
    ),
)
def test_next_and_last_moment_enclose_now(moment: datetime.datetime, zone: str, plan: Plan) -> None:
    info = ZoneInfo(zone)
    following = plan.first_after(moment, info)
    assert plan.last_until(moment, info) <= moment < following
    assert plan.last_until(following, info) == following
