"""What is typed and not saved: back after a closed tab, a session that ended; nobody else's; stored text stays text."""

import json
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import SUPERUSER
from tests.browser.screen import Screen
from tests.support.product import Product

pytestmark = pytest.mark.browser

CLIENT, OTHER_USER = "Draft House", "second@drafts.example"
TEMPLATES = "/admin/email_templates/emailtemplate/"
DESKTOP = {"width": 1440, "height": 900}
SEED = f"""
from core.common.tenancy import all_organizations
from tests.browser.screen import PASSWORD
from tests.support import factories
with all_organizations(reason="the browser test makes its client"):
    client = factories.make_organization({CLIENT!r})
    group = factories.make_group(client, "Readers", [factories.make_contact(client, "a@drafts.example")])
    template = factories.make_template(client, "Letter")
    factories.make_campaign(client, group=group, template=template, name="Typed", subject="Before")
    user = factories.make_user(is_superuser=True, email={OTHER_USER!r})
    user.set_password(PASSWORD)
    user.save()
"""


@pytest.fixture(scope="module")
def session(chromium: Browser, product: Product) -> Iterator[dict]:
    """A superuser's session in the client that was made for these tests."""
    product.manage("shell", "-c", SEED)
    context = chromium.new_context(viewport=DESKTOP)
    screen = Screen(context, product, "drafts-session")
    screen.sign_in(SUPERUSER)
    screen.choose_client(CLIENT)
    yield context.storage_state()
    context.close()


@pytest.fixture
def window(chromium: Browser, product: Product, session: dict, request: pytest.FixtureRequest) -> Iterator[Screen]:
    context = chromium.new_context(viewport=DESKTOP, storage_state=session)
    screen = Screen(context, product, f"drafts-{request.node.name[:40]}")
    yield screen
    assert screen.troubles == []
    context.close()


def kept(page: Page) -> dict[str, list[dict]]:
    return {
        key: json.loads(value)
        for key, value in page.evaluate("() => Object.entries(localStorage)")
        if key.startswith("ex-draft:")
    }


def typed(screen: Screen, subject: str = "Never saved") -> str:
    """A new template with a subject that nobody saved; what is kept of it lies in the browser."""
    screen.open(f"{TEMPLATES}add/")
    screen.page.locator("input[name=subject]").fill(subject)
    screen.page.wait_for_function("() => Object.keys(localStorage).some((key) => key.startsWith('ex-draft:'))")
    (key,) = kept(screen.page)
    return key


def reopened(screen: Screen, path: str) -> Page:
    """As after a crash: no handler of the old tab ran."""
    screen.page.close(run_before_unload=False)
    screen.page = screen.page.context.new_page()
    screen.open(path)
    return screen.page


def test_typed_text_is_offered_after_the_tab_was_closed_and_restored(window: Screen) -> None:
    typed(window)
    window.page.locator(".ex-code-editor >> nth=0 >> .cm-content").click()
    window.page.keyboard.press("Control+a")
    window.page.keyboard.insert_text("<p>Typed in the editor</p>")
    window.page.wait_for_function("() => JSON.stringify(localStorage).includes('Typed in the editor')")

    page = reopened(window, f"{TEMPLATES}add/")
    expect(page.locator(".ex-draft")).to_contain_text("There is a draft from")
    window.shot("draft-offered")
    page.get_by_role("button", name="Restore").press("Enter")

    expect(page.locator("input[name=subject]")).to_have_value("Never saved")
    expect(page.locator(".ex-code-editor >> nth=0 >> .cm-content")).to_contain_text("Typed in the editor")
    expect(page.locator(".ex-draft")).to_contain_text("It is not saved yet")


def test_discarded_draft_is_gone(window: Screen) -> None:
    typed(window)

    page = reopened(window, f"{TEMPLATES}add/")
    page.get_by_role("button", name="Discard").click()

    assert kept(page) == {}
    assert page.locator("input[name=subject]").input_value() == ""


def test_session_that_ended_while_saving_loses_nothing(window: Screen) -> None:
    window.open("/admin/campaigns/campaign/")
    window.page.get_by_role("link", name="Typed").first.click()
    subject = window.page.locator("input[name=subject]")
    subject.fill("After the session ended")
    path = window.page.url.removeprefix(window.product.url)
    window.page.context.clear_cookies(name="sessionid")
    subject.press("Enter")
    expect(window.page.locator("input[name=password], .ex-plain, main").first).to_be_visible()

    window.sign_in(SUPERUSER)
    window.choose_client(CLIENT)
    window.open(path)

    expect(window.page.locator(".ex-draft")).to_be_visible()
    window.page.get_by_role("button", name="Restore").click()
    expect(window.page.locator("input[name=subject]")).to_have_value("After the session ended")
    window.page.locator("[name=_continue]").first.click()
    expect(window.page.locator("input[name=subject]")).to_have_value("After the session ended")
    expect(window.page.locator(".ex-draft")).to_have_count(0)
    assert kept(window.page) == {}


def test_saved_form_leaves_no_draft(window: Screen) -> None:
    typed(window, "Saved soon")
    window.page.locator(".ex-code-editor >> nth=0 >> .cm-content").click()
    window.page.keyboard.insert_text("<p>Soon</p>")
    window.page.locator("input[name=name]").fill("Saved template")
    window.page.locator("[name=_save]").first.click()
    window.page.wait_for_url(lambda url: not url.endswith("/add/"))

    window.open(f"{TEMPLATES}add/")

    assert kept(window.page) == {}
    expect(window.page.locator(".ex-draft")).to_have_count(0)


def test_another_persons_draft_is_never_shown_and_signing_out_takes_ones_own(window: Screen) -> None:
    key = typed(window)
    window.page.context.clear_cookies(name="sessionid")
    window.page.close(run_before_unload=False)
    window.page = window.page.context.new_page()
    window.sign_in(OTHER_USER)
    window.choose_client(CLIENT)
    window.open(f"{TEMPLATES}add/")

    assert key in kept(window.page)
    expect(window.page.locator("input[name=subject]")).to_be_visible()
    expect(window.page.locator(".ex-draft")).to_have_count(0)

    # A preview that is still on its way would be the page to sign in on, which may not stand in a frame.
    window.page.wait_for_load_state("networkidle")
    window.page.context.clear_cookies(name="sessionid")
    window.sign_in(SUPERUSER)
    window.sign_out()
    assert kept(window.page) == {}


@pytest.mark.parametrize(
    "stored",
    [
        "no json",
        "null",
        '{"id": 1}',
        '[null, 1, "x", {"id": "a"}, {"id": "a", "at": "never", "values": {}}]',
        '[{"id": "a", "at": "2026-01-01T10:00:00Z", "values": {"__proto__": {"x": 1}, "subject": {"a": 1}}}]',
    ],
)
def test_what_cannot_be_a_draft_does_no_harm(window: Screen, stored: str) -> None:
    key = typed(window)
    page = reopened(window, "/admin/")
    page.evaluate("([key, stored]) => localStorage.setItem(key, stored)", [key, stored])

    window.open(f"{TEMPLATES}add/")

    expect(page.locator("input[name=subject]")).to_have_value("")
    expect(page.locator("[data-paper]")).to_be_visible()


def test_hostile_draft_stays_text_and_touches_no_hidden_field(window: Screen) -> None:
    key = typed(window)
    hostile = "<img src=x onerror=\"document.title='owned'\">"
    page = reopened(window, "/admin/")
    page.evaluate(
        """([key, hostile]) => {
            const [draft] = JSON.parse(localStorage.getItem(key));
            draft.version = hostile;
            draft.values = { subject: hostile, name: hostile, csrfmiddlewaretoken: "stolen", markup: "evil" };
            localStorage.setItem(key, JSON.stringify([draft]));
        }""",
        [key, hostile],
    )

    window.open(f"{TEMPLATES}add/")
    token = page.locator("#content-main form input[name=csrfmiddlewaretoken]").first.input_value()
    page.get_by_role("button", name="Restore").click()

    expect(page.locator("input[name=subject]")).to_have_value(hostile)
    assert page.locator("#content-main form input[name=csrfmiddlewaretoken]").first.input_value() == token
    assert page.locator("select[name=markup]").input_value() in ("html", "mjml")
    assert page.title() != "owned"


def test_leaving_with_unsaved_changes_asks(window: Screen) -> None:
    typed(window)
    asked = []
    window.page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.accept()))

    window.open("/admin/")

    assert asked == ["beforeunload"]


def test_bar_on_a_phone_in_the_dark(window: Screen) -> None:
    typed(window)
    page = reopened(window, f"{TEMPLATES}add/")
    page.emulate_media(color_scheme="dark")
    page.set_viewport_size({"width": 390, "height": 844})
    page.reload()

    expect(page.get_by_role("button", name="Restore")).to_be_visible()
    page.locator(".ex-draft").scroll_into_view_if_needed()
    window.shot("draft-phone-dark")
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
