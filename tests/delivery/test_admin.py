"""Connections, ledger and sandbox inbox as people see them."""

from collections.abc import Callable
from html import unescape
from typing import Any
from uuid import UUID

import pytest
from django.test import Client
from django.urls import reverse

from core.accounts.choices import Role
from core.accounts.models import AuditEvent, Organization
from core.campaigns.models import CampaignLink
from core.common.tokens import Purpose, sign
from core.delivery.models import Connection, Message, SandboxMail
from core.delivery.public_links import open_pixel_url
from core.delivery.states import SendState
from tests.delivery.ledger import run_work, sending_campaign
from tests.support import factories

pytestmark = pytest.mark.usefixtures("ledger")
SMTP = {"name": "Relay", "kind": "smtp", "host": "smtp.relay.example", "port": 587, "security": "starttls"}
SMTP |= {"username": "mailer", "password": "hunter2 hunter2", "batch_size": 100}


@pytest.fixture
def client(member: Any, signed_in: Any) -> Client:
    return signed_in(member(Role.ADMIN))


@pytest.fixture
def manager(member: Any, signed_in: Any) -> Client:
    return signed_in(member(Role.MANAGER))


def unresolved_message(organization: Organization) -> Message:
    sending_campaign(organization, 1)
    run_work()
    Message.objects.update(send_state=SendState.UNRESOLVED, accepted_at=None)
    message = Message.objects.get()
    assert message.batch is not None
    message.batch.accepted_count, message.batch.unresolved_count = 0, 1
    message.batch.save()
    return message


def url(name: str, *arguments: Any) -> str:
    return reverse(f"admin:delivery_{name}", args=arguments)


def test_connection_add_stores_the_password_encrypted_and_never_shows_it(
    client: Client, in_florist: Organization
) -> None:
    assert client.post(url("connection_add"), SMTP).status_code == 302
    connection = Connection.objects.get(name="Relay")
    assert connection.password == "hunter2 hunter2"
    assert not connection.is_default
    page = client.get(url("connection_change", connection.pk)).content.decode()
    assert "hunter2" not in page
    assert "hunter2" not in str(list(AuditEvent.objects.values()))


def test_connection_change_empty_password_keeps_the_stored_one(client: Client, in_florist: Organization) -> None:
    client.post(url("connection_add"), SMTP)
    connection = Connection.objects.get(name="Relay")
    answer = client.post(url("connection_change", connection.pk), {**SMTP, "name": "Renamed", "password": ""})
    assert answer.status_code == 302
    connection.refresh_from_db()
    assert (connection.name, connection.password) == ("Renamed", "hunter2 hunter2")


def test_connection_change_of_server_without_password_is_refused(client: Client, in_florist: Organization) -> None:
    client.post(url("connection_add"), SMTP)
    connection = Connection.objects.get(name="Relay")
    answer = client.post(url("connection_change", connection.pk), {**SMTP, "host": "evil.example", "password": ""})
    assert "Type it again" in answer.content.decode()
    connection.refresh_from_db()
    assert connection.host == "smtp.relay.example"


def test_connection_use_for_campaigns_leaves_exactly_one(client: Client, in_florist: Organization) -> None:
    client.post(url("connection_add"), SMTP)
    connection = Connection.objects.get(name="Relay")
    page = url("connection_make_default", connection.pk)
    assert client.get(page).status_code == 200
    assert Connection.objects.get(is_default=True).name == "Sandbox"
    client.post(page)
    client.post(page)
    assert Connection.objects.get(is_default=True) == connection


def test_connection_that_carries_campaigns_cannot_be_deleted(client: Client, in_florist: Organization) -> None:
    connection = Connection.objects.get(is_default=True)
    assert client.post(url("connection_delete", connection.pk), {"post": "yes"}).status_code == 403
    assert Connection.objects.filter(pk=connection.pk).exists()


def test_connection_pages_manager_may_look_but_not_change(manager: Client, in_florist: Organization) -> None:
    connection = Connection.objects.get()
    assert manager.get(url("connection_changelist")).status_code == 200
    assert manager.get(url("connection_add")).status_code == 403
    assert manager.get(url("connection_test_connection", connection.pk)).status_code == 403


def test_message_list_shows_filters_and_searches(
    client: Client, in_florist: Organization, django_assert_max_num_queries: Callable[..., Any]
) -> None:
    campaign = sending_campaign(in_florist, 3)
    run_work()
    with django_assert_max_num_queries(15):
        page = client.get(url("message_changelist"), {"campaign": str(campaign.pk), "send_state__exact": "accepted"})
    assert "spring-offer-2@people.example" in page.content.decode()
    found = client.get(url("message_changelist"), {"q": "spring-offer-1"}).content.decode()
    assert "spring-offer-1@people.example" in found
    assert "spring-offer-2@people.example" not in found


def test_message_page_shows_the_mail_as_it_was_sent(client: Client, in_florist: Organization) -> None:
    sending_campaign(in_florist, 1)
    run_work()
    message = Message.objects.get()
    page = client.get(url("message_change", message.pk)).content.decode()
    assert "List-Unsubscribe-Post" in page
    assert url("message_html", message.pk) in page
    assert "Hello P0" in client.get(url("message_html", message.pk)).content.decode()


def test_message_page_before_sending_says_so(client: Client, in_florist: Organization) -> None:
    sending_campaign(in_florist, 1)
    message = Message.objects.get()
    assert "Nothing was sent to this person yet" in client.get(url("message_change", message.pk)).content.decode()
    assert client.get(url("message_html", message.pk)).status_code == 404


def test_message_send_again_by_viewer_is_refused(in_florist: Organization, member: Any, signed_in: Any) -> None:
    message = unresolved_message(in_florist)
    viewer = signed_in(member(Role.VIEWER))
    assert viewer.post(url("message_send_again", message.pk)).status_code == 403
    assert Message.objects.get().send_state == SendState.UNRESOLVED


def test_message_send_again_asks_once_then_sends_once(manager: Client, in_florist: Organization) -> None:
    message = unresolved_message(in_florist)
    page = url("message_send_again", message.pk)
    assert manager.get(page).status_code == 200
    assert Message.objects.get().send_state == SendState.UNRESOLVED
    manager.post(page)
    manager.post(page)
    run_work()
    message.refresh_from_db()
    assert (message.send_state, message.resends) == (SendState.ACCEPTED, 1)
    assert AuditEvent.objects.filter(action="message.sent_again").count() == 1


def test_sandbox_mail_is_framed_under_a_policy_of_its_own(client: Client, in_florist: Organization) -> None:
    sending_campaign(in_florist, 1)
    run_work()
    mail = SandboxMail.objects.get()
    page = client.get(url("sandboxmail_change", mail.pk))
    assert "frame-ancestors 'none'" in page["Content-Security-Policy"]
    assert "Hello P0" in page.content.decode()
    frame = client.get(url("sandboxmail_html", mail.pk))
    assert frame["X-Frame-Options"] == "SAMEORIGIN"
    assert frame["Content-Security-Policy"].startswith("sandbox ")
    assert "script-src 'none'" in frame["Content-Security-Policy"]
    assert "frame-ancestors 'self'" in frame["Content-Security-Policy"]
    html = frame.content.decode()
    assert "Hello P0" in html
    assert mail.message_id is not None
    assert open_pixel_url(mail.message_id) in mail_html(mail)
    assert open_pixel_url(mail.message_id) not in html


def mail_html(mail: SandboxMail) -> str:
    from tests.support.mail_asserts import parsed, parts_of

    return parts_of(parsed(bytes(mail.raw)))[1]


EVERY_LINK = (
    '<p><a href="https://shop.example/offer?a=1&amp;b=2">Offer</a> <a href="https://shop.example/more">More</a></p>'
    '<p>{{ organization.postal_address }} <a href="{{ system.view_in_browser_url }}">In the browser</a> '
    '<a href="{{ system.preferences_url }}">Preferences</a> '
    '<a href="{{ system.unsubscribe_url }}">Unsubscribe</a> {{ system.unsubscribe_url }}</p>'
)
TARGETS = ("https://shop.example/offer?a=1&b=2", "https://shop.example/more")


def mail_with_every_link(organization: Organization) -> SandboxMail:
    template = factories.make_template(organization, "Every link", html=EVERY_LINK)
    sending_campaign(organization, 1, template=template)
    run_work()
    return SandboxMail.objects.get()


def tokens_of(message_id: UUID | None) -> set[str]:
    """Every token that the product signs for this message."""
    assert message_id is not None
    links = CampaignLink.objects.values_list("number", "campaign_id")
    clicks = {sign(Purpose.CLICK, message_id.bytes + number.to_bytes(2, "big") + pk.bytes) for number, pk in links}
    assert len(clicks) == len(TARGETS)
    contact_id = Message.objects.values_list("contact_id", flat=True).get(pk=message_id)
    of_message = (Purpose.OPEN, Purpose.UNSUBSCRIBE, Purpose.VIEW)
    own = {sign(purpose, message_id.bytes) for purpose in of_message}
    return clicks | own | {sign(Purpose.PREFERENCES, contact_id.bytes)}


def seen_in(client: Client, *addresses: str) -> str:
    """What these pages show, with the lines of the quoted-printable source joined again."""
    pages = [client.get(address) for address in addresses]
    assert [page.status_code for page in pages] == [200] * len(pages)
    shown = unescape("\n".join(page.content.decode() for page in pages))
    return shown.replace("=\r\n", "").replace("=\n", "")


def addresses_of(model: str, pk: UUID) -> tuple[str, ...]:
    return (url(f"{model}_changelist"), url(f"{model}_change", pk), url(f"{model}_html", pk))


@pytest.mark.parametrize("role", list(Role))
def test_message_pages_show_targets_and_no_token_to_any_role(
    role: Role, in_florist: Organization, member: Any, signed_in: Any
) -> None:
    mail = mail_with_every_link(in_florist)
    assert mail.message_id is not None
    client = signed_in(member(role))
    shown = seen_in(client, *addresses_of("message", mail.message_id))
    assert {token for token in tokens_of(mail.message_id) if token in shown} == set()
    assert "<(this person's unsubscribe link)>, <mailto:" in shown
    frame = seen_in(client, url("message_html", mail.message_id))
    assert all(f'href="{target}"' in frame for target in TARGETS)
    assert frame.count('href="#"') == 3
    page = seen_in(client, url("message_change", mail.message_id))
    assert all(f"({target})" in page for target in TARGETS)


def test_sandbox_mail_as_account_manager_shows_targets_and_no_token(
    in_florist: Organization, member: Any, signed_in: Any
) -> None:
    mail = mail_with_every_link(in_florist)
    shown = seen_in(signed_in(member(Role.ACCOUNT_MANAGER)), *addresses_of("sandboxmail", mail.pk))
    assert {token for token in tokens_of(mail.message_id) if token in shown} == set()
    assert all(f'href="{target}"' in shown and f"({target})" in shown for target in TARGETS)


@pytest.mark.parametrize("role", [Role.OWNER, Role.ADMIN, Role.MANAGER])
def test_sandbox_mail_as_somebody_who_sends_keeps_every_link(
    role: Role, in_florist: Organization, member: Any, signed_in: Any
) -> None:
    mail = mail_with_every_link(in_florist)
    shown = seen_in(signed_in(member(role)), *addresses_of("sandboxmail", mail.pk))
    assert {token for token in tokens_of(mail.message_id) if token not in shown} == set()


def test_sandbox_mail_as_viewer_is_refused(in_florist: Organization, member: Any, signed_in: Any) -> None:
    mail = mail_with_every_link(in_florist)
    viewer = signed_in(member(Role.VIEWER))
    refused = [viewer.get(address) for address in addresses_of("sandboxmail", mail.pk)]
    assert {page.status_code for page in refused} <= {403, 404}
    shown = "".join(page.content.decode() for page in refused)
    assert not any(token in shown for token in tokens_of(mail.message_id))


def test_preview_of_another_client_is_not_found(client: Client, everywhere: None, museum: Organization) -> None:
    sending_campaign(museum, 1)
    run_work()
    assert client.get(url("sandboxmail_html", SandboxMail.objects.get().pk)).status_code == 404
    assert client.get(url("message_html", Message.objects.get().pk)).status_code == 404
