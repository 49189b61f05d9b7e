"""An A/B test from the draft to the winner, as a person makes it."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.screen import PASSWORD, Screen
from tests.browser.test_approval import _look
from tests.browser.test_fix_and_continue import _until_sent
from tests.support.product import Product

pytestmark = pytest.mark.browser

CLIENT, CAMPAIGN = "Teatro Norte", "Season opening"
FIRST, SECOND = "The season opens", "Your seat for the opening"
MANAGER = "nora.manager@agency.example"
PEOPLE = 20
SAMPLE_OUT_MS = 60_000
SEED = f"""
from core.accounts.choices import Role
from core.common.tenancy import all_organizations
from tests.support import factories
with all_organizations(reason="the browser test makes its client"):
    client = factories.make_organization({CLIENT!r}, color="#7e22ce")
    manager = factories.make_user(Role.MANAGER, client, email={MANAGER!r}, full_name="Nora Manager")
    manager.set_password({PASSWORD!r})
    manager.save()
    people = [factories.make_contact(client, f"guest{{n}}@teatro.example", first_name="Eva") for n in range({PEOPLE})]
    group = factories.make_group(client, "Guests", people)
    factories.make_campaign(client, group=group, name={CAMPAIGN!r}, subject={FIRST!r})
"""
CLICKS = f"""
from django.utils import timezone
from core.common.tenancy import all_organizations
from core.delivery.models import Message
with all_organizations(reason="the browser test clicks"):
    sample = Message.objects.filter(campaign__name={CAMPAIGN!r}, send_state="accepted", batch__variant=2)
    sample.update(clicked_at=timezone.now(), opened_at=timezone.now())
"""


def test_test_from_draft_to_winner(screen: Screen, product: Product) -> None:
    product.manage("shell", "-c", SEED)
    page = screen.page
    screen.sign_in(MANAGER)
    screen.menu("Campaigns")
    page.locator("#result_list").get_by_role("link", name=CAMPAIGN).click()
    screen.press("A/B test")
    page.locator("input[name=sample_percent]").fill("50")
    page.locator("input[name=v0-subject]").fill(FIRST)
    page.locator("input[name=v1-subject]").fill(SECOND)
    page.get_by_role("button", name="Add a variant").click()
    expect(page.locator("input[name=v2-subject]")).to_be_visible()
    expect(page.locator("input[name=v1-subject]")).to_have_value(SECOND)
    page.get_by_role("button", name="Remove variant C").click()
    expect(page.locator("input[name=v2-subject]")).to_have_count(0)
    page.get_by_role("button", name="Save the test").click()
    expect(page.get_by_text("10 people try 2 variants, about 5 each")).to_be_visible()
    _look(screen, "test-of-a-draft")
    page.get_by_role("link", name="Back to the campaign").click()

    screen.press("Review and send")
    page.get_by_role("button", name=re.compile("^Send to")).click()
    screen.menu("Campaigns")
    page.locator("#result_list").get_by_role("link", name=CAMPAIGN).click()
    _until_sample_is_out(screen)
    product.manage("shell", "-c", CLICKS)
    page.reload()
    expect(page.get_by_text(re.compile("To be decided .+ So far B leads"))).to_be_visible()
    _look(screen, "waiting")

    page.get_by_role("link", name="Send B to the rest").click()
    expect(page.get_by_text("10 people who wait for the winner get variant B")).to_be_visible()
    _look(screen, "send-now")
    page.get_by_role("button", name="Send variant B to 10 people").click()
    expect(page.get_by_text(re.compile("Variant B was chosen by Nora Manager"))).to_be_visible()
    _until_sent(screen)
    _look(screen, "decided")

    screen.open("/admin/delivery/sandboxmail/?q=guest")
    expect(page.locator("#result_list").get_by_text(FIRST)).to_have_count(5)
    expect(page.locator("#result_list").get_by_text(SECOND)).to_have_count(15)


def _until_sample_is_out(screen: Screen) -> None:
    page, waited = screen.page, 0
    while not page.get_by_text("To be decided").count() and waited < SAMPLE_OUT_MS:
        page.wait_for_timeout(1_000)
        waited += 1_000
        page.reload()
