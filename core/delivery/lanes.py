"""Lanes: people of one campaign who are due at another time, or get other content, than the rest.

A lane is a pair (variant, due time). Two kinds of campaign have them, and none has both:

1. Planned for each recipient's own clock: due at the planned wall-clock time in the contact's zone. Without a zone, or
   with one that PostgreSQL does not know, the client's counts. A time that has passed means now.
2. With an A/B test: in each chunk exactly the sample's share of those who can be mailed, by a hash of campaign and
   contact, so that neither the order of signing up nor an earlier test decides. The sample is dealt out to the variants
   in turn. The rest waits for the winner: variant 0, held (`batches.HELD_UNTIL`).
"""

from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import connection

from core.campaigns.models import ABTest, Campaign, CampaignSnapshot
from core.campaigns.schedule import instant_of, planned_local
from core.campaigns.states import ScheduleZone
from core.delivery.batches import HELD_UNTIL

_BY_ZONE = """
        SELECT chosen.contact_id, chosen.skip_reason, 0 AS variant,
               greatest(coalesce(zone.due_at, %s), now()) AS due_at
          FROM ({chosen}) AS chosen
          JOIN contacts_contact AS contact ON contact.id = chosen.contact_id
          LEFT JOIN unnest(%s::text[], %s::timestamptz[]) AS zone (name, due_at) ON zone.name = contact.time_zone
"""
_ZONES = "SELECT name, %s::timestamp AT TIME ZONE name FROM pg_timezone_names"

# People who are skipped have a row as everybody, and are in no sample: they stand among the rest.
_BY_VARIANT = """
        SELECT contact_id, skip_reason,
               CASE WHEN is_sample THEN (%s::int[])[1 + (place - 1 + %s) %% %s] ELSE 0 END AS variant,
               CASE WHEN is_sample THEN now() ELSE '{held}' END AS due_at
          FROM (SELECT hashed.*, skip_reason = '' AND place <= round(%s * sendable / 100.0) AS is_sample
                  FROM (SELECT chosen.*, count(*) FILTER (WHERE skip_reason = '') OVER () AS sendable,
                               row_number() OVER (PARTITION BY skip_reason = ''
                                                  ORDER BY hashtextextended(contact_id::text, %s), contact_id) AS place
                          FROM ({chosen}) AS chosen) AS hashed) AS dealt
"""
_SEED_BITS = 63


class Lanes(Protocol):
    """Divides the people of one chunk."""

    def divide(self, chosen: str, parameters: list[Any], turn: int) -> tuple[str, list[Any]]:
        """SQL with its parameters that gives `chosen` (contact_id, skip_reason) a `variant` and a `due_at`.

        `turn` differs from chunk to chunk, and is the same when a chunk is written once more."""
        ...


@dataclass(frozen=True)
class ZoneLanes:
    """`due_at` holds the instant in each zone PostgreSQL knows, `otherwise` the one in the client's."""

    due_at: dict[str, Any]
    otherwise: Any

    def divide(self, chosen: str, parameters: list[Any], turn: int) -> tuple[str, list[Any]]:
        names, instants = list(self.due_at), list(self.due_at.values())
        return _BY_ZONE.format(chosen=chosen), [self.otherwise, *parameters, names, instants]


@dataclass(frozen=True)
class SampleLanes:
    """The variants, the sample's share and what makes this campaign's hash differ from another's."""

    variants: tuple[int, ...]
    percent: int
    seed: int

    def divide(self, chosen: str, parameters: list[Any], turn: int) -> tuple[str, list[Any]]:
        count = len(self.variants)
        return _BY_VARIANT.format(chosen=chosen, held=HELD_UNTIL), [
            list(self.variants),
            turn % count,
            count,
            self.percent,
            self.seed,
            *parameters,
        ]


def lanes_of(snapshot: CampaignSnapshot) -> Lanes | None:
    """How the people of a frozen campaign are divided; None when all are due at once with the same content."""
    variants = [variant for variant in frozen_variants(snapshot.campaign_id) if variant]
    if variants:
        test = ABTest.objects.get(campaign_id=snapshot.campaign_id)
        return sample_lanes(snapshot.campaign_id, tuple(variants), test.sample_percent)
    campaign = Campaign.objects.select_related("organization").get(pk=snapshot.campaign_id)
    local = planned_local(campaign.scheduled_local)
    if local is None or campaign.schedule_zone != ScheduleZone.RECIPIENT:
        return None
    with connection.cursor() as cursor:
        cursor.execute(_ZONES, [local])
        due_at = dict(cursor.fetchall())
    return ZoneLanes(due_at, instant_of(local, ZoneInfo(campaign.organization.time_zone)))


def sample_lanes(campaign_id: UUID, variants: tuple[int, ...], percent: int) -> SampleLanes:
    """How these variants of a campaign are dealt out."""
    return SampleLanes(variants, percent, campaign_id.int % 2**_SEED_BITS)


def frozen_variants(campaign_id: UUID) -> list[int]:
    """The variants that a campaign was frozen with; [0] without an A/B test."""
    versions = CampaignSnapshot.objects.filter(campaign_id=campaign_id)
    return list(versions.values_list("variant", flat=True).distinct().order_by("variant"))
