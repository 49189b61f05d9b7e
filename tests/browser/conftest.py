"""The running product, a real Chromium, and a window that fails its test on any console error or stray request."""

import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from tests.browser.screen import ARTIFACTS, PASSWORD, Screen
from tests.support.product import Product

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
SUPERUSER = "root@agency.example"
PATIENCE_MS = 20_000
"""What a page shows is judged, not how soon it comes on two busy cores (Playwright would wait for 5 seconds)."""


@pytest.fixture(scope="package")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    with Product(tmp_path_factory.mktemp("product") / "data") as running:
        running.manage(
            "createsuperuser",
            "--noinput",
            f"--email={SUPERUSER}",
            "--full_name=Root Person",
            DJANGO_SUPERUSER_PASSWORD=PASSWORD,
        )
        yield running


@pytest.fixture(scope="session")
def artifacts() -> None:
    """Nothing is left of the run before."""
    shutil.rmtree(ARTIFACTS, ignore_errors=True)


@pytest.fixture(scope="package")
def chromium(artifacts: None) -> Iterator[Browser]:
    """For this folder: while Playwright runs, no other test of this process can run an event loop of its own."""
    if CHROMIUM is None:
        pytest.fail("Chromium is missing: apt-get install chromium (the browser tests drive the system's own).")
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def screen(request: pytest.FixtureRequest, chromium: Browser, product: Product) -> Iterator[Screen]:
    context = chromium.new_context(viewport={"width": 1440, "height": 900}, accept_downloads=True)
    opened = Screen(context, product, request.node.name)
    yield opened
    if request.node.stash.get(FAILED, False):
        opened.shot("failed")
    context.close()
    assert opened.troubles == []


FAILED = pytest.StashKey[bool]()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo) -> Iterator[None]:
    outcome = yield
    if outcome.get_result().failed and call.when == "call":
        item.stash[FAILED] = True
