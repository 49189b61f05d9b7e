"""Figures as people read them (UX 1.7): thousands separated, shares with one decimal, durations in words."""

from django.utils import formats

_MINUTE, _HOUR = 60, 3600


def count_text(number: int) -> str:
    return formats.number_format(number, use_l10n=True, force_grouping=True)


def share(part: int, whole: int) -> float | None:
    """Percent, or None where there is nothing to be a part of."""
    return 100 * part / whole if whole else None


def share_text(part: int, whole: int, *, digits: int = 1) -> str:
    """ "61.7 %", "< 0.1 %" for the few that would round to none, or a dash where there is nothing to be a part of."""
    percent, smallest = share(part, whole), 10.0**-digits
    if percent is None:
        return "–"
    if 0 < percent < smallest:
        return f"< {formats.number_format(smallest, decimal_pos=digits, use_l10n=True)} %"
    return f"{formats.number_format(round(percent, digits), decimal_pos=digits, use_l10n=True)} %"


def duration_text(seconds: float) -> str:
    """A duration as one would say it: rounded to what matters, never "0 seconds"."""
    if seconds < _MINUTE:
        return _plural(max(1, round(seconds)), "second")
    if seconds < _HOUR:
        return _plural(round(seconds / _MINUTE), "minute")
    hours, minutes = divmod(round(seconds / _MINUTE), 60)
    return _plural(hours, "hour") + (f" {_plural(minutes, 'minute')}" if minutes else "")


def rate_text(per_second: float) -> str:
    """ "20 a second", or by the minute where that would be less than one."""
    if per_second >= 1:
        return f"{count_text(round(per_second))} a second"
    return f"{count_text(round(per_second * _MINUTE))} a minute"


def _plural(number: int, word: str) -> str:
    return f"{count_text(number)} {word}{'' if number == 1 else 's'}"
