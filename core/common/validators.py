"""Checks of single values that several packages share."""

import unicodedata
import zoneinfo
from functools import cache

from django.core.exceptions import ValidationError


@cache
def time_zone_names() -> frozenset[str]:
    return frozenset(zoneinfo.available_timezones())


def validate_time_zone(value: str) -> None:
    """Raise ValidationError unless the value is a name of the IANA time zone database."""
    if value not in time_zone_names():
        raise ValidationError(f"“{value}” is no time zone. Write it like Europe/Madrid.")


def validate_one_line(value: str) -> None:
    """Raise ValidationError for control characters and line breaks: the value becomes part of a mail's header."""
    if any(unicodedata.category(character) in {"Cc", "Zl", "Zp"} for character in value):
        raise ValidationError("Write this in one line, without control characters.")
