"""The sign of life that workers leave in Redis."""

import time

from django.core.cache import cache

KEY = "worker-seen-at"
FRESH_SECONDS = 60


def note_worker() -> None:
    cache.set(KEY, time.time(), timeout=3600)


def worker_seen_seconds_ago() -> float | None:
    """Seconds since any worker gave a sign of life; None when none did in the last hour."""
    seen_at = cache.get(KEY)
    return None if seen_at is None else max(time.time() - seen_at, 0.0)
