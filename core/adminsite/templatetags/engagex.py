"""Small pieces of pages: times, percentages, monograms and the words of the audit log."""

from typing import Any

from django import template
from django.template.defaultfilters import capfirst

from core.accounts.audit_words import ChangeRow, action_words, change_rows
from core.common.moments import shown_moment

register = template.Library()


register.filter("ex_when", shown_moment)


@register.filter
def ex_percent(value: float | str | None) -> str:
    """One decimal, or a dash when there is nothing to divide by ("" is what a template finds on nothing)."""
    return f"{value:.1f} %" if isinstance(value, (int, float)) else "–"


@register.filter
def ex_title(words: object) -> str:
    """With a capital letter, but for an address, a domain or a file's name, which are written as they are."""
    text = str(words)
    return text if "@" in text or ("." in text and " " not in text) else capfirst(text)


@register.filter
def ex_action(event: Any) -> str:
    return action_words(event)


@register.filter
def ex_changes(event: Any) -> list[ChangeRow]:
    return change_rows(event)


@register.inclusion_tag("adminsite/monogram.html")
def ex_monogram(client: Any, size: str = "") -> dict[str, Any]:
    """The client's initials on its colour; for None the sign of "All clients"."""
    ink = _ink_on(client.color) if client else ""
    return {"client": client, "size": size, "ink": ink}


def _ink_on(color: str) -> str:
    """Black or white, whichever contrasts more with the colour (relative luminance of WCAG 2.2)."""
    channels = [int(color[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return "#111827" if (luminance + 0.05) / 0.05 > 1.05 / (luminance + 0.05) else "#ffffff"
