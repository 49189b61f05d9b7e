"""A campaign before it is sent: numbers, checks and inbox rows beside the form, planned for later, taken back,
rehearsed; on a phone, in the dark, and to axe's rules."""

import datetime
import re
from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, expect

from tests.browser.conftest import SUPERUSER
from tests.browser.screen import Screen
from tests.support.product import Product

pytestmark = pytest.mark.browser

CLIENT = "Campaign Garden"
DESKTOP, PHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}
SERIOUS = ("serious", "critical")
DRAFT, DOUBTFUL = "Garden letter", "Garden sale"
# A draft in order, one with a stop and warnings, and groups that overlap.
SEED = f"""
from core.common.tenancy import all_organizations
from tests.support import factories
HTML = (
    '<html><head><title>t</title></head><body><p>Dear {{{{ contact.first_name }}}}</p>'
    '<p><a href="https://garden.example/offer">Offer</a></p><p>{{{{ organization.postal_address }}}} '
    '<a href="{{{{ system.unsubscribe_url }}}}">Unsubscribe</a></p></body></html>'
)
with all_organizations(reason="the browser test makes its client"):
    client = factories.make_organization({CLIENT!r}, time_zone="Europe/Berlin")
    people = [
        factories.make_contact(
            client, f"reader{{n}}@garden.example", first_name=f"Ana {{n}}" if n % 4 else "",
            status="unsubscribed" if n == 1 else "subscribed", time_zone="Asia/Tokyo" if n % 3 else "",
        )
        for n in range(24)
    ]
    readers = factories.make_group(client, "Readers", people[:16])
    buyers = factories.make_group(client, "Buyers", people[12:])
    template = factories.make_template(client, "Letter", html=HTML, preheader="What grows in the garden this week")
    factories.make_campaign(client, group=readers, template=template, name={DRAFT!r}, subject="A quiet week")
    bad = factories.make_template(client, "Sale", html='<p>Sale</p><a href="https://www.example.com/">x</a>')
    factories.make_campaign(client, group=buyers, template=bad, name={DOUBTFUL!r}, subject="RE: act now")
"""


@pytest.fixture(scope="module")
def session(chromium: Browser, product: Product) -> Iterator[dict]:
    """A superuser's session in the client that was made for these tests."""
    product.manage("shell", "-c", SEED)
    context = chromium.new_context(viewport=DESKTOP)
    screen = Screen(context, product, "campaign-page-session")
    screen.sign_in(SUPERUSER)
    screen.choose_client(CLIENT)
    yield context.storage_state()
    context.close()


@pytest.fixture
def window(request: pytest.FixtureRequest, chromium: Browser, product: Product, session: dict) -> Iterator[Screen]:
    look = getattr(request, "param", {})
    context = chromium.new_context(**{"viewport": DESKTOP, "storage_state": session, **look})
    width = look.get("viewport", DESKTOP)["width"]
    name = f"campaign-page-{look.get('color_scheme', 'light')}-{width}-{request.node.originalname}"
    opened = Screen(context, product, name)
    opened.open("/admin/campaigns/campaign/")
    yield opened
    context.close()
    assert opened.troubles == []


def open_campaign(screen: Screen, name: str) -> None:
    screen.page.get_by_role("link", name=name).first.click()
    expect(screen.page.get_by_role("heading", name="Checks")).to_be_visible()


def test_draft_shows_who_gets_it_and_what_stands_in_the_way_while_it_is_edited(window: Screen) -> None:
    open_campaign(window, DOUBTFUL)
    page = window.page
    checks = page.locator("[data-checks-list]")
    expect(checks).to_contain_text("One thing keeps it from being sent")
    expect(checks).to_contain_text("has no unsubscribe link")
    expect(checks.get_by_role("link", name="Open the template").first).to_be_visible()
    expect(page.locator("[data-inbox-rows] [data-hints]")).to_contain_text("looks like a reply")

    page.locator("input[name=subject]").fill("Half price until Sunday")
    page.locator("#id_include_groups").get_by_label("Readers").check()

    expect(page.locator("[data-inbox-rows] [data-hints]")).not_to_contain_text("looks like a reply")
    expect(page.locator("[data-count=subject]")).to_contain_text("23 characters")
    expect(page.locator(".ex-row-phone [data-row-subject]")).to_have_text("Half price until Sunday")
    expect(page.locator("[data-audience]")).to_contain_text("23 get it")
    expect(page.locator("[data-audience]")).to_contain_text("in others too")
    expect(page.locator("[data-unsaved]")).to_be_visible()
    window.shot("doubtful")


def test_missing_values_come_with_the_people(window: Screen) -> None:
    open_campaign(window, DRAFT)
    checks = window.page.locator("[data-checks-list]")

    expect(checks).to_contain_text("4 people have no first name")
    checks.get_by_text("Who", exact=True).click()
    expect(checks.get_by_role("link", name="reader0@garden.example")).to_be_visible()
    window.shot("missing")


def test_schedule_and_back_to_draft(window: Screen) -> None:
    open_campaign(window, DRAFT)
    page = window.page
    day = datetime.datetime.now(datetime.UTC).date() + datetime.timedelta(days=9)
    window.press("Schedule")
    expect(page.get_by_text("15 people of Campaign Garden will get")).to_be_visible()
    page.get_by_label("Day").fill(day.isoformat())
    page.get_by_label("Time", exact=True).fill("07:30")
    page.get_by_text("Each recipient's time zone").click()
    window.shot("schedule")
    page.get_by_role("button", name="Schedule", exact=True).click()

    expect(page.locator(".ex-planned")).to_contain_text("07:30 by each recipient's clock")
    expect(page.locator("input[name=subject]")).to_have_count(0)
    window.shot("scheduled")
    window.press("Back to draft")
    window.confirm("Back to draft")
    expect(page.locator("input[name=subject]")).to_be_visible()


def test_rehearsal_from_start_to_result(window: Screen) -> None:
    open_campaign(window, DRAFT)
    page = window.page
    window.press("Rehearse")
    window.confirm("Rehearse")

    expect(page.get_by_text("All 15 mails could be built; in some, a value is missing.")).to_be_visible(timeout=60_000)
    expect(page.get_by_role("heading", name=re.compile("Mails by"))).to_be_visible()
    window.shot("rehearsal")
    assert_accessible(window)


def assert_accessible(screen: Screen) -> None:
    results = Axe().run(screen.page)
    serious = [
        (found["id"], [node["target"] for node in found["nodes"]][:3])
        for found in results.response["violations"]
        if found["impact"] in SERIOUS
    ]
    assert serious == []


@pytest.mark.parametrize(
    "window",
    [
        {},
        {"color_scheme": "dark"},
        {"viewport": PHONE},
        {"viewport": PHONE, "color_scheme": "dark"},
    ],
    indirect=True,
    ids=["desktop", "dark", "phone", "phone-dark"],
)
def test_pages_look_right_and_are_accessible(window: Screen) -> None:
    open_campaign(window, DOUBTFUL)
    page = window.page
    expect(page.locator("[data-checks-list]")).to_contain_text("placeholder")
    expect(page.locator("[data-count=subject]")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    window.shot("page")
    assert_accessible(window)
    address = page.url.replace("/change/", "/schedule/")
    page.goto(address)
    expect(page.get_by_role("heading", name="When it goes out")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    window.shot("schedule")
    assert_accessible(window)
