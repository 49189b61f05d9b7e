"""Asking for a rehearsal, stopping it, finding those that stand still."""

import datetime
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils import timezone

from core.accounts import audit
from core.campaigns.models import Campaign
from core.campaigns.states import FROZEN
from core.common.errors import DomainError
from core.common.request_context import current_context
from core.common.tasks import wake
from core.delivery.models import Rehearsal
from core.delivery.models.rehearsals import REHEARSAL_UNDER_WAY, RehearsalState
from core.delivery.rehearsal.plays import play_of

TASK = "delivery.rehearse"
STALLED_AFTER = datetime.timedelta(seconds=60)
KEPT = 5
"""So many rehearsals of a campaign stay, with their sample mails."""


class RehearsalRefused(DomainError):
    """The campaign cannot be rehearsed now."""

    code = "delivery.rehearsal_refused"


def rehearsal_start(*, campaign_id: UUID) -> Rehearsal:
    """Note a rehearsal of a campaign that has not begun, and wake a worker. While one is under way, that one is
    returned. Raises RehearsalRefused, and what building the content raises."""
    campaign = Campaign.objects.select_related("template", "organization").get(pk=campaign_id)
    if campaign.status in FROZEN:
        raise RehearsalRefused(f"“{campaign}” has begun already. A rehearsal is for before.")
    try:
        with transaction.atomic():
            return _started(campaign)
    except IntegrityError:
        under_way = Rehearsal.objects.filter(campaign=campaign, state__in=REHEARSAL_UNDER_WAY).first()
        if under_way is None:
            raise
        return under_way


def _started(campaign: Campaign) -> Rehearsal:
    rehearsal = Rehearsal.objects.create(
        organization_id=campaign.organization_id,
        campaign=campaign,
        content_hash=play_of(campaign).content_hash,
        created_by_id=current_context().actor_id,
        heartbeat_at=timezone.now(),
    )
    old = list(Rehearsal.objects.filter(campaign=campaign).order_by("-id").values_list("pk", flat=True)[KEPT:])
    Rehearsal.objects.filter(pk__in=old).delete()
    audit.record(action="campaign.rehearsed", obj=campaign)
    wake(TASK, organization_id=campaign.organization_id, rehearsal_id=rehearsal.pk)
    return rehearsal


@transaction.atomic
def rehearsal_stop(*, rehearsal_id: UUID) -> None:
    """End one that is under way; what it found stays. One that has ended stays as it is."""
    open_one = Rehearsal.objects.filter(pk=rehearsal_id, state__in=REHEARSAL_UNDER_WAY)
    open_one.update(state=RehearsalState.STOPPED, finished_at=timezone.now())


def stalled_rehearsals() -> list[tuple[UUID, UUID]]:
    """(organization id, rehearsal id) of those whose worker gives no sign of life, in the open scope."""
    stalled = Rehearsal.objects.filter(state__in=REHEARSAL_UNDER_WAY, heartbeat_at__lt=timezone.now() - STALLED_AFTER)
    return list(stalled.values_list("organization_id", "pk"))
