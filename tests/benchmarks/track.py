"""Opens and clicks through the real server, beside a bare ASGI application that does the same single append.

Both run under granian with the same settings, one after the other in turns, and are asked by the same client: some
connections that are kept, each asking for the next link once it has its answer. What is measured is durable: an
answer comes after the append was acknowledged. Then a worker turns what waits into events, beside a bare COPY of the
same rows.
"""

import asyncio
import statistics
import time
from collections.abc import Sequence
from pathlib import Path

from tests.benchmarks.report import Measurement
from tests.concurrency.processes import web_server

ROOT = Path(__file__).resolve().parents[2]
CONNECTIONS = 40
BARE = "tests.benchmarks.bare_track:application"
OURS = "core.asgi:application"
AGENT = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36"


def run(*, quick: bool, events: int = 0) -> list[Measurement]:
    """Requests a second (the median of the rounds), the p99 of the answers in ms, ingest in events a second, and the
    slowest answer to a provider's posts of a thousand events while ingest is busy."""
    from tests.benchmarks import track_ingest, track_posts

    seconds, rounds = (2.0, 1) if quick else (5.0, 5)
    with track_ingest.mailed(people=2_000) as mailed, web_server(BARE) as bare, web_server(OURS) as ours:
        paths = {"open": mailed.open_paths, "click": mailed.click_paths}
        found: list[Measurement] = []
        for name, own in paths.items():
            ceilings, values, slowest = [], [], []
            for _ in range(rounds):
                ceilings.append(asyncio.run(_load(bare, own, seconds)).rate)
                one = asyncio.run(_load(ours, own, seconds))
                values.append(one.rate)
                slowest.append(one.p99_ms)
            found.append(
                Measurement(f"{name}, durable", statistics.median(values), "requests/s", statistics.median(ceilings))
            )
            found.append(Measurement(f"{name}, p99 at {CONNECTIONS} connections", statistics.median(slowest), "ms"))
        size = events or (20_000 if quick else 200_000)
        found += track_ingest.measure(mailed, events=size)
        with track_posts.posting(mailed, ours) as answers:
            track_ingest.measure(mailed, events=max(size // 4, 20_000))
        found += track_posts.measurements(answers)
    return found


class Load:
    """Answers within a time: how many, and how long each took."""

    def __init__(self) -> None:
        self.took: list[float] = []
        self.seconds = 0.0

    @property
    def rate(self) -> float:
        return len(self.took) / self.seconds

    @property
    def p99_ms(self) -> float:
        return statistics.quantiles(self.took, n=100)[98] * 1000


async def _load(port: int, paths: Sequence[str], seconds: float) -> Load:
    load, started = Load(), time.perf_counter()
    until = started + seconds
    await asyncio.gather(*(_visit(port, paths[index::CONNECTIONS], until, load) for index in range(CONNECTIONS)))
    load.seconds = time.perf_counter() - started
    return load


async def _visit(port: int, paths: Sequence[str], until: float, load: Load) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    requests = [
        f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: {AGENT}\r\nAccept-Language: en\r\n\r\n".encode()
        for path in paths
    ]
    index = 0
    while (now := time.perf_counter()) < until:
        writer.write(requests[index % len(requests)])
        head = await reader.readuntil(b"\r\n\r\n")
        if not head.startswith((b"HTTP/1.1 200", b"HTTP/1.1 302")):
            raise RuntimeError(f"An unexpected answer: {head[:200]!r}")
        length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0] or 0)
        if length:
            await reader.readexactly(length)
        load.took.append(time.perf_counter() - now)
        index += 1
    writer.close()
