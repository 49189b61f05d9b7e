"""The difference between a recount of the events and what stands in the counters, added to the counters.

Each table's difference comes of one statement, so of one moment in which events and counters belonged together: events
that are written meanwhile are in neither, and add themselves. Where nothing is wrong, nothing is written. What is
counted from events that were let go (partitions.py) stays as it is.
"""

from collections.abc import Collection
from typing import Any
from uuid import UUID

from django.db import connection

from core.common import tenancy
from core.tracking import partitions
from core.tracking.rollups import folding
from core.tracking.rollups.contributions import CLICKS_OF_CAMPAIGNS, OF_CAMPAIGNS, parameters

_OF_CAMPAIGNS = "organization_id = %(organization)s AND campaign_id = ANY(%(campaigns)s::uuid[])"
# Of the first day, month and year that lie wholly in what is kept, on the client's clock.
_FROM = """
start > coalesce((SELECT date_trunc(length, %(since)s::timestamptz AT TIME ZONE time_zone)::date
                    FROM accounts_organization WHERE id = %(organization)s AND isfinite(%(since)s::timestamptz)),
                 '-infinity')
"""
_STORED = {
    "tracking_campaignhour": _OF_CAMPAIGNS,
    "tracking_campaignpart": f"{_OF_CAMPAIGNS} AND type <> 'sent' AND part <> 'group'",
    "tracking_linkclicks": _OF_CAMPAIGNS,
    "tracking_organizationperiod": f"organization_id = %(organization)s AND {_FROM}",
}

_DIFFERENCE = """
SELECT organization_id, {keys}, {counts} FROM ({counted}) AS counted WHERE {limits}
 UNION ALL
SELECT organization_id, {keys}, {less} FROM {table} WHERE {stored}
"""
# What the events do not tell is as it stands.
_FROM_ELSEWHERE = ("sent",)
_INCOMPLETE = """
SELECT EXISTS (SELECT FROM tracking_campaignhour
                WHERE organization_id = %s AND campaign_id = %s AND hour < %s)
"""


def rebuild_campaign(*, organization_id: UUID, campaign_id: UUID) -> int | None:
    """Put right the campaign's rows of CampaignHour, CampaignPart and LinkClicks; how many were wrong.

    None, and nothing done, when not all of its events are kept any more. What the ledger and the groups tell is left
    to `recounting`. In a transaction, inside the scope (OrganizationMismatch).
    """
    tenancy.require(organization_id)
    with connection.cursor() as cursor:
        since = partitions.kept_since(cursor)
        cursor.execute(_INCOMPLETE, [organization_id, campaign_id, since])
        if cursor.fetchone()[0]:
            return None
        words = _words(organization_id, [campaign_id], "-infinity")
        tables = ("tracking_campaignhour", "tracking_campaignpart", "tracking_linkclicks")
        return sum(_put_right(cursor, table, words) for table in tables)


def rebuild_periods(*, organization_id: UUID, campaign_ids: Collection[UUID]) -> int:
    """Put right the client's days and months, which are of these campaigns, as far back as all events are kept; how
    many rows were wrong. In a transaction, inside the scope."""
    tenancy.require(organization_id)
    with connection.cursor() as cursor:
        words = _words(organization_id, campaign_ids, partitions.kept_since(cursor))
        return _put_right(cursor, "tracking_organizationperiod", words)


def _words(organization_id: UUID, campaign_ids: Collection[UUID], since: Any) -> dict[str, Any]:
    return {
        **parameters(),
        "organization": organization_id,
        "campaigns": list(campaign_ids),
        "since": since,
        "until": "infinity",
    }


def _put_right(cursor: Any, table: str, words: dict[str, Any]) -> int:
    counter = folding.COUNTERS[table]
    is_clicks = table == "tracking_linkclicks"
    counted = counter.rows.format(source=CLICKS_OF_CAMPAIGNS if is_clicks else OF_CAMPAIGNS)
    difference = _DIFFERENCE.format(
        keys=", ".join(counter.keys),
        counts=", ".join(counter.counts),
        less=", ".join("0" if count in _FROM_ELSEWHERE else f"-{count}" for count in counter.counts),
        counted=counted,
        limits=_FROM if table == "tracking_organizationperiod" else "true",
        table=table,
        stored=_STORED[table],
    )
    return folding.add_difference(cursor, table, difference, words)
