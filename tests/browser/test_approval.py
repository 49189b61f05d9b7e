"""From a draft to the client's yes: author, second member, and the client on a phone, who finds something first."""

import re
from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.browser import steps
from tests.browser.screen import PASSWORD, Screen
from tests.browser.test_pages import DESKTOP, PHONE, SERIOUS
from tests.support.product import Product

pytestmark = pytest.mark.browser

CLIENT = "Taller de Sal"
CAMPAIGN = "Winter workshops"
PEOPLE = 12
AUTHOR, REVIEWER = "ada.author@agency.example", "rita.reviewer@agency.example"
SEED = f"""
from core.accounts.models import Organization, User
from core.accounts.choices import ApprovalPolicy, Role
from core.common.tenancy import all_organizations
from tests.support import factories
with all_organizations(reason="the browser test makes its client"):
    client = factories.make_organization(
        {CLIENT!r}, color="#0f766e", approval_policy=ApprovalPolicy.CLIENT,
        approver_name="Clara Cliente", approver_email="clara@taller.example",
    )
    author, reviewer = (
        factories.make_user(Role.MANAGER, client, email=email, full_name=name)
        for email, name in (({AUTHOR!r}, "Ada Author"), ({REVIEWER!r}, "Rita Reviewer"))
    )
    for user in (author, reviewer):
        user.set_password({PASSWORD!r})
        user.save()
    people = [factories.make_contact(client, f"person{{n}}@taller.example", first_name="Ana") for n in range({PEOPLE})]
    group = factories.make_group(client, "Friends", people)
    factories.make_campaign(client, group=group, name={CAMPAIGN!r}, subject="Three workshops", created_by=author)
"""


@pytest.fixture
def windows(chromium: Browser, product: Product) -> Iterator[dict[str, Screen]]:
    """A window for each: the author, the second member, and the client's phone, which knows no session."""
    product.manage("shell", "-c", SEED)
    contexts = {
        "author": chromium.new_context(viewport=DESKTOP),
        "reviewer": chromium.new_context(viewport=DESKTOP),
        "phone": chromium.new_context(viewport=PHONE, has_touch=True, is_mobile=True),
    }
    opened = {name: Screen(context, product, f"approval-{name}") for name, context in contexts.items()}
    yield opened
    for context in contexts.values():
        context.close()
    for screen in opened.values():
        assert screen.troubles == []


def _is_accessible(page: Page) -> None:
    found = Axe().run(page, context=None, options={"resultTypes": ["violations"]}).response["violations"]
    assert [(rule["id"], rule["nodes"][0]["html"][:160]) for rule in found if rule["impact"] in SERIOUS] == []


def _look(screen: Screen, name: str) -> None:
    """In light and in dark: nothing sticks out, axe finds nothing serious."""
    for scheme in ("dark", "light"):
        screen.page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        screen.shot(f"{name}-{scheme}")
        _is_accessible(screen.page)
    assert screen.page.evaluate("document.documentElement.scrollWidth") <= screen.page.viewport_size["width"]  # type: ignore[index]


def test_journey_from_draft_to_the_clients_yes(windows: dict[str, Screen]) -> None:
    author, reviewer, phone = windows["author"], windows["reviewer"], windows["phone"]
    author.sign_in(AUTHOR)
    reviewer.sign_in(REVIEWER)

    _ask(author, "Please check the dates")
    _review(reviewer)
    _client_asks_for_changes(phone, _link(author))
    _edit(author)
    _ask(author, "The dates are right now")
    _approve(reviewer)
    _client_approves(phone, _link(author))
    _send(author)


def _open_campaign(screen: Screen) -> None:
    screen.menu("Campaigns")
    screen.page.locator("#result_list").get_by_role("link", name=CAMPAIGN).click()


def _ask(author: Screen, note: str) -> None:
    _open_campaign(author)
    page = author.page
    expect(page.locator("#header-inner").get_by_role("link", name="Review and send")).to_have_count(0)
    author.press("Ask for approval")
    expect(page.get_by_text(f"{PEOPLE} people of {CLIENT} are to get")).to_be_visible()
    page.locator("textarea[name=note]").fill(note)
    _look(author, "ask")
    author.confirm("Ask for approval")
    expect(page.get_by_text("is in review and waits for a second member")).to_be_visible()
    _look(author, "campaign-in-review")


def _review(reviewer: Screen) -> None:
    """Found by the badge; a remark by keyboard, then yes."""
    reviewer.menu("Home")
    page = reviewer.page
    expect(page.locator("#nav-sidebar-apps a").filter(has_text="Approvals")).to_contain_text("1")
    reviewer.shot("home")
    reviewer.menu("Approvals")
    _look(reviewer, "list")
    page.get_by_role("link", name=CAMPAIGN).click()
    expect(page.frame_locator("iframe").first.get_by_text("Hello Ada")).to_be_visible()
    _look(reviewer, "review")
    spot = page.locator("[data-pins]").first
    steps.tab_to(page, spot)
    for key in ("Enter", "ArrowDown", "ArrowRight", "Enter"):
        page.keyboard.press(key)
    expect(page.locator("[data-pinned]")).to_be_visible()
    page.keyboard.type("Is this the right greeting?")
    page.get_by_role("button", name="Add the comment").click()
    expect(page.locator(".ap-pin")).to_have_text("1")
    page.locator(".ar-answer").get_by_role("link", name="Approve").click()
    reviewer.shot("approve")
    reviewer.confirm("Approve")
    expect(page.get_by_text("The client is asked.")).to_be_visible()


def _approve(reviewer: Screen) -> None:
    reviewer.menu("Approvals")
    reviewer.page.get_by_role("link", name=CAMPAIGN).click()
    reviewer.page.locator(".ar-answer").get_by_role("link", name="Approve").click()
    reviewer.confirm("Approve")


def _link(author: Screen) -> str:
    """As the campaign's page offers it to be copied."""
    _open_campaign(author)
    page = author.page
    expect(page.locator(".ex-steps")).to_contain_text("waits for Clara Cliente")
    page.get_by_role("button", name="Copy link").click()
    expect(page.locator("[data-copy-words]")).to_have_text(re.compile("Copied|Press Ctrl"))
    author.shot("campaign-with-link")
    return page.locator("[data-link]").input_value()


def _client_asks_for_changes(phone: Screen, link: str) -> None:
    page = phone.page
    page.goto(link)
    expect(page.frame_locator(".ap-phone iframe").get_by_text("Hello Ada")).to_be_visible()
    _look(phone, "client")
    stage = page.locator(".ap-phone [data-pins]")
    stage.tap(position={"x": 120, "y": 40})
    expect(page.locator("[data-pinned]")).to_be_visible()
    page.locator("#comment-text").fill("My name is written with an accent")
    phone.shot("client-pinned")
    page.get_by_role("button", name="Add the comment").tap()
    expect(page.get_by_text("Your comment is saved")).to_be_visible()
    expect(page.locator(".ap-phone .ap-pin")).to_have_text("1")
    expect(page.locator("#answer-name")).to_have_value("Clara Cliente")
    _look(phone, "client-commented")
    page.evaluate("window.scrollTo(0, 0)")
    page.locator(".ap-bar").get_by_role("link", name="Ask for changes").tap()
    page.locator("#answer-text").fill("Please say the dates in the subject")
    page.get_by_role("button", name="Ask for changes").tap()
    expect(page.get_by_role("heading", name="Changes were asked for")).to_be_visible()
    _look(phone, "client-asked-for-changes")


def _edit(author: Screen) -> None:
    _open_campaign(author)
    page = author.page
    expect(page.get_by_text("Clara Cliente asked for changes: Please say the dates in the subject")).to_be_visible()
    expect(page.locator("#approval")).to_contain_text("My name is written with an accent")
    _look(author, "changes-asked-for")
    page.locator("input[name=subject]").fill("Three workshops, 4 to 6 December")
    author.save()


def _client_approves(phone: Screen, link: str) -> None:
    page = phone.page
    page.goto(link)
    expect(page.get_by_text("Three workshops, 4 to 6 December").first).to_be_visible()
    page.locator(".ap-bar").get_by_role("link", name="Approve").tap()
    page.locator("#answer").get_by_role("button", name="Approve").tap()
    expect(page.get_by_role("heading", name="Approved")).to_be_visible()
    _look(phone, "client-approved")


def _send(author: Screen) -> None:
    _open_campaign(author)
    expect(author.page.locator(".ex-steps")).to_contain_text("by Clara Cliente")
    _look(author, "approved")
    steps.review(author)
    steps.send(author, str(PEOPLE))
    expect(author.page.locator(".ex-dash-facts")).to_contain_text("finished", timeout=steps.UNDER_WAY_MS)
