"""The pages of rehearsals: started once, watched, read; and nothing of another client."""

from collections.abc import Callable

import pytest
from django.test import Client

from core.accounts.choices import Role
from core.accounts.models import Organization, User
from core.common.tenancy import organization_scope
from core.delivery.models import Rehearsal
from core.delivery.rehearsal.runner import rehearse
from core.delivery.rehearsal.services import rehearsal_start
from tests.delivery.rehearsal.test_rehearsal import campaign_for, readers
from tests.support import factories

BASE = "/admin/delivery/rehearsal/"


@pytest.fixture
def browser(signed_in: Callable[[User], Client], member: Callable[..., User]) -> Client:
    return signed_in(member(Role.MANAGER))


def test_rehearse_from_the_campaigns_page_asks_once_and_shows_the_result(
    in_florist: Organization, browser: Client
) -> None:
    odd = factories.make_contact(in_florist, "müller@people.example", first_name="Odd")
    campaign = campaign_for(in_florist, [*readers(in_florist, 2), odd])

    asked = browser.get(f"/admin/campaigns/campaign/{campaign.pk}/rehearse/", follow=True)
    assert "none is sent" in asked.content.decode()
    assert not Rehearsal.objects.exists()
    browser.post(f"{BASE}start/{campaign.pk}/")
    rehearsal = Rehearsal.objects.get()
    live = browser.get(f"{BASE}{rehearsal.pk}/progress/").json()
    rehearse(rehearsal_id=rehearsal.pk, seconds=60)
    page = browser.get(f"{BASE}{rehearsal.pk}/change/").content.decode()

    assert (live["state"], live["is_moving"]) == ("queued", True)
    assert "2 mails could be built, 1 could not." in page
    assert "müller@people.example" in page and "Mails by hour" in page
    assert "[Rehearsal] Hi P0" in page


def test_stop_asks_once_and_keeps_what_was_found(in_florist: Organization, browser: Client) -> None:
    rehearsal = rehearsal_start(campaign_id=campaign_for(in_florist, readers(in_florist, 1)).pk)

    assert "Stop it" in browser.get(f"{BASE}{rehearsal.pk}/stop/").content.decode()
    assert Rehearsal.objects.get().state == "queued"
    browser.post(f"{BASE}{rehearsal.pk}/stop/")

    assert Rehearsal.objects.get().state == "stopped"


@pytest.mark.parametrize("role", [Role.VIEWER, Role.ACCOUNT_MANAGER])
def test_start_by_a_role_that_may_not_is_refused(
    in_florist: Organization, signed_in: Callable[[User], Client], member: Callable[..., User], role: Role
) -> None:
    campaign = campaign_for(in_florist, readers(in_florist, 1))

    assert signed_in(member(role)).post(f"{BASE}start/{campaign.pk}/").status_code == 403
    assert not Rehearsal.objects.exists()


def test_pages_of_another_clients_rehearsal_are_not_there(
    museum: Organization, in_florist: Organization, browser: Client
) -> None:
    with organization_scope(museum):
        campaign = campaign_for(museum, readers(museum, 1), name="Canary")
        foreign = rehearsal_start(campaign_id=campaign.pk)

    for path in (f"start/{campaign.pk}/", f"{foreign.pk}/progress/", f"{foreign.pk}/stop/"):
        assert browser.get(BASE + path).status_code == 404
        assert browser.post(BASE + path).status_code == 404
    assert "Canary" not in browser.get(f"{BASE}{foreign.pk}/change/", follow=True).content.decode()
    with organization_scope(museum):
        assert Rehearsal.objects.get().state == "queued"
