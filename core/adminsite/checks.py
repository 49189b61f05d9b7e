"""A system check: every entry of the menu leads to a page, and no icon stands for two things."""

from collections import Counter
from typing import Any
from uuid import UUID

from django.core import checks
from django.core.checks import CheckMessage, register
from django.urls import NoReverseMatch, reverse

from core.adminsite.navigation import MENU


@register()
def check_menu(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    entries = [entry for group in MENU for entry in group.entries]
    problems: list[CheckMessage] = []
    for entry in entries:
        try:
            reverse(f"admin:{entry.url_name}", args=[UUID(int=0)] if entry.for_current else [])
        except NoReverseMatch:
            problems.append(
                checks.Warning(
                    f"The menu entry “{entry.title}” names admin:{entry.url_name}, which no page has.",
                    id="adminsite.W001",
                )
            )
    for icon, uses in Counter(entry.icon for entry in entries).items():
        if uses > 1:
            problems.append(checks.Warning(f"The icon “{icon}” stands for {uses} menu entries.", id="adminsite.W002"))
    return problems
