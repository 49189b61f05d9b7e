"""Campaigns whose counters from the ledger and the groups are behind."""

import datetime
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import BigIntegerField, F, OuterRef, Q, QuerySet, Subquery, Sum, Value
from django.db.models.functions import Coalesce
from django.utils import timezone

from core.accounts.models import AuditEvent, Organization
from core.campaigns.models import Campaign
from core.campaigns.states import CampaignStatus
from core.delivery.models import DeliveryBatch
from core.tracking.choices import EventType, Part
from core.tracking.models import CampaignPart, CampaignRecount

_UNDER_WAY = (CampaignStatus.SENDING, CampaignStatus.PAUSED, CampaignStatus.CANCELLING)
_NEVER = Value(-1, output_field=BigIntegerField())


def recounts() -> QuerySet[Any]:
    """Campaigns with `accepted_now` and `events_now`, and what their last recount has seen of both (-1: none yet)."""
    batches = DeliveryBatch.objects.filter(campaign=OuterRef("pk")).order_by().values("campaign")
    parts = CampaignPart.objects.filter(campaign=OuterRef("pk"), part=Part.ALL).exclude(type=EventType.SENT)
    last = CampaignRecount.objects.filter(campaign=OuterRef("pk"))
    return Campaign.objects.select_related("organization").annotate(
        accepted_now=Coalesce(Subquery(batches.annotate(sum=Sum("accepted_count")).values("sum")), 0),
        events_now=Coalesce(Subquery(parts.order_by().values("campaign").annotate(sum=Sum("total")).values("sum")), 0),
        accepted_counted=Coalesce(Subquery(last.values("accepted")), _NEVER),
        events_counted=Coalesce(Subquery(last.values("events")), _NEVER),
        not_before=Subquery(last.values("next_at")),
    )


def recounts_due(*, since: datetime.datetime | None) -> QuerySet[Any]:
    """Those that have moved since and may be counted again; `since`: only campaigns under way or started after that."""
    found = recounts().filter(Q(not_before=None) | Q(not_before__lte=timezone.now()), started_at__isnull=False)
    if since is not None:
        found = found.filter(Q(started_at__gte=since) | Q(status__in=_UNDER_WAY))
    return found.exclude(accepted_now=F("accepted_counted"), events_now=F("events_counted"))


def clients_with_another_clock() -> Iterable[UUID]:
    """Clients whose time zone is not the one that their days were counted by."""
    moved = CampaignRecount.objects.exclude(time_zone=F("organization__time_zone"))
    return set(moved.values_list("organization_id", flat=True))


REBUILD, REBUILT = "counters.rebuild", "counters.rebuilt"
"""What the history says when somebody asked for all counters of a client, and when a worker was done."""


@dataclass(frozen=True, slots=True)
class Rebuild:
    """The last time a client's counters were counted anew. Until it is done, `campaigns` and `wrong` are None."""

    asked_at: datetime.datetime
    done_at: datetime.datetime | None
    campaigns: int | None = None
    wrong: int | None = None


def last_rebuilds(organization_ids: Iterable[UUID]) -> dict[UUID, Rebuild]:
    """By client, those that ever were asked for (1 query)."""
    ids = [str(pk) for pk in organization_ids]
    events = AuditEvent.objects.filter(
        object_type=Organization._meta.label_lower, object_id__in=ids, action__in=(REBUILD, REBUILT)
    )
    newest = events.order_by("object_id", "action", "-id").distinct("object_id", "action")
    found = {(event.object_id, event.action): event for event in newest}
    return {UUID(pk): _rebuild(asked, found.get((pk, REBUILT))) for pk in ids if (asked := found.get((pk, REBUILD)))}


def _rebuild(asked: AuditEvent, done: AuditEvent | None) -> Rebuild:
    if done is None or done.at < asked.at:
        return Rebuild(asked.at, None)
    return Rebuild(asked.at, done.at, *(done.changes[name][1] for name in ("campaigns", "wrong")))
