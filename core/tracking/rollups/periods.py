"""A client's days and months: one row of differences for all types of events."""

from collections.abc import Iterator

from core.tracking.choices import PeriodLength
from core.tracking.models import APART, PERIOD_COUNTS

COLUMNS = tuple(column for columns in PERIOD_COUNTS.values() for column in columns)
LENGTHS = ", ".join(f"('{length}')" for length in PeriodLength.values)
"""As rows of SQL."""


def _sums() -> Iterator[str]:
    """For each of COLUMNS, in their order, what typed differences add to it. Integers are added up fastest."""
    of_apart = (
        ("total", "is_person"),
        ("firsts", "is_person"),
        ("total", "NOT is_person"),
        ("firsts", "NOT is_person"),
    )
    for kind, columns in PERIOD_COUNTS.items():
        limits = of_apart if kind in APART else [("firsts", "true")]
        for column, (count, whose) in zip(columns, limits, strict=True):
            yield f"coalesce(sum({count}) FILTER (WHERE type = '{kind.value}' AND {whose}), 0)::int AS {column}"


def rows(placed: str) -> str:
    """SQL of the rows that differences with their provider (`placed`, an SQL as well) come to. They are summed up, and
    brought into one row, before each of these becomes nine."""
    return f"""
SELECT daily.organization_id, period.length, date_trunc(period.length, daily.day)::date AS start, divided.part,
       divided.value, {", ".join(f"daily.{column}" for column in COLUMNS)}
  FROM (SELECT organization_id, sender, provider, day, {", ".join(_sums())}
          FROM (SELECT placed.organization_id, campaign.from_email AS sender, placed.provider, placed.type,
                       placed.verdict = ANY(%(people)s::text[]) AS is_person,
                       date_trunc('day', placed.quarter AT TIME ZONE organization.time_zone) AS day,
                       sum(placed.total)::int AS total, sum(placed.firsts)::int AS firsts
                  FROM ({placed}) AS placed
                  JOIN campaigns_campaign AS campaign ON campaign.id = placed.campaign_id
                  JOIN accounts_organization AS organization ON organization.id = placed.organization_id
                 GROUP BY 1, 2, 3, 4, 5, 6) AS typed
         GROUP BY 1, 2, 3, 4) AS daily
 CROSS JOIN (VALUES {LENGTHS}) AS period (length)
 CROSS JOIN LATERAL (VALUES ('all', ''), ('sender', daily.sender), ('provider', daily.provider))
    AS divided (part, value)
"""  # noqa: S608 - made of the constants above
