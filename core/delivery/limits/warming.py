"""Warm-ups on their pages: when they begin, and the table of what each day allows."""

import datetime
from typing import Any

from core.delivery.limits import daily
from core.delivery.limits.daily import Subject


def begin_warmup(subject: Subject) -> None:
    """Set the first day when both ends of the ramp are there, and forget it when they are not. Saves nothing."""
    if not (subject.warmup_start and subject.warmup_target):
        subject.warmup_started_on = None
    elif subject.warmup_started_on is None:
        subject.warmup_started_on = daily.today(subject.organization_id)


def warmup_table(subject: Subject) -> dict[str, Any] | None:
    """The days of a warm-up with what each allows and what was used of today's; None where there is none.

    The days to come have the date they would fall on if every day is used.
    """
    ramp = subject.ramp
    if ramp is None:
        return None
    today = daily.today(subject.organization_id)
    step = daily.ramp_step(subject, today)
    days = [
        {
            "number": number,
            "allowed": allowed,
            "state": state,
            "date": today + datetime.timedelta(days=number - 1 - step) if state != "done" else None,
        }
        for number, allowed, state in daily.calendar(ramp, step)
    ]
    limit = daily.daily_limit(subject, today)
    return {
        "days": days,
        "is_over": step >= len(ramp.volumes()),
        "length": len(ramp.volumes()),
        "step": step + 1,
        "used": daily.used(subject, today),
        "limit": limit,
        "ends_on": today + datetime.timedelta(days=max(len(ramp.volumes()) - step, 0)),
        "target": ramp.target,
    }
