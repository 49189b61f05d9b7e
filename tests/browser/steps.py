"""What people do in the admin, a function for each thing: it starts at the menu and ends on a page it has checked."""

import re
from dataclasses import dataclass

import pytest
from playwright.sync_api import Download, Locator, Page, expect

from tests.browser.screen import Screen
from tests.support.smtp_server import SmtpServer

CLIENT = "Flor & Nube"
GROUP = "Newsletter readers"
TEMPLATE = "Autumn letter"
SUBJECT = "{{ contact.first_name }}, autumn is here"
SENDER = "letters@flor.example"
UNDER_WAY_MS = 90_000


@dataclass(frozen=True)
class Person:
    email: str
    full_name: str


OWNER = Person("olga@flor.example", "Olga Owner")
MANAGER = Person("mario@agency.example", "Mario Manager")


def add_user(screen: Screen, person: Person, password: str) -> None:
    screen.menu("Users")
    screen.press("Add user")
    page = screen.page
    page.get_by_label("Email").fill(person.email)
    page.get_by_label("Full name").fill(person.full_name)
    page.locator("input[name=password1]").fill(password)
    page.locator("input[name=password2]").fill(password)
    screen.save()
    expect(page).to_have_url(re.compile("/accounts/user/.+/change/"))


def add_client(screen: Screen, *, name: str, plan: str, owner: Person | None = None) -> None:
    screen.menu("Clients")
    screen.press("Add client")
    page = screen.page
    # Typed and not filled: the short name follows the keys.
    page.locator("input[name=name]").press_sequentially(name)
    expect(page.locator("input[name=slug]")).not_to_be_empty()
    page.locator("select[name=plan]").select_option(label=plan)
    page.locator("select[name=time_zone]").select_option("Europe/Madrid")
    if owner:
        page.locator("select[name=owner]").select_option(label=owner.full_name)
    screen.shot("client-form")
    screen.save()
    expect(page.locator(".ex-bar-name")).to_have_text(name)


def add_member(screen: Screen, person: Person, role: str) -> None:
    screen.menu("Members")
    screen.press("Add member")
    page = screen.page
    page.locator("input[name=email]").fill(person.email)
    page.locator("select[name=role]").select_option(label=role)
    screen.save()
    screen.menu("Members")
    expect(page.locator("#result_list")).to_contain_text(person.email)


def write_settings(screen: Screen) -> None:
    screen.menu("Settings and brand")
    page = screen.page
    page.locator("textarea[name=postal_address]").fill("Calle Mayor 1\n36201 Vigo")
    page.locator("input[name=default_from_name]").fill("Flor y Nube")
    page.locator("input[name=default_from_email]").fill(SENDER)
    screen.save()
    expect(page.get_by_text(re.compile("are saved|was changed"))).to_be_visible()


def connect_mail_server(screen: Screen, server: SmtpServer) -> None:
    screen.menu("Connections")
    screen.press("Add connection")
    page = screen.page
    page.locator("input[name=name]").fill("Our mail server")
    page.locator("select[name=kind]").select_option("smtp")
    page.locator("input[name=host]").fill(server.host)
    page.locator("input[name=port]").fill(str(server.port))
    page.locator("select[name=security]").select_option("none")
    screen.shot("connection-form")
    screen.save()
    screen.menu("Connections")
    page.get_by_role("link", name="Our mail server").click()
    screen.press("Test connection")
    screen.confirm("Test connection")
    expect(page.get_by_text("the login was accepted")).to_be_visible()
    screen.press("Use for campaigns")
    screen.confirm("Use for campaigns")
    expect(page.get_by_text("go out over Our mail server")).to_be_visible()


def upload_contacts(screen: Screen, content: bytes, name: str = "clientes.csv") -> None:
    """By the next step that the home of a client without contacts offers; ends on the columns."""
    screen.menu("Home")
    page = screen.page
    page.get_by_role("link", name="Import contacts").click()
    file = {"name": name, "mimeType": "text/csv", "buffer": content}
    page.locator("input[type=file]").set_input_files(file)
    expect(page.locator("[data-drop-file]")).to_contain_text(name)
    screen.shot("import-upload")
    page.get_by_role("button", name="Upload this file").click()
    expect(page.get_by_role("heading", name="Which column is what")).to_be_visible()


def choose_columns(screen: Screen) -> None:
    """The guesses as they are, a legal basis and a new group; ends on the check."""
    page = screen.page
    page.get_by_role("radio", name="Express consent").check()
    page.get_by_label("And into a new group named").fill(GROUP)
    screen.shot("import-columns")
    page.get_by_role("button", name="Check the rows").click()
    expect(page.get_by_role("heading", name="First rows as they will be")).to_be_visible()


def import_checked(screen: Screen, *, rows: int) -> None:
    """From the check page to the result, which comes by itself."""
    page = screen.page
    page.get_by_role("button", name=f"Import {rows:,} rows").click()
    expect(page.get_by_role("heading", name="clientes.csv", exact=True)).to_be_visible()
    screen.shot("import-run")
    expect(page.get_by_text(f"All {rows:,} rows were read")).to_be_visible(timeout=UNDER_WAY_MS)


def download_refused_rows(screen: Screen) -> Download:
    with screen.page.expect_download() as started:
        screen.page.get_by_role("link", name="Download as CSV").click()
    return started.value


def write_template(screen: Screen, *, preview_as: str, expected: str) -> str:
    """From a starter to a saved template, seen as this contact before; its address."""
    screen.menu("Templates")
    screen.press("Start from a starter")
    page = screen.page
    page.wait_for_load_state("networkidle")
    screen.shot("starters")
    page.get_by_role("button", name="Use Newsletter").click()
    page.locator("input[name=name]").fill(TEMPLATE)
    page.locator("input[name=subject]").fill(SUBJECT)
    page.get_by_label("Preview as this contact").fill(preview_as)
    expect(page.locator("[data-subject]")).to_have_text(f"{expected}, autumn is here")
    address = page.url
    screen.shot("template-preview")
    screen.save()
    screen.menu("Templates")
    expect(page.locator("#result_list")).to_contain_text(TEMPLATE)
    return address


def make_campaign(screen: Screen, name: str) -> None:
    screen.menu("Campaigns")
    screen.press("Add campaign")
    page = screen.page
    page.locator("input[name=name]").fill(name)
    page.locator("#id_include_groups").get_by_label(GROUP).check()
    page.locator("select[name=template]").select_option(label=TEMPLATE)
    expect(page.locator("[data-audience]")).to_contain_text("get it")
    expect(page.locator("input[name=from_email]")).to_have_value(SENDER)
    screen.shot("campaign-form")
    screen.save()
    expect(page.get_by_text("Nothing stands in the way")).to_be_visible()


def review(screen: Screen) -> Locator:
    """The page that asks once more, in numbers."""
    screen.press("Review and send")
    screen.shot("review")
    return screen.page.locator("#content-main, #content").first


def send(screen: Screen, people: str) -> None:
    """Two clicks at once, as impatient people do; the report follows."""
    screen.page.get_by_role("button", name=f"Send to {people} people").dblclick()
    expect(screen.page).to_have_url(re.compile("/report/$"))


def tab_to(page: Page, target: Locator) -> None:
    """By keyboard alone: Tab as often as somebody would."""
    for _ in range(150):
        if target.evaluate("element => element === document.activeElement"):
            return
        page.keyboard.press("Tab")
    pytest.fail(f"{target} is not reached by the keyboard")
