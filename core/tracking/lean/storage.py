"""The database's side of the web processes: hits that Redis could not take, and what was lost. Runs in threads."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from django.db import close_old_connections

from core.tracking.choices import LossReason
from core.tracking.lean.links import stored_links
from core.tracking.models import HeldHit, LostHits


def hold(hits: Sequence[bytes]) -> None:
    """Keep hits until a worker reads them. Raises what the database raises."""
    close_old_connections()
    HeldHit.objects.bulk_create([HeldHit(hit=hit) for hit in hits])


def tell(losses: Mapping[LossReason, int]) -> None:
    """Keep how many were lost, and why."""
    close_old_connections()
    LostHits.objects.bulk_create([LostHits(reason=reason, count=count) for reason, count in losses.items() if count])


def links_of(campaign_id: UUID) -> dict[int, str]:
    close_old_connections()
    return stored_links(campaign_id)
