"""Mails that come back, from the post to what they change; whatever is not proven changes nothing."""

import base64
import datetime
from typing import Any

import orjson
import pytest
from django.utils import timezone

from core.accounts.models import Organization
from core.common.tenancy import all_organizations, organization_scope
from core.common.tokens import Purpose, sign
from core.contacts.choices import ContactStatus
from core.contacts.models import Suppression
from core.delivery.bounces import BounceClass
from core.delivery.return_addresses import bounce_address, reply_address
from core.domains.models import SendingDomain
from core.tracking.choices import DeadReason, EventType, WebhookKind
from core.tracking.inbound.hosts import hosts_apply
from core.tracking.inbound.signature import SIGNATURE_HEADER, TIMESTAMP_HEADER
from core.tracking.inbound.signature import sign as sign_body
from core.tracking.models import AnalyticsEvent, DeadEvent, Reply, WebhookEndpoint, WebhookPost
from core.tracking.webhooks.services import dead_event_replay
from tests.support.sendgrid_events import EventSigner
from tests.tracking.inbound.mails import PERSON, dsn, feedback, plain, returned_headers
from tests.tracking.inbound.posts import (
    SECRET,
    count,
    form_of,
    make_endpoint,
    parse_form,
    path_of,
    post_form,
    post_raw,
    post_signed,
    read,
    reloaded,
)
from tests.tracking.mailed import Mailed

NEW_SECRET = "another-secret-0123456789-abc"


@pytest.fixture
def server(florist: Organization) -> WebhookEndpoint:
    return make_endpoint(florist, WebhookKind.INBOUND_SIGNED)


@pytest.fixture
def parse(florist: Organization) -> WebhookEndpoint:
    return make_endpoint(florist, WebhookKind.INBOUND_SENDGRID)


def status_of(mailed: Mailed) -> str:
    return str(reloaded(mailed.contacts[0]).status)


def test_bounce_mail_suppresses_whom_it_is_proven_to_be_about(mailed: Mailed, server: WebhookEndpoint) -> None:
    raw = dsn(returned_headers(mailed.messages[0].pk))
    assert post_signed(server, raw).status_code == 200
    assert (count(WebhookPost), count(AnalyticsEvent)) == (1, 0)
    assert read()["events"] == 1
    message = reloaded(mailed.messages[0])
    assert (message.bounce_class, status_of(mailed)) == (BounceClass.INVALID_ADDRESS, ContactStatus.BOUNCED)
    assert message.bounce_words.startswith("550 5.1.1 <<address>>")
    with all_organizations(reason="test"):
        assert bytes(WebhookPost.objects.get().body) == b""
        assert Suppression.objects.count() == 1


def test_bounce_without_proof_changes_nothing_and_is_counted(mailed: Mailed, server: WebhookEndpoint) -> None:
    post_signed(server, dsn(returned_headers(mailed.messages[0].pk, with_proof=False)))
    assert read() == {"posts": 1, "events": 0, "set_aside": 0, "failed": 0, "doubts_settled": 0}
    assert (status_of(mailed), count(AnalyticsEvent), count(DeadEvent)) == (ContactStatus.SUBSCRIBED, 0, 0)
    with all_organizations(reason="test"):
        assert WebhookPost.objects.get().result["unproven"] == 1


def test_bounce_to_the_return_path_is_believed_from_the_envelope(mailed: Mailed, parse: WebhookEndpoint) -> None:
    to = bounce_address(mailed.messages[0].pk, "bounce.florist.example")
    assert post_form(parse, dsn(""), to).status_code == 200
    read()
    assert status_of(mailed) == ContactStatus.BOUNCED


def test_complaint_mail_suppresses_at_once_and_not_spam_does_not(mailed: Mailed, server: WebhookEndpoint) -> None:
    post_signed(server, feedback(returned_headers(mailed.messages[1].pk), kind="not-spam"))
    post_signed(server, feedback(returned_headers(mailed.messages[0].pk)))
    read()
    assert status_of(mailed) == ContactStatus.COMPLAINED
    assert reloaded(mailed.contacts[1]).status == ContactStatus.SUBSCRIBED


def test_reply_is_kept_as_text_and_counted_once_however_often_it_is_posted(
    mailed: Mailed, parse: WebhookEndpoint, server: WebhookEndpoint
) -> None:
    to = reply_address(mailed.messages[0].pk, "reply.florist.example")
    raw = plain("Thank you.\r\nAre you open on Sunday?", to=to)
    post_form(parse, raw, to)
    post_form(parse, raw, to)
    post_form(parse, raw, to, boundary="another")
    post_signed(server, raw)
    read()
    with all_organizations(reason="test"):
        reply = Reply.objects.get()
        assert AnalyticsEvent.objects.get().type == EventType.REPLIED
        assert WebhookPost.objects.count() == 3
    assert (reply.message_id, reply.campaign_id, reply.contact_id) == (
        mailed.messages[0].pk,
        mailed.campaign.pk,
        mailed.contacts[0].pk,
    )
    assert (reply.sender, reply.subject) == (PERSON, "Re: Spring offer")
    assert reply.text == "Thank you.\nAre you open on Sunday?"


def test_reply_by_message_id_through_fields_of_inbound_parse(mailed: Mailed, parse: WebhookEndpoint) -> None:
    """Without “Post the raw, full MIME message”."""
    contact = mailed.contacts[0]
    headers = (
        f"From: {contact.email}\nSubject: Re: Hi\nIn-Reply-To: <{mailed.messages[0].pk.hex}@florist.example>\n"
        "Content-Type: multipart/alternative; boundary=gone\n"
    )
    fields = {
        "headers": headers.encode(),
        "text": "Sí, gracias".encode("latin-1"),
        "html": b"<b>no</b>",
        "charsets": b'{"text": "iso-8859-1", "headers": "UTF-8"}',
    }
    body, content_type = form_of(fields)
    post_raw(path_of(parse), body, content_type)
    read()
    with all_organizations(reason="test"):
        reply = Reply.objects.get()
    assert (reply.text, reply.sender, reply.subject) == ("Sí, gracias", "", "Re: Hi")


@pytest.mark.parametrize("form", ["raw", "fields"])
def test_reply_as_json_is_read(mailed: Mailed, server: WebhookEndpoint, form: str) -> None:
    to = reply_address(mailed.messages[0].pk, "reply.florist.example")
    document = (
        {"raw": base64.b64encode(plain("Yes")).decode(), "to": [to]}
        if form == "raw"
        else {"headers": {"From": PERSON, "Subject": "Re: x"}, "text": "Yes", "to": to}
    )
    post_signed(server, orjson.dumps(document), content_type="application/json")
    read()
    with all_organizations(reason="test"):
        assert Reply.objects.get().text == "Yes"


def test_out_of_office_is_no_reply(mailed: Mailed, server: WebhookEndpoint) -> None:
    to = reply_address(mailed.messages[0].pk, "reply.florist.example")
    post_signed(server, plain("I am away", to=to, headers="Auto-Submitted: auto-replied\r\n"))
    read()
    assert (count(Reply), count(AnalyticsEvent)) == (0, 0)


# --- Who is believed --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("part", ["body", "cut", "trailing", "secret", "old", "future", "none", "timestamp"])
def test_own_endpoint_refuses_what_is_not_signed_so_and_stores_nothing(
    mailed: Mailed, server: WebhookEndpoint, part: str
) -> None:
    raw = dsn(returned_headers(mailed.messages[0].pk))
    if part in ("secret", "old", "future"):
        changed: dict[str, dict[str, Any]] = {
            "secret": {"secret": NEW_SECRET},
            "old": {"age": 400},
            "future": {"age": -400},
        }
        response = post_signed(server, raw, **changed[part])
    else:
        now = str(int(timezone.now().timestamp()))
        headers = {TIMESTAMP_HEADER: now, SIGNATURE_HEADER: sign_body(raw, timestamp=now, secret=SECRET)}
        body = {"body": raw.replace(b"5.1.1", b"5.1.2"), "cut": raw[:-1], "trailing": raw + b"\r\n"}.get(part, raw)
        if part == "none":
            headers = {}
        if part == "timestamp":
            headers[TIMESTAMP_HEADER] = str(int(now) + 1)
        response = post_raw(path_of(server), body, "message/rfc822", headers)
    assert response.status_code == 400
    assert (count(WebhookPost), status_of(mailed)) == (0, ContactStatus.SUBSCRIBED)


def test_two_secrets_are_good_while_one_is_exchanged(
    mailed: Mailed, florist: Organization, server: WebhookEndpoint
) -> None:
    with organization_scope(florist):
        server.second_secret = NEW_SECRET
        server.save()
    for number, secret in enumerate((server.secret, NEW_SECRET)):
        assert post_signed(server, plain(f"{number}"), secret=secret).status_code == 200


def test_parse_with_a_key_asks_for_the_signature_too(mailed: Mailed, florist: Organization) -> None:
    signer = EventSigner()
    endpoint = make_endpoint(florist, WebhookKind.INBOUND_SENDGRID, key=signer.public)
    body, content_type = parse_form(plain("x"))
    assert post_raw(path_of(endpoint), body, content_type).status_code == 400
    assert post_raw(path_of(endpoint), body, content_type, EventSigner().headers(body)).status_code == 400
    assert post_raw(path_of(endpoint), body, content_type, signer.headers(body)).status_code == 200


def test_unknown_addresses_are_not_found(
    server: WebhookEndpoint, parse: WebhookEndpoint, florist: Organization
) -> None:
    with organization_scope(florist):
        WebhookEndpoint.objects.filter(pk=server.pk).update(secret="")
    crossed = path_of(server).replace("/mail/", "/sendgrid/")
    for path in (
        path_of(parse)[:-1] + ("A" if path_of(parse)[-1] != "A" else "B"),
        crossed,
        f"/webhooks/inbound/sendgrid/{sign(Purpose.WEBHOOK, parse.pk.bytes)}",
        f"/webhooks/inbound/sendgrid/{parse.pk}",
        path_of(server),
    ):
        assert post_raw(path, b"x", "text/plain").status_code == 404


def test_mail_too_large_or_empty_is_refused_and_one_of_ten_megabytes_is_read(
    mailed: Mailed, server: WebhookEndpoint
) -> None:
    assert post_signed(server, b"").status_code == 400
    assert post_raw(path_of(server), b"x" * (30 * 1024 * 1024 + 1), "message/rfc822").status_code == 413
    raw = dsn(returned_headers(mailed.messages[0].pk)) + b"A" * 10 * 1024 * 1024
    assert post_signed(server, raw).status_code == 200
    read()
    assert status_of(mailed) == ContactStatus.BOUNCED


def test_mail_of_another_client_is_set_aside_and_changes_nothing(mailed: Mailed, museum: Organization) -> None:
    thief = make_endpoint(museum, WebhookKind.INBOUND_SIGNED)
    message = mailed.messages[0].pk
    to = reply_address(message, "reply.museum.example")
    for raw in (dsn(returned_headers(message)), feedback(returned_headers(message)), plain("secret words", to=to)):
        assert post_signed(thief, raw).status_code == 200
    assert read()["set_aside"] == 3
    assert (status_of(mailed), count(AnalyticsEvent), count(Reply)) == (ContactStatus.SUBSCRIBED, 0, 0)
    with organization_scope(museum):
        assert set(DeadEvent.objects.values_list("reason", flat=True)) == {DeadReason.NOT_OURS}
        assert PERSON not in str(list(DeadEvent.objects.values_list("event", "words")))


def test_reply_that_was_set_aside_is_kept_when_it_fits(
    mailed: Mailed, florist: Organization, server: WebhookEndpoint
) -> None:
    """Its mail was not known yet, as after a restored backup."""
    with organization_scope(florist):
        message = mailed.messages[0]
        known = type(message).objects.get(pk=message.pk)
        message.delete()
    to = reply_address(known.pk, "reply.florist.example")
    post_signed(server, plain(f"Write to {PERSON} instead", to=to))
    read()
    with organization_scope(florist):
        dead = DeadEvent.objects.get()
        known.save(force_insert=True)
        dead_event_replay(dead_event_id=dead.pk)
        reply = Reply.objects.get()
        assert (reply.text, reply.sender) == ("Write to <address> instead", "")
        assert not DeadEvent.objects.exists()
        assert AnalyticsEvent.objects.filter(type=EventType.REPLIED).count() == 1


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"raw": 5}', b'{"raw": "%"}', b'{"headers": []}', b'{"raw": ""}'])
def test_unreadable_mail_is_set_aside(server: WebhookEndpoint, body: bytes) -> None:
    post_signed(server, body, content_type="application/json")
    assert read()["set_aside"] == 1
    with all_organizations(reason="test"):
        assert DeadEvent.objects.get().reason == DeadReason.UNREADABLE


# --- Hosts ------------------------------------------------------------------------------------------------------------


def passed_on(to: str, raw: bytes = plain("x", to="Somebody else <x@elsewhere.example>")) -> bytes:
    """As Postfix pipes it into a script, with the flags DOR."""
    own = f"Return-Path: <{PERSON}>\r\nX-Original-To: {to}\r\nDelivered-To: {to}\r\n"
    return (
        f"{own}Received: from mx.people.example by mx.florist.example; Mon, 04 May 2026 12:00:00 +0000\r\n".encode()
        + raw
    )


def test_host_is_used_by_mails_once_a_mail_has_come_to_it(florist: Organization) -> None:
    with organization_scope(florist):
        domain = SendingDomain.objects.create(organization=florist, name="florist.example", selector="x")
    server = make_endpoint(
        florist, WebhookKind.INBOUND_SIGNED, reply_host="reply.florist.example", bounce_host="bounce.florist.example"
    )
    post_signed(server, passed_on("x@sub.reply.florist.example"))
    read()
    assert (reloaded(domain).reply_host, reloaded(domain).return_path) == ("", "")
    post_signed(server, passed_on("test@reply.florist.example"))
    read()
    assert (reloaded(domain).reply_host, reloaded(domain).return_path) == ("reply.florist.example", "")
    assert reloaded(server).reply_seen_at > timezone.now() - datetime.timedelta(minutes=1)
    post_signed(server, passed_on("test@bounce.florist.example"))
    read()
    assert reloaded(domain).return_path == "bounce.florist.example"


def test_host_stays_in_use_while_its_endpoint_is_exchanged(florist: Organization) -> None:
    """A new address is a new endpoint: the old one goes when the new one has received something."""
    host = "reply.florist.example"
    with organization_scope(florist):
        domain = SendingDomain.objects.create(organization=florist, name="florist.example", selector="x")
    old = make_endpoint(florist, WebhookKind.INBOUND_SIGNED, reply_host=host)
    post_signed(old, passed_on(f"test@{host}"))
    read()
    new = make_endpoint(florist, WebhookKind.INBOUND_SIGNED, reply_host=host)
    with organization_scope(florist):
        hosts_apply([host])
        assert reloaded(domain).reply_host == host
    post_signed(new, passed_on(f"test@{host}"))
    read()
    with organization_scope(florist):
        old.delete()
        hosts_apply([host])
        assert reloaded(domain).reply_host == host
        WebhookEndpoint.objects.get().delete()
        hosts_apply([host])
    assert reloaded(domain).reply_host == ""


HOST = "bounce.florist.example"
CLAIMED = plain("x", to=f"x@{HOST}", headers=f"Delivered-To: x@{HOST}\r\nX-Original-To: x@{HOST}\r\n")


@pytest.mark.parametrize("raw", [CLAIMED, passed_on("hello@florist.example", CLAIMED), b"Received: x\r\n" + CLAIMED])
def test_host_that_only_the_sender_names_is_not_used(
    florist: Organization, server: WebhookEndpoint, parse: WebhookEndpoint, raw: bytes
) -> None:
    with organization_scope(florist):
        domain = SendingDomain.objects.create(organization=florist, name="florist.example", selector="x")
        WebhookEndpoint.objects.update(bounce_host=HOST)
    post_signed(server, raw)
    post_form(parse, raw, "x@reply.florist.example")
    post_signed(server, orjson.dumps({"raw": base64.b64encode(raw).decode()}), content_type="application/json")
    assert read()["posts"] == 3
    assert reloaded(domain).return_path == ""
    post_form(parse, raw, f"x@{HOST}")
    read()
    assert reloaded(domain).return_path == HOST
