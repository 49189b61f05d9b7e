"""One supervisor per data directory."""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from core.common.embedded.errors import AlreadyRunning
from core.common.embedded.processes import ticks

# A process killed a moment ago holds its lock until the kernel has cleared it away.
DYING_SECONDS = 1.5


class DataLock:
    """The held lock; ``describe`` tells the next one who comes what is running here."""

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def describe(self, address: str) -> None:
        """Write our process id and ``address`` into the lock file."""
        self._file.seek(0)
        self._file.truncate()
        json.dump({"pid": os.getpid(), "address": address}, self._file)
        self._file.flush()


def _take(file: TextIO) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextmanager
def exclusive_lock(data_dir: Path) -> Iterator[DataLock]:
    """Hold the data directory's lock; the kernel gives it back when we die, however that happens.

    Raises AlreadyRunning, naming the process and its address, when somebody else holds it.
    """
    path = data_dir / "lock"
    with path.open("a+") as file:
        if not any(_take(file) for _ in ticks(DYING_SECONDS)):
            raise AlreadyRunning(data_dir, _holder(path))
        lock = DataLock(file)
        lock.describe("starting")
        yield lock


def _holder(path: Path) -> str:
    try:
        noted = json.loads(path.read_text())
        return f"process {noted['pid']}, {noted['address']}"
    except (ValueError, KeyError):  # read between its truncate and its write
        return "another process, just starting"
