"""Token buckets in a real Redis-protocol server, by its own clock."""

import time
from collections.abc import Iterator
from uuid import uuid4

import pytest
from django.core.cache import cache

from core.delivery.limits import buckets
from core.delivery.limits.buckets import AWAY_SECONDS, Bucket, Request


@pytest.fixture
def key() -> Iterator[str]:
    yield f"test:{uuid4()}"


def taken(want: int, *limits: Bucket) -> int:
    return buckets.take([Request(want, limits)]).granted


def test_take_gives_a_portion_at_a_time_and_no_more_than_the_rate(key: str) -> None:
    slow = buckets.per_hour(key, 600)
    assert taken(100, slow) == 20
    answer = buckets.take([Request(100, (slow,))])
    assert (answer.place, answer.granted) == (None, 0)
    assert 55 < answer.wait <= 60


def test_take_less_than_a_portion_needs_no_more_than_that(key: str) -> None:
    slow = buckets.per_hour(key, 600)
    assert [taken(3, slow) for _ in range(8)] == [3, 3, 3, 3, 3, 3, 0, 0]


def test_take_is_all_buckets_or_none(key: str) -> None:
    wide, narrow = buckets.per_hour(f"{key}:wide", 6_000), buckets.per_hour(f"{key}:narrow", 60)
    assert taken(50, wide, narrow) == 2
    assert taken(50, wide, narrow) == 0
    assert taken(1_000, wide) == 198


def test_take_refills_with_time(key: str) -> None:
    fast = buckets.per_second(key, 50)
    assert taken(100, fast) == 100
    assert taken(50, fast) == 0
    time.sleep(1.05)
    assert 50 <= taken(100, fast) <= 100


def test_take_serves_the_first_that_can_be_served(key: str) -> None:
    empty, full = buckets.per_hour(f"{key}:1", 60), buckets.per_hour(f"{key}:2", 60)
    taken(2, empty)
    answer = buckets.take([Request(1, (empty,)), Request(1, (full,)), Request(1, (full,))])
    assert (answer.place, answer.granted) == (1, 1)


def test_look_takes_nothing(key: str) -> None:
    slow = buckets.per_hour(key, 600)
    assert buckets.look([Request(20, (slow,))]).granted == 20
    assert taken(20, slow) == 20


def test_give_back_can_be_taken_again(key: str) -> None:
    slow = buckets.per_hour(key, 600)
    assert taken(20, slow) == 20
    buckets.give_back([slow], 15)
    assert taken(20, slow) == 15


def test_take_after_a_flush_lets_two_portions_through_at_most(key: str) -> None:
    slow = buckets.per_hour(key, 600)
    before = sum(taken(5, slow) for _ in range(20))
    cache.clear()
    after = sum(taken(5, slow) for _ in range(20))
    assert (before, after) == (20, 20)


def test_take_from_many_at_once_never_gives_out_a_token_twice(key: str) -> None:
    from concurrent.futures import ThreadPoolExecutor

    limit = buckets.per_hour(key, 6_000)
    with ThreadPoolExecutor(8) as pool:
        granted = list(pool.map(lambda _: taken(7, limit), range(200)))
    assert sum(granted) <= 200 + 3


def test_take_without_redis_waits(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import redis

    nowhere = redis.Redis.from_url("redis://127.0.0.1:1/0")  # as the cache's pool does, it tries once
    monkeypatch.setattr(buckets, "_redis", lambda: nowhere)
    answer = buckets.take([Request(1, (buckets.per_hour(key, 60),))])
    assert (answer.place, answer.wait) == (None, AWAY_SECONDS)
    buckets.give_back([buckets.per_hour(key, 60)], 1)
