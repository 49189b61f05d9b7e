"""Watch the running programs: restart what dies, give up on what keeps dying, stop everything in order."""

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

from core.common.embedded.errors import EmbeddedServicesError
from core.common.embedded.processes import Announce, Child

TICK_SECONDS = 0.1
QUICK_DEATH_SECONDS = 10.0
MOST_QUICK_DEATHS = 5
LONGEST_BACKOFF_SECONDS = 8.0


@dataclass
class _Watched:
    child: Child
    started_at: float
    quick_deaths: int = 0
    restart_at: float | None = None


class Supervisor:
    """Runs in the main thread. Signals only count: the loop looks at the count between short sleeps."""

    def __init__(self, announce: Announce) -> None:
        self._announce = announce
        self._watched: list[_Watched] = []
        self._stop_requests = 0
        self._interruptible = False

    @property
    def stop_requested(self) -> bool:
        """Whether Ctrl-C or SIGTERM came."""
        return self._stop_requests > 0

    def hurry(self) -> bool:
        """Return whether it came more than once: no more patience."""
        return self._stop_requests > 1

    @contextmanager
    def counting_signals(self) -> Iterator[None]:
        """Count SIGINT and SIGTERM inside the block instead of dying of them."""
        before = {number: signal.signal(number, self._count) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    @contextmanager
    def interruptible(self) -> Iterator[None]:
        """Inside ``counting_signals``: let the first signal raise KeyboardInterrupt, for work that runs no loop."""
        self._interruptible = True
        try:
            yield
        finally:
            self._interruptible = False

    def _count(self, number: int, frame: FrameType | None) -> None:
        self._stop_requests += 1
        if self._interruptible:
            self._interruptible = False  # the cleaning up that follows is not interrupted
            raise KeyboardInterrupt

    def watch(self, child: Child) -> None:
        """Look after a child that has been started."""
        self._watched.append(_Watched(child, started_at=time.monotonic()))

    def run(self, *, until: Callable[[], bool] = lambda: False, seconds: float | None = None) -> bool:
        """Keep the children running until ``until()`` (True), a stop request or the end of ``seconds`` (False).

        Raises EmbeddedServicesError when a child died MOST_QUICK_DEATHS times in a row soon after its start.
        """
        deadline = None if seconds is None else time.monotonic() + seconds
        while not self.stop_requested and (deadline is None or time.monotonic() < deadline):
            if until():
                return True
            for watched in self._watched:
                self._look_at(watched)
            time.sleep(TICK_SECONDS)
        return False

    def _look_at(self, watched: _Watched) -> None:
        now = time.monotonic()
        if watched.restart_at is None:
            code = watched.child.exit_code()
            if code is not None:
                self._plan_restart(watched, code, now)
        elif now >= watched.restart_at:
            watched.restart_at, watched.started_at = None, now
            watched.child.restart()

    def _plan_restart(self, watched: _Watched, code: int, now: float) -> None:
        name, how = watched.child.spec.name, exit_words(code)
        quick = now - watched.started_at < QUICK_DEATH_SECONDS
        watched.quick_deaths = watched.quick_deaths + 1 if quick else 1
        if watched.quick_deaths >= MOST_QUICK_DEATHS:
            log = watched.child.spec.log_file
            where = f"See {log}." if log else "Its last lines are above."
            raise EmbeddedServicesError(
                f"{name} ended {MOST_QUICK_DEATHS} times right after its start ({how}). {where}"
            )
        delay = min(0.25 * 2**watched.quick_deaths, LONGEST_BACKOFF_SECONDS)
        self._announce(f"{name} ended ({how}); starting it again in {delay:.1f} s")
        watched.restart_at = now + delay


def exit_words(code: int) -> str:
    """Return an exit code of subprocess in words; negative codes are signals."""
    return f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
