"""Events as the providers that Anymail knows post them, with the proof that each of them brings."""

import base64
import hashlib
import hmac
import time
from typing import Any
from uuid import UUID

import orjson

from core.delivery.models.kinds import AnymailProvider as P

SECRET = "a-secret-of-24-letters-or-more"
SVIX_SECRET = "whsec_" + base64.b64encode(b"a secret of twenty-four..").decode()
PERSON = "person@people.example"
WORDS = f"550 5.1.1 <{PERSON}>: user unknown"
FULL = "552 5.2.2 mailbox full"
SECONDS = 1_777_896_000
MOMENT = "2026-05-04T12:00:00Z"
PROVIDERS = tuple(P)
SIGNED_OVER_BODY = (P.MAILERSEND, P.RESEND)
KINDS = ("delivered", "hard", "full", "complained", "unsubscribed")
"""What every provider can report but Resend, which knows no unsubscription."""


def secret_of(provider: str) -> str:
    return SVIX_SECRET if provider == P.RESEND else SECRET


def kinds_of(provider: str) -> tuple[str, ...]:
    return KINDS[:-1] if provider == P.RESEND else KINDS


def event(provider: str, kind: str, message_id: UUID, *, at: int = SECONDS, number: int = 0) -> Any:
    """The event without the signature that some carry inside. `number` tells two of the same kind apart."""
    return _MAKERS[provider](kind, message_id.hex, at, number)


def body_of(provider: str, found: Any, *, token: str = "", secret: str = "") -> bytes:
    if provider == P.MAILGUN:
        timestamp = str(int(time.time()))
        token = token or hashlib.sha256(orjson.dumps(found)).hexdigest()[:50]
        signature = _hex(secret or SECRET, f"{timestamp}{token}".encode())
        found = {"signature": {"timestamp": timestamp, "token": token, "signature": signature}, "event-data": found}
    return orjson.dumps([found] if provider in (P.MAILJET, P.SPARKPOST) else found)


def headers_of(provider: str, body: bytes, *, secret: str = "", age: int = 0) -> dict[str, str]:
    secret = secret or secret_of(provider)
    if provider == P.MAILGUN:
        return {}
    if provider == P.MAILERSEND:
        return {"Signature": _hex(secret, body)}
    if provider == P.RESEND:
        timestamp = str(int(time.time()) - age)
        key = base64.b64decode(secret.removeprefix("whsec_"))
        digest = hmac.new(key, f"msg_1.{timestamp}.".encode() + body, hashlib.sha256).digest()
        signature = f"v1,{base64.b64encode(digest).decode()}"
        return {"svix-id": "msg_1", "svix-timestamp": timestamp, "svix-signature": f"v1,AAAA {signature}"}
    return {"Authorization": "Basic " + base64.b64encode(f"engagex:{secret}".encode()).decode()}


def _hex(secret: str, content: bytes) -> str:
    return hmac.new(secret.encode(), content, hashlib.sha256).hexdigest()


def _brevo(kind: str, message: str, at: int, number: int) -> Any:
    names = {"hard": "hard_bounce", "full": "soft_bounce", "complained": "spam", "unsubscribed": "unsubscribe"}
    return {
        "event": names.get(kind, kind),
        "email": PERSON,
        "id": number,
        "ts_epoch": at * 1000,
        "message-id": "<x@brevo>",
        "reason": {"hard": WORDS, "full": FULL}.get(kind, ""),
        "X-Mailin-custom": orjson.dumps({"engagex_message": message}).decode(),
    }


def _mailersend(kind: str, message: str, at: int, number: int) -> Any:
    names = {"hard": "hard_bounced", "full": "soft_bounced", "complained": "spam_complaint"}
    morph = {"object": "recipient_bounce", "reason": {"hard": WORDS, "full": FULL}.get(kind, "")}
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S.000000Z", time.gmtime(at))
    return {
        "type": f"activity.{names.get(kind, kind)}",
        "data": {
            "object": "activity",
            "id": f"id{number}",
            "type": names.get(kind, kind),
            "created_at": stamp,
            "email": {"recipient": {"email": PERSON}, "tags": [f"engagex_message:{message}"]},
            "morph": morph if kind in ("hard", "full") else None,
        },
    }


def _mailgun(kind: str, message: str, at: int, number: int) -> Any:
    names = {"hard": "failed", "full": "failed"}
    found: dict[str, Any] = {
        "event": names.get(kind, kind),
        "id": f"id{number}",
        "timestamp": at + 0.5,
        "recipient": PERSON,
        "user-variables": {"engagex_message": message},
        "message": {"headers": {"message-id": f"{message}@florist.example", "to": PERSON}},
    }
    if kind in ("hard", "full"):
        # Mailgun gives up with a permanent failure, whatever the reason.
        found |= {"severity": "permanent", "reason": "bounce", "delivery-status": {}}
        found["delivery-status"] = {"code": 550, "message": WORDS if kind == "hard" else FULL, "description": ""}
    return found


def _mailjet(kind: str, message: str, at: int, number: int) -> Any:
    names = {"delivered": "sent", "hard": "bounce", "full": "bounce", "complained": "spam", "unsubscribed": "unsub"}
    found: dict[str, Any] = {
        "event": names[kind],
        "time": at,
        "MessageID": number,
        "email": PERSON,
        "Payload": orjson.dumps({"engagex_message": message}).decode(),
    }
    if kind in ("hard", "full"):
        error = "user unknown" if kind == "hard" else "quota exceeded"
        found |= {"error": error, "hard_bounce": kind == "hard", "smtp_reply": WORDS if kind == "hard" else FULL}
    return found


def _postmark(kind: str, message: str, at: int, number: int) -> Any:
    stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))
    found: dict[str, Any] = {"MessageID": f"id{number}", "Metadata": {"engagex_message": message}}
    if kind == "delivered":
        return found | {"RecordType": "Delivery", "Recipient": PERSON, "DeliveredAt": stamp, "Details": "250 OK"}
    if kind == "complained":
        return found | {"RecordType": "SpamComplaint", "Type": "SpamComplaint", "Email": PERSON, "BouncedAt": stamp}
    if kind == "unsubscribed":
        reason = {"SuppressSending": True, "SuppressionReason": "ManualSuppression"}
        return found | {"RecordType": "SubscriptionChange", "Recipient": PERSON, "ChangedAt": stamp} | reason
    kinds = {"Type": "HardBounce" if kind == "hard" else "SoftBounce", "ID": 7 + number}
    return (
        found
        | {"RecordType": "Bounce", "Email": PERSON, "BouncedAt": stamp, "Details": WORDS if kind == "hard" else FULL}
        | kinds
    )


def _resend(kind: str, message: str, at: int, number: int) -> Any:
    names = {"hard": "email.bounced", "full": "email.bounced"}
    data: dict[str, Any] = {
        "email_id": f"id{number}",
        "to": [PERSON],
        "headers": [{"name": "X-Metadata", "value": orjson.dumps({"engagex_message": message}).decode()}],
    }
    if kind in ("hard", "full"):
        words = {"hard": WORDS, "full": FULL}[kind]
        data["bounce"] = {"message": words, "type": "Permanent" if kind == "hard" else "Transient"}
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(at))
    return {"type": names.get(kind, f"email.{kind}"), "created_at": stamp, "data": data}


def _sparkpost(kind: str, message: str, at: int, number: int) -> Any:
    names = {"delivered": "delivery", "complained": "spam_complaint", "unsubscribed": "link_unsubscribe"}
    found: dict[str, Any] = {
        "type": names.get(kind, "bounce"),
        "event_id": f"id{number}{kind}",
        "timestamp": str(at),
        "raw_rcpt_to": PERSON,
        "rcpt_meta": {"engagex_message": message},
    }
    if kind in ("hard", "full"):
        words, number = {"hard": (WORDS, 10), "full": (FULL, 22)}[kind]
        found |= {"raw_reason": words, "bounce_class": str(number)}
    event_class = "unsubscribe_event" if kind == "unsubscribed" else "message_event"
    return {"msys": {event_class: found}}


_MAKERS = {
    P.BREVO: _brevo,
    P.MAILERSEND: _mailersend,
    P.MAILGUN: _mailgun,
    P.MAILJET: _mailjet,
    P.POSTMARK: _postmark,
    P.RESEND: _resend,
    P.SPARKPOST: _sparkpost,
}
