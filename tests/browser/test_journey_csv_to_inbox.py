"""From a messy CSV to five thousand inboxes and back: what people do, in Chromium, on the running product."""

import csv
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, expect

from tests.browser import mails, steps
from tests.browser.conftest import SUPERUSER
from tests.browser.screen import PASSWORD, Screen
from tests.browser.steps import CLIENT, MANAGER, OWNER, UNDER_WAY_MS
from tests.contacts.messy import GOOD_ROWS, MessyFile, messy_file
from tests.support.smtp_server import AcceptedMail, Faults, SmtpServer

pytestmark = pytest.mark.browser

REASONS = (
    "the address is missing an @",
    "is the same address as row",
    "another encoding",
    "The row has 7 cells, the header has 5",
)


@pytest.fixture
def inbox() -> Iterator[SmtpServer]:
    """Takes two thousandths of a second for each mail, so that there is something to watch."""
    with SmtpServer(faults=Faults(delay_seconds=0.002)) as server:
        yield server


@pytest.fixture(scope="module")
def file() -> MessyFile:
    return messy_file()


def test_journey_from_csv_to_inbox(screen: Screen, inbox: SmtpServer, file: MessyFile) -> None:
    readers = _addresses_of_good_rows(file)

    screen.sign_in(SUPERUSER)
    _superuser_adds_people_and_the_client(screen)
    screen.sign_out()

    screen.sign_in(OWNER.email)
    steps.write_settings(screen)
    steps.connect_mail_server(screen, inbox)
    screen.sign_out()

    screen.sign_in(MANAGER.email)
    _manager_checks_and_imports_the_file(screen, file)
    _manager_looks_at_the_refused_rows(screen, file)
    steps.write_template(screen, preview_as="persona7@correo7.example", expected="José 7")
    steps.make_campaign(screen, "Autumn")
    _manager_sends_to_everybody(screen)
    _report_shows_it_going_out(screen, total="4,960")
    _everybody_got_exactly_one(inbox.accepted, readers)

    reader = inbox.accepted[0]
    _opening_and_clicking_moves_the_report(screen, reader)
    mails.unsubscribe_with_one_click(reader)
    _report_counts_the_unsubscribed(screen)

    sent_before = len(inbox.accepted)
    steps.make_campaign(screen, "Winter")
    _manager_sees_who_is_left_out_and_sends(screen)
    _report_shows_it_going_out(screen, total="4,960", accepted="4,959")
    _everybody_got_exactly_one(inbox.accepted[sent_before:], readers - set(reader.recipients))
    _ledger_says_why(screen, reader)


def _addresses_of_good_rows(file: MessyFile) -> set[str]:
    lines = dict(enumerate(file.content.splitlines(), start=1))
    good = set(lines) - {1} - file.bad_rows
    addresses = {lines[number].split(b",")[0].decode() for number in good}
    assert len(addresses) == GOOD_ROWS
    return addresses


def _superuser_adds_people_and_the_client(screen: Screen) -> None:
    screen.shot("all-clients-empty")
    for person in (OWNER, MANAGER):
        steps.add_user(screen, person, PASSWORD)
    steps.add_client(screen, name=CLIENT, plan="Pro", owner=OWNER)
    screen.shot("new-client")
    steps.add_member(screen, MANAGER, "Campaign manager")
    screen.shot("members")


def _manager_checks_and_imports_the_file(screen: Screen, file: MessyFile) -> None:
    screen.shot("home-of-the-manager")
    steps.upload_contacts(screen, file.content)
    steps.choose_columns(screen)
    page = screen.page
    figures = page.locator(".ct-tile dd")
    expect(figures).to_have_text(["4,960", "0", "0", "40", "0"])
    page.get_by_text("40 rows will be refused").click()
    for reason in REASONS:
        expect(page.locator(".ct-refusals").get_by_text(reason).first).to_be_visible()
    screen.shot("import-check")
    steps.import_checked(screen, rows=file.rows)
    screen.shot("import-result")
    expect(page.get_by_text("4,960 new, 0 changed, 0 same, 40 refused")).to_be_visible()


def _manager_looks_at_the_refused_rows(screen: Screen, file: MessyFile) -> None:
    download = steps.download_refused_rows(screen)
    path = screen.folder / download.suggested_filename
    download.save_as(path)
    rows = _rows(path)
    assert {int(row["Row"]) for row in rows} == file.bad_rows
    assert len(rows) == 40
    counted = Counter(reason for row in rows for reason in REASONS if reason in row["Why it was refused"])
    assert counted == dict.fromkeys(REASONS, 10)


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def _manager_sends_to_everybody(screen: Screen) -> None:
    page = steps.review(screen)
    expect(page).to_contain_text("4,960 people of Flor & Nube will get “Autumn” from letters@flor.example")
    expect(page).to_contain_text("4,960 of 300,000 mails used this month after this")
    steps.send(screen, "4,960")


def _report_shows_it_going_out(screen: Screen, *, total: str, accepted: str = "") -> None:
    """The page is not touched: it comes from "scheduled" over live progress to the finished report by itself."""
    accepted = accepted or total
    headline = screen.page.locator('[data-ex="headline"]')
    on_its_way = re.compile(rf"^(?!0 of|{accepted} of)[\d,]+ of {total}$")
    expect(headline).to_have_text(on_its_way, timeout=UNDER_WAY_MS)
    screen.shot("report-live")
    expect(screen.page.locator(".ex-dash-facts")).to_contain_text("finished", timeout=UNDER_WAY_MS)
    expect(headline).to_have_text(f"{accepted} of {total}")
    expect(screen.page.locator("#ex-dash-timeline .main-svg").first).to_be_visible()
    screen.shot("report-sent")


def _everybody_got_exactly_one(accepted: list[AcceptedMail], readers: set[str]) -> None:
    addresses = mails.recipients(accepted)
    assert set(addresses) == readers
    assert len(addresses) == len(readers)
    assert len({mail.message_id for mail in accepted}) == len(readers)


def _opening_and_clicking_moves_the_report(screen: Screen, reader: AcceptedMail) -> None:
    """Numbers and chart change under the eyes of whoever looks at the report, without a reload."""
    page = screen.page
    assert mails.parsed(reader)["Subject"].startswith("José ")
    # Whoever opens within two seconds of the mail's arrival is taken for a machine.
    page.wait_for_timeout(2_500)
    mails.load_pictures(reader)
    expect(_reaction(screen, "Opened")).to_contain_text("1 person", timeout=UNDER_WAY_MS)
    # With the first open there is something to draw, and the page was made anew; from here on only its figures are.
    page.evaluate("window.isTheSamePage = true")
    assert mails.follow_first_link(reader) == "https://www.example.com/story"
    expect(_reaction(screen, "Clicked")).to_contain_text("1 person", timeout=UNDER_WAY_MS)
    assert _charted(screen, "Opens by people") == 1
    assert _charted(screen, "Clicks by people") == 1
    assert page.evaluate("window.isTheSamePage") is True
    screen.shot("report-opened-and-clicked")


def _report_counts_the_unsubscribed(screen: Screen) -> None:
    expect(_reaction(screen, "Unsubscribed")).to_contain_text("1 person", timeout=UNDER_WAY_MS)
    screen.shot("report-unsubscribed")


def _reaction(screen: Screen, title: str) -> Locator:
    """The tile that counts it."""
    return screen.page.locator("#ex-dash-tiles li").filter(has_text=title)


def _charted(screen: Screen, series: str) -> int:
    """The sum of what the timeline draws for a series."""
    script = """name => document.getElementById("ex-dash-timeline").data
        .find(trace => trace.name === name).y.reduce((sum, value) => sum + value, 0)"""
    return int(screen.page.evaluate(script, series))


def _manager_sees_who_is_left_out_and_sends(screen: Screen) -> None:
    expect(screen.page.locator("[data-audience]")).to_contain_text("1 unsubscribed")
    page = steps.review(screen)
    expect(page).to_contain_text("4,959 people of Flor & Nube will get “Winter”")
    expect(page).to_contain_text("1 is skipped: 1 unsubscribed.")
    steps.send(screen, "4,959")


def _ledger_says_why(screen: Screen, reader: AcceptedMail) -> None:
    screen.page.locator('[data-ex-part="skipped"] a').click()
    rows = screen.page.locator("#result_list tbody tr")
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text(reader.recipients[0])
    expect(rows).to_contain_text("nsubscribed")
    screen.shot("skipped-and-why")
