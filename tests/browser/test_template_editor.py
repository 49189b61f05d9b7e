"""Template editing with preview: typing, a condition, as a contact, in the dark, without images, findings, saving."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import SUPERUSER
from tests.browser.screen import Screen
from tests.support.product import Product

pytestmark = pytest.mark.browser

CLIENT, CONTACT = "Tulip House", "zoe@tulips.example"
LIST = "/admin/email_templates/emailtemplate/"
SEED = f"""
from core.common.tenancy import all_organizations
from tests.support import factories
with all_organizations(reason="the browser test makes its client"):
    client = factories.make_organization({CLIENT!r})
    factories.make_contact(client, {CONTACT!r}, first_name="Zoe", company="")
"""
CODE = ".ex-code-editor >> nth=0 >> .cm-content"
MAIL = """<!DOCTYPE html>
<html lang="en"><head><style>@media (prefers-color-scheme: dark){body{background:#101010!important}}</style></head>
<body><h1>Hello {{ contact.frist_name }}</h1>
{{ if contact.company }}<p>For you at {{ contact.company }}</p>{{ else }}<p>For you alone</p>{{ end }}
<img src="data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7" alt="Tulips">
<p>{{ organization.postal_address }} <a href="{{ system.unsubscribe_url }}">Leave</a></p></body></html>"""


@pytest.fixture(scope="module")
def client(product: Product) -> None:
    product.manage("shell", "-c", SEED)


@pytest.fixture
def editor(client: None, screen: Screen, request: pytest.FixtureRequest) -> Page:
    """The page of a new template, with a first mail typed into it."""
    screen.sign_in(SUPERUSER)
    screen.choose_client(CLIENT)
    screen.open(f"{LIST}add/")
    page = screen.page
    page.locator("input[name=name]").fill(f"Tulips of {request.node.name[:60]}")
    page.locator("input[name=subject]").fill("For {{ contact.first_name }}")
    page.locator("select[name=markup]").select_option("html")
    write(page, MAIL)
    return page


def write(page: Page, source: str) -> None:
    page.locator(CODE).click()
    page.keyboard.press("Control+a")
    page.keyboard.insert_text(source)


def body_of(page: Page) -> Locator:
    return page.frame_locator("[data-paper] iframe:not([hidden])").locator("body")


def test_edit_a_template_from_a_finding_to_a_saved_mail(screen: Screen, editor: Page) -> None:
    page = editor
    finding = page.locator("[data-checks] li.ex-problem")
    expect(finding).to_contain_text("contact.frist_name")
    screen.shot("editor-finding")
    finding.get_by_role("button", name="Write {{ contact.first_name }}").click()
    expect(page.locator("[data-checks]")).to_contain_text("Nothing to put right.")

    expect(body_of(page)).to_contain_text("Hello Ada")
    expect(body_of(page)).to_contain_text("For you at Example Ltd")
    expect(page.locator("[data-subject]")).to_have_text("For Ada")
    page.locator("[data-sample]").select_option("longest")
    expect(body_of(page)).to_contain_text("For you at International Association")
    page.get_by_label("Preview as this contact").fill(CONTACT)
    expect(body_of(page)).to_contain_text("Hello Zoe")
    expect(body_of(page)).to_contain_text("For you alone")

    page.get_by_role("button", name="Dark").click()
    expect(page.locator("[data-note]")).to_contain_text("by its own dark rules")
    expect(body_of(page)).to_have_css("background-color", "rgb(16, 16, 16)")
    page.get_by_role("button", name="Images off").click()
    expect(body_of(page).locator("img[alt=Tulips]:not([src])")).to_have_count(1)
    page.get_by_role("button", name="Text", exact=True).click()
    expect(page.locator("[data-text]")).to_contain_text("For you alone")
    screen.shot("editor-text")

    screen.save()
    page.locator("#result_list").get_by_role("link", name="Tulips of").first.click()
    expect(page.locator(CODE)).to_contain_text("Hello {{ contact.first_name }}")


def test_the_editor_by_keyboard_lets_one_out_and_asks_before_it_loses_something(screen: Screen, editor: Page) -> None:
    page = editor
    page.locator(CODE).focus()
    page.keyboard.press("Tab")
    expect(page.locator(CODE)).to_be_focused()
    page.keyboard.press("Escape")
    page.keyboard.press("Tab")
    expect(page.locator(CODE)).not_to_be_focused()

    handle = page.get_by_role("separator", name="Width of the mail")
    page.get_by_role("button", name="Phone").click()
    before = int(handle.get_attribute("aria-valuenow") or 0)
    handle.focus()
    page.keyboard.press("ArrowLeft")
    assert int(handle.get_attribute("aria-valuenow") or 0) == before - 20

    asked: list[str] = []
    page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.accept()))
    screen.open(LIST)
    assert asked == ["beforeunload"]


def test_the_picker_finds_a_tag_and_writes_a_condition_around_what_is_marked(editor: Page) -> None:
    page = editor
    write(page, "<p>Only for companies</p>")
    page.keyboard.press("Control+a")
    page.get_by_text("Insert a merge tag where the cursor is").click()
    page.get_by_label("Find", exact=True).fill("company")
    page.locator("[data-tag-form]").select_option("condition")
    page.locator("[data-key='contact.company']").click()
    expect(page.locator(CODE)).to_have_text("{{ if contact.company }}<p>Only for companies</p>{{ end }}")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_editor_follows_axes_rules(editor: Page, scheme: str) -> None:
    page = editor
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    page.get_by_text("Insert a merge tag where the cursor is").click()
    expect(page.locator("[data-checks] li.ex-problem")).to_be_visible()
    found = Axe().run(page).response["violations"]
    serious = [one for one in found if one["impact"] in ("serious", "critical")]
    assert [(one["id"], [node["html"][:120] for node in one["nodes"]][:3]) for one in serious] == []
