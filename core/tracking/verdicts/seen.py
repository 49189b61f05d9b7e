"""From what is kept of a request (`AnalyticsEvent.seen`) to the signals that the rule weighs."""

from collections.abc import Mapping
from typing import Any

from core.tracking.verdicts.networks import kind_of
from core.tracking.verdicts.rule import (
    SOON_SECONDS,
    TOO_SOON_SECONDS,
    TOO_SOON_TO_CLICK_SECONDS,
    Hit,
)

STEPS = (SOON_SECONDS, TOO_SOON_TO_CLICK_SECONDS, TOO_SOON_SECONDS, 0.0)
"""Where the rule looks at the time since the mail was taken: within a step all judgements are the same."""


def hit_of(type: str, seen: Mapping[str, Any], seconds: float | None) -> Hit:  # noqa: A002 - the field's name
    """`seconds` since the mail was taken: 0 while it is being handed over, None when that is not known.

    Only the steps that the rule knows are kept of them, so that the same judgement need not be found again for every
    second. What a provider reports (`seen["by"]`) comes without the request's own headers.
    """
    return Hit(
        type,
        seen.get("method", "GET"),
        seen.get("user_agent", ""),
        _step(seconds),
        kind_of(seen.get("network", "")),
        None if "by" in seen else bool(seen.get("language")),
        seen.get("machine") is True,
    )


def _step(seconds: float | None) -> float | None:
    if seconds is None:
        return None
    for step in STEPS:
        if seconds >= step:
            return step
    return 0.0
