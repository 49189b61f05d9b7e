"""SendGrid's Event Webhook: what an event says, in our vocabulary.

Source: Twilio SendGrid's documentation, "Event Webhook Reference" and "Getting started with the Event Webhook security
features". Posts are arrays; events come more than once and in any order; custom arguments stand flat in the event.
"""

import datetime
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson

from core.delivery.bounces import BounceClass
from core.delivery.transports.sendgrid import MESSAGE_ARGUMENT
from core.tracking.arrivals import Arrival
from core.tracking.bounce_classes import classify
from core.tracking.choices import EventType, Verdict
from core.tracking.verdicts import hit_of, judge

_LONGEST_KEY = 90
_LONGEST_WORDS = 450
_EARLIEST = datetime.datetime(2010, 1, 1, tzinfo=datetime.UTC)
_ADDRESS = "<address>"
TOO_DEEP = b"nested too deeply"

_TYPES = {
    "processed": EventType.SENT,
    "deferred": EventType.DEFERRED,
    "delivered": EventType.DELIVERED,
    "bounce": EventType.BOUNCED,
    "blocked": EventType.BOUNCED,
    "dropped": EventType.DROPPED,
    "spamreport": EventType.COMPLAINED,
    "unsubscribe": EventType.UNSUBSCRIBED,
    "group_unsubscribe": EventType.UNSUBSCRIBED,
    "open": EventType.OPENED,
    "click": EventType.CLICKED,
}
_HINTS = {
    "invalid address": BounceClass.INVALID_ADDRESS,
    "mailbox unavailable": BounceClass.MAILBOX_FULL,
    "content": BounceClass.CONTENT,
    "reputation": BounceClass.REPUTATION,
    "frequency or volume too high": BounceClass.RATE,
    "technical failure": BounceClass.NETWORK,
    "technical": BounceClass.NETWORK,
}
_DROPS = {
    "bounced address": BounceClass.PROVIDER_LIST,
    "unsubscribed address": BounceClass.LEFT_THERE,
    "spam reporting address": BounceClass.COMPLAINED_THERE,
    "invalid": BounceClass.INVALID_ADDRESS,
    "spam content": BounceClass.CONTENT,
    "recipient list over package quota": BounceClass.RATE,
}
_KEPT = (
    *("event", "type", "status", "reason", "response", "timestamp", "sg_event_id", "sg_message_id", "useragent", "url"),
    *("bounce_classification", "sg_machine_open", "attempt", "asm_group_id", MESSAGE_ARGUMENT),
)
"""Of an event that is set aside. The address is not among them."""


class UnreadableEvent(ValueError):
    """This is no event as SendGrid describes them. The text says why, for people."""


@dataclass(frozen=True, slots=True)
class ReadEvent:
    """An event of ours as an arrival; `arrival` is None for one about a mail that did not come from us."""

    key: str
    arrival: Arrival | None


def read(event: Any, *, received_at: datetime.datetime) -> ReadEvent:
    """Understand one event. Unknown kinds become EventType.UNKNOWN. Raises UnreadableEvent."""
    if not isinstance(event, dict):
        raise UnreadableEvent("It is no object.")
    key = event_key(event)
    if key == _TOO_DEEP_KEY:
        raise UnreadableEvent("It is nested too deeply.")
    if MESSAGE_ARGUMENT not in event:
        return ReadEvent(key, None)
    name = _text(event, "event")
    if not name:
        raise UnreadableEvent("It does not say what happened.")
    kind = _TYPES.get(name, EventType.UNKNOWN)
    verdict, reasons = _judged(kind, event)
    return ReadEvent(
        key,
        Arrival(
            message_id=_message_id(event),
            type=kind,
            event_key=key,
            occurred_at=_moment(event, received_at),
            verdict=verdict,
            reasons=reasons,
            bounce_class=_bounce_class(kind, event),
            seen=_seen(name, event),
        ),
    )


def event_key(event: Any) -> str:
    """What makes an event the same when it comes again: SendGrid's id, else all it says."""
    given = _text(event, "sg_event_id") if isinstance(event, dict) else ""
    if given and len(given) <= _LONGEST_KEY:
        return f"sg:{given}"
    return _key_of(given.encode() if given else said_by(event))


def _key_of(content: bytes) -> str:
    return f"sg:{hashlib.sha256(content).hexdigest()}"


_TOO_DEEP_KEY = _key_of(TOO_DEEP)


def said_by(event: Any) -> bytes:
    """All that an event says, the same whatever the order of its fields. JSON can be read deeper than it can be
    written: what is nested like that is nobody's event."""
    try:
        return orjson.dumps(event, option=orjson.OPT_SORT_KEYS)
    except orjson.JSONEncodeError:
        return TOO_DEEP


def without_address(event: Any) -> dict[str, Any]:
    """What is kept of an event that is set aside: enough to read it again, nothing that names a person."""
    if not isinstance(event, dict):
        return {"unreadable": type(event).__name__}
    kept = {name: event[name] for name in _KEPT if name in event}
    texts = {name: _redacted(value[:2000], event) for name, value in kept.items() if isinstance(value, str)}
    return {name: texts.get(name, value if isinstance(value, (int, float)) else "") for name, value in kept.items()}


def _text(event: Mapping[str, Any], name: str) -> str:
    value = event.get(name)
    return value.replace("\x00", "").strip() if isinstance(value, str) else ""


def _redacted(words: str, event: Mapping[str, Any]) -> str:
    """Servers quote the address in their answers; it has no place in our rows."""
    address = _text(event, "email")
    if address:
        words = words.replace(address, _ADDRESS).replace(address.casefold(), _ADDRESS)
    return words.replace("\x00", "")


def _message_id(event: Mapping[str, Any]) -> UUID:
    try:
        return UUID(_text(event, MESSAGE_ARGUMENT))
    except ValueError as error:
        raise UnreadableEvent("It does not say which mail it is about.") from error


def _moment(event: Mapping[str, Any], received_at: datetime.datetime) -> datetime.datetime:
    """When it happened; a time that cannot be true is the time we heard of it."""
    given = event.get("timestamp")
    try:
        moment = datetime.datetime.fromtimestamp(int(given), datetime.UTC)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError, OSError):
        return received_at
    return moment if _EARLIEST < moment < received_at + datetime.timedelta(minutes=5) else received_at


def _judged(kind: EventType, event: Mapping[str, Any]) -> tuple[str, tuple[str, ...]]:
    if kind not in (EventType.OPENED, EventType.CLICKED):
        return Verdict.UNKNOWN, ()
    judgement = judge(hit_of(kind, _seen(kind, event), None))
    return judgement.verdict, judgement.reasons


def _bounce_class(kind: EventType, event: Mapping[str, Any]) -> str:
    words = _words(event)
    if kind == EventType.DROPPED:
        reason = next((found for found in (words, _text(event, "type")) if found.casefold() in _DROPS), "")
        return _DROPS.get(reason.casefold(), BounceClass.UNDETERMINED)
    if kind != EventType.BOUNCED:
        return ""
    is_block = "blocked" in (_text(event, "type").casefold(), _text(event, "event"))
    hint = _HINTS.get(_text(event, "bounce_classification").casefold())
    return classify(status=_text(event, "status"), words=words, hint=hint, is_block=is_block)


def _words(event: Mapping[str, Any]) -> str:
    return (_text(event, "reason") or _text(event, "response"))[:2000]


def _seen(name: str, event: Mapping[str, Any]) -> dict[str, Any]:
    """What is kept with the event: the provider's own words for it, and no address."""
    seen: dict[str, Any] = {
        "by": "sendgrid",
        "machine": event.get("sg_machine_open") is True,
        "event": name[:60],
        "type": _text(event, "type")[:40],
        "status": _text(event, "status")[:20],
        "words": _redacted(_words(event), event)[:_LONGEST_WORDS],
        "classification": _text(event, "bounce_classification")[:60],
        "user_agent": _text(event, "useragent")[:300],
        "url": _text(event, "url")[:500] if name == "click" else "",
    }
    return {key: value for key, value in seen.items() if value}
