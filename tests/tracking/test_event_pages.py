"""A recount of the figures says on its own page what came of it."""

from collections.abc import Callable

from django.test import Client
from django.urls import reverse

from core.accounts.models import Organization, User
from core.tracking.services import counters_rebuild
from tests.tracking.mailed import mailed_campaign

PAGE = reverse("admin:tracking_analyticsevent_recount_figures")


def test_recount_shows_that_it_is_under_way_and_then_what_was_wrong(
    in_florist: Organization, superuser: User, signed_in: Callable[[User], Client]
) -> None:
    browser = signed_in(superuser)
    mailed_campaign(in_florist)
    assert "Under way" not in browser.get(PAGE).content.decode()
    asked = browser.post(PAGE, follow=True)
    assert asked.redirect_chain[-1][0] == PAGE
    assert "Under way since" in asked.content.decode()
    counters_rebuild(organization_id=in_florist.pk)
    assert "1 campaign, every figure was right" in browser.get(PAGE).content.decode()
