"""Events as SendGrid posts them, signed as SendGrid signs them."""

import base64
import random
import time
import urllib.error
import urllib.request
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import orjson
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from core.tracking.webhooks.signature import SIGNATURE_HEADER, TIMESTAMP_HEADER


@dataclass
class EventSigner:
    """A SendGrid account's key pair. `public` is what its page shows."""

    private: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    @property
    def public(self) -> str:
        raw = self.private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return base64.b64encode(raw).decode()

    def headers(self, body: bytes, *, timestamp: str = "") -> dict[str, str]:
        timestamp = timestamp or str(int(time.time()))
        signature = self.private.sign(timestamp.encode() + body, ec.ECDSA(SHA256()))
        return {SIGNATURE_HEADER: base64.b64encode(signature).decode(), TIMESTAMP_HEADER: timestamp}


def event(
    name: str, message_id: UUID | str, *, address: str = "person@people.example", **fields: Any
) -> dict[str, Any]:
    """One event of the reference, about one of our mails."""
    identity = uuid4().hex
    return {
        "email": address,
        "timestamp": int(time.time()),
        "smtp-id": f"<{identity}@geopod>",
        "event": name,
        "category": ["newsletter"],
        "sg_event_id": identity,
        "sg_message_id": f"{identity}.recvd-1",
        "engagex_message": str(getattr(message_id, "hex", message_id)),
        **_FIELDS.get(name, {}),
        **fields,
    }


_FIELDS: dict[str, dict[str, Any]] = {
    "delivered": {"response": "250 OK"},
    "deferred": {"response": "400 try again later", "attempt": "5"},
    "bounce": {
        "reason": "550 5.1.1 <person@people.example>: user unknown",
        "status": "5.1.1",
        "type": "bounce",
        "bounce_classification": "Invalid Address",
    },
    "dropped": {"reason": "Bounced Address", "status": "5.0.0"},
    "open": {"useragent": "Mozilla/5.0 (Windows NT 10.0) Chrome/140", "ip": "203.0.113.9"},
    "click": {
        "useragent": "Mozilla/5.0 (Windows NT 10.0) Chrome/140",
        "url": "https://shop.example/",
        "ip": "203.0.113.9",
    },
    "group_unsubscribe": {"asm_group_id": 10},
}


def blocked(message_id: UUID | str, reason: str, **fields: Any) -> dict[str, Any]:
    return event("bounce", message_id, type="blocked", reason=reason, status="", bounce_classification="", **fields)


def post_events(url: str, events: list[dict[str, Any]], signer: EventSigner) -> int:
    """Post them to a running product; the status of the answer."""
    body = orjson.dumps(events)
    request = urllib.request.Request(url, body, {"Content-Type": "application/json", **signer.headers(body)})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def reports_of(mails: Iterable[Any], chance: random.Random, *, doubled: float = 0.2) -> list[dict[str, Any]]:
    """What SendGrid reports of mails that its stand-in took: out of order, some of it twice.

    The local part says what becomes of a mail: "bounce…", "full…", "spam…" and "left…"; all others arrive.
    """
    found = []
    for mail in mails:
        message = mail.arguments["engagex_message"]
        found.append(event("processed", message, address=mail.address))
        found += [event(name, message, address=mail.address, **fields) for name, fields in _fate(mail.address)]
    found += [one for one in found if chance.random() < doubled]
    chance.shuffle(found)
    return found


def _fate(address: str) -> list[tuple[str, dict[str, Any]]]:
    if address.startswith("bounce"):
        return [("bounce", {})]
    if address.startswith("full"):
        return [("deferred", {}), ("bounce", {"status": "5.2.2", "reason": "552 5.2.2 mailbox full"})]
    if address.startswith("spam"):
        return [("delivered", {}), ("spamreport", {})]
    if address.startswith("left"):
        return [("delivered", {}), ("unsubscribe", {})]
    return [("deferred", {}), ("delivered", {})]
