"""What the first pages read of many clients at once: newest campaigns with their figures, and mails by day."""

import datetime
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import connection

from core.common.tenancy import require
from core.tracking.choices import PEOPLE, PeriodLength, PeriodPart
from core.tracking.models import OrganizationPeriod

NEWEST = 13
"""The last campaign, and twelve to compare it with."""

_EVER = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
# The index of a client's started campaigns answers the inner query, the unique index of counters the outer one.
_NEWEST_CAMPAIGNS = """
    SELECT campaign.organization_id, campaign.id, campaign.name, campaign.status, campaign.started_at,
           coalesce(counted.sent, 0), coalesce(counted.opened, 0), coalesce(counted.clicked, 0),
           coalesce(counted.bounced, 0), coalesce(counted.complained, 0)
      FROM unnest(%(organizations)s::uuid[]) AS client (organization_id)
     CROSS JOIN LATERAL (
           SELECT organization_id, id, name, status, started_at FROM campaigns_campaign
            WHERE organization_id = client.organization_id AND started_at IS NOT NULL
            ORDER BY started_at DESC, id DESC LIMIT %(newest)s
     ) AS campaign
      LEFT JOIN LATERAL (
           SELECT sum(firsts) FILTER (WHERE type = 'sent') AS sent,
                  sum(firsts) FILTER (WHERE type = 'opened' AND verdict = ANY(%(people)s)) AS opened,
                  sum(firsts) FILTER (WHERE type = 'clicked' AND verdict = ANY(%(people)s)) AS clicked,
                  sum(firsts) FILTER (WHERE type = 'bounced') AS bounced,
                  sum(firsts) FILTER (WHERE type = 'complained') AS complained
             FROM tracking_campaignpart
            WHERE organization_id = client.organization_id AND campaign_id = campaign.id AND part = 'all' AND value = ''
              AND (campaign.started_at >= %(since)s OR campaign.status <> 'sent')
     ) AS counted ON true
"""


@dataclass(frozen=True, slots=True)
class StartedCampaign:
    """A campaign that has started, with its mails (`sent` is what was accepted) and what people did, each mail once."""

    pk: UUID
    name: str
    status: str
    started_at: datetime.datetime
    sent: int = 0
    opened: int = 0
    clicked: int = 0
    bounced: int = 0
    complained: int = 0

    @property
    def open_rate(self) -> float | None:
        """Percent of accepted mails that a person opened; None before the first was accepted."""
        return _percent(self.opened, self.sent)

    @property
    def click_rate(self) -> float | None:
        return _percent(self.clicked, self.sent)


def newest_campaigns(
    organization_ids: Sequence[UUID], *, counted_since: datetime.datetime | None = None
) -> dict[UUID, list[StartedCampaign]]:
    """The NEWEST started campaigns of each of these clients, the last started first (1 query).

    `counted_since`: those that started earlier and are over come without their figures, which are most of the work.
    Raises OrganizationMismatch for a client outside the scope.
    """
    for organization_id in organization_ids:
        require(organization_id)
    found: dict[UUID, list[StartedCampaign]] = {organization_id: [] for organization_id in organization_ids}
    parameters: dict[str, Any] = {
        "organizations": list(organization_ids),
        "newest": NEWEST,
        "people": sorted(verdict.value for verdict in PEOPLE),
        "since": counted_since or _EVER,
    }
    with connection.cursor() as cursor:
        cursor.execute(_NEWEST_CAMPAIGNS, parameters)
        for organization_id, *columns in cursor.fetchall():
            found[organization_id].append(StartedCampaign(*columns))
    for campaigns in found.values():
        campaigns.sort(key=lambda campaign: campaign.started_at, reverse=True)
    return found


def mails_on(organization_ids: Sequence[UUID], days: Iterable[datetime.date]) -> dict[tuple[UUID, datetime.date], int]:
    """Mails accepted on these days, each client by its own calendar (1 query); days without any are missing."""
    rows = OrganizationPeriod.objects.filter(
        organization_id__in=organization_ids,
        length=PeriodLength.DAY,
        part=PeriodPart.ALL,
        start__in=list(days),
        sent__gt=0,
    )
    found = rows.values_list("organization_id", "start", "sent")
    return {(organization_id, start): mails for organization_id, start, mails in found}


def _percent(part: int, whole: int) -> float | None:
    return 100 * part / whole if whole else None
