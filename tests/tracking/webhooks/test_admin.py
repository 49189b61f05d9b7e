"""Event webhooks in the admin: entering keys, copying the address, trying set-aside events again."""

from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from core.accounts.choices import Role
from core.accounts.models import AuditEvent, Organization, User
from core.common.ids import new_id
from core.common.tenancy import all_organizations, organization_scope
from core.delivery.models import Connection
from core.delivery.models.connections import ConnectionKind
from core.delivery.models.kinds import AnymailProvider
from core.domains.models import SendingDomain
from core.tracking.choices import DeadReason, WebhookKind
from core.tracking.models import AnalyticsEvent, DeadEvent, WebhookEndpoint
from core.tracking.webhooks.links import inbound_url, provider_url, webhook_url
from core.tracking.webhooks.sendgrid import event_key, without_address
from tests.support.sendgrid_events import EventSigner, event
from tests.tracking.mailed import Mailed

Member = Callable[..., User]
SignedIn = Callable[[User], Client]
SECRET = "AbCdEfGhIjKlMnOpQrStUvWx"


@pytest.fixture
def connection(florist: Organization) -> Connection:
    with organization_scope(florist):
        return Connection.objects.create(organization=florist, name="SendGrid", kind=ConnectionKind.SENDGRID)


@pytest.fixture
def endpoint(connection: Connection) -> WebhookEndpoint:
    with all_organizations(reason="test"):
        return WebhookEndpoint.objects.create(
            organization_id=connection.organization_id, connection=connection, key=EventSigner().public
        )


@pytest.fixture
def admin(member: Member, signed_in: SignedIn) -> Client:
    return signed_in(member(Role.ADMIN))


def dead(endpoint: WebhookEndpoint, message_id: object, name: str = "delivered") -> DeadEvent:
    found = event(name, message_id)  # type: ignore[arg-type]
    with all_organizations(reason="test"):
        return DeadEvent.objects.create(
            organization_id=endpoint.organization_id,
            endpoint=endpoint,
            event_key=event_key(found),
            reason=DeadReason.NOT_OURS,
            event=without_address(found),
        )


def add(admin: Client, connection: Connection, kind: str = WebhookKind.EVENTS) -> WebhookEndpoint:
    response = admin.post(
        reverse("admin:tracking_webhookendpoint_add"), {"connection": connection.pk, "kind": kind}, follow=True
    )
    assert "Now enter the address below" in response.content.decode()
    with all_organizations(reason="test"):
        return WebhookEndpoint.objects.select_related("connection").get(connection=connection, kind=kind)


def change(admin: Client, endpoint: WebhookEndpoint, **fields: str) -> str:
    page = reverse("admin:tracking_webhookendpoint_change", args=[endpoint.pk])
    return admin.post(page, {"_continue": "1", **fields}, follow=True).content.decode()


def stored(endpoint: WebhookEndpoint) -> WebhookEndpoint:
    with all_organizations(reason="test"):
        return WebhookEndpoint.objects.get(pk=endpoint.pk)


def test_endpoint_add_leads_to_the_address_and_keeps_the_key(connection: Connection, admin: Client) -> None:
    key = EventSigner().public
    lines = f"-----BEGIN PUBLIC KEY-----\n{key[:64]}\n{key[64:]}\n-----END PUBLIC KEY-----"
    assert "SendGrid" in admin.get(reverse("admin:tracking_webhookendpoint_add")).content.decode()
    endpoint = add(admin, connection)
    page = change(admin, endpoint, key=lines, second_key="")
    assert (stored(endpoint).key, endpoint.organization_id) == (key, connection.organization_id)
    assert webhook_url(connection.pk) in page
    assert "None yet" in page


@pytest.mark.parametrize("key", ["SG.secret.api-key", "-----BEGIN", "%%%"])
def test_endpoint_with_something_else_than_a_key_is_refused_in_words(
    connection: Connection, admin: Client, key: str
) -> None:
    endpoint = add(admin, connection)
    assert "This is no verification key" in change(admin, endpoint, key=key, second_key="")
    assert stored(endpoint).key == ""


@pytest.mark.parametrize("provider", AnymailProvider.values)
def test_endpoint_of_a_provider_says_what_to_enter_there_and_hides_its_secret(
    florist: Organization, admin: Client, provider: str
) -> None:
    with organization_scope(florist):
        connection = Connection.objects.create(
            organization=florist, name="Other", kind=ConnectionKind.ANYMAIL, provider=provider, password="x"
        )
    endpoint = add(admin, connection)
    page = change(admin, endpoint, secret=SECRET, second_secret="")
    assert stored(endpoint).secret == SECRET
    assert provider_url(connection.pk).partition("://")[2] in page and SECRET not in page
    assert AnymailProvider(provider).label in page
    change(admin, endpoint, secret="", second_secret=SECRET[::-1])
    assert (stored(endpoint).secret, stored(endpoint).second_secret) == (SECRET, SECRET[::-1])
    change(admin, endpoint, finish_exchange="on")
    assert (stored(endpoint).secret, stored(endpoint).second_secret) == (SECRET[::-1], "")
    with all_organizations(reason="test"):
        assert SECRET not in str(list(AuditEvent.objects.values_list("changes", flat=True)))


def test_endpoint_with_a_short_secret_of_ones_own_is_refused_in_words(florist: Organization, admin: Client) -> None:
    with organization_scope(florist):
        connection = Connection.objects.create(
            organization=florist, name="Own", kind=ConnectionKind.SMTP, host="x.example"
        )
    endpoint = add(admin, connection, WebhookKind.INBOUND_SIGNED)
    assert "24 characters or more" in change(admin, endpoint, secret="short", second_secret="")


def test_endpoint_of_hosts_takes_hosts_of_the_clients_domains_only(florist: Organization, admin: Client) -> None:
    with organization_scope(florist):
        connection = Connection.objects.create(
            organization=florist, name="Own", kind=ConnectionKind.SMTP, host="x.example"
        )
        domain = SendingDomain.objects.create(
            organization=florist, name="florist.example", selector="x", reply_host="reply.florist.example"
        )
    endpoint = add(admin, connection, WebhookKind.INBOUND_SIGNED)
    assert "has to lie in one of" in change(admin, endpoint, reply_host="reply.museum.example")
    page = change(admin, endpoint, reply_host="Reply.Florist.example", bounce_host="bounce.florist.example")
    assert inbound_url(endpoint) in page and "openssl" in page
    assert stored(endpoint).reply_host == "reply.florist.example"
    with all_organizations(reason="test"):
        # Not before a mail has come that way.
        assert SendingDomain.objects.get(pk=domain.pk).reply_host == ""
        WebhookEndpoint.objects.update(reply_seen_at=timezone.now())
        SendingDomain.objects.update(reply_host="reply.florist.example")
    admin.post(reverse("admin:tracking_webhookendpoint_delete", args=[endpoint.pk]), {"post": "yes"})
    with all_organizations(reason="test"):
        assert SendingDomain.objects.get(pk=domain.pk).reply_host == ""


def test_endpoint_of_a_sandbox_or_of_another_client_cannot_be_added(
    connection: Connection, admin: Client, museum: Organization
) -> None:
    with all_organizations(reason="test"):
        others = [
            Connection.objects.get(organization_id=connection.organization_id, kind=ConnectionKind.SANDBOX),
            Connection.objects.create(organization=museum, name="Theirs", kind=ConnectionKind.SENDGRID),
        ]
    for other in others:
        for kind in WebhookKind.values:
            admin.post(reverse("admin:tracking_webhookendpoint_add"), {"connection": other.pk, "kind": kind})
    with all_organizations(reason="test"):
        assert not WebhookEndpoint.objects.exists()


def test_endpoint_for_reports_of_an_smtp_server_is_refused_in_words(florist: Organization, admin: Client) -> None:
    with organization_scope(florist):
        connection = Connection.objects.create(
            organization=florist, name="Own", kind=ConnectionKind.SMTP, host="x.example"
        )
    fields = {"connection": connection.pk, "kind": WebhookKind.EVENTS}
    page = admin.post(reverse("admin:tracking_webhookendpoint_add"), fields).content.decode()
    assert "SMTP servers and the sandbox report nothing" in page


def test_dead_event_replay_that_fits_applies_it_once(endpoint: WebhookEndpoint, mailed: Mailed, admin: Client) -> None:
    row = dead(endpoint, mailed.messages[0].pk)
    url = reverse("admin:tracking_deadevent_replay", args=[row.pk])
    assert admin.get(url).status_code == 200
    with all_organizations(reason="test"):
        assert DeadEvent.objects.exists()
    admin.post(url)
    with all_organizations(reason="test"):
        assert not DeadEvent.objects.exists()
        assert AnalyticsEvent.objects.get().type == "delivered"
        assert AuditEvent.objects.filter(action="deadevent.replayed").count() == 1


def test_dead_event_replay_that_does_not_fit_stays_with_a_sentence(endpoint: WebhookEndpoint, admin: Client) -> None:
    row = dead(endpoint, new_id())
    response = admin.post(reverse("admin:tracking_deadevent_replay", args=[row.pk]), follow=True)
    assert "could not be applied" in response.content.decode()
    with all_organizations(reason="test"):
        assert DeadEvent.objects.exists()


def test_dead_events_replay_of_many_says_how_many_fitted(
    endpoint: WebhookEndpoint, mailed: Mailed, admin: Client
) -> None:
    rows = [dead(endpoint, mailed.messages[0].pk), dead(endpoint, new_id())]
    url = reverse("admin:tracking_deadevent_changelist")
    fields = {"action": "replay_selected", "_selected_action": [row.pk for row in rows]}
    assert "2 events are read once more" in admin.post(url, fields).content.decode()
    response = admin.post(url, {**fields, "confirmed": "1"}, follow=True)
    assert "1 of 2 events were applied" in response.content.decode()


def test_manager_sees_webhooks_and_changes_nothing(
    endpoint: WebhookEndpoint, member: Member, signed_in: SignedIn
) -> None:
    manager = signed_in(member(Role.MANAGER))
    row = dead(endpoint, new_id())
    assert manager.get(reverse("admin:tracking_webhookendpoint_changelist")).status_code == 200
    assert manager.get(reverse("admin:tracking_deadevent_changelist")).status_code == 200
    assert manager.post(reverse("admin:tracking_deadevent_replay", args=[row.pk])).status_code == 403
    page = reverse("admin:tracking_webhookendpoint_change", args=[endpoint.pk])
    assert manager.post(page, {"key": EventSigner().public, "second_key": ""}).status_code == 403
