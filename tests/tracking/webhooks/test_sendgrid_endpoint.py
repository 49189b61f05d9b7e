"""What comes to the endpoint is verified, stored once and answered; whatever else comes changes nothing."""

import gzip
import time
from typing import Any

import orjson
import pytest
from django.db import OperationalError
from django.http import HttpResponse
from django.test import Client

from core.accounts.models import Organization
from core.common.tenancy import all_organizations, organization_scope
from core.common.tokens import Purpose, sign
from core.delivery.models import Connection, Message
from core.delivery.states import DeliveryState
from core.tracking.choices import DeadReason
from core.tracking.models import AnalyticsEvent, DeadEvent, WebhookEndpoint, WebhookPost
from core.tracking.tasks import read_posts
from core.tracking.webhooks import views
from core.tracking.webhooks.links import webhook_url
from core.tracking.webhooks.services import dead_event_replay
from tests.support.sendgrid_events import EventSigner, event
from tests.tracking.mailed import Mailed


@pytest.fixture
def signer() -> EventSigner:
    return EventSigner()


@pytest.fixture
def endpoint(florist: Organization, signer: EventSigner) -> WebhookEndpoint:
    return make_endpoint(florist, signer)


def make_endpoint(organization: Organization, signer: EventSigner) -> WebhookEndpoint:
    with organization_scope(organization):
        connection = Connection.objects.get(organization=organization)
        return WebhookEndpoint.objects.create(organization=organization, connection=connection, key=signer.public)


def path_of(endpoint: WebhookEndpoint) -> str:
    return "/" + webhook_url(endpoint.connection_id).split("/", 3)[3]


def post(endpoint: WebhookEndpoint, events: Any, signer: EventSigner, **headers: str) -> HttpResponse:
    body = events if isinstance(events, bytes) else orjson.dumps(events)
    return post_raw(endpoint, body, {**signer.headers(body), **headers})


def post_raw(endpoint: WebhookEndpoint, body: bytes, headers: dict[str, str]) -> HttpResponse:
    return Client(enforce_csrf_checks=True).post(
        path_of(endpoint), body, content_type="application/json", headers=headers
    )


def read() -> dict[str, int]:
    return read_posts.apply().get()


def count(model: Any) -> int:
    with all_organizations(reason="test"):
        return model.objects.count()


def reloaded(row: Any) -> Any:
    with all_organizations(reason="test"):
        return type(row).objects.get(pk=row.pk)


def test_post_signed_is_stored_answered_and_read(
    mailed: Mailed, endpoint: WebhookEndpoint, signer: EventSigner
) -> None:
    response = post(endpoint, [event("delivered", mailed.messages[0].pk)], signer)
    assert (response.status_code, count(WebhookPost), count(AnalyticsEvent)) == (200, 1, 0)
    assert read() == {"posts": 1, "events": 1, "set_aside": 0, "failed": 0, "doubts_settled": 0}
    assert reloaded(mailed.messages[0]).delivery_state == DeliveryState.DELIVERED
    with all_organizations(reason="test"):
        stored = WebhookPost.objects.get()
        seen = AnalyticsEvent.objects.get().seen
    assert (bytes(stored.body), stored.result["new"]) == (b"", 1)
    assert seen == {"by": "sendgrid", "event": "delivered", "words": "250 OK"}


def test_post_twice_is_answered_and_changes_nothing(
    mailed: Mailed, endpoint: WebhookEndpoint, signer: EventSigner
) -> None:
    body = orjson.dumps([event("delivered", mailed.messages[0].pk)])
    for _ in range(2):
        assert post(endpoint, body, signer).status_code == 200
        read()
    assert (count(WebhookPost), count(AnalyticsEvent)) == (1, 1)


def test_event_in_two_posts_is_one_event(mailed: Mailed, endpoint: WebhookEndpoint, signer: EventSigner) -> None:
    same, other = event("delivered", mailed.messages[0].pk), event("delivered", mailed.messages[1].pk)
    post(endpoint, [same], signer)
    post(endpoint, [other, same, same], signer)
    read()
    assert count(AnalyticsEvent) == 2


@pytest.mark.parametrize("part", ["body", "timestamp", "signature", "key", "trailing", "cut"])
def test_post_with_one_byte_changed_is_refused_and_nothing_is_stored(
    mailed: Mailed, endpoint: WebhookEndpoint, signer: EventSigner, part: str
) -> None:
    body = orjson.dumps([event("bounce", mailed.messages[0].pk)])
    headers = signer.headers(body)
    signature, timestamp = headers
    if part == "body":
        body = body.replace(b'"bounce"', b'"bouncE"', 1)
    if part == "trailing":
        body += b"\r\n"
    if part == "cut":
        body = body[:-1]
    if part == "timestamp":
        headers[timestamp] = str(int(headers[timestamp]) + 1)
    if part == "signature":
        right = headers[signature]
        headers[signature] = right[:20] + ("A" if right[20] != "A" else "B") + right[21:]
    if part == "key":
        headers = EventSigner().headers(body)
    assert post_raw(endpoint, body, headers).status_code == 400
    assert count(WebhookPost) == 0


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-Twilio-Email-Event-Webhook-Signature": "", "X-Twilio-Email-Event-Webhook-Timestamp": ""},
        {"X-Twilio-Email-Event-Webhook-Signature": "\u00fc", "X-Twilio-Email-Event-Webhook-Timestamp": "9" * 400},
        {"X-Twilio-Email-Event-Webhook-Signature": "AAAA", "X-Twilio-Email-Event-Webhook-Timestamp": "-1"},
        {"X-Twilio-Email-Event-Webhook-Signature": "AAAA", "X-Twilio-Email-Event-Webhook-Timestamp": "1e9"},
    ],
)
def test_post_without_a_signature_is_refused(endpoint: WebhookEndpoint, headers: dict[str, str]) -> None:
    assert post_raw(endpoint, b"[]", headers).status_code == 400
    assert count(WebhookPost) == 0


@pytest.mark.parametrize(("age", "status"), [(23 * 3600, 200), (27 * 3600, 400), (-600, 400)])
def test_post_of_another_time_is_taken_only_within_a_day(
    mailed: Mailed, endpoint: WebhookEndpoint, signer: EventSigner, age: int, status: int
) -> None:
    body = orjson.dumps([event("delivered", mailed.messages[0].pk)])
    headers = signer.headers(body, timestamp=str(int(time.time()) - age))
    assert post_raw(endpoint, body, headers).status_code == status


def test_post_signed_with_the_second_key_is_taken(
    mailed: Mailed, endpoint: WebhookEndpoint, signer: EventSigner, florist: Organization
) -> None:
    newer = EventSigner()
    with organization_scope(florist):
        WebhookEndpoint.objects.update(second_key=newer.public)
    for one in (signer, newer):
        assert post(endpoint, [event("delivered", mailed.messages[0].pk)], one).status_code == 200


def test_post_too_large_compressed_or_empty_is_refused(endpoint: WebhookEndpoint, signer: EventSigner) -> None:
    large = b" " * (views.LONGEST_BODY + 1)
    assert post(endpoint, large, signer).status_code == 413
    assert post(endpoint, gzip.compress(b"[]"), signer, **{"Content-Encoding": "gzip"}).status_code == 400
    assert post(endpoint, b"", signer).status_code == 400
    assert count(WebhookPost) == 0


def test_unknown_addresses_are_not_found(endpoint: WebhookEndpoint, signer: EventSigner) -> None:
    path = path_of(endpoint)
    client = Client()
    altered = path[:-1] + ("A" if path[-1] != "A" else "B")
    other_purpose = f"/webhooks/sendgrid/{sign(Purpose.VIEW, endpoint.connection_id.bytes)}"
    plain = f"/webhooks/sendgrid/{endpoint.connection_id}"
    for wrong in (altered, other_purpose, plain):
        response = client.post(wrong, b"[]", content_type="application/json", headers=signer.headers(b"[]"))
        assert response.status_code == 404
    assert client.get(path).status_code == 405


def test_database_that_refuses_is_an_error_that_the_provider_repeats(
    mailed: Mailed, endpoint: WebhookEndpoint, signer: EventSigner, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(**_: Any) -> bool:
        raise OperationalError("the server closed the connection")

    monkeypatch.setattr(views, "post_keep", away)
    assert post(endpoint, [event("delivered", mailed.messages[0].pk)], signer).status_code == 503


# --- What is in it ----------------------------------------------------------------------------------------------------


def test_account_of_one_client_naming_another_ones_mail_changes_nothing_and_is_recorded(
    mailed: Mailed, museum: Organization
) -> None:
    """A client signs rightly with its own key, and names a mail of another client."""
    thief = EventSigner()
    endpoint = make_endpoint(museum, thief)
    before = reloaded(mailed.messages[0]).__dict__
    events = [event(name, mailed.messages[0].pk) for name in ("bounce", "spamreport", "unsubscribe", "open", "dropped")]
    assert post(endpoint, events, thief).status_code == 200
    assert read()["set_aside"] == 5
    after = reloaded(mailed.messages[0]).__dict__
    assert {key: value for key, value in after.items() if key != "_state"} == {
        key: value for key, value in before.items() if key != "_state"
    }
    assert reloaded(mailed.contacts[0]).status == "subscribed"
    assert count(AnalyticsEvent) == 0
    with organization_scope(museum):
        assert set(DeadEvent.objects.values_list("reason", flat=True)) == {DeadReason.NOT_OURS}


@pytest.mark.parametrize(
    "strange",
    [
        None,
        5,
        "text",
        [],
        {"engagex_message": "no uuid", "event": "open"},
        {"engagex_message": {"a": 1}, "event": "open"},
        {"engagex_message": "0" * 32},
        {"engagex_message": "0" * 32, "event": ["open"]},
    ],
)
def test_poison_event_is_set_aside_and_its_neighbours_are_taken(
    mailed: Mailed, endpoint: WebhookEndpoint, signer: EventSigner, strange: Any
) -> None:
    post(endpoint, [strange, event("delivered", mailed.messages[0].pk)], signer)
    assert read() == {"posts": 1, "events": 1, "set_aside": 1, "failed": 0, "doubts_settled": 0}
    assert count(DeadEvent) == 1


@pytest.mark.parametrize(
    "strange", [b'"ana\\u0000@people.example"', b'["ana@people.example"]', b'{"a":' * 300 + b"1" + b"}" * 300]
)
def test_poison_that_cannot_be_stored_as_it_came_is_set_aside_without_an_address(
    mailed: Mailed, endpoint: WebhookEndpoint, signer: EventSigner, strange: bytes
) -> None:
    post(endpoint, b"[%b,%b]" % (strange, orjson.dumps(event("delivered", mailed.messages[0].pk))), signer)
    assert read() == {"posts": 1, "events": 1, "set_aside": 1, "failed": 0, "doubts_settled": 0}
    with all_organizations(reason="test"):
        assert "@" not in str(DeadEvent.objects.get().event)


@pytest.mark.parametrize(
    "fields",
    [
        {"timestamp": "soon"},
        {"timestamp": 10**18},
        {"timestamp": -5},
        {"timestamp": None},
        {"reason": {"nested": ["x"]}},
        {"reason": "x" * 100_000},
        {"reason": "nul \x00 here"},
        {"sg_event_id": "i" * 500},
        {"sg_event_id": None},
        {"type": 5},
        {"event": "account_status_change"},
        {"status": "\ud7ff" * 50},
    ],
)
def test_odd_values_are_taken_without_an_error(
    mailed: Mailed, endpoint: WebhookEndpoint, signer: EventSigner, fields: dict[str, Any]
) -> None:
    post(endpoint, [{**event("bounce", mailed.messages[0].pk), **fields}], signer)
    assert read()["events"] == 1
    assert count(DeadEvent) == 0


def test_unknown_kind_is_kept(mailed: Mailed, endpoint: WebhookEndpoint, signer: EventSigner) -> None:
    post(endpoint, [event("teleported", mailed.messages[0].pk)], signer)
    read()
    with all_organizations(reason="test"):
        kept = AnalyticsEvent.objects.get()
    assert (kept.type, kept.seen["event"]) == ("unknown", "teleported")


def test_events_about_mails_of_others_in_the_same_account_are_passed_over(
    endpoint: WebhookEndpoint, signer: EventSigner
) -> None:
    stranger = event("delivered", "0" * 32)
    del stranger["engagex_message"]
    post(endpoint, [stranger], signer)
    assert read() == {"posts": 1, "events": 0, "set_aside": 0, "failed": 0, "doubts_settled": 0}


def test_post_that_is_no_json_is_set_aside_once(endpoint: WebhookEndpoint, signer: EventSigner) -> None:
    post(endpoint, b"not json", signer)
    post(endpoint, b'{"event": "open"}', signer)
    assert read()["set_aside"] == 2


def test_no_address_is_kept_anywhere(mailed: Mailed, endpoint: WebhookEndpoint, signer: EventSigner) -> None:
    events = [event("bounce", mailed.messages[0].pk), event("bounce", "0" * 32)]
    post(endpoint, events, signer)
    read()
    with all_organizations(reason="test"):
        rows = [str(row) for model in (AnalyticsEvent, DeadEvent, WebhookPost) for row in model.objects.values()]
        words = Message.objects.get(pk=mailed.messages[0].pk).bounce_words
    assert "user unknown" in words
    assert not any("person@people.example" in text for text in [*rows, words])


def test_event_without_an_id_that_was_set_aside_and_applied_is_the_same_event_when_it_comes_again(
    mailed: Mailed, endpoint: WebhookEndpoint, signer: EventSigner
) -> None:
    told = {**event("delivered", mailed.messages[0].pk), "category": "spring"}
    del told["sg_event_id"]
    with organization_scope(mailed.campaign.organization_id):
        known = Message.objects.get(pk=mailed.messages[0].pk)
        mailed.messages[0].delete()
    post(endpoint, [told], signer)
    read()
    with organization_scope(mailed.campaign.organization_id):
        known.save(force_insert=True)
        dead_event_replay(dead_event_id=DeadEvent.objects.get().pk)
    post(endpoint, [told, event("delivered", mailed.messages[1].pk)], signer)
    read()
    assert count(AnalyticsEvent) == 2
