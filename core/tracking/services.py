"""Writes of tracking: one event at a time in, and the counters that do not follow from events alone.

`event_record` appends what happened, with its counters; `roll_up` recounts what comes from the ledger and the groups.
Pages read the counters only.
"""

import datetime
import logging
import time
import traceback
from collections.abc import Callable
from itertools import groupby
from operator import itemgetter
from typing import Any
from uuid import UUID

from django.core.cache import cache
from django.db import connection, transaction
from django.utils import timezone

from core.accounts import audit
from core.accounts.models import Organization
from core.campaigns.models import Campaign, CampaignLink
from core.common.db import advisory_lock
from core.common.ids import new_id
from core.common.tasks import wake
from core.contacts.services import contact_resubscribe, contact_unsubscribe
from core.delivery import outcomes
from core.delivery.models import Message
from core.delivery.states import SendState
from core.tracking import intake, rollups
from core.tracking.arrivals import Arrival
from core.tracking.choices import EventType, Verdict, VerdictReason
from core.tracking.devices import device_of
from core.tracking.models import CampaignRecount
from core.tracking.queries import recounts as queries
from core.tracking.verdicts import hit_of, judge

logger = logging.getLogger(__name__)

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

    Any order and any doubling of calls leaves the same rows, see `intake`. What it means for the contact, the caller
    has seen to. Runs inside the scope of the message's organization. Raises Message.DoesNotExist and
    CampaignLink.DoesNotExist.
    """
    message = Message.objects.only("organization_id", "campaign_id").get(pk=message_id)
    if link_number is not None:
        CampaignLink.objects.only("id").get(campaign_id=message.campaign_id, number=link_number)
    arrival = Arrival(
        message_id=message.pk,
        type=type,
        event_key=event_key,
        occurred_at=occurred_at,
        link_number=link_number,
        verdict=verdict,
        reasons=reasons,
        device=device_of((seen or {}).get("user_agent", "")),
        seen=seen or {},
    )
    return intake.take_own(arrival, organization_id=message.organization_id)


def hit_record(
    *,
    message: Message,
    type: EventType,  # noqa: A002 - the field's name
    seen: dict[str, Any],
    link_number: int | None = None,
) -> bool:
    """Append a request for a mail's pixel or link as an event, judged by what was seen. Runs in the mail's scope."""
    now = timezone.now()
    judgement = judge(hit_of(type, seen, _seconds_since_accepted(message, now)))
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


_EVENT_CAME = """
   AND EXISTS (SELECT 1 FROM tracking_analyticsevent AS event
                WHERE event.message_id = message.id AND event.organization_id = message.organization_id)
 ORDER BY 1, 2 LIMIT 5000
"""
# Whoever waits for proof has a time, and the index of those times is short.
_PROVEN = f"""
SELECT message.organization_id, message.id FROM delivery_message AS message
 WHERE message.send_state = 'uncertain' AND message.due_at IS NOT NULL {_EVENT_CAME}
"""  # noqa: S608 - made of the constant above
# Those without a time are found by the batches that count them.
_PROVEN_LATE = f"""
SELECT message.organization_id, message.id
  FROM delivery_deliverybatch AS batch JOIN delivery_message AS message ON message.batch_id = batch.id
 WHERE batch.unresolved_count > 0 AND message.send_state = 'unresolved' {_EVENT_CAME}
"""  # noqa: S608 - made of the constant above
_WHOLE_LOOK = "tracking-whole-look"


def doubts_settle() -> int:
    """Mails that came into doubt after an event about them had come: the event proves that they were taken.

    Those that nobody proved in time are looked through once an hour: an event of before the doubt may have waited for
    this job for longer than a doubt lasts. What comes later settles them as it comes (`intake`). In the scope of all
    clients. Returns how many.
    """
    settled = _settle(_PROVEN)
    if cache.add(_WHOLE_LOOK, 1, timeout=_WHOLE_ROUND_SECONDS):
        settled += _settle(_PROVEN_LATE)
    return settled


def _settle(proven: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(proven)
        rows = cursor.fetchall()
    settled = 0
    for organization_id, group in groupby(rows, key=itemgetter(0)):
        message_ids = [message_id for _, message_id in group]
        settled += outcomes.prove_accepted(organization_id=organization_id, message_ids=message_ids)
    return settled


_WHOLE_ROUND = "tracking-whole-round"
_WHOLE_ROUND_SECONDS = 3600
_RECENT = datetime.timedelta(days=7)
_PAUSE = 20
_SHORT_SECONDS = 0.25
_AFTER_FAILURE_SECONDS = 60


class RecountsFailed(Exception):
    """Some campaigns or clients could not be recounted; all others were."""


def roll_up() -> dict[str, int]:
    """Recount from the ledger and the groups where they have moved, in the open scope. Safe to run twice, and at once.

    Recent campaigns at each call, all of them once an hour. A recount that took long is not done again before twenty
    times as long have passed, so that counting never takes more than a twentieth of a worker.

    One that fails is left alone for a while and holds nobody up; at the end it is told by RecountsFailed.
    """
    is_whole = cache.add(_WHOLE_ROUND, 1, timeout=_WHOLE_ROUND_SECONDS)
    due = list(queries.recounts_due(since=None if is_whole else timezone.now() - _RECENT))
    done = [_tried(f"Campaign {campaign.pk}", _recount_or_pause, campaign) for campaign in due]
    moved = [
        _tried(f"Client {client_id}", organization_roll_up, organization_id=client_id)
        for client_id in queries.clients_with_another_clock()
    ]
    if failed := [*done, *moved].count(None):
        raise RecountsFailed(f"{failed} of {len(done) + len(moved)} recounts failed; the log says which.")
    return {"campaigns": done.count(True), "left_to_another_run": done.count(False)}


def _tried(whose: str, recount: Callable[..., Any], *args: Any, **ids: Any) -> Any:
    """What it returned; None when it failed. The log holds no words of the database's: they may quote an address."""
    try:
        return recount(*args, **ids)
    except Exception as error:
        if not connection.is_usable():
            raise
        where = "".join(traceback.format_tb(error.__traceback__))
        logger.error("%s could not be recounted (%s).\n%s", whose, type(error).__name__, where)
        return None


def _recount_or_pause(campaign: Any) -> bool:
    """As `_recount`. After a failure the campaign is not due again for a while, as after a recount that took long."""
    began = time.monotonic()
    try:
        return _recount(campaign)
    except Exception:
        pause = max((time.monotonic() - began) * _PAUSE, _AFTER_FAILURE_SECONDS)
        next_at = timezone.now() + datetime.timedelta(seconds=pause)
        CampaignRecount.objects.update_or_create(
            campaign_id=campaign.pk,
            defaults={"next_at": next_at},
            create_defaults={
                "organization_id": campaign.organization_id,
                "time_zone": campaign.organization.time_zone,
                "next_at": next_at,
            },
        )
        raise


def campaign_roll_up(*, organization_id: UUID, campaign_id: UUID) -> bool:
    """Put right whatever is wrong with a campaign's counters, and recount what the ledger and the groups tell. False
    when another run is at it."""
    with transaction.atomic():
        rollups.rebuild_campaign(organization_id=organization_id, campaign_id=campaign_id)
    found = queries.recounts().get(pk=campaign_id)
    return _recount(found, is_forced=True)


def organization_roll_up(*, organization_id: UUID) -> int:
    """Put right the days and months of a client, sent mails included; how many rows were wrong."""
    campaigns = list(Campaign.objects.filter(organization_id=organization_id).values_list("pk", flat=True))
    with transaction.atomic():
        wrong = rollups.rebuild_periods(organization_id=organization_id, campaign_ids=campaigns)
    _follow_clock(organization_id)
    return wrong


@transaction.atomic
def _follow_clock(organization_id: UUID) -> None:
    """Accepted mails by the days of the client's present time zone."""
    zone = Organization.objects.get(pk=organization_id).time_zone
    moved = CampaignRecount.objects.filter(organization_id=organization_id).exclude(time_zone=zone)
    for campaign_id in moved.values_list("pk", flat=True):
        rollups.recount_sent(organization_id=organization_id, campaign_id=campaign_id)
    moved.update(time_zone=zone)
    rollups.recount_sent_periods(organization_id=organization_id)


def counters_rebuild(*, organization_id: UUID) -> dict[str, int]:
    """Put right all counters of a client. Pages can be read and events written meanwhile."""
    campaigns = list(queries.recounts().filter(organization_id=organization_id, started_at__isnull=False))
    wrong = sum(_rebuild_and_recount(campaign) for campaign in campaigns)
    wrong += organization_roll_up(organization_id=organization_id)
    changes = {"campaigns": [None, len(campaigns)], "wrong": [None, wrong]}
    audit.record(action=queries.REBUILT, obj=Organization.objects.get(pk=organization_id), changes=changes)
    return {"campaigns": len(campaigns), "wrong": wrong}


@transaction.atomic
def counters_rebuild_request(*, organization_id: UUID) -> None:
    """Have a worker do `counters_rebuild`."""
    audit.record(action=queries.REBUILD, obj=Organization.objects.get(pk=organization_id))
    wake("tracking.rebuild_counters", organization_id=organization_id)


def _rebuild_and_recount(campaign: Any) -> int:
    with transaction.atomic():
        wrong = rollups.rebuild_campaign(organization_id=campaign.organization_id, campaign_id=campaign.pk)
    _recount(campaign, is_forced=True)
    return wrong or 0


def _recount(campaign: Any, *, is_forced: bool = False) -> bool:
    """`campaign` of `queries.recounts`. The figures it was found with were read before, so that whatever moves during
    the recount makes it due again."""
    with advisory_lock(f"recount:{campaign.pk}") as acquired:
        if not acquired:
            return False
        began = time.monotonic()
        ids = {"organization_id": campaign.organization_id, "campaign_id": campaign.pk}
        has_sent = is_forced or campaign.accepted_now != campaign.accepted_counted
        with transaction.atomic():
            if has_sent:
                rollups.recount_sent(**ids)
            rollups.recount_groups(**ids)
            took = time.monotonic() - began
            pause = took * _PAUSE if took > _SHORT_SECONDS else 0
            CampaignRecount.objects.update_or_create(
                campaign_id=campaign.pk,
                defaults={
                    "organization_id": campaign.organization_id,
                    "accepted": campaign.accepted_now,
                    "events": campaign.events_now,
                    "time_zone": campaign.organization.time_zone,
                    "next_at": timezone.now() + datetime.timedelta(seconds=pause),
                },
            )
            if has_sent:
                rollups.recount_sent_periods(organization_id=campaign.organization_id)
    return True
