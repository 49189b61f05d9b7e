"""Moments on the first page, by the reader's clock."""

import datetime

from django import template
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

register = template.Library()

_DAYS_NAMED = 6


@register.filter
def ex_clock(moment: datetime.datetime, zone: datetime.tzinfo) -> SafeString:
    """14:05, with day and zone on hover."""
    return _time(moment, zone, f"{moment.astimezone(zone):%H:%M}")


@register.filter
def ex_moment(moment: datetime.datetime, zone: datetime.tzinfo) -> SafeString:
    """today 14:05, tomorrow 09:00, Friday 09:00, 1 December 09:00; the exact moment on hover."""
    local = moment.astimezone(zone)
    ahead = (local.date() - timezone.now().astimezone(zone).date()).days
    near = {-1: "yesterday", 0: "today", 1: "tomorrow"}
    day = near.get(ahead) or (f"{local:%A}" if 0 < ahead <= _DAYS_NAMED else f"{local.day} {local:%B}")
    return _time(moment, zone, f"{day} {local:%H:%M}")


@register.filter
def ex_part_of(part: float, whole: float) -> float:
    """Percent, for the width of a bar; 0 of nothing."""
    return round(100 * part / whole, 2) if whole else 0.0


def _time(moment: datetime.datetime, zone: datetime.tzinfo, words: str) -> SafeString:
    local = moment.astimezone(zone)
    exact = f"{local:%A, %d %B %Y, %H:%M} {local.tzname()}"
    return format_html('<time datetime="{}" title="{}">{}</time>', local.isoformat(), exact, words)
