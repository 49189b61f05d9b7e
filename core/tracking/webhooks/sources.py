"""What came to an endpoint, as single events in one form, whoever sent it."""

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import orjson

from core.delivery.models.connections import ConnectionKind
from core.delivery.transports.registry import account_of
from core.tracking.arrivals import Arrival
from core.tracking.choices import INBOUND_KINDS, WebhookKind
from core.tracking.inbound import posts
from core.tracking.inbound.hosts import hosts_seen
from core.tracking.inbound.mime import UnreadableMail
from core.tracking.inbound.proof import delivered_to
from core.tracking.inbound.reading import MailKind, ReplyText, understand
from core.tracking.models import DeadEvent, WebhookEndpoint, WebhookPost
from core.tracking.webhooks import anymail, sendgrid
from core.tracking.webhooks.kept import NotKept, kept_event, restored
from core.tracking.webhooks.sendgrid import UnreadableEvent

SENDGRID = "sendgrid"
_FIELD = re.compile(r"[A-Za-z0-9_.-]{1,40}")


@dataclass(frozen=True, slots=True)
class Item:
    """One event of a post. With `problem` it could not be read; without an arrival it changes nothing and is counted
    as `counted_as`. `kept` makes what stays of it when it is set aside."""

    key: str
    kept: Callable[[], dict[str, Any]]
    arrival: Arrival | None = None
    reply: ReplyText | None = None
    problem: str = ""
    counted_as: str = MailKind.OTHER


def provider_of(endpoint: WebhookEndpoint) -> str:
    """Whose events come to an endpoint for them: SENDGRID, or one of AnymailProvider."""
    account = account_of(endpoint.connection)
    return account.provider if account.kind == ConnectionKind.ANYMAIL else SENDGRID


def items_of(post: WebhookPost) -> list[Item]:
    """Raises UnreadableEvent for a post that holds no events at all."""
    endpoint = post.endpoint
    if endpoint.kind in INBOUND_KINDS:
        return [_mail_item(post)]
    provider = provider_of(endpoint)
    if provider == SENDGRID:
        return [_sendgrid_item(event, post) for event in _sendgrid_events(bytes(post.body))]
    return [_anymail_item(provider, event, post) for event in anymail.events_in(bytes(post.body))]


def item_again(dead: DeadEvent) -> Item:
    """An event that was set aside, read once more. Raises UnreadableEvent."""
    endpoint = dead.endpoint
    if endpoint.kind == WebhookKind.EVENTS and provider_of(endpoint) == SENDGRID:
        found = sendgrid.read(dead.event, received_at=dead.created_at)
        # Without an id of SendGrid's an event is all that it said, of which not all was kept.
        arrival = replace(found.arrival, event_key=dead.event_key) if found.arrival else None
        return Item(dead.event_key, dict, arrival)
    try:
        arrival, reply = restored(dead.event)
    except NotKept as error:
        raise UnreadableEvent("It was not understood when it came, and is not kept as it came.") from error
    return Item(arrival.event_key, dict, arrival, reply)


def _sendgrid_events(body: bytes) -> list[Any]:
    try:
        events = orjson.loads(body)
    except orjson.JSONDecodeError:
        events = None
    if not isinstance(events, list):
        raise UnreadableEvent("The post is no JSON array.")
    return events


def _sendgrid_item(event: Any, post: WebhookPost) -> Item:
    kept = partial(sendgrid.without_address, event)
    try:
        found = sendgrid.read(event, received_at=post.received_at)
    except UnreadableEvent as error:
        return Item(sendgrid.event_key(event), kept, problem=str(error))
    return Item(found.key, kept, found.arrival)


def _anymail_item(provider: str, event: Any, post: WebhookPost) -> Item:
    try:
        found = anymail.read(provider, event, received_at=post.received_at)
    except UnreadableEvent as error:
        return Item(anymail.event_key(provider, event), partial(_unread, provider, event), problem=str(error))
    return Item(found.key, partial(_kept, found.arrival), found.arrival)


def _unread(provider: str, event: Any) -> dict[str, Any]:
    """Which fields it had; what stood in them may be about a person, and so may a name that is none of a field."""
    names = sorted(filter(_FIELD.fullmatch, event)) if isinstance(event, dict) else []
    return {"by": provider, "fields": names[:40]}


def _mail_item(post: WebhookPost) -> Item:
    """One post is one mail."""
    content_type = str(post.headers.get("content-type", ""))
    read = posts.mail_of_form if post.endpoint.kind == WebhookKind.INBOUND_SENDGRID else posts.mail_of_server
    key = f"in:{hashlib.sha256(bytes(post.body)).hexdigest()}"
    try:
        posted = read(bytes(post.body), content_type)
    except UnreadableMail as error:
        return Item(key, partial(dict, by="mail", size=len(post.body)), problem=str(error))
    hosts_seen(post.endpoint, delivered_to(posted.mail, posted.envelope_to))
    found = understand(posted.mail, posted.envelope_to, received_at=post.received_at)
    if found.arrival is None:
        return Item(key, dict, counted_as=found.kind)
    kept = partial(_kept, found.arrival, found.reply)
    return Item(found.arrival.event_key, kept, found.arrival, found.reply, counted_as=found.kind)


def _kept(arrival: Arrival | None, reply: ReplyText | None = None) -> dict[str, Any]:
    return kept_event(arrival, reply) if arrival else {}
