"""The cockpit in the browser: found by typing, worked by keyboard, brought up to date by itself, to axe's rules."""

from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, expect

from tests.browser import steps
from tests.browser.conftest import SUPERUSER
from tests.browser.screen import Screen
from tests.support.product import Product

pytestmark = pytest.mark.browser

NAMES = ("Alder Books", "Birch Hotel", "Cedar Hotel")
SERIOUS = ("serious", "critical")
HALF_A_MINUTE_MS = 31_000
TYPING_MS = 1_000


@pytest.fixture(scope="module")
def session(chromium: Browser, product: Product) -> Iterator[object]:
    """A superuser's session of an agency with three clients and no campaign."""
    context = chromium.new_context()
    screen = Screen(context, product, "home")
    screen.sign_in(SUPERUSER)
    for name in NAMES:
        steps.add_client(screen, name=name, plan="Free")
    screen.choose_client("All clients")
    yield context.storage_state()
    context.close()
    assert screen.troubles == []


def _cockpit(chromium: Browser, product: Product, session: object, **look: object) -> Screen:
    context = chromium.new_context(
        **{"viewport": {"width": 1440, "height": 900}, "timezone_id": "Asia/Tokyo", "storage_state": session, **look}
    )
    screen = Screen(context, product, "home")
    screen.page.clock.install()
    screen.open("/admin/")
    expect(screen.page.get_by_text("Asia/Tokyo")).to_be_visible()
    return screen


def test_cockpit_finds_a_client_by_typing_and_opens_it_by_keyboard(
    chromium: Browser, product: Product, session: object
) -> None:
    screen = _cockpit(chromium, product, session)
    page = screen.page
    names = page.locator("[data-ex-rows] .ex-client-name > span:last-child")
    page.keyboard.press("/")
    page.keyboard.type("hotel")
    page.clock.fast_forward(TYPING_MS)
    expect(names.filter(has_text="Alder")).to_have_count(0)
    expect(names.filter(has_text="Hotel")).to_have_count(2)
    page.reload()
    expect(page.get_by_label("Find a client by name")).to_have_value("hotel")
    page.keyboard.press("/")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.locator(".ex-bar-name")).to_have_text("Cedar Hotel")
    screen.choose_client("All clients")
    page.context.close()
    assert screen.troubles == []


def test_cockpit_takes_over_what_changed_and_leaves_the_rest_alone(
    chromium: Browser, product: Product, session: object
) -> None:
    screen = _cockpit(chromium, product, session)
    page = screen.page
    row = page.locator("[data-ex-rows] tr").filter(has_text="Birch Hotel")
    row.evaluate("row => { row.isTheSame = true; }")
    row.locator(".ex-client-name").focus()
    number = page.locator("[data-ex-figure-key=limits] strong")
    told = number.inner_text()
    number.evaluate("number => { number.textContent = 'old'; }")
    page.clock.fast_forward(HALF_A_MINUTE_MS)
    expect(number).to_have_text(told)
    assert row.evaluate("row => row.isTheSame && row.contains(document.activeElement)")
    page.context.close()
    assert screen.troubles == []


def test_cockpit_says_that_it_is_behind_while_the_server_is_silent(
    chromium: Browser, product: Product, session: object
) -> None:
    screen = _cockpit(chromium, product, session)
    page = screen.page
    page.route("**/home/live/**", lambda route: route.abort())
    page.clock.fast_forward(HALF_A_MINUTE_MS)
    expect(page.get_by_text("the server did not answer")).to_be_visible()
    page.unroute("**/home/live/**")
    page.clock.fast_forward(HALF_A_MINUTE_MS)
    expect(page.get_by_text("the server did not answer")).to_be_hidden()
    page.context.close()


@pytest.mark.parametrize("look", [{}, {"color_scheme": "dark", "viewport": {"width": 390, "height": 844}}])
def test_cockpit_keeps_to_the_rules_and_to_the_width(
    chromium: Browser, product: Product, session: object, look: dict
) -> None:
    screen = _cockpit(chromium, product, session, **look)
    assert screen.page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    found = Axe().run(screen.page).response["violations"]
    assert [one["id"] for one in found if one["impact"] in SERIOUS] == []
    screen.shot("cockpit")
    screen.page.context.close()
    assert screen.troubles == []
