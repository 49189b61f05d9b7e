"""Reports of the providers that Anymail knows: proven by the connection's secret over the raw body, in any order."""

from typing import Any
from urllib.parse import urlsplit

import orjson
import pytest
from django.http import HttpResponse
from django.test import Client

from core.accounts.models import Organization
from core.common.tenancy import all_organizations, organization_scope
from core.contacts.choices import ContactStatus
from core.delivery.bounces import BounceClass
from core.delivery.models import Connection
from core.delivery.models.connections import ConnectionKind
from core.delivery.models.kinds import AnymailProvider
from core.delivery.states import DeliveryState
from core.tracking.choices import DeadReason
from core.tracking.models import AnalyticsEvent, DeadEvent, WebhookEndpoint, WebhookPost
from core.tracking.tasks import read_posts
from core.tracking.webhooks.links import provider_url, webhook_url
from core.tracking.webhooks.services import dead_event_replay
from tests.support.provider_events import (
    KINDS,
    PERSON,
    PROVIDERS,
    SIGNED_OVER_BODY,
    body_of,
    event,
    headers_of,
    kinds_of,
    secret_of,
)
from tests.tracking.mailed import Mailed, mailed_campaign

OTHER_SECRET = "another-secret-of-24-letters"


@pytest.fixture
def mailed(florist: Organization) -> Mailed:
    with organization_scope(florist):
        return mailed_campaign(florist, len(KINDS))


def make_endpoint(organization: Organization, provider: str, **fields: Any) -> WebhookEndpoint:
    with organization_scope(organization):
        connection = Connection.objects.create(
            organization=organization, name=provider, kind=ConnectionKind.ANYMAIL, provider=provider, password="key"
        )
        fields.setdefault("secret", secret_of(provider))
        return WebhookEndpoint.objects.create(organization=organization, connection=connection, **fields)


def post(endpoint: WebhookEndpoint, body: bytes, headers: dict[str, str]) -> HttpResponse:
    path = urlsplit(provider_url(endpoint.connection_id)).path
    return Client(enforce_csrf_checks=True).post(path, body, content_type="application/json", headers=headers)


def send(endpoint: WebhookEndpoint, found: Any) -> HttpResponse:
    provider = endpoint.connection.provider
    body = body_of(provider, found)
    return post(endpoint, body, headers_of(provider, body))


def read() -> dict[str, int]:
    return dict(read_posts.apply().get())


def count(model: Any) -> int:
    with all_organizations(reason="test"):
        return int(model.objects.count())


def reloaded(row: Any) -> Any:
    with all_organizations(reason="test"):
        return type(row).objects.get(pk=row.pk)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_events_of_a_provider_mean_what_they_mean_at_any_other(
    mailed: Mailed, florist: Organization, provider: str
) -> None:
    endpoint = make_endpoint(florist, provider)
    kinds = kinds_of(provider)
    for message, kind in zip(mailed.messages, kinds, strict=False):
        assert send(endpoint, event(provider, kind, message.pk)).status_code == 200
    assert count(AnalyticsEvent) == 0
    assert read()["events"] == len(kinds)
    messages = [reloaded(message) for message in mailed.messages]
    statuses = [reloaded(contact).status for contact in mailed.contacts][: len(kinds)]
    expected = [
        ContactStatus.SUBSCRIBED,
        ContactStatus.BOUNCED,
        ContactStatus.SUBSCRIBED,
        ContactStatus.COMPLAINED,
        ContactStatus.UNSUBSCRIBED,
    ]
    assert statuses == expected[: len(kinds)]
    assert messages[0].delivery_state == DeliveryState.DELIVERED
    assert [message.bounce_class for message in messages[1:3]] == [
        BounceClass.INVALID_ADDRESS,
        BounceClass.MAILBOX_FULL,
    ]
    assert count(DeadEvent) == 0
    with all_organizations(reason="test"):
        assert PERSON not in str(list(AnalyticsEvent.objects.values_list("seen", flat=True)))
        assert {event.occurred_at.isoformat()[:19] for event in AnalyticsEvent.objects.all()} == {"2026-05-04T12:00:00"}


@pytest.mark.parametrize("provider", PROVIDERS)
def test_event_twice_in_any_post_is_one(mailed: Mailed, florist: Organization, provider: str) -> None:
    endpoint = make_endpoint(florist, provider)
    found = event(provider, "hard", mailed.messages[0].pk)
    send(endpoint, found)
    send(endpoint, found)
    body = body_of(provider, found, token="another")
    post(endpoint, body, headers_of(provider, body))
    read()
    assert count(AnalyticsEvent) == 1


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("wrong", ["secret", "none", "kind"])
def test_post_without_the_right_proof_is_refused(
    mailed: Mailed, florist: Organization, provider: str, wrong: str
) -> None:
    endpoint = make_endpoint(florist, provider)
    found = event(provider, "hard", mailed.messages[0].pk)
    secret = "whsec_AAAA" if provider == AnymailProvider.RESEND else OTHER_SECRET
    body = body_of(provider, found, secret=secret if wrong == "secret" else "")
    headers = headers_of(provider, body, secret=secret if wrong == "secret" else "")
    if wrong == "none":
        body, headers = (orjson.dumps(found) if provider == AnymailProvider.MAILGUN else body), {}
    if wrong == "kind":
        headers = {name: f"Digest {value}\u00fc" for name, value in headers.items()}
        body = body.replace(b'"signature":"', b'"signature":"f')
    assert post(endpoint, body, headers).status_code == 400
    assert count(WebhookPost) == 0


@pytest.mark.parametrize("provider", SIGNED_OVER_BODY)
def test_post_with_a_byte_changed_or_cut_off_is_refused(mailed: Mailed, florist: Organization, provider: str) -> None:
    endpoint = make_endpoint(florist, provider)
    body = body_of(provider, event(provider, "delivered", mailed.messages[0].pk))
    headers = headers_of(provider, body)
    for changed in (body[:-1], body + b"\n", body.replace(b"deliv", b"bounc", 1)):
        assert post(endpoint, changed, headers).status_code == 400
    assert count(WebhookPost) == 0


def test_mailgun_token_counts_for_one_body_only(mailed: Mailed, florist: Organization) -> None:
    """Its signature does not cover the body: whoever saw one must not write another around it."""
    endpoint = make_endpoint(florist, AnymailProvider.MAILGUN)
    body = body_of(AnymailProvider.MAILGUN, event(AnymailProvider.MAILGUN, "delivered", mailed.messages[0].pk))
    assert post(endpoint, body, {}).status_code == 200
    forged = orjson.loads(body)
    forged["event-data"] = event(AnymailProvider.MAILGUN, "complained", mailed.messages[0].pk)
    assert post(endpoint, orjson.dumps(forged), {}).status_code == 200
    read()
    assert (count(WebhookPost), count(AnalyticsEvent)) == (1, 1)
    assert reloaded(mailed.contacts[0]).status == ContactStatus.SUBSCRIBED


def test_resend_post_replayed_later_is_refused(mailed: Mailed, florist: Organization) -> None:
    endpoint = make_endpoint(florist, AnymailProvider.RESEND)
    body = body_of(AnymailProvider.RESEND, event(AnymailProvider.RESEND, "delivered", mailed.messages[0].pk))
    assert post(endpoint, body, headers_of(AnymailProvider.RESEND, body, age=400)).status_code == 400


@pytest.mark.parametrize("provider", PROVIDERS)
def test_two_secrets_are_good_while_one_is_exchanged(mailed: Mailed, florist: Organization, provider: str) -> None:
    endpoint = make_endpoint(florist, provider, secret=OTHER_SECRET, second_secret=secret_of(provider))
    assert send(endpoint, event(provider, "delivered", mailed.messages[0].pk)).status_code == 200


def test_endpoint_without_a_secret_or_of_another_kind_is_not_found(florist: Organization) -> None:
    endpoint = make_endpoint(florist, AnymailProvider.POSTMARK, secret="")
    assert send(endpoint, {}).status_code == 404
    path = urlsplit(webhook_url(endpoint.connection_id)).path
    assert Client().post(path, b"[]", content_type="application/json").status_code == 404


@pytest.mark.parametrize("provider", PROVIDERS)
def test_account_of_one_client_naming_another_ones_mail_changes_nothing(
    mailed: Mailed, museum: Organization, provider: str
) -> None:
    thief = make_endpoint(museum, provider)
    for kind in kinds_of(provider):
        assert send(thief, event(provider, kind, mailed.messages[0].pk)).status_code == 200
    assert read()["set_aside"] == len(kinds_of(provider))
    assert (reloaded(mailed.contacts[0]).status, count(AnalyticsEvent)) == (ContactStatus.SUBSCRIBED, 0)
    with organization_scope(museum):
        dead = DeadEvent.objects.first()
        assert dead is not None and dead.reason == DeadReason.NOT_OURS
        assert PERSON not in str(list(DeadEvent.objects.values_list("event", flat=True)))
        with pytest.raises(Exception, match="never sent"):
            dead_event_replay(dead_event_id=dead.pk)


def test_event_that_was_set_aside_is_applied_when_it_fits(mailed: Mailed, florist: Organization) -> None:
    endpoint = make_endpoint(florist, AnymailProvider.POSTMARK)
    with organization_scope(florist):
        known = type(mailed.messages[0]).objects.get(pk=mailed.messages[0].pk)
        mailed.messages[0].delete()
    send(endpoint, event(AnymailProvider.POSTMARK, "hard", known.pk))
    read()
    with organization_scope(florist):
        known.save(force_insert=True)
        dead_event_replay(dead_event_id=DeadEvent.objects.get().pk)
    assert reloaded(mailed.contacts[0]).status == ContactStatus.BOUNCED


STRANGE = [None, 5, "x", [], [[]], {}, {"event": []}, {"event-data": 7}, {"msys": []}, {"data": []}, {"RecordType": {}}]


@pytest.mark.parametrize("provider", PROVIDERS)
def test_strange_events_harm_no_neighbour(mailed: Mailed, florist: Organization, provider: str) -> None:
    endpoint = make_endpoint(florist, provider)
    good = event(provider, "delivered", mailed.messages[0].pk)
    for strange in STRANGE:
        send(endpoint, strange)
    for noise in (b"{", b"\xff", b"null"):
        post(endpoint, noise, headers_of(provider, noise))
    body = body_of(provider, good)
    if provider in (AnymailProvider.MAILJET, AnymailProvider.SPARKPOST):
        body = orjson.dumps([*STRANGE, good])
    post(endpoint, body, headers_of(provider, body))
    found = read()
    assert (found["events"], found["failed"]) == (1, 0)


@pytest.mark.parametrize(
    "strange", [b'{"a\\u0000":1}', b'{"ana@people.example":1}', b'{"a":' * 300 + b"1" + b"}" * 300]
)
def test_event_that_cannot_be_stored_as_it_came_is_set_aside_without_an_address(
    florist: Organization, strange: bytes
) -> None:
    endpoint, body = make_endpoint(florist, AnymailProvider.MAILJET), b"[%b]" % strange
    post(endpoint, body, headers_of(AnymailProvider.MAILJET, body))
    found = read()
    assert (found["set_aside"], found["failed"]) == (1, 0)
    with all_organizations(reason="test"):
        assert "@" not in str(DeadEvent.objects.get().event)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_events_about_mails_of_others_in_the_account_are_passed_over(
    mailed: Mailed, florist: Organization, provider: str
) -> None:
    endpoint = make_endpoint(florist, provider)
    text = orjson.dumps(event(provider, "hard", mailed.messages[0].pk)).replace(b"engagex_message", b"other_argument")
    send(endpoint, orjson.loads(text))
    assert read() == {"posts": 1, "events": 0, "set_aside": 0, "failed": 0, "doubts_settled": 0}
