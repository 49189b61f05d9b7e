"""How pages look and behave: dark, on a phone, by keyboard, and to axe's rules for accessibility."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.browser import steps
from tests.browser.conftest import SUPERUSER
from tests.browser.screen import Screen
from tests.support.product import Product

pytestmark = pytest.mark.browser

CLIENT = "Museo del Mar"
READERS = 30
PHONE = {"width": 390, "height": 844}
DESKTOP = {"width": 1440, "height": 900}
PAGES = ("login", "home-all", "home", "campaigns", "report", "import-result", "template-editor", "campaign", "404")
PAGES += ("stop-all", "domains", "domain", "connection-add", "engagement", "audience-growth", "deliverability")
PAGES += ("replies", "reply", "problems", "problem", "set-aside", "set-aside-event", "webhook")
PAGES += ("verdict-checks", "people-and-machines", "compare", "report-builder", "report-packs")
CAME_BACK = """
from django.urls import reverse
from django.utils import timezone
from core.common.tenancy import all_organizations
from core.delivery.models import Connection, Message
from core.tracking.choices import AlertKind, DeadReason, WebhookKind
from core.tracking.models import DeadEvent, Reply, SendingAlert, WebhookEndpoint
now = timezone.now()
with all_organizations(reason="the browser test has mails come back"):
    message = Message.objects.filter(campaign__name="Opening night").first()
    same = {"organization_id": message.organization_id}
    mail = {**same, "campaign_id": message.campaign_id}
    reply = Reply.objects.create(**mail, message=message, contact_id=message.contact_id, event_key="x",
                                 subject="Re: Opening night", text="Two tickets, please.", received_at=now)
    problem = SendingAlert.objects.create(**mail, kind=AlertKind.AUTH, domain="flor.example", day=now.date(),
                                          words="550 5.7.26 Unauthenticated", count=3, first_seen=now, last_seen=now)
    connection = Connection.objects.get(organization_id=message.organization_id, is_default=True)
    kind = WebhookKind.INBOUND_SIGNED
    endpoint = WebhookEndpoint.objects.create(**same, connection=connection, kind=kind, secret="s")
    dead = DeadEvent.objects.create(**same, endpoint=endpoint, event_key="x", reason=DeadReason.NOT_OURS,
                                    event={"event": "delivered", "response": "250 OK"})
for name, row in (("reply", reply), ("problem", problem), ("set-aside-event", dead), ("webhook", endpoint)):
    print("PAGE", name, reverse(f"admin:tracking_{row._meta.model_name}_change", args=[row.pk]))
"""
"""Prints the addresses of what it made."""
WORKED_FOR = {"home-all": "All clients", "home": CLIENT, "campaigns": CLIENT}
"""The pages that look different for another client, or for all."""
SERIOUS = ("serious", "critical")


@dataclass(frozen=True)
class Worked:
    """A client with one of everything, where its pages are, and the session of whoever made it."""

    session: Any
    addresses: dict[str, str]


@pytest.fixture(scope="module")
def worked(chromium: Browser, product: Product) -> Iterator[Worked]:
    """A superuser takes a second client from its first contact to a campaign that went out to the sandbox."""
    context = chromium.new_context(viewport=DESKTOP)
    screen = Screen(context, product, "pages")
    screen.sign_in(SUPERUSER)
    addresses = _work(screen)
    came_back = re.findall(r"PAGE (\S+) (\S+)", product.manage("shell", "-c", CAME_BACK))
    yield Worked(context.storage_state(), addresses | dict(came_back))
    context.close()
    assert screen.troubles == []


def _work(screen: Screen) -> dict[str, str]:
    """The addresses of the pages that the work has left behind."""
    page, seen = screen.page, {"404": "/admin/no/such/page/", "home": "/admin/", "login": "/admin/login/"}
    steps.add_client(screen, name="Bodega Azul", plan="Free")
    steps.add_client(screen, name=CLIENT, plan="Free")
    steps.write_settings(screen)
    lines = [f"reader{number}@museo.example,Ana {number},Vigo" for number in range(READERS)]
    content = "\n".join(["Email,First name,City", *lines, "no address,Ana,Vigo"]).encode()
    steps.upload_contacts(screen, content)
    steps.choose_columns(screen)
    steps.import_checked(screen, rows=READERS + 1)
    seen["import-result"] = page.url
    seen["template-editor"] = steps.write_template(screen, preview_as="reader7@museo.example", expected="Ana 7")
    steps.make_campaign(screen, "Opening night")
    seen["campaign"] = page.url
    steps.review(screen)
    steps.send(screen, str(READERS))
    expect(page.locator(".ex-dash-facts")).to_contain_text("finished", timeout=steps.UNDER_WAY_MS)
    seen["report"] = page.url
    seen |= {name: f"/admin/results/{name}/" for name in ("engagement", "audience-growth", "deliverability")}
    seen |= {"compare": "/admin/results/compare/", "report-builder": "/admin/reports/new/"}
    seen |= {"replies": "/admin/tracking/reply/", "problems": "/admin/tracking/sendingalert/"}
    seen |= {"set-aside": "/admin/tracking/deadevent/", "verdict-checks": "/admin/tracking/verdictrun/"}
    seen |= {"people-and-machines": "/admin/tracking/analyticsevent/verdicts"}
    seen["report-packs"] = "/admin/reports/reportpack/"
    screen.menu("Campaigns")
    seen["campaigns"] = page.url
    screen.press("Stop all sending")
    expect(page.get_by_text("Nothing is going out.")).to_be_visible()
    seen["stop-all"] = page.url
    seen |= _sending_domain(screen)
    screen.open("/admin/delivery/connection/add/")
    seen["connection-add"] = page.url
    return {**seen, "home-all": "/admin/"}


def _sending_domain(screen: Screen) -> dict[str, str]:
    """A domain, with one of its values copied by keyboard."""
    page = screen.page
    screen.menu("Domains")
    seen = {"domains": page.url}
    screen.press("Add sending domain")
    page.locator("input[name=name]").fill("Museo.example")
    screen.save()
    expect(page.locator("#dm-status")).to_contain_text("museo.example")
    copy = page.get_by_role("button", name="Copy").first
    steps.tab_to(page, copy)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.keyboard.press("Enter")
    expect(page.locator("[data-copied]")).to_have_text("Copied.")
    assert page.evaluate("navigator.clipboard.readText()").endswith("._domainkey.museo.example")
    return {**seen, "domain": page.url}


@pytest.fixture
def window(request: pytest.FixtureRequest, chromium: Browser, product: Product, worked: Worked) -> Iterator[Screen]:
    """A window in the session that did the work. The parameter: options of the window, such as its size."""
    look = getattr(request, "param", {})
    context = chromium.new_context(**{"viewport": DESKTOP, "storage_state": worked.session, **look})
    opened = Screen(context, product, "pages")
    yield opened
    context.close()
    # The browser itself calls the answer 404 of a page an error.
    assert [trouble for trouble in opened.troubles if worked.addresses["404"] not in trouble] == []


def _show(screen: Screen, worked: Worked, name: str) -> Page:
    page = screen.page
    if name == "login":
        page.context.clear_cookies()
    elif name in WORKED_FOR:
        screen.open("/admin/")
        screen.choose_client(WORKED_FOR[name])
    address = worked.addresses[name]
    page.goto(address if address.startswith("http") else screen.product.url + address)
    page.wait_for_load_state("networkidle")
    return page


@pytest.mark.parametrize("window", [{"viewport": PHONE}], indirect=True, ids=["phone"])
@pytest.mark.parametrize("name", PAGES)
def test_page_fits_a_phone_and_breaks_no_serious_rule_of_accessibility(
    window: Screen, worked: Worked, name: str
) -> None:
    """Opened on a phone, widened to a desktop, and opened there again in the dark."""
    page = _show(window, worked, name)
    window.shot(f"{name}-phone")
    _does_not_scroll_sideways(page)
    page.set_viewport_size(DESKTOP)
    _is_accessible(window, f"{name}-light", is_dark=False)
    page.emulate_media(color_scheme="dark")
    page.reload()
    page.wait_for_load_state("networkidle")
    _is_accessible(window, f"{name}-dark", is_dark=True)


def _does_not_scroll_sideways(page: Page) -> None:
    wide = page.evaluate(
        """() => [...document.querySelectorAll("body *")]
            .filter(element => element.getBoundingClientRect().right > window.innerWidth + 1)
            .slice(0, 5).map(element => element.outerHTML.slice(0, 120))"""
    )
    scroll_width = page.evaluate("document.documentElement.scrollWidth")
    assert scroll_width <= PHONE["width"], f"{scroll_width} pixels wide; beyond the edge: {wide}"


def _is_accessible(screen: Screen, shown: str, *, is_dark: bool) -> None:
    screen.shot(shown)
    assert screen.page.evaluate("document.documentElement.classList.contains('dark')") == is_dark
    found = Axe().run(screen.page, context=None, options={"resultTypes": ["violations"]}).response["violations"]
    broken = {
        rule["id"]: [node["html"][:160] for node in rule["nodes"][:4]] for rule in found if rule["impact"] in SERIOUS
    }
    assert broken == {}, shown


def test_login_by_keyboard_shows_where_the_focus_is(screen: Screen) -> None:
    screen.open("/admin/login/")
    page = screen.page
    page.locator("input[name=username]").focus()
    page.keyboard.press("Shift+Tab")
    reached = []
    for _ in range(3):
        page.keyboard.press("Tab")
        drawn = page.evaluate(
            """() => {const style = getComputedStyle(document.activeElement);
            return [document.activeElement.name || document.activeElement.type, style.outlineStyle, style.outlineWidth,
            style.boxShadow]}"""
        )
        reached.append(drawn[0])
        assert (drawn[1] != "none" and drawn[2] != "0px") or drawn[3] != "none", f"{drawn[0]} shows no focus"
    screen.shot("login-focus")
    assert reached[:2] == ["username", "password"]


def test_palette_opens_by_keyboard_and_finds_a_campaign(window: Screen) -> None:
    window.open("/admin/")
    page = window.page
    page.keyboard.press("Control+k")
    expect(page.locator("#search-input-command")).to_be_focused()
    page.keyboard.type("Opening")
    expect(page.locator("#command-results")).to_contain_text("Opening night")
    window.shot("palette")


def test_unknown_page_answers_404_in_the_products_style(window: Screen, worked: Worked) -> None:
    answer = window.page.goto(window.product.url + worked.addresses["404"])
    assert answer and answer.status == 404
    expect(window.page.get_by_role("heading", name="This page does not exist")).to_be_visible()
    window.page.get_by_role("link", name="Home").click()
    expect(window.page.get_by_role("heading", name="Home")).to_be_visible()
