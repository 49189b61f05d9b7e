"""A client's months, added up from its days."""

import datetime
from typing import Any
from uuid import UUID

from django.db import connection

from core.common import tenancy
from core.tracking.audience.choices import ARRIVALS, DEPARTURES

_SUMS = ", ".join(f"sum({turn.value}) AS {turn.value}" for turn in (*ARRIVALS, *DEPARTURES))
_TURNS = ", ".join(turn.value for turn in (*ARRIVALS, *DEPARTURES))

_CLEAR = "DELETE FROM tracking_audiencemonth WHERE organization_id = %(organization)s AND month >= %(month)s"
_ADD_UP = f"""
WITH counted AS (
    SELECT *, date_trunc('month', day)::date AS month FROM tracking_audienceday
     WHERE organization_id = %(organization)s AND day >= %(month)s
), told AS (
    SELECT month, jsonb_object_agg(source, people) AS sources
      FROM (SELECT month, named.source, sum(named.people::int) AS people
              FROM counted CROSS JOIN LATERAL jsonb_each_text(sources) AS named (source, people)
             GROUP BY 1, 2) AS summed
     GROUP BY month
)
INSERT INTO tracking_audiencemonth (id, organization_id, month, days, {_TURNS}, total, sources)
SELECT engagex_uuid7(), %(organization)s, month, days, {_TURNS}, total, coalesce(told.sources, '{{}}')
  FROM (SELECT month, count(*) AS days, {_SUMS}, (array_agg(total ORDER BY day DESC))[1] AS total
          FROM counted GROUP BY month) AS months
  LEFT JOIN told USING (month)
"""  # noqa: S608 - made of the constants above


def add_up(*, organization_id: UUID, since: datetime.date) -> None:
    """Replace the client's months from that of this day on. In the transaction that replaces the days."""
    tenancy.require(organization_id)
    parameters: dict[str, Any] = {"organization": organization_id, "month": since.replace(day=1)}
    with connection.cursor() as cursor:
        cursor.execute(_CLEAR, parameters)
        cursor.execute(_ADD_UP, parameters)
