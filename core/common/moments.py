"""Moments as pages show them."""

import datetime

from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timesince import timesince


def shown_moment(moment: datetime.datetime | None) -> SafeString | str:
    """Relative time, with the exact one and its zone on hover; "never" for None."""
    if moment is None:
        return "never"
    local = timezone.localtime(moment)
    exact = f"{local:%d %B %Y, %H:%M:%S} {local.tzname()}"
    return format_html('<time datetime="{}" title="{}">{}</time>', local.isoformat(), exact, _relative(moment))


def _relative(moment: datetime.datetime) -> str:
    now = timezone.now()
    seconds = (now - moment).total_seconds()
    if abs(seconds) < 60:
        return "just now" if seconds >= 0 else "in a moment"
    if seconds < 0:
        return f"in {timesince(now, moment, depth=1)}"
    return f"{timesince(moment, now, depth=1)} ago"
