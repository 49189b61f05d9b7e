"""What the queue of hits does when something fails that nobody foresaw."""

import asyncio
import threading
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from django.db import OperationalError
from redis.exceptions import ConnectionError as Away

from core.tracking.choices import LossReason
from core.tracking.lean import queue
from core.tracking.lean.queue import HitQueue


class Failing:
    """A Redis that fails in this order, and answers from then on."""

    def __init__(self, *failures: Exception) -> None:
        self._failures = list(failures)
        self.appended: list[bytes] = []

    def pipeline(self, **_options: Any) -> "Failing":
        return self

    def get(self, _name: str) -> None: ...

    def xlen(self, _name: str) -> None: ...

    def execute_command(self, *words: Any) -> None:
        if not self._failures:
            self.appended.append(words[-1])

    async def execute(self) -> list[Any]:
        if self._failures:
            raise self._failures.pop(0)
        return ["1", 0]

    async def aclose(self) -> None: ...


def test_hit_that_was_remembered_is_counted_when_it_meets_something_unforeseen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue, "AVOID_SECONDS", 0.01)
    told: list[Mapping[LossReason, int]] = []

    def keep(_hits: Sequence[bytes]) -> None:
        raise OperationalError

    async def work() -> None:
        hits = HitQueue(Failing(Away(), TypeError()), limit=10, keep=keep, tell=told.append)  # type: ignore[arg-type]
        await hits.append(b"one")
        assert hits.in_memory == 1
        for _ in range(200):
            if told:
                break
            await asyncio.sleep(0.01)
        await hits.close()

    asyncio.run(work())
    assert told == [{LossReason.AWAY: 1}]


def test_losses_whose_telling_takes_too_long_are_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue, "AVOID_SECONDS", 0.01)
    monkeypatch.setattr(queue, "DATABASE_SECONDS", 0.05)
    told: list[Mapping[LossReason, int]] = []
    asked, answer = threading.Event(), threading.Event()

    def tell(losses: Mapping[LossReason, int]) -> None:
        asked.set()
        answer.wait(30)
        told.append(losses)

    async def work() -> None:
        hits = HitQueue(Failing(), limit=0, keep=lambda _hits: None, tell=tell)  # type: ignore[arg-type]
        await hits.append(b"one")
        await asyncio.to_thread(asked.wait, 30)
        await asyncio.sleep(0.3)
        answer.set()
        await hits.append(b"two")
        await hits.close()

    asyncio.run(work())
    assert told == [{LossReason.FULL: 1}, {LossReason.FULL: 1}]


@pytest.mark.parametrize("is_refused", [False, True])
def test_hits_whose_keeping_takes_too_long_are_written_once(monkeypatch: pytest.MonkeyPatch, is_refused: bool) -> None:
    monkeypatch.setattr(queue, "AVOID_SECONDS", 0.01)
    monkeypatch.setattr(queue, "DATABASE_SECONDS", 0.05)
    kept: list[bytes] = []
    told: list[Mapping[LossReason, int]] = []
    answer = threading.Event()

    def keep(hits: Sequence[bytes]) -> None:
        answer.wait(30)
        if is_refused:
            raise OperationalError
        kept.extend(hits)

    async def work() -> list[bytes]:
        redis = Failing(Away(), Away())
        hits = HitQueue(redis, limit=10, keep=keep, tell=told.append)  # type: ignore[arg-type]
        await hits.append(b"one")
        await hits.append(b"two")
        await asyncio.sleep(0.3)
        answer.set()
        for _ in range(300):
            if len(kept) + len(redis.appended) >= 2:
                break
            await asyncio.sleep(0.01)
        await hits.close()
        return redis.appended

    appended = asyncio.run(work())
    assert sorted([*kept, *appended]) == [b"one", b"two"]
    assert kept == ([] if is_refused else [b"one"])
    assert not told
