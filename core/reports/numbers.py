"""Figures as a reader of a report's language reads them. Call with that language active."""

import datetime
import math
from urllib.parse import urlsplit

from django.utils import formats
from django.utils.translation import get_language

SIGNIFICANT = 1.96
"""Standard errors: a difference that chance alone makes in one of twenty cases."""
FEW = 100
"""With fewer mails on either side a share says little."""


def count_text(number: int) -> str:
    return formats.number_format(number, use_l10n=True, force_grouping=True)


def share(part: int, whole: int) -> float | None:
    """Percent, or None where there is nothing to be a part of."""
    return 100 * part / whole if whole else None


def share_text(part: int, whole: int) -> str:
    """ "61.7 %", "< 0.1 %" for the few that would round to none, or a dash."""
    percent = share(part, whole)
    if percent is None:
        return "–"
    if 0 < percent < 0.1:
        return f"< {decimal_text(0.1)} %"
    return f"{decimal_text(percent)} %"


def decimal_text(value: float) -> str:
    return formats.number_format(round(value, 1), decimal_pos=1, use_l10n=True, force_grouping=True)


def day_text(day: datetime.date) -> str:
    """A day with its year: "3 October 2026", "3 de octubre de 2026"."""
    return formats.date_format(day, "j F Y" if _is_english() else r"j \d\e F \d\e Y")


def short_day(day: datetime.date) -> str:
    return _lower(formats.date_format(day, "j M"))


def month_text(day: datetime.date) -> str:
    return formats.date_format(day, "F Y" if _is_english() else r"F \d\e Y")


def short_month(day: datetime.date) -> str:
    return _lower(formats.date_format(day, "M Y"))


def _lower(months: str) -> str:
    """Months are written small in Spanish."""
    return months if _is_english() else months.lower()


def _is_english() -> bool:
    return (get_language() or "en").startswith("en")


def is_certain(part: int, whole: int, part_before: int, whole_before: int) -> bool:
    """Whether two shares differ by more than chance would make them (two-proportion z-test, two-sided, 5 %)."""
    if min(whole, whole_before) < FEW:
        return False
    pooled = (part + part_before) / (whole + whole_before)
    error = math.sqrt(pooled * (1 - pooled) * (1 / whole + 1 / whole_before)) if 0 < pooled < 1 else 0.0
    return bool(error) and abs(part / whole - part_before / whole_before) > SIGNIFICANT * error


def shown_url(url: str, longest: int = 60) -> str:
    """An address as people read it: without its scheme and parameters, cut in the middle where it is long."""
    parts = urlsplit(url)
    plain = (parts.netloc.removeprefix("www.") + parts.path).rstrip("/") or url
    if len(plain) <= longest:
        return plain
    return f"{plain[: longest // 2]}…{plain[-(longest // 2 - 1) :]}"
