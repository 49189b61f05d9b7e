"""Pause, put right, go on: who had the first version keeps it, the others get the second, and both can be shown."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.screen import PASSWORD, Screen
from tests.browser.test_approval import _look
from tests.support.product import Product

pytestmark = pytest.mark.browser

CLIENT, CAMPAIGN = "Librería Sur", "Reading night"
WRONG, RIGHT = "Reading night on Friday", "Reading night on Saturday"
MANAGER = "luis.manager@agency.example"
PEOPLE, HAD_IT = 9, 4
SENT_MS = 60_000
SEED = f"""
import time
from django.db import transaction
from django.utils import timezone
from core.accounts.choices import Role
from core.campaigns.services import campaign_pause, campaign_send_now
from core.common.tenancy import all_organizations, organization_scope
from core.delivery.claim import claim_batch
from core.delivery.dispatch import dispatch
from core.delivery.materialise import materialise_campaign
from core.delivery.models import Connection, DeliveryBatch
from tests.support import factories
with all_organizations(reason="the browser test makes its client"):
    client = factories.make_organization({CLIENT!r}, color="#7c2d12")
    manager = factories.make_user(Role.MANAGER, client, email={MANAGER!r}, full_name="Luis Manager")
    manager.set_password({PASSWORD!r})
    manager.save()
    Connection.objects.filter(organization=client).update(batch_size={HAD_IT})
with organization_scope(client):
    people = [factories.make_contact(client, f"reader{{n}}@faro.example", first_name="Eva") for n in range({PEOPLE})]
    group = factories.make_group(client, "Readers", people)
    campaign = factories.make_campaign(client, group=group, name={CAMPAIGN!r}, subject={WRONG!r})
    with transaction.atomic():
        # The product's own worker is at work as well: the later batches wait until the campaign is paused.
        campaign_send_now(campaign_id=campaign.pk)
        materialise_campaign(campaign_id=campaign.pk)
        later = DeliveryBatch.objects.filter(campaign=campaign, number__gt=1)
        later.update(due_at=timezone.now() + timezone.timedelta(days=1))
with all_organizations(reason="the browser test helps the worker"):
    claim = claim_batch(worker="test")
    if claim is not None:
        dispatch(claim)
with organization_scope(client):
    while not DeliveryBatch.objects.filter(campaign=campaign, number=1, state="settled").exists():
        time.sleep(0.1)
    campaign_pause(campaign_id=campaign.pk)
    later.update(due_at=timezone.now())
"""


def test_paused_campaign_is_put_right_and_both_versions_can_be_shown(screen: Screen, product: Product) -> None:
    product.manage("shell", "-c", SEED)
    page = screen.page
    screen.sign_in(MANAGER)
    screen.menu("Campaigns")
    page.locator("#result_list").get_by_role("link", name=CAMPAIGN).click()
    shares = page.locator(".ex-shares > div")
    expect(shares.nth(0)).to_contain_text("Had it")
    expect(shares.nth(0)).to_contain_text(str(HAD_IT))
    expect(shares.nth(2)).to_contain_text(str(PEOPLE - HAD_IT))
    _look(screen, "paused")

    screen.press("Fix and continue")
    page.locator("input[name=subject]").fill(RIGHT)
    page.locator("input[name=note]").fill("It is on Saturday")
    expect(page.locator("[data-subject]")).to_have_text(RIGHT)
    _look(screen, "fix")
    page.get_by_role("button", name="Check and see the numbers").click()
    expect(page.get_by_text(f"{HAD_IT} people had the mail already")).to_be_visible()
    expect(page.get_by_text(f"{PEOPLE - HAD_IT} people have not had it and get the corrected version")).to_be_visible()
    _look(screen, "confirm")
    page.get_by_role("button", name="Back to the editor").click()
    expect(page.locator("input[name=subject]")).to_have_value(RIGHT)
    page.get_by_role("button", name="Check and see the numbers").click()
    page.get_by_role("button", name="Send the corrected version to the rest").click()
    expect(page.get_by_text("goes on with version 2")).to_be_visible()

    _until_sent(screen)
    sentence = re.compile(f"Version 1 went to {HAD_IT} people until .+, version 2 to {PEOPLE - HAD_IT} people")
    expect(page.get_by_text(sentence)).to_be_visible()
    _look(screen, "two-versions")
    page.get_by_role("row", name=re.compile("Version 1")).get_by_role("link", name=str(HAD_IT), exact=True).click()
    expect(page.locator("#result_list tbody tr")).to_have_count(HAD_IT)

    screen.open("/admin/delivery/sandboxmail/?q=reader")
    expect(page.locator("#result_list").get_by_text(WRONG)).to_have_count(HAD_IT)
    expect(page.locator("#result_list").get_by_text(RIGHT)).to_have_count(PEOPLE - HAD_IT)


def _until_sent(screen: Screen) -> None:
    """The worker sends by itself; the page tells when it is asked."""
    page, waited = screen.page, 0
    while page.locator(".ex-steps [aria-current]").count() and waited < SENT_MS:
        page.wait_for_timeout(1_000)
        waited += 1_000
        page.reload()
    expect(page.locator(".ex-steps .ex-step-done")).to_have_count(4)
