"""The contact page in the browser: tags one by one, merging, by keyboard, on a phone, and to axe's rules."""

import json
import time
from collections.abc import Iterator
from zipfile import ZipFile

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.browser import steps
from tests.browser.conftest import SUPERUSER
from tests.browser.screen import Screen
from tests.support.product import Product

pytestmark = pytest.mark.browser

CLIENT = "Vivero Sur"
PHONE = {"width": 390, "height": 844}
DESKTOP = {"width": 1440, "height": 900}
SERIOUS = ("serious", "critical")


@pytest.fixture(scope="module")
def worked(chromium: Browser, product: Product) -> Iterator[tuple[object, dict[str, str]]]:
    """A client with a custom field and two contacts that are one person; the session, and where the pages are."""
    context = chromium.new_context(viewport=DESKTOP)
    screen = Screen(context, product, "contact-page")
    screen.sign_in(SUPERUSER)
    steps.add_client(screen, name=CLIENT, plan="Free")
    page = screen.page
    screen.open("/admin/contacts/contactfield/add/")
    page.locator("input[name=label]").fill("Favourite flower")
    page.locator("select[name=kind]").select_option("choice")
    page.locator("textarea[name=choices]").fill("Roses\nTulips")
    screen.save()
    addresses = {"fields": f"{product.url}/admin/contacts/contactfield/"}
    for name, address in (("first", "ana@vivero.example"), ("second", "ana+news@vivero.example")):
        screen.open("/admin/contacts/contact/add/")
        page.locator("input[name=email]").fill(address)
        page.locator("input[name=first_name]").fill(f"Ana {name}")
        page.locator("[name=_continue]").click()
        expect(page.get_by_role("heading", name="Timeline")).to_be_visible()
        addresses[name] = page.url
    addresses["merge"] = addresses["second"].replace("/change/", "/merge/")
    yield context.storage_state(), addresses
    context.close()
    assert screen.troubles == []


def _window(chromium: Browser, product: Product, worked: tuple, **look: object) -> Screen:
    context = chromium.new_context(**{"viewport": DESKTOP, "storage_state": worked[0], **look})
    return Screen(
        context, product, f"contact-page-{look.get('color_scheme', 'light')}-{look.get('viewport', DESKTOP)['width']}"
    )


@pytest.mark.parametrize("look", [{}, {"color_scheme": "dark"}, {"viewport": PHONE}], ids=["light", "dark", "phone"])
@pytest.mark.parametrize("name", ["first", "merge", "fields"])
def test_page_breaks_no_serious_rule_of_accessibility_and_fits(
    chromium: Browser, product: Product, worked: tuple, look: dict, name: str
) -> None:
    screen = _window(chromium, product, worked, **look)
    screen.page.goto(worked[1][name])
    screen.page.wait_for_load_state("networkidle")
    screen.shot(name)
    _is_accessible(screen.page)
    width = screen.page.viewport_size
    assert width and screen.page.evaluate("document.documentElement.scrollWidth") <= width["width"]
    screen.page.context.close()


def test_tags_and_fields_are_set_by_keyboard_and_two_contacts_become_one(
    chromium: Browser, product: Product, worked: tuple
) -> None:
    screen = _window(chromium, product, worked)
    page = screen.page
    page.goto(worked[1]["first"])
    page.get_by_placeholder("Add a tag").focus()
    page.keyboard.type("vip")
    page.keyboard.press("Enter")
    page.keyboard.type("autumn fair,")
    page.locator("select[name=custom_favourite_flower]").select_option("Tulips")
    page.locator("[name=_continue]").click()
    expect(page.locator(".ct-chips li")).to_have_text(["vip×", "autumn fair×"])
    page.get_by_role("button", name="Remove tag vip").press("Enter")
    expect(page.get_by_placeholder("Add a tag")).to_be_focused()
    page.locator("[name=_continue]").click()
    expect(page.locator(".ct-chips li")).to_have_text(["autumn fair×"])
    page.get_by_role("link", name="Merge with ana+news@vivero.example").press("Enter")
    expect(page.get_by_role("heading", name="Choose what remains")).to_be_visible()
    screen.shot("compared")
    page.get_by_role("button", name="Merge 2 contacts into one").press("Enter")
    expect(page.get_by_text("ana+news@vivero.example became part of ana@vivero.example")).to_be_visible()
    screen.shot("merged")
    page.goto(worked[1]["second"])
    expect(page.get_by_text("Merged on")).to_be_visible()
    expect(page.locator("[name=_save]")).to_have_count(0)
    screen.shot("gone")
    assert screen.troubles == []
    page.context.close()


def test_person_gets_a_copy_of_the_data_and_is_erased_by_keyboard(
    chromium: Browser, product: Product, worked: tuple
) -> None:
    screen = _window(chromium, product, worked)
    page = screen.page
    screen.open("/admin/contacts/contact/add/")
    page.locator("input[name=email]").fill("leaver@vivero.example")
    page.locator("[name=_continue]").click()
    expect(page.get_by_role("heading", name="Timeline")).to_be_visible()
    contact = page.url
    steps.tab_to(page, page.get_by_role("link", name="Export data"))
    page.keyboard.press("Enter")
    screen.shot("export-data")
    _is_accessible(page)
    steps.tab_to(page, page.get_by_role("button", name="Download"))
    with page.expect_download() as started:
        page.keyboard.press("Enter")
    with ZipFile(started.value.path()) as archive:
        assert "leaver@vivero.example" in json.dumps(json.loads(archive.read("data.json")))

    page.goto(contact)
    steps.tab_to(page, page.get_by_role("link", name="Erase"))
    page.keyboard.press("Enter")
    screen.shot("erase")
    _is_accessible(page)
    steps.tab_to(page, page.get_by_role("button", name="Erase for good"))
    page.keyboard.press("Enter")
    expect(page.get_by_text("is erased within a minute")).to_be_visible()
    _until_erased(page, contact)
    screen.shot("erased")
    _is_accessible(page)
    assert "leaver" not in page.content()
    assert screen.troubles == []
    page.context.close()


def _until_erased(page: Page, contact: str) -> None:
    give_up_at = time.monotonic() + steps.UNDER_WAY_MS / 1_000
    page.goto(contact)
    while not page.get_by_text("Erased on").is_visible():
        assert time.monotonic() < give_up_at, "the worker has not erased the contact"
        page.wait_for_timeout(500)
        page.reload()


def _is_accessible(page: Page) -> None:
    found = Axe().run(page, context=None, options={"resultTypes": ["violations"]}).response["violations"]
    broken = {
        rule["id"]: [node["html"][:160] for node in rule["nodes"][:4]] for rule in found if rule["impact"] in SERIOUS
    }
    assert broken == {}
