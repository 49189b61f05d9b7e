"""Event webhooks in the admin: entering keys, copying the address, trying set-aside events again."""

from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse

from core.accounts.choices import Role
from core.accounts.models import AuditEvent, Organization, User
from core.common.ids import new_id
from core.common.tenancy import all_organizations, organization_scope
from core.delivery.models import Connection
from core.delivery.models.connections import ConnectionKind
from core.tracking.choices import DeadReason
from core.tracking.models import AnalyticsEvent, DeadEvent, WebhookEndpoint
from core.tracking.webhooks.links import webhook_url
from core.tracking.webhooks.sendgrid import event_key, without_address
from tests.support.sendgrid_events import EventSigner, event
from tests.tracking.mailed import Mailed, mailed_campaign

Member = Callable[..., User]
SignedIn = Callable[[User], Client]


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
def mailed(florist: Organization) -> Mailed:
    with organization_scope(florist):
        return mailed_campaign(florist)


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


def test_endpoint_add_keeps_the_key_and_shows_the_address(connection: Connection, admin: Client) -> None:
    key = EventSigner().public
    lines = f"-----BEGIN PUBLIC KEY-----\n{key[:64]}\n{key[64:]}\n-----END PUBLIC KEY-----"
    url = reverse("admin:tracking_webhookendpoint_add")
    assert "SendGrid" in admin.get(url).content.decode()
    admin.post(url, {"connection": connection.pk, "key": lines, "second_key": ""})
    with all_organizations(reason="test"):
        endpoint = WebhookEndpoint.objects.get()
    assert (endpoint.key, endpoint.organization_id) == (key, connection.organization_id)
    page = admin.get(reverse("admin:tracking_webhookendpoint_change", args=[endpoint.pk])).content.decode()
    assert webhook_url(connection.pk) in page
    assert "None yet" in page


@pytest.mark.parametrize("key", ["SG.secret.api-key", "-----BEGIN", "%%%"])
def test_endpoint_add_with_something_else_than_a_key_is_refused_in_words(
    connection: Connection, admin: Client, key: str
) -> None:
    url = reverse("admin:tracking_webhookendpoint_add")
    response = admin.post(url, {"connection": connection.pk, "key": key, "second_key": ""})
    assert "This is no verification key" in response.content.decode()
    with all_organizations(reason="test"):
        assert not WebhookEndpoint.objects.exists()


def test_endpoint_of_a_sandbox_or_of_another_client_cannot_be_added(
    connection: Connection, admin: Client, museum: Organization
) -> None:
    with all_organizations(reason="test"):
        others = [
            Connection.objects.get(organization_id=connection.organization_id, kind=ConnectionKind.SANDBOX),
            Connection.objects.create(organization=museum, name="Theirs", kind=ConnectionKind.SENDGRID),
        ]
    for other in others:
        fields = {"connection": other.pk, "key": EventSigner().public, "second_key": ""}
        admin.post(reverse("admin:tracking_webhookendpoint_add"), fields)
    with all_organizations(reason="test"):
        assert not WebhookEndpoint.objects.exists()


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
