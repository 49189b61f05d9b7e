"""Periodic jobs and their results in words."""

import json
from typing import Any

from django_celery_beat.models import PeriodicTask


def schedule_words(job: PeriodicTask) -> str:
    """ "5 seconds", a crontab line, or whatever else decides when the job runs."""
    if job.interval:
        return _interval_words(job.interval.every, job.interval.period)
    return str(job.schedule) if job.crontab or job.solar or job.clocked else "never"


def _interval_words(every: int, unit: str) -> str:
    """In the largest unit that divides it: 86,400 seconds are a day."""
    for smaller, larger, factor in (("seconds", "minutes", 60), ("minutes", "hours", 60), ("hours", "days", 24)):
        if unit == smaller and every % factor == 0:
            every, unit = every // factor, larger
    return f"{every:,} {unit}" if every != 1 else unit.removesuffix("s")


def took_words(result: Any) -> str:
    """How long the run of a TaskResult took; a dash when its start was not noted."""
    if result is None or result.date_started is None:
        return "–"
    seconds = max((result.date_done - result.date_started).total_seconds(), 0)
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:,.1f} s"


def result_words(result: Any) -> str:
    """What a TaskResult holds: the summary the job returned ("started 2, recovered 0"), or its error."""
    if result is None:
        return "has not run yet"
    value = _decoded(result.result)
    if result.status == "FAILURE":
        message = value.get("exc_message") if isinstance(value, dict) else value
        words = " ".join(str(part) for part in message) if isinstance(message, list) else str(message)
        return f"failed: {words}"[:200]
    if isinstance(value, dict):
        return (
            ", ".join(f"{name.replace('_', ' ')} {_shown(part)}" for name, part in value.items())[:200]
            or "nothing to do"
        )
    return "done" if value is None else str(value)[:200]


def _shown(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)


def _decoded(text: str | None) -> Any:
    try:
        return json.loads(text or "null")
    except ValueError:
        return text
