"""The list of events, and the recount of the figures, which says on its own page what came of it."""

from collections.abc import Callable

from django.test import Client
from django.urls import reverse
from django.utils import timezone

from core.accounts.models import Organization, User
from core.tracking.choices import EventType
from core.tracking.services import counters_rebuild, event_record
from tests.tracking.mailed import mailed_campaign

LIST = reverse("admin:tracking_analyticsevent_changelist")
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


def test_list_names_who_is_behind_opens_and_clicks_only(
    in_florist: Organization, superuser: User, signed_in: Callable[[User], Client]
) -> None:
    message = mailed_campaign(in_florist).messages[0]
    for kind in (EventType.REPLIED, EventType.OPENED):
        event_record(message_id=message.pk, type=kind, occurred_at=timezone.now(), event_key=kind, seen={})
    page = signed_in(superuser).get(LIST).content.decode()
    rows = page[page.index("result_list") :]
    assert rows.count("inline-block font-semibold rounded-default") == 1
