"""Celery with a wrong clock: all of Python's wall clocks in this process are shifted, and so in its children.

    python -m tests.concurrency.skewed SECONDS ANSWER_SECONDS worker --concurrency 2 …

Calls to SendGrid wait ANSWER_SECONDS for their answer: as many as a bounded run can afford.
"""

import datetime
import sys
import time
from typing import Any

_REAL_DATETIME = datetime.datetime


class _Meta(type):
    """What PostgreSQL's driver makes are real datetimes: they have to count as ones."""

    def __instancecheck__(cls, instance: Any) -> bool:
        return isinstance(instance, _REAL_DATETIME)

    def __subclasscheck__(cls, subclass: type) -> bool:
        return issubclass(subclass, _REAL_DATETIME)


def shift(seconds: float) -> None:
    """Move `time.time` and `datetime.now` of everything that is imported from now on."""
    real_time, real_time_ns = time.time, time.time_ns
    difference = datetime.timedelta(seconds=seconds)

    class Shifted(_REAL_DATETIME, metaclass=_Meta):
        @classmethod
        def now(cls, tz: datetime.tzinfo | None = None) -> Any:
            return _REAL_DATETIME.now(tz) + difference

        @classmethod
        def utcnow(cls) -> Any:
            return _REAL_DATETIME.now(datetime.UTC).replace(tzinfo=None) + difference

    time.time = lambda: real_time() + seconds
    time.time_ns = lambda: real_time_ns() + int(seconds * 1e9)
    datetime.datetime = Shifted  # type: ignore[misc]


def be_impatient(seconds: float) -> None:
    """Give up on SendGrid's answer after so long."""
    import dataclasses

    from core.delivery.transports import registry

    original = registry.sendgrid_settings

    def impatient(*arguments: Any, **named: Any) -> Any:
        return dataclasses.replace(original(*arguments, **named), answer_seconds=seconds)

    registry.sendgrid_settings = impatient


def main() -> None:
    shift(float(sys.argv[1]))
    import django
    from celery.bin.celery import main as celery

    django.setup()
    be_impatient(float(sys.argv[2]))
    sys.argv = ["celery", "--quiet", "-A", "core.celery", *sys.argv[3:]]
    sys.exit(celery())


if __name__ == "__main__":
    main()
