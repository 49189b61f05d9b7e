"""The product's side of the send benchmark: a real Celery worker, woken as beat would wake it."""

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from uuid import UUID

from django.db import connection

from tests.concurrency.processes import ROOT, worker_environment

SWEEP_SECONDS = 5.0
PATIENCE_SECONDS = 3600.0
NEARLY_DONE = 2_000


class Engine:
    """One Celery worker with so many sending processes."""

    def __init__(self, processes: int) -> None:
        self._processes = processes
        arguments = ["worker", "--pool", "prefork", "--concurrency", str(processes), "--loglevel", "ERROR"]
        arguments += ["--without-gossip", "--without-mingle"]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "celery", "--quiet", "-A", "core.celery", *arguments],
            cwd=ROOT,
            env=worker_environment(DELIVERY_WORKERS=processes),
            stderr=subprocess.DEVNULL,
        )
        self._swept = 0.0
        time.sleep(1)
        self.sweep()
        self._wait_until_ready()

    def sweep(self) -> None:
        """What beat does every five seconds."""
        from core.delivery.tasks import sweep_due_work

        self._swept = time.monotonic()
        sweep_due_work.apply_async()

    def sweep_if_due(self) -> None:
        if time.monotonic() - self._swept > SWEEP_SECONDS:
            self.sweep()

    def rate(self, campaign_id: UUID) -> float:
        """Mails a second, from the first wake-up until the campaign's last mail has its outcome."""
        began = time.monotonic()
        self.sweep()
        mails = self.wait(campaign_id)
        return mails / (time.monotonic() - began)

    def wait(self, campaign_id: UUID) -> int:
        """Sweep as beat does until nobody of the campaign waits; how many were accepted."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            waiting, accepted = _standing(campaign_id)
            if not waiting:
                return accepted
            self.sweep_if_due()
            # Looking adds up all batches: as often as this matters to the figure, or it takes part in what it measures.
            time.sleep(0.1 if waiting > NEARLY_DONE else 0.02)
        raise RuntimeError("The campaign was not sent in time.")

    def memory_mb(self) -> float:
        """The largest of the sending processes (resident, MB)."""
        found = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text().split()
        sizes = [_resident(Path(f"/proc/{pid}/status").read_text()) for pid in found]
        return max(sizes, default=0.0)

    def close(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _wait_until_ready(self) -> None:
        from core.common.heartbeat import worker_seen_seconds_ago

        for _ in range(600):
            seen: Any = worker_seen_seconds_ago()
            if seen is not None and seen < 2 and os.path.exists(f"/proc/{self._process.pid}"):
                time.sleep(2)
                return
            time.sleep(0.1)
        raise RuntimeError("The worker did not start.")


def _standing(campaign_id: UUID) -> tuple[int, int]:
    """How many wait, and how many were accepted: from the batches, which costs the database little."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT coalesce(sum(size - accepted_count - suppressed_count - failed_count), 0),"
            "       coalesce(sum(accepted_count), 0) FROM delivery_deliverybatch WHERE campaign_id = %s",
            [campaign_id],
        )
        waiting, accepted = cursor.fetchone()
    return int(waiting), int(accepted)


def _resident(status: str) -> float:
    line = next(line for line in status.splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024
