"""Signing up, confirming by mail and choosing preferences: what people outside the agency do, in Chromium."""

import re
from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.browser import mails, steps
from tests.browser.conftest import SUPERUSER
from tests.browser.screen import Screen
from tests.browser.test_pages import DESKTOP, PHONE, SERIOUS
from tests.support.product import Product
from tests.support.smtp_server import SmtpServer

pytestmark = pytest.mark.browser

CLIENT = "Librería Faro"
ADDRESS = "ines@lectoras.example"
LONG_ENOUGH_MS = 1_700
"""A visitor who fills in a form faster than a person could is asked to look once more."""


@pytest.fixture
def inbox() -> Iterator[SmtpServer]:
    with SmtpServer() as server:
        yield server


@pytest.fixture
def phone(chromium: Browser, product: Product) -> Iterator[Screen]:
    """A visitor's phone: no session, and no script is needed."""
    context = chromium.new_context(viewport=PHONE, java_script_enabled=True)
    opened = Screen(context, product, "public-phone")
    yield opened
    context.close()
    assert [trouble for trouble in opened.troubles if "status of 422" not in trouble] == []


def _is_accessible(page: Page) -> None:
    found = Axe().run(page, context=None, options={"resultTypes": ["violations"]}).response["violations"]
    assert [(rule["id"], rule["nodes"][0]["html"][:160]) for rule in found if rule["impact"] in SERIOUS] == []


def _fits(page: Page) -> None:
    assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"]  # type: ignore[index]


def _look(screen: Screen, name: str) -> None:
    """In light and in dark: nothing sticks out, axe finds nothing serious."""
    for scheme in ("dark", "light"):
        screen.page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        screen.shot(f"{name}-{scheme}")
        _is_accessible(screen.page)
    _fits(screen.page)


def test_journey_from_signup_to_preferences(screen: Screen, phone: Screen, inbox: SmtpServer) -> None:
    screen.sign_in(SUPERUSER)
    steps.add_client(screen, name=CLIENT, plan="Pro")
    steps.write_settings(screen)
    steps.connect_mail_server(screen, inbox)
    _add_topic(screen, "Readings")
    _add_topic(screen, "Offers")
    address = _make_form(screen)

    _sign_up(phone, address)
    mail = _confirmation(phone, inbox)
    _confirm(phone, mail)
    _contact_is_there(screen)

    _choose(phone)
    _leave_and_come_back(phone)
    _form_page_shows_the_request(screen)


def _add_topic(screen: Screen, name: str) -> None:
    screen.menu("Groups")
    screen.press("Add group")
    page = screen.page
    page.locator("input[name=name]").fill(name)
    page.locator("input[name=is_topic]").check()
    page.locator("input[name=public_description]").fill(f"{name}, about once a month")
    screen.shot(f"topic-{name}")
    screen.save()


def _make_form(screen: Screen) -> str:
    """The address of its public page, as the page for staff offers it."""
    screen.menu("Forms")
    screen.shot("forms-empty")
    screen.press("Add signup form")
    page = screen.page
    page.locator("input[name=name]").fill("Website")
    page.locator("input[name=title]").fill("Letters from the lighthouse")
    page.locator("textarea[name=introduction]").fill("New books and readings, twice a month.")
    page.locator("#id_asked_fields").get_by_label("First name").check()
    page.locator("#id_groups").get_by_label("Readings").check()
    preview = page.frame_locator("[data-preview]")
    expect(preview.get_by_role("heading")).to_have_text("Letters from the lighthouse")
    expect(preview.get_by_label("First name")).to_be_visible()
    screen.shot("form-new")
    screen.save()
    screen.menu("Forms")
    page.get_by_role("link", name="Website").click()
    expect(preview.get_by_role("button")).to_have_text("Subscribe")
    page.get_by_role("button", name="Copy Link").click()
    expect(page.locator("[data-copied]")).not_to_be_empty()
    page.evaluate("window.scrollTo(0, document.body.scrollHeight)")
    screen.shot("form-share")
    _is_accessible(page)
    return page.get_by_label("Link To the page").input_value()


def _sign_up(phone: Screen, address: str) -> None:
    page = phone.page
    page.goto(address)
    _look(phone, "form")
    page.get_by_role("button", name="Subscribe").click()
    expect(page.get_by_role("alert")).to_contain_text("Write your email address.")
    _look(phone, "form-errors")
    page.get_by_role("link", name="Write your email address.").click()
    page.keyboard.type(ADDRESS)
    page.keyboard.press("Tab")
    page.keyboard.type("Inés")
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    page.wait_for_timeout(LONG_ENOUGH_MS)
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Check your inbox")).to_be_visible()
    _look(phone, "sent")


def _confirmation(phone: Screen, inbox: SmtpServer) -> str:
    """The link of the mail, once it has arrived."""
    for _ in range(200):
        if inbox.accepted:
            break
        phone.page.wait_for_timeout(100)
    (mail,) = inbox.accepted
    assert mail.recipients == (ADDRESS,)
    html = mails.parsed(mail).get_body(("html",))
    assert html
    phone.page.goto("about:blank")  # a mail bears none of the rules of the page before it
    phone.page.set_content(html.get_content())
    phone.shot("mail")
    found = re.search(r'href="(http://127[^"]+/confirm/[^"]+)"', html.get_content())
    assert found
    return found[1]


def _confirm(phone: Screen, link: str) -> None:
    page = phone.page
    page.goto(link)
    _look(phone, "confirm")
    page.get_by_role("button", name="Yes, subscribe me").click()
    expect(page.get_by_role("heading", name="You are subscribed")).to_be_visible()
    _look(phone, "confirmed")


def _contact_is_there(screen: Screen) -> None:
    screen.menu("Contacts")
    expect(screen.page.locator("#result_list")).to_contain_text(ADDRESS)
    screen.page.locator("#result_list").get_by_role("link", name=ADDRESS).first.click()
    expect(screen.page.locator("body")).to_contain_text("double opt-in")
    screen.shot("contact")


def _choose(phone: Screen) -> None:
    page = phone.page
    page.get_by_role("link", name="Choose topics").click()
    expect(page.get_by_label("Readings", exact=True)).to_be_checked()
    _look(phone, "preferences")
    steps.tab_to(page, page.get_by_label("Readings", exact=True))
    page.keyboard.press("Space")
    steps.tab_to(page, page.get_by_label("Offers", exact=True))
    page.keyboard.press("Space")
    steps.tab_to(page, page.locator("input[name=frequency]:checked"))
    while not page.get_by_label("At most one a month").is_checked():
        page.keyboard.press("ArrowDown")
    steps.tab_to(page, page.locator("input[name=pause]:checked"))
    while not page.get_by_label("Pause for 30 days").is_checked():
        page.keyboard.press("ArrowDown")
    steps.tab_to(page, page.get_by_role("button", name="Save my choices"))
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text("Your topics: Offers.")
    expect(page.get_by_role("status")).to_contain_text("At most one mail a month.")
    expect(page.get_by_role("status")).to_contain_text("You get nothing until")
    _look(phone, "preferences-saved")
    page.get_by_label("End the pause now").check()
    page.get_by_role("button", name="Save my choices").click()
    expect(page.get_by_role("status")).not_to_contain_text("You get nothing until")


def _leave_and_come_back(phone: Screen) -> None:
    page = phone.page
    page.get_by_role("button", name="Unsubscribe from all mails").click()
    expect(page.get_by_role("status")).to_contain_text(f"{CLIENT} sends you no mails.")
    _look(phone, "left")
    page.get_by_role("button", name="Subscribe again").click()
    expect(page.get_by_role("status")).to_contain_text(f"{CLIENT} sends you mails.")
    page.get_by_label("Language").select_option("es")
    page.get_by_role("button", name="Save my choices").click()
    expect(page.get_by_role("heading", name="Sus preferencias de correo")).to_be_visible()
    _look(phone, "preferences-es")


def _form_page_shows_the_request(screen: Screen) -> None:
    screen.menu("Forms")
    expect(screen.page.locator("#result_list")).to_contain_text("100.0 %")
    screen.shot("forms")
    screen.page.get_by_role("link", name="Website").click()
    expect(screen.page.locator(".sf-requests")).to_contain_text(ADDRESS)
    for size, name in ((DESKTOP, "desktop"), (PHONE, "phone")):
        screen.page.set_viewport_size(size)  # type: ignore[arg-type]
        screen.shot(f"form-{name}")
        _fits(screen.page)
    screen.page.set_viewport_size(DESKTOP)  # type: ignore[arg-type]
