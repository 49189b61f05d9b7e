"""What docs/deliverability.md advises is a page of the product, and its links lead to parts that are there."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse

from core.accounts.choices import Role
from core.accounts.models import User
from core.adminsite.advice import advice


def test_page_shows_the_advice_to_everybody_who_sees_campaigns(
    florist: object, member: Callable[..., User], signed_in: Callable[[User], Client]
) -> None:
    page = signed_in(member(Role.VIEWER)).get(reverse("admin:delivery_advice")).content.decode()
    assert '<h2 id="beginning-slowly">Beginning slowly</h2>' in page
    assert "<table>" in page and "**Domains**" not in page


def templates() -> list[Path]:
    return [*settings.BASE_DIR.glob("core/*/templates/**/*.html"), *settings.BASE_DIR.glob("dashboards/**/*.html")]


@pytest.mark.parametrize(
    "anchor",
    sorted(
        {
            anchor
            for path in templates()
            for anchor in re.findall(r"admin:delivery_advice\' %\}#([a-z-]+)", path.read_text())
        }
    ),
)
def test_links_lead_to_parts_that_are_there(anchor: str) -> None:
    assert anchor in dict(advice()[1])
