"""Wall clocks, zones, windows: what a planned time means, and when the last mail leaves."""

import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from core.campaigns import schedule
from core.campaigns.schedule import Window
from core.campaigns.states import ScheduleZone

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime.datetime(2026, 3, 1, 12, tzinfo=datetime.UTC)


def local(*parts: int) -> datetime.datetime:
    """What a clock on the wall shows."""
    return datetime.datetime(*parts, tzinfo=datetime.UTC).replace(tzinfo=None)  # type: ignore[arg-type, misc]


def utc(*parts: int) -> datetime.datetime:
    return datetime.datetime(*parts, tzinfo=datetime.UTC)  # type: ignore[arg-type, misc]


@pytest.mark.parametrize(
    ("wall", "instant"),
    [
        (local(2026, 3, 25, 9), utc(2026, 3, 25, 8)),
        (local(2026, 3, 29, 2, 30), utc(2026, 3, 29, 1, 30)),  # skipped: shown as 03:30
        (local(2026, 10, 25, 2, 30), utc(2026, 10, 25, 1, 30)),  # shown twice: the second
        (local(2026, 10, 25, 3), utc(2026, 10, 25, 2)),
    ],
)
def test_instant_of_wall_time_is_what_postgresql_means(wall: datetime.datetime, instant: datetime.datetime) -> None:
    assert schedule.instant_of(wall, BERLIN) == instant


def test_clock_change_is_told_and_an_ordinary_time_is_not() -> None:
    assert "skip 02:30. It goes out at 03:30" in schedule.clock_change(local(2026, 3, 29, 2, 30), BERLIN)
    assert "show 02:30 twice. The second one is meant (CET)" in schedule.clock_change(
        local(2026, 10, 25, 2, 30), BERLIN
    )
    assert schedule.clock_change(local(2026, 3, 29, 9), BERLIN) == ""


def test_plan_time_by_recipients_begins_where_the_day_begins_first() -> None:
    planned = schedule.plan_time(local(2026, 3, 25, 9), whose=ScheduleZone.RECIPIENT, zone=BERLIN, now=NOW)

    assert planned.begins_at == utc(2026, 3, 24, 19)
    assert schedule.last_instant(planned, ScheduleZone.RECIPIENT) == utc(2026, 3, 25, 21)
    assert planned.note == ""


def test_plan_time_by_recipients_that_some_have_passed_begins_now_and_says_so() -> None:
    planned = schedule.plan_time(local(2026, 3, 1, 20), whose=ScheduleZone.RECIPIENT, zone=BERLIN, now=NOW)

    assert planned.begins_at == NOW
    assert "people there get it at once" in planned.note


def test_open_spans_keep_to_days_and_hours_of_the_clients_clock() -> None:
    window = Window(BERLIN, datetime.time(9), datetime.time(18), (0, 1, 2, 3, 4))

    spans = list(schedule.open_spans(window, utc(2026, 3, 27, 16), days=5))  # Friday 17:00 in Berlin

    assert spans == [
        (utc(2026, 3, 27, 16), utc(2026, 3, 27, 17)),
        (utc(2026, 3, 30, 7), utc(2026, 3, 30, 16)),  # Monday, by summer time
    ]


def test_open_spans_over_midnight_belong_to_the_day_on_which_they_open() -> None:
    window = Window(BERLIN, datetime.time(22), datetime.time(6), (4,))

    spans = list(schedule.open_spans(window, utc(2026, 3, 7, 2), days=3))  # Saturday 03:00: Friday's window

    assert spans == [(utc(2026, 3, 7, 2), utc(2026, 3, 7, 5))]


def test_end_of_sending_waits_for_the_next_window() -> None:
    window = Window(BERLIN, datetime.time(9), datetime.time(10))

    end = schedule.end_of_sending(window, utc(2026, 3, 2, 8), 900, per_second=50, per_hour=600)

    # 600 mails from 9 to 10, the other 300 in half an hour of the next day.
    assert end == utc(2026, 3, 3, 8, 30)


def test_end_of_sending_that_never_comes_is_none() -> None:
    window = Window(BERLIN, datetime.time(9), datetime.time(9, 1))

    assert schedule.end_of_sending(window, NOW, 1_000_000, per_second=1, per_hour=60) is None


@settings(deadline=None, max_examples=40)
@given(mails=st.integers(1, 5_000), per_hour=st.integers(50, 5_000), opens=st.integers(0, 23), hours=st.integers(1, 23))
@example(mails=4_999, per_hour=4_999, opens=0, hours=1)  # an hour's mails, but for the last digit of a float
def test_flow_adds_up_keeps_the_limit_and_stays_in_the_window(
    mails: int, per_hour: int, opens: int, hours: int
) -> None:
    window = Window(BERLIN, datetime.time(opens), datetime.time((opens + hours) % 24))

    result = schedule.flow(window, [(NOW, mails)], per_second=100.0, per_hour=per_hour)

    end = schedule.end_of_sending(window, NOW, mails, per_second=100.0, per_hour=per_hour)
    assert end is not None and result.end is not None
    assert abs(result.end - end) < datetime.timedelta(seconds=1)
    assert sum(count for _, count in result.hours) == mails
    spans = list(schedule.open_spans(window, NOW))
    for hour, count in result.hours:
        assert count <= per_hour + 1
        assert any(begins < hour + datetime.timedelta(hours=1) and hour < ends for begins, ends in spans)


def test_flow_of_two_zones_rests_between_them() -> None:
    portions = [(utc(2026, 3, 2, 8), 100), (utc(2026, 3, 2, 0), 50)]

    result = schedule.flow(Window(BERLIN), portions, per_second=1.0, per_hour=60)

    assert result.hours == (
        (utc(2026, 3, 2, 0), 50),
        (utc(2026, 3, 2, 8), 60),
        (utc(2026, 3, 2, 9), 40),
    )
    assert result.end == utc(2026, 3, 2, 9, 40)


@pytest.mark.parametrize(
    ("window", "words"),
    [
        (Window(BERLIN), ""),
        (Window(BERLIN, days=(0, 1, 2, 3, 4)), "Monday to Friday (Europe/Berlin)"),
        (
            Window(BERLIN, datetime.time(9), datetime.time(18), (1, 3)),
            "Tuesday, Thursday, 09:00 to 18:00 (Europe/Berlin)",
        ),
        (Window(BERLIN, datetime.time(9), datetime.time(18)), "Every day, 09:00 to 18:00 (Europe/Berlin)"),
    ],
)
def test_window_words(window: Window, words: str) -> None:
    assert schedule.window_words(window) == words


@pytest.mark.parametrize(
    ("ahead", "words"),
    [
        (datetime.timedelta(days=3, hours=2), "in 3 days"),
        (datetime.timedelta(hours=5), "in 5 hours"),
        (datetime.timedelta(minutes=1), "in 1 minute"),
        (datetime.timedelta(seconds=5), "now"),
        (-datetime.timedelta(hours=1), "now"),
    ],
)
def test_distance_words(ahead: datetime.timedelta, words: str) -> None:
    assert schedule.distance_words(NOW + ahead, NOW) == words
