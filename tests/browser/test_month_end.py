"""The end of the month: an account manager builds a client's report, hands it out, and has it sent by itself."""

import io
import re

import pytest
from openpyxl import load_workbook
from playwright.sync_api import Browser, expect

from tests.browser.screen import PASSWORD, Screen
from tests.browser.steps import UNDER_WAY_MS
from tests.support.product import Product

pytestmark = pytest.mark.browser

CLIENT, CAMPAIGN = "Librería Oeste", "Autumn reading"
MANAGER, READER = "ana.accounts@agency.example", "Clara Client <clara@libreria.example>"
SEED = f"""
import datetime
from django.utils import timezone
from core.accounts.choices import Role
from core.common.tenancy import all_organizations
from core.tracking.choices import EventType
from core.tracking.services import roll_up
from tests.reports.history import happened, plan_with_all_formats, sent_campaign
from tests.support import factories
with all_organizations(reason="the browser test makes its client"):
    client = factories.make_organization({CLIENT!r}, plan=plan_with_all_formats())
    manager = factories.make_user(Role.ACCOUNT_MANAGER, client, email={MANAGER!r}, full_name="Ana Accounts")
    manager.set_password({PASSWORD!r})
    manager.save()
    started_at = timezone.now().replace(day=1, hour=10) - datetime.timedelta(days=12)
    campaign = sent_campaign(client, {CAMPAIGN!r}, started_at, 8)
    for number in range(5):
        happened(campaign, number, EventType.OPENED, started_at + datetime.timedelta(hours=number + 1))
    happened(campaign, 0, EventType.CLICKED, started_at + datetime.timedelta(hours=2))
    roll_up()
"""


def test_report_from_the_builder_to_the_client_and_every_month(
    screen: Screen, product: Product, chromium: Browser
) -> None:
    product.manage("shell", "-c", SEED)
    screen.sign_in(MANAGER)
    _build(screen)
    _open_files(screen)
    _send(screen)
    _read_as_client(screen, chromium)
    _plan(screen)


def _build(screen: Screen) -> None:
    """Days, language and sections are chosen, and the preview follows; ends on the report's page."""
    page = screen.page
    screen.menu("Report packs")
    preview = page.frame_locator("[data-rp-frame]")
    expect(preview.get_by_role("heading", name="What changed")).to_be_visible()
    page.get_by_label("Language").select_option(label="Spanish")
    page.get_by_label("Days").select_option(label="Last month")
    page.get_by_label("Note to the client").fill("Gracias por su confianza.")
    page.get_by_role("checkbox", name="When people open").uncheck()
    page.get_by_role("button", name="Campaigns: move up").click()
    expect(preview.get_by_text("Gracias por su confianza.")).to_be_visible()
    expect(preview.get_by_text(CAMPAIGN).first).to_be_visible()
    screen.shot("builder")
    for label in ("Web page", "Excel workbook"):
        page.get_by_role("checkbox", name=re.compile(label)).check()
    page.get_by_role("button", name="Make the report").click()
    expect(page.get_by_text("Frozen: they stay as they are")).to_be_visible()


def _open_files(screen: Screen) -> None:
    downloads = screen.page.locator(".rp-files").get_by_role("link", name="Download")
    expect(downloads).to_have_count(3, timeout=UNDER_WAY_MS)
    screen.shot("report")
    files = {}
    for number in range(3):
        with screen.page.expect_download() as started:
            downloads.nth(number).click()
        name = started.value.suggested_filename
        files[name.rpartition(".")[2]] = started.value.path().read_bytes()
    assert files["pdf"].startswith(b"%PDF-") and CAMPAIGN in files["html"].decode()
    sheets = load_workbook(io.BytesIO(files["xlsx"])).worksheets
    assert any(CAMPAIGN in [cell.value for cell in row] for sheet in sheets for row in sheet.iter_rows())


def _send(screen: Screen) -> None:
    page = screen.page
    page.get_by_role("link", name="Send to people").click()
    page.get_by_label("People of the client").fill(READER)
    page.get_by_role("button", name="Review and send").click()
    expect(page.get_by_text("and the PDF attached")).to_be_visible()
    screen.shot("confirm")
    screen.confirm("Send to 1 person")
    expect(page.locator(".rp-mails").get_by_text("Sent", exact=True)).to_be_visible(timeout=UNDER_WAY_MS)
    expect(page.get_by_text("With the PDF attached")).to_be_visible()


def _read_as_client(screen: Screen, chromium: Browser) -> None:
    """By the link, without a login, on a phone."""
    address = screen.page.locator(".rp-link a").get_attribute("href")
    context = chromium.new_context(viewport={"width": 390, "height": 844})
    page = context.new_page()
    page.goto(screen.product.url + re.sub(r"^https?://[^/]+", "", address or ""))
    expect(page.get_by_text("Gracias por su confianza.")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.screenshot(path=screen.folder / "public.png", full_page=True)
    context.close()


def _plan(screen: Screen) -> None:
    page = screen.page
    screen.menu("Report packs")
    page.get_by_text("Keep it, and send it by itself").click()
    page.get_by_label("Keep it as").fill("Monthly report")
    page.get_by_label("Goes out").select_option(label="Every month")
    page.get_by_label("People of the client").fill(READER)
    page.get_by_role("button", name="Keep the report").click()
    expect(page.get_by_text("The PDF is attached.")).to_be_visible()
    screen.confirm("Plan it")
    row = page.locator("#result_list tbody tr")
    expect(row).to_contain_text("Every month on day 1 at 08:00")
    screen.shot("planned")
    page.get_by_role("link", name="History").click()
    expect(page.locator("#result_list tbody tr")).to_contain_text("1 person")
    screen.shot("history")
