"""Campaigns whose counters from the ledger and the groups are behind."""

import datetime
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.db.models import BigIntegerField, F, OuterRef, Q, QuerySet, Subquery, Sum, Value
from django.db.models.functions import Coalesce
from django.utils import timezone

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
