"""What recipients and their mailbox providers meet: no session, no cookie, one answer for every bad link."""

import datetime
from typing import Any

import pytest
from django.db import DatabaseError, connection
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from core.accounts.choices import OrganizationStatus
from core.accounts.models import AuditEvent, Organization, User
from core.accounts.public_pages.frame import readable_on
from core.common.ids import new_id
from core.common.tenancy import all_organizations, organization_scope
from core.contacts.choices import ContactStatus
from core.contacts.models import Contact, Suppression
from core.delivery import public_links
from core.delivery.models import Message
from core.tracking import hits
from core.tracking.choices import EventType, Verdict
from core.tracking.models import AnalyticsEvent
from tests.delivery import ledger
from tests.tracking.mailed import BROWSER, Mailed, path_of, paths

ONE_CLICK = {"List-Unsubscribe": "One-Click"}


@pytest.fixture
def visitor() -> Client:
    return Client(
        headers={"User-Agent": BROWSER, "Accept-Language": "en"}, enforce_csrf_checks=True, REMOTE_ADDR="203.0.113.77"
    )


def events() -> list[AnalyticsEvent]:
    with all_organizations(reason="test"):
        return list(AnalyticsEvent.objects.order_by("id"))


def reloaded(row: Any) -> Any:
    with all_organizations(reason="test"):
        return type(row).objects.get(pk=row.pk)


def page(response: HttpResponse) -> str:
    return response.content.decode()


# --- Open and click ---------------------------------------------------------------------------------------------------


def test_open_pixel_returns_image_and_notes_the_open(mailed: Mailed, visitor: Client) -> None:
    response = visitor.get(paths(mailed.messages[0])["open"], headers={"Accept-Language": "es"})
    assert (response.status_code, response["Content-Type"]) == (200, "image/gif")
    assert response.content.startswith(b"GIF89a")
    assert "no-store" in response["Cache-Control"]
    (event,) = events()
    assert (event.type, event.verdict, event.message_id) == (EventType.OPENED, Verdict.HUMAN, mailed.messages[0].pk)
    assert event.seen == {"method": "GET", "user_agent": BROWSER, "language": "es", "network": "203.0.113.0/24"}
    assert reloaded(mailed.messages[0]).opened_at is not None


def test_click_redirects_to_the_stored_link_and_notes_the_click(mailed: Mailed, visitor: Client) -> None:
    response = visitor.get(path_of(public_links.click_url(mailed.messages[0].pk, 2)))
    assert (response.status_code, response["Location"]) == (302, "https://shop.example/news")
    (event,) = events()
    assert (event.type, event.link_id) == (EventType.CLICKED, mailed.links[1].pk)
    assert reloaded(mailed.contacts[0]).last_clicked_at is not None


@pytest.mark.parametrize("query", ["url=https://evil.example", "next=//evil.example", "%0d%0aLocation:%20http://x"])
def test_click_with_anything_added_goes_to_the_stored_link(mailed: Mailed, visitor: Client, query: str) -> None:
    response = visitor.get(f"{paths(mailed.messages[0])['click']}?{query}")
    assert response["Location"] == mailed.links[0].url


def test_click_of_a_link_that_the_campaign_lacks_is_not_found(mailed: Mailed, visitor: Client) -> None:
    response = visitor.get(path_of(public_links.click_url(mailed.messages[0].pk, 9)))
    assert response.status_code == 404
    assert not events()


@pytest.mark.parametrize("name", ["open", "click"])
def test_hit_right_after_sending_is_a_machine(mailed: Mailed, visitor: Client, name: str) -> None:
    with all_organizations(reason="test"):
        Message.objects.update(accepted_at=timezone.now())
    visitor.get(paths(mailed.messages[0])[name])
    assert events()[0].verdict in (Verdict.PREFETCH, Verdict.SCANNER)
    assert reloaded(mailed.messages[0]).opened_at is None
    assert reloaded(mailed.messages[0]).clicked_at is None


def test_hit_while_the_mail_is_being_handed_over_is_a_machine(mailed: Mailed, visitor: Client) -> None:
    with all_organizations(reason="test"):
        Message.objects.update(accepted_at=None, send_state="ready")
    visitor.get(paths(mailed.messages[0])["click"])
    assert events()[0].reasons == ["too_soon"]


@pytest.mark.parametrize("name", ["open", "click"])
def test_head_is_noted_as_a_machine_and_changes_no_state(mailed: Mailed, visitor: Client, name: str) -> None:
    response = visitor.head(paths(mailed.messages[0])[name])
    assert response.status_code == (200 if name == "open" else 302)
    assert [event.verdict for event in events()] == [Verdict.SCANNER]
    message = reloaded(mailed.messages[0])
    assert (message.opened_at, message.clicked_at) == (None, None)


def test_hits_beyond_the_limit_are_answered_but_not_noted(
    mailed: Mailed, visitor: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hits, "HITS_PER_HOUR", 2)
    for _ in range(4):
        assert visitor.get(paths(mailed.messages[0])["click"]).status_code == 302
    assert len(events()) == 2


def test_open_of_a_mail_that_is_gone_still_gets_its_pixel(db: None, visitor: Client) -> None:
    response = visitor.get(path_of(public_links.open_pixel_url(new_id())))
    assert (response.status_code, response["Content-Type"]) == (200, "image/gif")


@pytest.mark.parametrize(("name", "status"), [("open", 200), ("click", 302)])
def test_hit_that_cannot_be_written_is_still_answered(
    mailed: Mailed, visitor: Client, name: str, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    def no_writes(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if "INSERT INTO tracking_analyticsevent" in sql:
            raise DatabaseError("the disk is full")
        return execute(sql, params, many, context)

    with connection.execute_wrapper(no_writes):
        assert visitor.get(paths(mailed.messages[0])[name]).status_code == status
    assert "was not noted" in caplog.text
    assert "people.example" not in caplog.text


# --- Tokens -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["open", "click", "unsubscribe", "view"])
def test_one_altered_character_answers_as_an_unknown_token_does(mailed: Mailed, visitor: Client, name: str) -> None:
    path = paths(mailed.messages[0])[name]
    place = path.rindex("/") + 5
    altered = path[:place] + ("A" if path[place] != "A" else "B") + path[place + 1 :]
    suffix = ".gif" if name == "open" else ""
    unknown = f"{path[: path.rindex('/')]}/no-such-token{suffix}"
    first, second = visitor.get(altered), visitor.get(unknown)
    assert (first.status_code, second.status_code) == (404, 404)
    assert _without_nonce(first) == _without_nonce(second)
    assert visitor.post(altered, ONE_CLICK).status_code in (404, 405)
    assert not events()


def _without_nonce(response: HttpResponse) -> tuple[str, str]:
    policy = response["Content-Security-Policy"]
    nonce = policy.split("'nonce-")[1].split("'")[0]
    return page(response).replace(nonce, ""), policy.replace(nonce, "")


def test_token_of_another_purpose_is_not_found(mailed: Mailed, visitor: Client) -> None:
    token = paths(mailed.messages[0])["view"].rpartition("/")[2]
    assert visitor.post(f"/u/{token}", ONE_CLICK).status_code == 404
    assert reloaded(mailed.contacts[0]).status == ContactStatus.SUBSCRIBED


@pytest.mark.parametrize("name", ["open", "click", "unsubscribe", "view"])
def test_public_endpoints_read_and_set_no_cookie(mailed: Mailed, superuser: User, name: str) -> None:
    browser = Client(headers={"User-Agent": BROWSER})
    browser.force_login(superuser)
    before = browser.cookies.output()
    response = browser.get(paths(mailed.messages[0])[name])
    assert not response.cookies
    assert "Cookie" not in response.get("Vary", "")
    assert browser.cookies.output() == before
    assert "script-src" not in response["Content-Security-Policy"]
    assert "default-src 'none'" in response["Content-Security-Policy"]


@pytest.mark.parametrize("name", ["open", "click", "unsubscribe", "view"])
def test_options_changes_nothing(mailed: Mailed, visitor: Client, name: str) -> None:
    assert visitor.options(paths(mailed.messages[0])[name]).status_code == 405
    assert not events()
    assert reloaded(mailed.contacts[0]).status == ContactStatus.SUBSCRIBED


# --- Unsubscribe (RFC 8058) -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["get", "head"])
def test_unsubscribe_page_changes_nothing_and_hides_the_address(mailed: Mailed, visitor: Client, method: str) -> None:
    response = getattr(visitor, method)(paths(mailed.messages[0])["unsubscribe"])
    assert response.status_code == 200
    assert reloaded(mailed.contacts[0]).status == ContactStatus.SUBSCRIBED
    assert not events()
    if method == "get":
        assert "Unsubscribe from Florist?" in page(response)
        assert mailed.contacts[0].email not in page(response)
        assert page(response).count("<button") == 1


@pytest.mark.parametrize("multipart", [False, True])
def test_unsubscribe_post_without_cookies_unsubscribes_and_answers_200(
    mailed: Mailed, visitor: Client, multipart: bool
) -> None:
    path = paths(mailed.messages[0])["unsubscribe"]
    if multipart:
        response = visitor.post(path, ONE_CLICK)
    else:
        form = "application/x-www-form-urlencoded"
        response = visitor.post(path, "List-Unsubscribe=One-Click", content_type=form)
    assert response.status_code == 200
    assert "You are unsubscribed" in page(response)
    contact = reloaded(mailed.contacts[0])
    assert contact.status == ContactStatus.UNSUBSCRIBED
    assert reloaded(mailed.messages[0]).unsubscribed_at is not None
    assert [event.type for event in events()] == [EventType.UNSUBSCRIBED]
    with all_organizations(reason="test"):
        assert Suppression.objects.get().key == f"address:{contact.email_key}"
        audited = AuditEvent.objects.get(action="contact.unsubscribed")
    assert (audited.actor_label, audited.ip_address) == ("recipient", None)


def test_unsubscribe_post_twice_changes_nothing_more(mailed: Mailed, visitor: Client) -> None:
    path = paths(mailed.messages[0])["unsubscribe"]
    answers = [visitor.post(path, ONE_CLICK) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert len(events()) == 1


@pytest.mark.parametrize("case", ["unsubscribed", "deleted", "archived"])
def test_unsubscribe_post_works_whatever_became_of_contact_and_client(
    mailed: Mailed, visitor: Client, florist: Organization, case: str
) -> None:
    with all_organizations(reason="test"):
        if case == "unsubscribed":
            Contact.objects.update(status=ContactStatus.UNSUBSCRIBED)
        if case == "deleted":
            Contact.objects.update(deleted_at=timezone.now())
        if case == "archived":
            Organization.objects.update(status=OrganizationStatus.ARCHIVED)
    response = visitor.post(paths(mailed.messages[0])["unsubscribe"], ONE_CLICK)
    assert response.status_code == 200
    assert reloaded(mailed.contacts[0]).status == ContactStatus.UNSUBSCRIBED
    assert ("Subscribe again" in page(response)) == (case != "deleted")


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b'{"List-Unsubscribe": "One-Click"}', "application/json", 400),
        (b"List-Unsubscribe=One-Click", "text/plain", 400),
        (b"", "application/x-www-form-urlencoded", 400),
        (b"List-Unsubscribe=no", "application/x-www-form-urlencoded", 400),
        (b"List-Unsubscribe=One-Click&x=" + b"x" * 20_000, "application/x-www-form-urlencoded", 413),
        (b"nonsense", "multipart/form-data", 400),
    ],
)
def test_unsubscribe_post_of_anything_else_is_refused(
    mailed: Mailed, visitor: Client, body: bytes, content_type: str, status: int
) -> None:
    response = visitor.post(paths(mailed.messages[0])["unsubscribe"], body, content_type=content_type)
    assert response.status_code == status
    assert reloaded(mailed.contacts[0]).status == ContactStatus.SUBSCRIBED


@pytest.mark.parametrize("length", ["many", "²", "-1", "9" * 5_000])
def test_unsubscribe_post_of_nobody_knows_what_length_is_refused(mailed: Mailed, visitor: Client, length: str) -> None:
    path = paths(mailed.messages[0])["unsubscribe"]
    assert visitor.post(path, ONE_CLICK, CONTENT_LENGTH=length).status_code == 413
    assert reloaded(mailed.contacts[0]).status == ContactStatus.SUBSCRIBED


def test_unsubscribe_page_afterwards_offers_the_way_back(mailed: Mailed, visitor: Client) -> None:
    path = paths(mailed.messages[0])["unsubscribe"]
    visitor.post(path, ONE_CLICK)
    assert "Subscribe again" in page(visitor.get(path))
    response = visitor.post(path, {"resubscribe": "yes"})
    assert (response.status_code, "You are subscribed again" in page(response)) == (200, True)
    assert reloaded(mailed.contacts[0]).status == ContactStatus.SUBSCRIBED


def test_resubscribe_of_a_person_who_complained_is_refused_in_words(mailed: Mailed, visitor: Client) -> None:
    with all_organizations(reason="test"):
        Contact.objects.update(status=ContactStatus.COMPLAINED)
    response = visitor.post(paths(mailed.messages[0])["unsubscribe"], {"resubscribe": "yes"})
    assert "Write to Florist" in page(response)
    assert reloaded(mailed.contacts[0]).status == ContactStatus.COMPLAINED


@pytest.mark.parametrize(
    ("own", "accepted", "title"),
    [
        ("es", "en", "¿Darse de baja de Florist?"),
        ("", "es-MX,es;q=0.9", "¿Darse de baja de Florist?"),
        ("", "de", "Unsubscribe from Florist?"),
        ("en-GB", "es", "Unsubscribe from Florist?"),
    ],
)
def test_unsubscribe_page_speaks_the_contacts_language(
    mailed: Mailed, visitor: Client, own: str, accepted: str, title: str
) -> None:
    with all_organizations(reason="test"):
        Contact.objects.update(language=own)
    response = visitor.get(paths(mailed.messages[0])["unsubscribe"], headers={"Accept-Language": accepted})
    assert title in page(response)


def test_unsubscribe_page_carries_name_and_colour_escaped(mailed: Mailed, visitor: Client) -> None:
    with all_organizations(reason="test"):
        Organization.objects.update(name="<script>x</script>", color="#ffee00")
    text = page(visitor.get(paths(mailed.messages[0])["unsubscribe"]))
    assert "<script>" not in text
    assert "--brand: #ffee00; --on-brand: #000000" in text


@pytest.mark.parametrize("color", ["#000000", "#ffffff", "#777777", "#4f46e5", "#ff0000", "#00ff00"])
def test_text_on_any_brand_colour_is_readable(color: str) -> None:
    def luminance(value: str) -> float:
        parts = [int(value[place : place + 2], 16) / 255 for place in (1, 3, 5)]
        red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    darker, lighter = sorted([luminance(color), luminance(readable_on(color))])
    assert (lighter + 0.05) / (darker + 0.05) >= 4.5


# --- View in browser --------------------------------------------------------------------------------------------------


def test_view_in_browser_shows_the_mail_in_a_sandbox(florist: Organization, visitor: Client) -> None:
    with organization_scope(florist):
        campaign = ledger.sending_campaign(florist, 2)
    ledger.run_work()
    with organization_scope(florist):
        message = Message.objects.filter(campaign=campaign, send_state="accepted").select_related("contact")[0]
    response = visitor.get(paths(message)["view"])
    assert response.status_code == 200
    assert f"Hello {message.contact.first_name}" in page(response)
    policy = response["Content-Security-Policy"]
    assert policy.startswith("sandbox allow-popups")
    assert "allow-scripts" not in policy
    assert "no-store" in response["Cache-Control"]


def test_view_in_browser_of_a_mail_not_sent_yet_is_not_found(florist: Organization, visitor: Client) -> None:
    with organization_scope(florist):
        ledger.sending_campaign(florist, 1)
        message = Message.objects.get()
    assert visitor.get(paths(message)["view"]).status_code == 404


def test_story_of_a_recipient_open_click_leave(mailed: Mailed, visitor: Client) -> None:
    """Every endpoint in turn, by one person and one scanner, ends in the right facts."""
    scanner = Client(headers={"User-Agent": "Mimecast"})
    for path in paths(mailed.messages[1]).values():
        scanner.get(path)
    for name in ("open", "click"):
        visitor.get(paths(mailed.messages[0])[name])
    visitor.post(paths(mailed.messages[0])["unsubscribe"], ONE_CLICK)
    person, untouched = reloaded(mailed.messages[0]), reloaded(mailed.messages[1])
    assert all([person.opened_at, person.clicked_at, person.unsubscribed_at])
    assert not any([untouched.opened_at, untouched.clicked_at, untouched.unsubscribed_at])
    assert reloaded(mailed.contacts[1]).status == ContactStatus.SUBSCRIBED
    assert datetime.timedelta(0) <= person.clicked_at - person.opened_at
