"""Writes of what comes in: the words of those who answered."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from core.delivery.models import Message
from core.tracking.models import Reply


def replies_keep(items: Iterable[Any], *, organization_id: UUID) -> None:
    """Keep the texts of replies whose events were taken, once each. `items` have an arrival and a reply or None."""
    answered = [item for item in items if item.reply is not None and item.arrival is not None]
    if not answered:
        return
    messages = Message.objects.select_related("contact").in_bulk([item.arrival.message_id for item in answered])
    rows = [
        _row(messages[item.arrival.message_id], item, organization_id)
        for item in answered
        if item.arrival.message_id in messages
    ]
    Reply.objects.bulk_create(rows, ignore_conflicts=True)


def _row(message: Message, item: Any, organization_id: UUID) -> Reply:
    is_contact = item.reply.sender.casefold() == message.contact.email.casefold()
    return Reply(
        organization_id=organization_id,
        message_id=message.pk,
        campaign_id=message.campaign_id,
        contact_id=message.contact_id,
        event_key=item.key,
        sender="" if is_contact else item.reply.sender,
        sender_name=item.reply.name,
        subject=item.reply.subject,
        text=item.reply.text,
        received_at=item.arrival.occurred_at,
    )
