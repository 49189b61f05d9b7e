"""What delivery knows of a domain's use: told by registration, as delivery lies above this package."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from core.domains.models import SendingDomain


@dataclass(frozen=True, slots=True)
class UsageSource:
    """`begin_warmup` sets or clears the first day (saves nothing), `limits_changed` makes new limits count at once,
    `warmup_table` is what templates/domains/warmup.html shows, None where there is no warm-up."""

    begin_warmup: Callable[[SendingDomain], None]
    limits_changed: Callable[[SendingDomain], None]
    warmup_table: Callable[[SendingDomain], dict[str, Any] | None]


_sources: list[UsageSource] = []


def register_usage(source: UsageSource) -> None:
    """Called once, while the applications start."""
    _sources[:] = [source]


def usage() -> UsageSource:
    """Raises LookupError when nothing was registered."""
    if not _sources:
        raise LookupError("Nobody tells how domains are used: is core.delivery installed?")
    return _sources[0]
