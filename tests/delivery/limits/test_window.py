"""Hours of sending: what the page says and what the claim's SQL does are one rule."""
# ruff: noqa: DTZ001 - the walls of clients, which have no zone by themselves

import datetime
import random
from zoneinfo import ZoneInfo

import pytest
from django.db import connection

from core.delivery.limits.window import Window

MADRID = ZoneInfo("Europe/Madrid")
NINE, FIVE, TEN_AT_NIGHT, TWO = (datetime.time(hour) for hour in (9, 17, 22, 2))
WINDOWS = [
    Window(NINE, FIVE),
    Window(NINE, FIVE, (0, 1, 2, 3, 4)),
    Window(TEN_AT_NIGHT, TWO, (4,)),
    Window(TEN_AT_NIGHT, TWO),
    Window(NINE, None, (6,)),
    Window(None, FIVE, (0,)),
    Window(NINE, NINE, (2,)),
    Window(None, None, (5, 6)),
    Window(None, None),
    Window(datetime.time(0), datetime.time(0), (1,)),
    Window(TEN_AT_NIGHT, datetime.time(0), (3,)),
]


def is_open_in_sql(window: Window, wall: datetime.datetime) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT engagex_in_window(%s::timestamp, %s::time, %s::time, %s::smallint[])",
            [wall, window.begins, window.ends, list(window.days)],
        )
        return bool(cursor.fetchone()[0])


@pytest.mark.django_db
@pytest.mark.parametrize("window", WINDOWS, ids=str)
def test_window_in_python_and_in_sql_agree(window: Window) -> None:
    chance = random.Random(1)
    monday = datetime.datetime(2026, 11, 16)
    walls = [monday + datetime.timedelta(minutes=chance.randrange(7 * 24 * 60)) for _ in range(60)]
    walls += [monday + datetime.timedelta(days=day, hours=hour) for day in range(7) for hour in (0, 2, 9, 17, 22)]
    for wall in walls:
        assert window.is_open(wall) == is_open_in_sql(window, wall), wall


def test_window_over_midnight_belongs_to_the_day_it_begins_on() -> None:
    friday_night = Window(TEN_AT_NIGHT, TWO, (4,))
    assert friday_night.is_open(datetime.datetime(2026, 11, 20, 23))
    assert friday_night.is_open(datetime.datetime(2026, 11, 21, 1, 59))
    assert not friday_night.is_open(datetime.datetime(2026, 11, 21, 23))
    assert not friday_night.is_open(datetime.datetime(2026, 11, 20, 1))


@pytest.mark.parametrize("window", [window for window in WINDOWS if window.is_limited], ids=str)
def test_opens_at_is_the_first_open_minute(window: Window) -> None:
    now = datetime.datetime(2026, 11, 19, 17, 30, tzinfo=MADRID)
    opens = window.opens_at(now, MADRID)
    assert opens is not None
    minute = now
    while not window.is_open(minute.astimezone(MADRID).replace(tzinfo=None)):
        minute = (minute.astimezone(datetime.UTC) + datetime.timedelta(minutes=1)).astimezone(MADRID)
    assert opens == minute


def test_opens_at_follows_the_wall_when_clocks_change() -> None:
    # Spain puts its clocks back in the night to Sunday, 25 October 2026.
    saturday = datetime.datetime(2026, 10, 24, 18, tzinfo=MADRID)
    opens = Window(NINE, FIVE).opens_at(saturday, MADRID)
    assert opens == datetime.datetime(2026, 10, 25, 8, tzinfo=datetime.UTC)
    friday = datetime.datetime(2026, 10, 23, 18, tzinfo=MADRID)
    assert Window(NINE, FIVE).opens_at(friday, MADRID) == datetime.datetime(2026, 10, 24, 7, tzinfo=datetime.UTC)


def test_opens_at_an_hour_that_the_clocks_leave_out_comes_after_it() -> None:
    # On 29 March 2026 Spain goes from 02:00 to 03:00.
    window = Window(datetime.time(2, 30), datetime.time(5))
    opens = window.opens_at(datetime.datetime(2026, 3, 28, 12, tzinfo=MADRID), MADRID)
    assert opens == datetime.datetime(2026, 3, 29, 1, 30, tzinfo=datetime.UTC)


@pytest.mark.django_db
def test_local_time_of_a_zone_that_postgresql_does_not_know_is_utc() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT engagex_local_time('2026-01-01 12:00+00', 'Atlantis/Centre')")
        assert cursor.fetchone()[0] == datetime.datetime(2026, 1, 1, 12)
