"""Events of the providers that Anymail knows, in our vocabulary. Anymail's own views make them the same for all; only
their reading is used, on bodies that we have verified and kept, one event at a time.

Source: django-anymail's documentation, "Tracking sent mail status" and its pages about each provider.
"""

import datetime
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from importlib import import_module
from typing import Any
from uuid import UUID

import orjson
from anymail.exceptions import AnymailError
from anymail.signals import AnymailTrackingEvent, RejectReason
from anymail.signals import EventType as Theirs

from core.delivery.bounces import BounceClass
from core.delivery.models.kinds import AnymailProvider
from core.delivery.transports.anymail import MESSAGE_ARGUMENT
from core.tracking.arrivals import Arrival
from core.tracking.bounce_classes import classify
from core.tracking.choices import EventType, Verdict
from core.tracking.inbound.bounces import without_addresses
from core.tracking.verdicts import hit_of, judge
from core.tracking.webhooks.sendgrid import ReadEvent, UnreadableEvent, said_by

MOST_EVENTS = 10_000
_EARLIEST = datetime.datetime(2010, 1, 1, tzinfo=datetime.UTC)
_TYPES = {
    Theirs.QUEUED: EventType.SENT,
    Theirs.SENT: EventType.SENT,
    Theirs.REJECTED: EventType.DROPPED,
    Theirs.FAILED: EventType.DROPPED,
    Theirs.BOUNCED: EventType.BOUNCED,
    Theirs.DEFERRED: EventType.DEFERRED,
    Theirs.DELIVERED: EventType.DELIVERED,
    Theirs.OPENED: EventType.OPENED,
    Theirs.CLICKED: EventType.CLICKED,
    Theirs.COMPLAINED: EventType.COMPLAINED,
    Theirs.UNSUBSCRIBED: EventType.UNSUBSCRIBED,
}
"""What is not here (an automatic answer, a subscription) stays unknown and changes nothing."""
_DROPS = {
    RejectReason.INVALID: BounceClass.INVALID_ADDRESS,
    RejectReason.BOUNCED: BounceClass.PROVIDER_LIST,
    RejectReason.TIMED_OUT: BounceClass.EXPIRED,
    RejectReason.BLOCKED: BounceClass.PROVIDER_LIST,
    RejectReason.SPAM: BounceClass.COMPLAINED_THERE,
    RejectReason.UNSUBSCRIBED: BounceClass.LEFT_THERE,
}


def _sparkpost_class(event: Mapping[str, Any]) -> str:
    found = next(iter(_dict(event.get("msys")).values()), None)
    return str(_dict(found).get("bounce_class"))


# Which bounces a provider takes for final. Anymail does not say; without it none is.
_IS_FINAL: dict[str, Callable[[Mapping[str, Any]], bool]] = {
    AnymailProvider.BREVO: lambda event: event.get("event") in ("hard_bounce", "invalid_email"),
    AnymailProvider.MAILERSEND: lambda event: _dict(event.get("data")).get("type") == "hard_bounced",
    AnymailProvider.MAILGUN: lambda event: _dict(event.get("event-data")).get("severity") == "permanent",
    AnymailProvider.MAILJET: lambda event: event.get("hard_bounce") in (True, "true", 1),
    AnymailProvider.POSTMARK: lambda event: "HardBounce" in (event.get("Type"), event.get("SuppressionReason")),
    AnymailProvider.RESEND: lambda event: _dict(_dict(event.get("data")).get("bounce")).get("type") == "Permanent",
    AnymailProvider.SPARKPOST: lambda event: _sparkpost_class(event) in ("10", "30"),
}
_VIEW_ARGUMENTS: dict[str, dict[str, Any]] = {
    AnymailProvider.MAILGUN: {"webhook_signing_key": "unused"},
    AnymailProvider.MAILERSEND: {"signing_secret": "unused"},
}


@dataclass(frozen=True)
class _Stored:
    """As much of a request as Anymail's readers look at."""

    body: bytes
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


def events_in(body: bytes) -> list[Any]:
    """The single events of a post: some providers send one, some an array. Raises UnreadableEvent."""
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise UnreadableEvent("The post is no JSON.") from error
    return document[:MOST_EVENTS] if isinstance(document, list) else [document]


def read(provider: str, event: Any, *, received_at: datetime.datetime) -> ReadEvent:
    """Understand one event. Raises UnreadableEvent."""
    key = event_key(provider, event)
    if not isinstance(event, dict):
        raise UnreadableEvent("It is no object.")
    found = _normalised(provider, event)
    if found is None:
        return ReadEvent(key, None)
    message_id = _message_id(found)
    if message_id is None:
        return ReadEvent(key, None)
    kind = _TYPES.get(found.event_type, EventType.UNKNOWN)
    seen = _seen(provider, kind, found)
    verdict, reasons = _judged(kind, seen)
    return ReadEvent(
        key,
        Arrival(
            message_id=message_id,
            type=kind,
            event_key=key,
            occurred_at=_moment(found.timestamp, received_at),
            verdict=verdict,
            reasons=reasons,
            bounce_class=_bounce_class(provider, kind, found, event),
            seen=seen,
        ),
    )


def event_key(provider: str, event: Any) -> str:
    """Most of them give events no number, so an event is what it says. Mailgun signs each repetition anew."""
    said = event.get("event-data", event) if isinstance(event, dict) else event
    return f"am:{hashlib.sha256(provider.encode() + said_by(said)).hexdigest()}"


def _normalised(provider: str, event: Mapping[str, Any]) -> AnymailTrackingEvent | None:
    """None for what is a test of the connection and no event."""
    is_array = provider in (AnymailProvider.MAILJET, AnymailProvider.SPARKPOST)
    try:
        found = _view(provider).parse_events(_Stored(orjson.dumps([event] if is_array else event)))
    except (AnymailError, LookupError, TypeError, ValueError, AttributeError, OverflowError, OSError) as error:
        raise UnreadableEvent("It is no event as this provider describes them.") from error
    return found[0] if found else None


@lru_cache(maxsize=16)
def _view(provider: str) -> Any:
    """Without a request; secrets of its own would come from Django's settings, so it is told that it has some."""
    module = import_module(f"anymail.webhooks.{AnymailProvider(provider).value}")
    view = getattr(module, f"{AnymailProvider(provider).label}TrackingWebhookView")
    return view(webhook_secret=["unused"], **_VIEW_ARGUMENTS.get(provider, {}))


def _message_id(event: AnymailTrackingEvent) -> UUID | None:
    """Ours, from where the transport put it: metadata, or a tag where a provider has no metadata."""
    given = _dict(event.metadata).get(MESSAGE_ARGUMENT)
    tags = event.tags if isinstance(event.tags, list) else []
    tag = next((one for one in tags if isinstance(one, str) and one.startswith(f"{MESSAGE_ARGUMENT}:")), "")
    text = given if isinstance(given, str) else tag.partition(":")[2]
    if not text:
        return None
    try:
        return UUID(text)
    except ValueError as error:
        raise UnreadableEvent("It does not say which mail it is about.") from error


def _moment(given: Any, received_at: datetime.datetime) -> datetime.datetime:
    if not isinstance(given, datetime.datetime):
        return received_at
    moment = given if given.tzinfo else given.replace(tzinfo=datetime.UTC)
    return moment if _EARLIEST < moment < received_at + datetime.timedelta(minutes=5) else received_at


def _judged(kind: EventType, seen: dict[str, Any]) -> tuple[str, tuple[str, ...]]:
    if kind not in (EventType.OPENED, EventType.CLICKED):
        return Verdict.UNKNOWN, ()
    judgement = judge(hit_of(kind, seen, None))
    return judgement.verdict, judgement.reasons


def _bounce_class(provider: str, kind: EventType, found: AnymailTrackingEvent, event: Mapping[str, Any]) -> str:
    if kind == EventType.DROPPED:
        return _DROPS.get(found.reject_reason, BounceClass.UNDETERMINED)
    if kind != EventType.BOUNCED:
        return ""
    is_final = _IS_FINAL[provider](event)
    hint = BounceClass.INVALID_ADDRESS if is_final else None
    return classify(status="", words=_words(found), hint=hint, is_block=not is_final)


def _words(event: AnymailTrackingEvent) -> str:
    return _text(event.mta_response) or _text(event.description)


def _seen(provider: str, kind: EventType, event: AnymailTrackingEvent) -> dict[str, Any]:
    seen = {
        "by": provider,
        "event": str(event.event_type)[:60],
        "words": without_addresses(_words(event)),
        "classification": str(event.reject_reason or "")[:60],
        "user_agent": _text(event.user_agent)[:300],
        "url": _text(event.click_url)[:500] if kind == EventType.CLICKED else "",
    }
    return {name: value for name, value in seen.items() if value}


def _text(value: Any) -> str:
    return value.replace("\x00", "").strip()[:2_000] if isinstance(value, str) else ""


def _dict(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
