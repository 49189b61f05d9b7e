"""What SendGrid reports of the mails that its stand-in took: late, out of order, some of it twice, and again and again
until the product has answered with 200."""

import heapq
import itertools
import random
import threading
import time
import urllib.error
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path
from typing import Any

import orjson

from tests.support.sendgrid_events import EventSigner, event, post_events

LATEST_SECONDS = 12.0
DOUBLED = 0.2
REPEAT_SECONDS = 2.0
EVENTS_A_POST = 200
PAUSE_SECONDS = 0.5


class Reporter(threading.Thread):
    """Follows the stand-in's store while it grows. `posts` and `repeats` count what was answered, and what was not."""

    def __init__(self, store: Path, url: str, signer: EventSigner, chance: random.Random) -> None:
        super().__init__(daemon=True)
        self.posts = self.repeats = 0
        self._url, self._signer, self._chance = url, signer, chance
        self._store, self._lines = store, store.open("rb")
        self._due: list[tuple[float, int, dict[str, Any]]] = []
        self._numbers = itertools.count()
        self._is_over = threading.Event()

    @property
    def is_done(self) -> bool:
        """Has everything been reported that the stand-in has taken until now?"""
        return not self._due and self._lines.tell() == self._store.stat().st_size

    def run(self) -> None:
        while not self._is_over.wait(PAUSE_SECONDS):
            for message in self._taken():
                self._plan(message)
            self._report()

    def stop(self) -> None:
        self._is_over.set()
        self.join()
        self._lines.close()

    def _taken(self) -> Iterator[str]:
        for line in self._lines:
            call = orjson.loads(line)
            if call["taken"]:
                yield from call["messages"]

    def _plan(self, message: str) -> None:
        for name in ("processed", "delivered"):
            told = event(name, message)
            for _ in range(1 + (self._chance.random() < DOUBLED)):
                self._later(told, self._chance.uniform(0, LATEST_SECONDS))

    def _later(self, told: dict[str, Any], seconds: float) -> None:
        heapq.heappush(self._due, (time.monotonic() + seconds, next(self._numbers), told))

    def _report(self) -> None:
        while self._due and self._due[0][0] <= time.monotonic() and not self._is_over.is_set():
            events: list[dict[str, Any]] = []
            while self._due and self._due[0][0] <= time.monotonic() and len(events) < EVENTS_A_POST:
                events.append(heapq.heappop(self._due)[2])
            if self._is_answered(events):
                self.posts += 1
                continue
            self.repeats += 1
            for told in events:
                self._later(told, REPEAT_SECONDS)

    def _is_answered(self, events: list[dict[str, Any]]) -> bool:
        try:
            return post_events(self._url, events, self._signer) == HTTPStatus.OK
        except (urllib.error.URLError, OSError):
            return False
