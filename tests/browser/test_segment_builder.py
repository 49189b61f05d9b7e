"""The segment builder: by keyboard alone, with a mouse, on a phone, in the dark, and to axe's rules."""

from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import SUPERUSER
from tests.browser.screen import Screen
from tests.support.product import Product

pytestmark = pytest.mark.browser

CLIENT = "Segment Garden"
DESKTOP, PHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}
SERIOUS = ("serious", "critical")
# One of everything that the builder offers: contacts, a third of them tagged, a custom field, a group, a campaign.
SEED = f"""
from django.utils import timezone
from core.common.tenancy import all_organizations
from core.contacts.models import ContactField, ContactTag
from core.campaigns.models import Campaign
from tests.support import factories
with all_organizations(reason="the browser test makes its client"):
    client = factories.make_organization({CLIENT!r})
    people = [
        factories.make_contact(
            client, f"reader{{n}}@garden.example", first_name="Ana" if n % 2 else "Luis", last_name=f"Gil {{n}}",
            tags=["vip"] if n % 3 == 0 else [], attributes={{"city": "Vigo" if n % 4 else "Porto"}},
            last_opened_at=timezone.now() if n < 6 else None,
        )
        for n in range(24)
    ]
    ContactTag.objects.create(organization=client, name="vip")
    ContactField.objects.create(organization=client, key="city", label="City")
    group = factories.make_group(client, "Readers", people[:10])
    campaign = factories.make_campaign(client, group=group, name="Spring offer")
    Campaign.objects.filter(pk=campaign.pk).update(status="sent", started_at=timezone.now())
"""


@pytest.fixture(scope="module")
def session(chromium: Browser, product: Product) -> Iterator[dict]:
    """A superuser's session in the client that was made for these tests."""
    product.manage("shell", "-c", SEED)
    context = chromium.new_context(viewport=DESKTOP)
    screen = Screen(context, product, "segments-session")
    screen.sign_in(SUPERUSER)
    screen.choose_client(CLIENT)
    yield context.storage_state()
    context.close()


@pytest.fixture
def window(request: pytest.FixtureRequest, chromium: Browser, product: Product, session: dict) -> Iterator[Screen]:
    look = getattr(request, "param", {})
    context = chromium.new_context(**{"viewport": DESKTOP, "storage_state": session, **look})
    width = look.get("viewport", DESKTOP)["width"]
    opened = Screen(
        context, product, f"segments-{look.get('color_scheme', 'light')}-{width}-{request.node.originalname}"
    )
    opened.open("/admin/contacts/segment/add/")
    yield opened
    context.close()
    assert opened.troubles == []


def build(page: Page) -> None:
    """VIPs who opened lately, or readers: a group inside, every kind of widget that is common."""
    page.get_by_role("button", name="Engaged in 30 days").click()
    page.get_by_role("button", name="Add condition").click()
    second = page.locator(".sg-row").nth(1)
    second.get_by_label("What the condition is about").select_option(label="Tags")
    second.get_by_label("Add a value").fill("vip")
    second.get_by_label("Add a value").press("Enter")
    page.get_by_role("button", name="Add group").click()
    third = page.locator(".sg-row").nth(2)
    third.get_by_label("What the condition is about").select_option(label="Groups")
    third.get_by_label("Add a value").select_option(label="Readers")
    page.locator(".sg-group .sg-group").get_by_role("button", name="Add condition").click()
    fourth = page.locator(".sg-row").nth(3)
    fourth.get_by_label("What the condition is about").select_option(label="City")
    fourth.get_by_label("Value", exact=True).fill("Vigo")


def test_segment_is_built_counted_saved_and_listed(window: Screen) -> None:
    page = window.page
    build(page)
    expect(page.locator("[data-count]")).to_have_text("2 people")
    expect(page.locator(".sg-sentence")).to_have_text(
        "People who opened any campaign in the last 30 days and who are tagged “vip” "
        "and (who are in the group “Readers” or whose City is “Vigo”)."
    )
    expect(page.locator("[data-people] li")).to_have_count(2)
    window.shot("built")
    page.locator("input[name=name]").fill("Engaged VIPs")
    window.save()
    expect(page.locator("#result_list")).to_contain_text("Engaged VIPs")
    expect(page.locator("#result_list")).to_contain_text("tagged “vip”")
    window.shot("list")
    page.locator("#result_list").get_by_role("link", name="Engaged VIPs").click()
    expect(page.locator(".sg-row")).to_have_count(4)
    expect(page.locator("[data-count]")).to_have_text("2 people")
    window.shot("change")


def test_rule_is_built_moved_and_removed_by_keyboard_alone(window: Screen) -> None:
    page = window.page
    page.locator("input[name=name]").focus()
    page.keyboard.type("By keys")
    until(page, "What the condition is about")
    page.keyboard.type("First name")
    until(page, "Value")
    page.keyboard.type("Ana")
    expect(page.locator("[data-count]")).to_have_text("12 people")
    until(page, "Add group")
    page.keyboard.press("Enter")
    assert focused(page) == "Group: people who fit"
    until(page, "What the condition is about")
    page.keyboard.type("Tags")
    until(page, "Add a value: Enter takes it")
    page.keyboard.type("vip")
    page.keyboard.press("Enter")
    assert focused(page) == "Add a value: Enter takes it"
    expect(page.locator(".sg-chip")).to_have_text("vipclose")
    until(page, "Move up condition")
    page.keyboard.press("Enter")
    assert page.locator(".sg-group .sg-group .sg-row").count() == 0, "the condition left its group"
    assert focused(page) == "Move up condition", "the focus goes along"
    until(page, "Remove group")
    page.keyboard.press("Enter")
    expect(page.locator(".sg-sentence")).to_have_text("People whose first name is “Ana” and who are tagged “vip”.")
    expect(page.locator("[data-count]")).to_have_text("4 people")
    window.shot("by-keyboard")
    until(page, "Save", limit=40)
    page.keyboard.press("Enter")
    expect(page.locator("#result_list")).to_contain_text("By keys")


def focused(page: Page) -> str:
    return page.evaluate(
        """() => {const it = document.activeElement;
        return (it.getAttribute("aria-label") || it.innerText || it.value || it.name || "").trim()}"""
    )


def until(page: Page, name: str, limit: int = 25) -> None:
    """Tab on until something of this name has the focus; each stop on the way shows that it has it."""
    for _ in range(limit):
        page.keyboard.press("Tab")
        if page.evaluate("() => Boolean(document.activeElement.closest('.sg-builder'))"):
            outline = page.evaluate("() => getComputedStyle(document.activeElement).outlineStyle")
            assert outline != "none", f"{focused(page)} shows no focus"
        if focused(page) == name:
            return
    raise AssertionError(f"{name} is not reached by Tab")


def test_unfinished_condition_is_told_beside_it_and_nothing_is_lost(window: Screen) -> None:
    page = window.page
    page.locator("input[name=name]").fill("Unfinished")
    page.get_by_role("button", name="Add condition").click()
    second = page.locator(".sg-row").nth(1)
    second.get_by_label("What the condition is about").select_option(label="Email address")
    second.get_by_label("How it compares").select_option(label="ends with")
    expect(page.locator("[data-note]")).to_contain_text("Write what to compare with.")
    window.save()
    expect(page.locator(".sg-problem")).to_have_text("Write what to compare with.")
    expect(page.locator(".sg-row").nth(1).get_by_label("How it compares")).to_have_value("ends")
    window.shot("problem")
    page.locator(".sg-row").nth(1).get_by_label("Value", exact=True).fill("@garden.example")
    window.save()
    expect(page.locator("#result_list")).to_contain_text("Unfinished")


def test_segment_is_saved_while_the_numbers_cannot_be_fetched(window: Screen) -> None:
    page = window.page
    page.route("**/segment/preview/", lambda route: route.fulfill(status=503, body="away"))
    page.get_by_role("button", name="VIP").click()
    expect(page.locator("[data-note]")).to_contain_text("can be saved all the same")
    page.locator("input[name=name]").fill("Without numbers")
    window.save()
    expect(page.locator("#result_list")).to_contain_text("Without numbers")
    window.troubles[:] = [trouble for trouble in window.troubles if "503" not in trouble]


LOOKS = [{}, {"color_scheme": "dark"}, {"viewport": PHONE}]


@pytest.mark.parametrize("window", LOOKS, indirect=True, ids=["light", "dark", "phone"])
def test_builder_breaks_no_serious_rule_of_accessibility(window: Screen) -> None:
    page = window.page
    build(page)
    expect(page.locator("[data-count]")).to_have_text("2 people")
    window.shot("builder")
    width = page.viewport_size["width"]
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    found = Axe().run(page, context=None, options={"resultTypes": ["violations"]}).response["violations"]
    broken = {
        rule["id"]: [node["html"][:160] for node in rule["nodes"][:4]] for rule in found if rule["impact"] in SERIOUS
    }
    assert broken == {}
