"""Reports of all sources about the same mails, as stored posts: any order, doubling and delay end in the same rows, and
posts of another client, or about nothing of ours, change none of them."""

import datetime
import itertools
import random
from collections.abc import Sequence
from dataclasses import dataclass
from email.utils import format_datetime
from typing import Any
from uuid import UUID

import orjson
import pytest
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.accounts.models import Organization
from core.common.tenancy import all_organizations, organization_scope
from core.delivery.models import Connection
from core.delivery.models.connections import ConnectionKind
from core.delivery.models.kinds import AnymailProvider
from core.delivery.return_addresses import bounce_address, reply_address
from core.tracking.choices import PostState, WebhookKind
from core.tracking.models import (
    AnalyticsEvent,
    CampaignPart,
    DeadEvent,
    Reply,
    SendingAlert,
    WebhookEndpoint,
    WebhookPost,
)
from core.tracking.webhooks.reading import read_waiting
from core.tracking.webhooks.services import post_keep
from tests.support import provider_events
from tests.support.sendgrid_events import blocked
from tests.support.sendgrid_events import event as sendgrid_event
from tests.tracking.inbound.mails import PERSON, dsn, feedback, plain, returned_headers
from tests.tracking.inbound.posts import SECRET, parse_form
from tests.tracking.mailed import mailed_campaign
from tests.tracking.test_intake import state

SPARKPOST, POSTMARK, MAILGUN = AnymailProvider.SPARKPOST, AnymailProvider.POSTMARK, AnymailProvider.MAILGUN
SOURCES = ("sendgrid", SPARKPOST, POSTMARK, MAILGUN, "server", "parse")
KINDS = {
    "sendgrid": ("delivered", "bounce", "blocked", "spamreport", "unsubscribe", "dropped", "open"),
    SPARKPOST: provider_events.KINDS,
    POSTMARK: provider_events.KINDS,
    MAILGUN: provider_events.KINDS,
    "server": ("gone", "full", "auth", "policy", "late", "arrived", "complaint", "reply", "away", "unproven"),
    "parse": ("gone", "auth", "complaint", "reply"),
}
START = provider_events.SECONDS
DAY = 86_400
ENDS_OF_DSNS: dict[str, dict[str, str]] = {
    "gone": {},
    "full": {"status": "5.2.2", "diagnostic": "smtp; 552 5.2.2 mailbox full"},
    "auth": {"status": "5.7.26", "diagnostic": "smtp; 550 5.7.26 unauthenticated"},
    "policy": {"status": "5.7.1", "diagnostic": "smtp; 550 5.7.1 not here"},
    "late": {"action": "delayed", "status": "4.4.1", "diagnostic": "smtp; 451 4.4.1 later"},
    "arrived": {"action": "delivered", "status": "2.0.0", "diagnostic": "smtp; 250 ok"},
}


@dataclass(frozen=True)
class Happening:
    source: str
    kind: str
    number: int
    day: int


@st.composite
def happenings(draw: st.DrawFn) -> list[Happening]:
    one = st.sampled_from([(source, kind) for source in SOURCES for kind in KINDS[source]])
    drawn = draw(st.lists(st.tuples(one, st.integers(0, 2), st.sampled_from([0, 1, 2, 40])), max_size=9, unique=True))
    return [Happening(source, kind, number, day) for (source, kind), number, day in drawn]


def endpoints_of(organization: Organization) -> dict[str, WebhookEndpoint]:
    found = {}
    for source in SOURCES:
        provider = source if source in (SPARKPOST, POSTMARK, MAILGUN) else ""
        kind = ConnectionKind.ANYMAIL if provider else ConnectionKind.SENDGRID
        connection = Connection.objects.create(
            organization=organization, name=f"of {source}", kind=kind, provider=provider, password="x"
        )
        what = {"server": WebhookKind.INBOUND_SIGNED, "parse": WebhookKind.INBOUND_SENDGRID}.get(
            source, WebhookKind.EVENTS
        )
        found[source] = WebhookEndpoint.objects.create(
            organization=organization, connection=connection, kind=what, secret=SECRET
        )
    return found


def body_of(what: Happening, message_id: UUID, chance: random.Random) -> tuple[bytes, str]:
    """The post, wrapped anew each time as providers do."""
    at = START + what.day * DAY
    if what.source == "sendgrid":
        identity = f"{message_id.hex}{what.kind}{what.day}"
        make: Any = blocked if what.kind == "blocked" else None
        fields = {"sg_event_id": identity, "timestamp": at, "smtp-id": str(chance.random())}
        found = (
            make(message_id, "550 5.7.1 listed", **fields) if make else sendgrid_event(what.kind, message_id, **fields)
        )
        return orjson.dumps([found]), ""
    if what.source in (SPARKPOST, POSTMARK, MAILGUN):
        found = provider_events.event(what.source, what.kind, message_id, at=at)
        return provider_events.body_of(what.source, found, token=str(chance.random())), ""
    raw, to = mail_of(what, message_id)
    date = format_datetime(datetime.datetime.fromtimestamp(at, datetime.UTC))
    raw = f"Date: {date}\r\n".encode() + raw.partition(b"\r\n")[2]
    if what.source == "parse":
        return parse_form(raw, to, boundary=f"b{chance.randrange(10**9)}")
    return raw + b"\r\n" * chance.randrange(50), "message/rfc822"


def mail_of(what: Happening, message_id: UUID) -> tuple[bytes, str]:
    returned = returned_headers(message_id, with_proof=what.kind != "unproven")
    to = bounce_address(message_id, "bounce.florist.example") if what.source == "parse" else PERSON
    reply_to = reply_address(message_id, "reply.florist.example")
    if what.kind == "complaint":
        return feedback(returned), PERSON
    if what.kind == "reply":
        return plain("Thank you", to=reply_to), reply_to
    if what.kind == "away":
        return plain("I am away", to=reply_to, headers="Auto-Submitted: auto-replied\r\n"), reply_to
    return dsn("" if what.source == "parse" else returned, **ENDS_OF_DSNS.get(what.kind, {})), to


def deliver(
    happened: Sequence[Happening],
    endpoints: dict[str, WebhookEndpoint],
    message_ids: Sequence[UUID],
    cuts: Sequence[int],
    seed: int,
) -> None:
    """Posts in this order, read after each cut."""
    chance = random.Random(seed)
    edges = [0, *sorted(cuts), len(happened)]
    for start, end in itertools.pairwise(edges):
        for what in happened[start:end]:
            body, content_type = body_of(what, message_ids[what.number], chance)
            post_keep(endpoint=endpoints[what.source], body=body, signed_at=timezone.now(), content_type=content_type)
        with all_organizations(reason="the reading task"):
            read_waiting()
            assert not WebhookPost.objects.exclude(state=PostState.DONE).exists()


def all_of_it() -> dict[str, Any]:
    found = state()
    alerts = ("kind", "domain", "day", "campaign_id", "words", "count", "first_seen", "last_seen")
    return found | {
        "alerts": sorted(SendingAlert.objects.values_list(*alerts)),
        "replies": sorted(Reply.objects.values_list("event_key", "text", "contact_id")),
        "parts": sorted(CampaignPart.objects.values_list("part", "value", "type", "verdict", "total", "firsts")),
        "events": sorted(AnalyticsEvent.objects.values_list("event_key", "type", "bounce_class", "occurred_at")),
    }


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(happened=happenings(), data=st.data(), seed=st.integers(0, 99))
def test_posts_of_any_source_in_any_order_end_in_the_same_rows(
    in_florist: Organization, museum: Organization, happened: list[Happening], data: st.DataObject, seed: int
) -> None:
    with transaction.atomic():
        mailed = mailed_campaign(in_florist)
        ids = [message.pk for message in mailed.messages]
        own = endpoints_of(in_florist)
        with organization_scope(museum):
            theirs = endpoints_of(museum)
        with transaction.atomic():
            deliver(happened, own, ids, [], seed)
            expected = all_of_it()
            transaction.set_rollback(True)
        mixed = data.draw(st.permutations(happened))
        if happened:
            mixed = mixed + data.draw(st.lists(st.sampled_from(happened), max_size=5))
        cuts = data.draw(st.lists(st.integers(0, len(mixed)), max_size=4))
        with organization_scope(museum):
            deliver(happened, theirs, ids, [], seed + 1)
            assert not AnalyticsEvent.objects.exists() and not SendingAlert.objects.exists()
        deliver(mixed, own, ids, cuts, seed + 2)
        assert all_of_it() == expected
        deliver(happened, own, ids, [], seed + 3)
        assert all_of_it() == expected
        assert not DeadEvent.objects.exists()
        transaction.set_rollback(True)


@pytest.mark.parametrize("source", ["server", "parse"])
def test_alert_is_raised_once_a_day_and_stops_no_contact(in_florist: Organization, source: str) -> None:
    mailed = mailed_campaign(in_florist)
    own = endpoints_of(in_florist)
    happened = [Happening(source, "auth", number, day) for number in range(3) for day in (0, 0, 1)]
    deliver(happened, own, [message.pk for message in mailed.messages], [2, 5], 1)
    alerts = list(SendingAlert.objects.order_by("day"))
    assert [(alert.kind, alert.domain, alert.count) for alert in alerts] == [
        ("auth", mailed.campaign.from_email.partition("@")[2], 3),
        ("auth", mailed.campaign.from_email.partition("@")[2], 3),
    ]
    assert "unauthenticated" in alerts[0].words
    assert {type(contact).objects.get(pk=contact.pk).status for contact in mailed.contacts} == {"subscribed"}


def test_same_words_on_two_days_are_two_replies_however_often_they_come(in_florist: Organization) -> None:
    mailed = mailed_campaign(in_florist)
    happened = [Happening("server", "reply", 0, day) for day in (1, 0, 1)]
    deliver(happened, endpoints_of(in_florist), [message.pk for message in mailed.messages], [2], 1)
    received = sorted(Reply.objects.values_list("received_at", flat=True))
    assert [int(at.timestamp()) for at in received] == [START, START + DAY]
