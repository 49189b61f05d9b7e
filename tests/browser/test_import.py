"""An import by keyboard only: a messy file, columns, a new field, consent, check, live run, result, download, undo."""

import csv
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Download, Page, expect

from tests.browser import steps
from tests.browser.conftest import SUPERUSER
from tests.browser.screen import Screen
from tests.browser.steps import UNDER_WAY_MS, tab_to
from tests.support.product import Product

pytestmark = pytest.mark.browser

CLIENT = "Librería Norte"
ROWS = 3_000
BAD_ROWS = 60
PHONE = {"width": 390, "height": 844}
DESKTOP = {"width": 1440, "height": 900}
LOOKS = [
    {"viewport": DESKTOP},
    {"viewport": DESKTOP, "color_scheme": "dark"},
    {"viewport": PHONE},
    {"viewport": PHONE, "color_scheme": "dark"},
]
SERIOUS = ("serious", "critical")


def _messy(rows: int = ROWS) -> bytes:
    """Semicolons, Windows encoding, a column of numbers; every 50th row is bad."""
    lines = ["Correo;Nombre;Teléfono;Puntos;id"]
    for number in range(rows):
        address = f"lector{number}" if number % 50 == 49 else f"lector{number}@norte{number % 7}.example"
        lines.append(f"{address};José {number};986 22 {number % 100:02d} 33;{number % 90};{number}")
    return "\r\n".join(lines).encode("cp1252")


@pytest.fixture(scope="module")
def client_made(chromium: Browser, product: Product) -> Iterator[dict[str, object]]:
    """A superuser's session for a client without contacts."""
    context = chromium.new_context(viewport=DESKTOP)
    screen = Screen(context, product, "import-client")
    screen.sign_in(SUPERUSER)
    steps.add_client(screen, name=CLIENT, plan="Pro")
    yield context.storage_state()  # type: ignore[misc]
    context.close()
    assert screen.troubles == []


@pytest.fixture
def window(
    request: pytest.FixtureRequest, chromium: Browser, product: Product, client_made: dict[str, object]
) -> Iterator[Screen]:
    look = getattr(request, "param", {"viewport": DESKTOP})
    context = chromium.new_context(storage_state=client_made, accept_downloads=True, **look)
    name = re.sub(r"\W+", "-", f"{request.node.originalname}-{look.get('color_scheme', 'light')}")
    opened = Screen(context, product, f"{name}-{look['viewport']['width']}")
    yield opened
    context.close()
    assert opened.troubles == []


def test_import_by_keyboard_only_from_file_to_undo(window: Screen, tmp_path: Path) -> None:
    page = window.page
    file = tmp_path / "lectores.csv"
    file.write_bytes(_messy())
    window.open("/admin/contacts/contactimport/import/")
    _choose_file(page, file)
    tab_to(page, page.get_by_role("button", name="Upload this file"))
    page.keyboard.press("Enter")

    expect(page.get_by_role("heading", name="Which column is what")).to_be_visible()
    assert page.get_by_label("Correo").input_value() == "email"
    expect(page.locator(".ct-map-row").first).to_contain_text("lector0@norte0.example")
    _make_number_field_of(page, "Puntos")
    tab_to(page, page.get_by_role("radio").first)
    page.keyboard.press("Space")
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("radio", name="Confirmed by mail")).to_be_checked()
    tab_to(page, page.get_by_label("Where it came from"))
    page.keyboard.type("Book fair")
    tab_to(page, page.get_by_label("And into a new group named"))
    page.keyboard.type("Readers")
    window.shot("columns")
    tab_to(page, page.get_by_role("button", name="Check the rows"))
    page.keyboard.press("Enter")

    expect(page.get_by_role("heading", name="First rows as they will be")).to_be_visible()
    expect(page.locator('[data-count="created"]')).to_have_text(f"{ROWS - BAD_ROWS:,}", timeout=UNDER_WAY_MS)
    expect(page.locator('[data-count="refused"]')).to_have_text(str(BAD_ROWS))
    window.shot("check")
    tab_to(page, page.get_by_role("button", name=f"Import {ROWS:,} rows"))
    page.keyboard.press("Enter")

    expect(page.get_by_text(f"All {ROWS:,} rows were read")).to_be_visible(timeout=UNDER_WAY_MS)
    window.shot("result")
    expect(page.locator('[data-count="created"]')).to_have_text(f"{ROWS - BAD_ROWS:,}")
    _download_has_the_refused(page, tmp_path)
    tab_to(page, page.get_by_role("link", name="Undo this import"))
    page.keyboard.press("Enter")
    expect(page.get_by_text(f"{ROWS - BAD_ROWS:,} contacts that came with it are deleted")).to_be_visible()
    window.shot("undo")
    tab_to(page, page.get_by_role("button", name="Undo this import"))
    page.keyboard.press("Enter")
    expect(page.get_by_text(re.compile(r"Undone on .*2,940 contacts are as before"))).to_be_visible(
        timeout=UNDER_WAY_MS
    )
    window.shot("undone")


def _choose_file(page: Page, file: Path) -> None:
    # The browser is told to hand its file dialog over when somebody listens, and nobody waits for that to be done: it
    # has the way to the field for it.
    page.on("filechooser", lambda _chooser: None)
    zone = page.locator("input[type=file]")
    tab_to(page, zone)
    outline = page.evaluate("getComputedStyle(document.querySelector('[data-drop]')).outlineStyle")
    assert outline == "solid"
    with page.expect_file_chooser() as chooser:
        page.keyboard.press("Enter")
    chooser.value.set_files(file)
    expect(page.locator("[data-drop-file]")).to_have_text(re.compile(r"lectores\.csv · \d+ kB"))


def _make_number_field_of(page: Page, header: str) -> None:
    """By the letters of the option, as a native select is used without a mouse."""
    select = page.get_by_label(header, exact=True)
    tab_to(page, select)
    page.keyboard.type("New field: number")
    expect(select).to_have_value("new:number")
    page.keyboard.press("Tab")
    name = page.locator(".ct-map-row", has=select).get_by_label("Name of the new field")
    expect(name).to_be_focused()
    page.keyboard.press("Control+a")
    page.keyboard.type("Loyalty points")


def _download_has_the_refused(page: Page, folder: Path) -> None:
    tab_to(page, page.get_by_role("link", name="Download as CSV"))
    with page.expect_download() as started:
        page.keyboard.press("Enter")
    download: Download = started.value
    path = folder / download.suggested_filename
    download.save_as(path)
    assert path.read_bytes().startswith(b"\xef\xbb\xbf")
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == BAD_ROWS
    assert {int(row["Row"]) % 50 for row in rows} == {1}
    assert all("missing an @" in row["Why it was refused"] for row in rows)


@pytest.mark.parametrize("window", LOOKS, indirect=True, ids=["light", "dark", "phone", "phone-dark"])
def test_import_pages_are_accessible_and_fit(window: Screen) -> None:
    page = window.page
    window.open("/admin/contacts/contactimport/import/")
    _looked_at(window, "upload")
    page.locator("input[type=file]").set_input_files({"name": "few.csv", "mimeType": "text/csv", "buffer": _messy(120)})
    page.get_by_role("button", name="Upload this file").click()
    expect(page.get_by_role("heading", name="Which column is what")).to_be_visible()
    points = page.get_by_label("Puntos", exact=True)
    points.select_option("new:number")
    page.locator(".ct-map-row", has=points).get_by_label("Name of the new field").fill(window.folder.name[-20:])
    _looked_at(window, "columns")
    page.get_by_role("button", name="Check the rows").click(force=True)
    page.get_by_role("radio", name="Existing customer").check()
    page.get_by_role("button", name="Check the rows").click()
    expect(page.get_by_role("heading", name="First rows as they will be")).to_be_visible()
    _looked_at(window, "check")
    page.get_by_role("button", name="Import 120 rows").click()
    expect(page.get_by_text("All 120 rows were read")).to_be_visible(timeout=UNDER_WAY_MS)
    _looked_at(window, "result")
    page.get_by_role("link", name="Undo this import").click()
    _looked_at(window, "undo")
    page.get_by_role("button", name="Undo this import").click()
    expect(page.get_by_text(re.compile("^Undone on"))).to_be_visible(timeout=UNDER_WAY_MS)
    _looked_at(window, "undone")
    window.open("/admin/contacts/contactimport/")
    _looked_at(window, "list")


def _looked_at(window: Screen, name: str) -> None:
    page = window.page
    page.wait_for_load_state("networkidle")
    window.shot(name)
    width = page.viewport_size["width"]  # type: ignore[index]
    assert page.evaluate("document.documentElement.scrollWidth") <= width, f"{name} scrolls sideways"
    found = Axe().run(page, context=None, options={"resultTypes": ["violations"]}).response["violations"]
    broken = {
        rule["id"]: [node["html"][:160] for node in rule["nodes"][:4]] for rule in found if rule["impact"] in SERIOUS
    }
    assert broken == {}, f"{name}: {broken}"


def test_import_columns_keep_what_was_typed_when_somebody_leaves(window: Screen) -> None:
    page = window.page
    window.open("/admin/contacts/contactimport/import/")
    page.locator("input[type=file]").set_input_files({"name": "few.csv", "mimeType": "text/csv", "buffer": _messy(60)})
    page.get_by_role("button", name="Upload this file").click()
    page.get_by_label("Where it came from").fill("Spring stand")
    page.get_by_role("radio", name="Legitimate interest").check()
    page.get_by_label("Nombre", exact=True).select_option("company")
    address = page.url
    page.get_by_role("link", name="File", exact=True).click()
    expect(page.get_by_role("heading", name="Choose a file of contacts")).to_be_visible()
    page.goto(address)
    expect(page.get_by_label("Where it came from")).to_have_value("Spring stand")
    expect(page.get_by_role("radio", name="Legitimate interest")).to_be_checked()
    expect(page.get_by_label("Nombre", exact=True)).to_have_value("company")


def test_import_upload_refuses_what_it_cannot_read_beside_the_field(window: Screen) -> None:
    page = window.page
    window.open("/admin/contacts/contactimport/import/")
    page.locator("input[type=file]").set_input_files({"name": "x.csv", "mimeType": "text/csv", "buffer": b"Email\n"})
    page.get_by_role("button", name="Upload this file").click()
    expect(page.locator("[data-upload-problem]")).to_contain_text("header")
    expect(page.get_by_role("button", name="Upload this file")).to_be_enabled()
    window.shot("refused-upload")
