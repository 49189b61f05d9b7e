"""Writes of tracking: one event at a time in, counters out.

`event_record` appends what happened and marks the campaign; `roll_up` recomputes the counters of marked campaigns.
Pages read the counters only.
"""

import datetime
from itertools import groupby
from operator import itemgetter
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Q
from django.utils import timezone

from core.campaigns.models import Campaign, CampaignLink
from core.common import tenancy
from core.common.db import advisory_lock
from core.common.ids import new_id
from core.contacts.models import Contact
from core.contacts.services import contact_resubscribe, contact_unsubscribe
from core.delivery import outcomes
from core.delivery.models import Message
from core.delivery.states import SendState
from core.tracking import rollups
from core.tracking.choices import PEOPLE, EventType, Verdict, VerdictReason
from core.tracking.devices import device_of
from core.tracking.models import AnalyticsEvent, DirtyCampaign
from core.tracking.verdicts import Hit, judge
from core.tracking.waking import wake_roll_up

_FIRST_TIME_FIELD = {
    EventType.OPENED: "opened_at",
    EventType.CLICKED: "clicked_at",
    EventType.UNSUBSCRIBED: "unsubscribed_at",
}
"""Message's column that keeps the time of the first event of a type."""
_LAST_TIME_FIELD = {EventType.OPENED: "last_opened_at", EventType.CLICKED: "last_clicked_at"}
"""Contact's column that keeps the time of the last event of a type."""
_SOURCE = "one-click"
"""Written to the contact's history as the origin of an unsubscribe or its reversal."""


@transaction.atomic
def event_record(
    *,
    message_id: UUID,
    type: EventType,  # noqa: A002 - the field's name
    occurred_at: datetime.datetime,
    event_key: str,
    link_number: int | None = None,
    seen: dict[str, Any] | None = None,
    verdict: Verdict = Verdict.UNKNOWN,
    reasons: tuple[str, ...] = (),
) -> bool:
    """Append an event of a message, once per (organization, event_key). True when it was new.

    Any order and any doubling of calls leaves the same rows: first and last times are a minimum and a maximum, and
    they move for people only. In the same transaction the campaign is marked for `roll_up`. Runs inside the scope of
    the message's organization. Raises Message.DoesNotExist and CampaignLink.DoesNotExist.
    """
    message = Message.objects.only("organization_id", "campaign_id", "contact_id").get(pk=message_id)
    link = None
    if link_number is not None:
        link = CampaignLink.objects.only("id").get(campaign_id=message.campaign_id, number=link_number)
    event = AnalyticsEvent(
        organization_id=message.organization_id,
        message_id=message.pk,
        campaign_id=message.campaign_id,
        contact_id=message.contact_id,
        link_id=link.pk if link else None,
        type=type,
        verdict=verdict,
        reasons=list(reasons),
        event_key=event_key,
        occurred_at=occurred_at,
        seen=seen or {},
        device=device_of((seen or {}).get("user_agent", "")),
    )
    AnalyticsEvent.objects.bulk_create([event], ignore_conflicts=True)
    if not AnalyticsEvent.objects.filter(pk=event.pk).exists():
        return False
    if verdict in PEOPLE:
        # The contact before the message: every writer of both locks them in this order.
        _keep_last_time(message, type, occurred_at)
        _keep_first_time(message, type, occurred_at)
    _mark(message)
    transaction.on_commit(wake_roll_up, robust=True)
    return True


def hit_record(
    *,
    message: Message,
    type: EventType,  # noqa: A002 - the field's name
    seen: dict[str, Any],
    link_number: int | None = None,
) -> bool:
    """Append a request for a mail's pixel or link as an event, judged by what was seen. Runs in the mail's scope."""
    now = timezone.now()
    judgement = judge(
        Hit(
            type=type,
            method=seen["method"],
            user_agent=seen["user_agent"],
            seconds_since_accepted=_seconds_since_accepted(message, now),
        )
    )
    return event_record(
        message_id=message.pk,
        type=type,
        occurred_at=now,
        event_key=f"hit:{new_id().hex}",
        link_number=link_number,
        seen=seen,
        verdict=judgement.verdict,
        reasons=judgement.reasons,
    )


def _seconds_since_accepted(message: Message, now: datetime.datetime) -> float | None:
    """0 while the mail is being handed over: its acceptance is written after the server's answer."""
    if message.accepted_at is not None:
        return (now - message.accepted_at).total_seconds()
    return 0.0 if message.send_state == SendState.READY else None


@transaction.atomic
def recipient_unsubscribe(*, message: Message, seen: dict[str, Any]) -> bool:
    """Take the recipient of this mail off the client's list. True when that changed something.

    Idempotent; commits the contact's status, its suppression and the event together. Runs in the mail's scope.
    """
    changed = contact_unsubscribe(contact_id=message.contact_id, source=_SOURCE)
    if changed:
        event_record(
            message_id=message.pk,
            type=EventType.UNSUBSCRIBED,
            occurred_at=timezone.now(),
            event_key=f"unsubscribed:{message.pk}",
            seen=seen,
            verdict=Verdict.HUMAN,
            reasons=(VerdictReason.ONE_CLICK,),
        )
    return changed


def recipient_resubscribe(*, message: Message) -> None:
    """The way back from `recipient_unsubscribe`. What a bounce, a complaint or a person blocked stays blocked."""
    contact_resubscribe(contact_id=message.contact_id, source=_SOURCE)


def _keep_first_time(message: Message, event_type: EventType, occurred_at: datetime.datetime) -> None:
    field = _FIRST_TIME_FIELD.get(event_type)
    if field:
        is_earlier = Q(**{f"{field}__isnull": True}) | Q(**{f"{field}__gt": occurred_at})
        Message.objects.filter(is_earlier, pk=message.pk).update(**{field: occurred_at})


def _keep_last_time(message: Message, event_type: EventType, occurred_at: datetime.datetime) -> None:
    field = _LAST_TIME_FIELD.get(event_type)
    if field:
        is_later = Q(**{f"{field}__isnull": True}) | Q(**{f"{field}__lt": occurred_at})
        Contact.objects.filter(is_later, pk=message.contact_id).update(**{field: occurred_at})


def _mark(message: Message) -> None:
    """Last in the transaction: the row's lock makes events of a campaign queue up from here to the commit."""
    tenancy.require(message.organization_id)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO tracking_dirtycampaign AS dirty (organization_id, campaign_id, touched) VALUES (%s, %s, 1) "
            "ON CONFLICT (campaign_id) DO UPDATE SET touched = dirty.touched + 1",
            [message.organization_id, message.campaign_id],
        )


_PROVEN = """
SELECT message.organization_id, message.id FROM delivery_message AS message
 WHERE message.send_state = 'uncertain'
   AND EXISTS (SELECT 1 FROM tracking_analyticsevent AS event
                WHERE event.message_id = message.id AND event.organization_id = message.organization_id)
 ORDER BY 1, 2 LIMIT 5000
"""


def doubts_settle() -> int:
    """Mails that came into doubt after an event about them had come: the event proves that they were taken.

    In the scope of all clients. Returns how many.
    """
    with connection.cursor() as cursor:
        cursor.execute(_PROVEN)
        rows = cursor.fetchall()
    settled = 0
    for organization_id, group in groupby(rows, key=itemgetter(0)):
        message_ids = [message_id for _, message_id in group]
        settled += outcomes.prove_accepted(organization_id=organization_id, message_ids=message_ids)
    return settled


def roll_up() -> dict[str, int]:
    """Recompute the counters of every marked campaign in the open scope. Safe to run twice, and at once."""
    marked = list(DirtyCampaign.objects.values_list("organization_id", "campaign_id"))
    done = sum(campaign_roll_up(organization_id=owner, campaign_id=campaign) for owner, campaign in marked)
    for owner in {owner for owner, _ in marked}:
        organization_roll_up(organization_id=owner)
    return {"campaigns": done, "left_to_another_run": len(marked) - done}


@transaction.atomic
def organization_roll_up(*, organization_id: UUID) -> None:
    """Recount the days and months of a client."""
    campaigns = Campaign.objects.filter(organization_id=organization_id).values_list("pk", flat=True)
    rollups.recompute_periods(organization_id=organization_id, campaign_ids=list(campaigns))


def campaign_roll_up(*, organization_id: UUID, campaign_id: UUID) -> bool:
    """Recompute one campaign's counters from its events. False when another run is at it.

    Cases that end with the mark in place, so that the next run counts what this one may have missed:
    1. an event commits after we counted: it raised `touched`, our delete finds another value;
    2. an event's transaction is open: our delete waits for it on the row, then case 1;
    3. an event was inserted but not yet marked when we delete: its own mark makes a new row.
    A row removed and made again with the value we remember (a second run in between) is ruled out by the lock.
    """
    with advisory_lock(f"roll-up:{campaign_id}") as acquired:
        if not acquired:
            return False
        with transaction.atomic():
            mark = DirtyCampaign.objects.filter(campaign_id=campaign_id).values_list("touched", flat=True).first()
            rollups.recompute(organization_id=organization_id, campaign_id=campaign_id)
            if mark is not None:
                DirtyCampaign.objects.filter(campaign_id=campaign_id, touched=mark).delete()
    return True
