"""At which hours of the week people open and click, by month: added up from the hours of campaigns."""

import datetime
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from core.common import tenancy
from core.tracking.choices import PEOPLE

# The hours of a month are those of the client's clock; its index is by hours of UTC, hence the day more on each side.
_COUNT = """
INSERT INTO tracking_organizationweekhour
       (id, organization_id, month, weekday, hour, type, people, people_once, machines, machines_once)
SELECT engagex_uuid7(), %(organization)s, month, extract(isodow FROM at), extract(hour FROM at), type,
       coalesce(sum(total) FILTER (WHERE verdict = ANY(%(people)s)), 0),
       coalesce(sum(firsts) FILTER (WHERE verdict = ANY(%(people)s)), 0),
       coalesce(sum(total) FILTER (WHERE verdict <> ALL(%(people)s)), 0),
       coalesce(sum(firsts) FILTER (WHERE verdict <> ALL(%(people)s)), 0)
  FROM (SELECT hour AT TIME ZONE %(zone)s AS at, type, verdict, total, firsts,
               date_trunc('month', hour AT TIME ZONE %(zone)s)::date AS month
          FROM tracking_campaignhour
         WHERE organization_id = %(organization)s AND type IN ('opened', 'clicked') {limits}) AS local
 WHERE %(months)s::date[] IS NULL OR month = ANY(%(months)s::date[])
 GROUP BY month, extract(isodow FROM at), extract(hour FROM at), type
"""
_LIMITS = "AND hour >= %(first)s::date - interval '1 day' AND hour < %(last)s::date + interval '33 days'"


@transaction.atomic
def recount(*, organization_id: UUID, zone: str, months: Iterable[datetime.date] | None = None) -> None:
    """Replace the client's rows of these months (their first days; None: of all) by a sum over its campaigns."""
    tenancy.require(organization_id)
    chosen = sorted(months) if months is not None else None
    people = sorted(verdict.value for verdict in PEOPLE)
    parameters: dict[str, Any] = {"organization": organization_id, "zone": zone, "months": chosen, "people": people}
    if chosen:
        parameters |= {"first": chosen[0], "last": chosen[-1]}
    clear = "DELETE FROM tracking_organizationweekhour WHERE organization_id = %(organization)s"
    with connection.cursor() as cursor:
        cursor.execute(f"{clear} AND month = ANY(%(months)s)" if chosen else clear, parameters)
        cursor.execute(_COUNT.format(limits=_LIMITS if chosen else ""), parameters)
