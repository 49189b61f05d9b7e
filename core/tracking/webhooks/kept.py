"""Events that are set aside, as rows without addresses that can be read again."""

import datetime
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any
from uuid import UUID

from core.tracking.arrivals import Arrival
from core.tracking.inbound.bounces import without_addresses
from core.tracking.inbound.reading import ReplyText


class NotKept(ValueError):
    """The row holds no event that was understood."""


def kept_event(arrival: Arrival, reply: ReplyText | None = None) -> dict[str, Any]:
    """What is needed to apply it later. Of a reply the sender is not kept: it is then shown as the contact's."""
    event = {
        **asdict(arrival),
        "event": str(arrival.type),
        "message_id": arrival.message_id.hex,
        "occurred_at": arrival.occurred_at.isoformat(),
        "reasons": list(arrival.reasons),
    }
    del event["type"]
    if reply is not None:
        event["reply"] = {
            "subject": without_addresses(reply.subject),
            "text": "\n".join(without_addresses(line) for line in reply.text.split("\n")),
        }
    return event


def restored(event: Mapping[str, Any]) -> tuple[Arrival, ReplyText | None]:
    """The way back from `kept_event`. Raises NotKept."""
    try:
        arrival = Arrival(
            message_id=UUID(event["message_id"]),
            type=event["event"],
            event_key=event["event_key"],
            occurred_at=datetime.datetime.fromisoformat(event["occurred_at"]),
            verdict=event["verdict"],
            reasons=tuple(event["reasons"]),
            bounce_class=event["bounce_class"],
            device=event["device"],
            seen=event["seen"],
        )
    except (KeyError, TypeError, ValueError) as error:
        raise NotKept("no event that was understood") from error
    reply = event.get("reply")
    return arrival, ReplyText("", "", reply["subject"], reply["text"]) if reply else None
