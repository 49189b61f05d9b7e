"""A window of Chromium on the product, and what a person can do in it."""

from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import BrowserContext, ConsoleMessage, Page, Request, expect

from tests.support.product import ROOT, Product

ARTIFACTS = ROOT / "artifacts" / "browser"
PASSWORD = "a long password of tests"


class Screen:
    """A signed-out browser window on the product, with numbered screenshots.

    `troubles` collects console errors, uncaught errors and requests that leave the machine.
    """

    def __init__(self, context: BrowserContext, product: Product, name: str) -> None:
        self.page: Page = context.new_page()
        self.product = product
        self.folder = ARTIFACTS / name
        self.troubles: list[str] = []
        self._shots = 0
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.troubles.append(f"page error: {error}"))
        self.page.on("request", self._request)

    def open(self, path: str) -> None:
        self.page.goto(self.product.url + path)

    def sign_in(self, email: str, password: str = PASSWORD) -> None:
        self.open("/admin/login/")
        self.page.fill("input[name=username]", email)
        self.page.fill("input[name=password]", password)
        self.page.click("button[type=submit]")
        self.page.wait_for_url("**/admin/")

    def sign_out(self) -> None:
        self.page.locator("#nav-sidebar-inner, #nav-sidebar").first.get_by_text("unfold_more").last.click()
        self.page.get_by_role("button", name="Log out").click()
        expect(self.page.get_by_text("Log in again").or_(self.page.locator("#login-form"))).to_be_visible()

    def choose_client(self, name: str) -> None:
        """Another client, or "All clients", in the bar above the page."""
        self.page.locator("[data-ex-switcher] summary").click()
        self.page.locator(".ex-switcher-list").get_by_role("button", name=name).click()
        expect(self.page.locator(".ex-bar-name")).to_have_text(name)

    def menu(self, entry: str) -> None:
        """Follow an entry of the menu at the left."""
        words = self.page.get_by_text(entry, exact=True)
        self.page.locator("#nav-sidebar-apps a").filter(has=words).click()

    def press(self, action: str) -> None:
        """One of the page's actions, top right."""
        self.page.locator("#header-inner").get_by_role("link", name=action).click()

    def save(self) -> None:
        """Save the form, and wait for the page that comes: whoever goes on at once would take the request back."""
        with self.page.expect_navigation():
            self.page.locator("[name=_save]").click()

    def confirm(self, label: str) -> None:
        """The button of a page that asks before it acts."""
        self.page.locator(".ex-form-actions").get_by_role("button", name=label).click()

    def shot(self, name: str) -> Path:
        self._shots += 1
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f"{self._shots:02d}-{name}.png"
        self.page.screenshot(path=path, full_page=True)
        return path

    def _console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.troubles.append(f"console: {message.text} at {message.location}")

    def _request(self, request: Request) -> None:
        if urlsplit(request.url).hostname not in {"127.0.0.1", None}:
            self.troubles.append(f"request to {request.url}")
