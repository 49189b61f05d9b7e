"""Writes of what comes in: the words of those who answered."""

import datetime
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.utils import timezone

from core.delivery.models import Message
from core.tracking.models import Reply

_AT_ONCE = 5_000


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


def replies_prune(*, months: int) -> int:
    """Forget replies of the open scope that came in more than so many whole months ago; how many. 0 keeps them."""
    if not months:
        return 0
    today = timezone.now().astimezone(datetime.UTC).date()
    number = today.year * 12 + today.month - 1 - months
    before = datetime.datetime(number // 12, number % 12 + 1, 1, tzinfo=datetime.UTC)
    removed = 0
    while old := list(Reply.objects.filter(received_at__lt=before).order_by().values_list("pk", flat=True)[:_AT_ONCE]):
        removed += Reply.objects.filter(pk__in=old).delete()[0]
    return removed


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
