"""At which hours of the week mails are opened, by month: added up from the hours of campaigns."""

import datetime
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from core.common import tenancy
from core.tracking.choices import PEOPLE

HOURS = 24


def _by_hour(whose: str) -> str:
    """The sums of an hour each, as an array."""
    sums = (f"coalesce(sum({whose}) FILTER (WHERE clock = {hour}), 0)" for hour in range(HOURS))
    return f"ARRAY[{', '.join(sums)}]"


# The hours of a month are those of the client's clock; its index is by hours of UTC, hence the day more on each side.
_COUNT = f"""
INSERT INTO tracking_organizationweekday (id, organization_id, month, weekday, people, machines)
SELECT engagex_uuid7(), %(organization)s, month, weekday, {_by_hour("people")}, {_by_hour("machines")}
  FROM (SELECT date_trunc('month', at)::date AS month, extract(isodow FROM at) AS weekday,
               extract(hour FROM at) AS clock, sum(firsts) FILTER (WHERE verdict = ANY(%(people)s)) AS people,
               sum(firsts) FILTER (WHERE verdict <> ALL(%(people)s)) AS machines
          FROM (SELECT hour AT TIME ZONE %(zone)s AS at, verdict, firsts FROM tracking_campaignhour
                 WHERE organization_id = %(organization)s AND type = 'opened' {{limits}}) AS local
         GROUP BY 1, 2, 3) AS hours
 WHERE %(months)s::date[] IS NULL OR month = ANY(%(months)s::date[])
 GROUP BY month, weekday
"""  # noqa: S608 - made of the constants above
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
    clear = "DELETE FROM tracking_organizationweekday WHERE organization_id = %(organization)s"
    with connection.cursor() as cursor:
        cursor.execute(f"{clear} AND month = ANY(%(months)s)" if chosen else clear, parameters)
        cursor.execute(_COUNT.format(limits=_LIMITS if chosen else ""), parameters)
