"""Opens and clicks while PostgreSQL is away, Redis loses its data and the worker is killed: everybody is answered, and
the hits add up to events and counted losses."""

import asyncio
import contextlib
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import UUID

import pytest
from django.db import connection
from redis import Redis

from core.accounts.models import Organization
from core.common.embedded.services import embedded_services
from core.common.tenancy import all_organizations, organization_scope
from core.delivery import public_links
from core.tracking import rollups
from core.tracking.choices import LossReason
from core.tracking.lean.hits import STREAM
from core.tracking.models import AnalyticsEvent, CampaignPart, LostHits
from tests.benchmarks.track_people import add_people
from tests.concurrency.processes import ROOT, web_server, worker_environment
from tests.tracking.mailed import BROWSER, Mailed, mailed_campaign

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

PEOPLE = 6_000
CONNECTIONS = 12
PAUSE_SECONDS = 0.02
AWAY_SECONDS = float(os.environ.get("OUTAGE_SECONDS", "8"))


class Door:
    """The way to PostgreSQL for server and worker, which can be shut: then nobody is there, and whoever was inside is
    thrown out."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        settings = connection.settings_dict
        self._name = f".s.PGSQL.{settings['PORT'] or 5432}"
        self._target = f"{settings['HOST']}/{self._name}"
        self._inside: set[socket.socket] = set()
        self._listener: socket.socket | None = None
        self._carriers: list[threading.Thread] = []

    @property
    def url(self) -> str:
        settings = connection.settings_dict
        port = settings["PORT"] or 5432
        return f"postgres://{settings['USER']}@{quote(str(self.directory), safe='')}:{port}/{settings['NAME']}"

    def open(self) -> None:
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(self.directory / self._name))
        self._listener.listen(50)
        threading.Thread(target=self._admit, args=[self._listener], daemon=True).start()

    def shut(self) -> None:
        assert self._listener is not None
        (self.directory / self._name).unlink()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for one in list(self._inside):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        for thread in self._carriers:
            thread.join(5)

    def _admit(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                visitor, _ = listener.accept()
                carrier = threading.Thread(target=self._carry_both, args=[visitor], daemon=True)
                self._carriers.append(carrier)
                carrier.start()

    def _carry_both(self, visitor: socket.socket) -> None:
        with visitor, socket.socket(socket.AF_UNIX) as behind:
            behind.connect(self._target)
            self._inside |= {visitor, behind}
            back = threading.Thread(target=_carry, args=[behind, visitor], daemon=True)
            back.start()
            _carry(visitor, behind)
            back.join()
            self._inside -= {visitor, behind}


def _carry(one: socket.socket, other: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := one.recv(65536):
            other.sendall(data)
    for end in (one, other):
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)


class Visitors:
    """People who open and click until they are told to stop. `kept` counts good answers, `refused` all others, and
    `cut_off` connections that were closed on somebody."""

    def __init__(self, port: int, paths: list[str]) -> None:
        self._port, self._paths = port, paths
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._all()))
        self.kept, self.refused, self.cut_off = 0, 0, 0

    def __enter__(self) -> "Visitors":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._thread.join()

    async def _all(self) -> None:
        await asyncio.gather(*(self._visit(self._paths[place::CONNECTIONS]) for place in range(CONNECTIONS)))

    async def _visit(self, paths: list[str]) -> None:
        place = 0
        while not self._is_over.is_set():
            reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
            with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
                while not self._is_over.is_set():
                    await self._ask(reader, writer, paths[place % len(paths)])
                    place += 1
                    await asyncio.sleep(PAUSE_SECONDS)
            self.cut_off += not self._is_over.is_set()
            writer.close()

    async def _ask(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, path: str) -> None:
        writer.write(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: {BROWSER}\r\n\r\n".encode())
        head = await reader.readuntil(b"\r\n\r\n")
        await reader.readexactly(int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0] or 0))
        if head.startswith((b"HTTP/1.1 200", b"HTTP/1.1 302")):
            self.kept += 1
        else:
            self.refused += 1


@pytest.fixture
def door() -> Iterator[Door]:
    found = Door(Path(f"/tmp/door-{os.getpid()}"))
    found.directory.mkdir()
    found.open()
    yield found
    found.shut()
    found.directory.rmdir()


@pytest.fixture
def redis_url() -> Iterator[str]:
    """A Redis of this test's own, which it may flush."""
    directory = Path(f"/tmp/outage-{os.getpid()}")
    with embedded_services(directory, fsync=False, postgres=False, valkey=True) as services:
        yield services.redis_url
    shutil.rmtree(directory)


class Worker:
    """Reads hits in a process of its own, until it is killed."""

    def __init__(self, environment: dict[str, str]) -> None:
        self._environment = environment
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> "Worker":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self.kill()

    def start(self) -> None:
        command = [sys.executable, "-m", "tests.concurrency.tracking_worker"]
        self._process = subprocess.Popen(
            command, cwd=ROOT, env=self._environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline().strip() == "ready"

    def kill(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()
        self._process.stdout.close()
        self._process = None


def paths_of(mailed: Mailed, messages: list[UUID]) -> list[str]:
    """An open of every mail, and a click in every other."""
    addresses = [public_links.open_pixel_url(message) for message in messages]
    addresses += [public_links.click_url(message, 1, mailed.campaign.pk) for message in messages[::2]]
    random.Random(7).shuffle(addresses)
    return ["/" + address.split("/", 3)[3] for address in addresses]


def wait_until(condition: Any, seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "It did not come to that."
        time.sleep(0.1)


def test_hits_through_outages_are_answered_and_add_up(
    florist: Organization, door: Door, redis_url: str, tmp_path: Path
) -> None:
    redis = Redis.from_url(redis_url)
    with organization_scope(florist):
        mailed = mailed_campaign(florist)
        messages = add_people(florist, mailed, PEOPLE)
    environment = worker_environment() | {"DATABASE_URL": door.url, "REDIS_URL": redis_url}
    # This Redis is the test's own: no number of a database in it that tests side by side would share.
    environment.pop("PYTEST_XDIST_WORKER", None)
    log = tmp_path / "web.log"
    with (
        log.open("wb") as out,
        web_server(environment=environment, log=out) as port,
        Worker(environment) as worker,
    ):
        with Visitors(port, paths_of(mailed, messages)) as visitors:
            wait_until(lambda: visitors.kept > 500)
            for _ in range(3):  # at any moment: reading, writing, or between the commit and the stream
                time.sleep(0.3)
                worker.kill()
                worker.start()
            before = visitors.kept
            door.shut()
            time.sleep(AWAY_SECONDS)
            assert visitors.kept > before + AWAY_SECONDS * 20
            door.open()
            wait_until(lambda: redis.xlen(STREAM) < 200)
            worker.kill()
            wait_until(lambda: redis.xlen(STREAM) > 300)
            redis.flushall()
            wait_until(lambda: redis.xlen(STREAM) > 100)
            worker.start()
        wait_until(lambda: redis.xlen(STREAM) == 0)
        check(florist, mailed, visitors, timeouts=log.read_text().count("Redis does not take hits"))
    redis.close()


def check(organization: Organization, mailed: Mailed, visitors: Visitors, timeouts: int) -> None:
    with all_organizations(reason="the reckoning"):
        wait_until(lambda: LostHits.objects.exists(), 10)
        assert set(LostHits.objects.values_list("reason", flat=True)) == {LossReason.FLUSHED}
        lost = sum(LostHits.objects.values_list("count", flat=True))
        events = AnalyticsEvent.objects.count()
    assert (visitors.refused, visitors.cut_off) == (0, 0)
    assert lost >= 300
    # A flush may fall into the middle of one append; and hits that Redis took without saying so in time, on a busy
    # machine, are with the database as well.
    assert abs(visitors.kept - events - lost) <= CONNECTIONS * (1 + timeouts)
    with organization_scope(organization):
        shown = CampaignPart.objects.filter(part="all").exclude(type="sent").values_list("total", flat=True)
        assert sum(shown) == events
        ids = {"organization_id": organization.pk, "campaign_id": mailed.campaign.pk}
        assert rollups.rebuild_campaign(**ids) == 0
