"""Differences → counters. Rows are locked in the order of their keys, one table after the other, so that two
transactions wait for each other instead of both failing."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from core.tracking.rollups import periods
from core.tracking.rollups.contributions import parameters

_TABLES = """
CREATE TEMP TABLE IF NOT EXISTS tracking_delta (
    organization_id uuid, campaign_id uuid, domain text, quarter timestamptz, type text, verdict text, device text,
    bounce_class text, total bigint, firsts bigint
);
CREATE TEMP TABLE IF NOT EXISTS tracking_click_delta (
    organization_id uuid, campaign_id uuid, link_id uuid, verdict text, total bigint, firsts bigint
);
TRUNCATE tracking_delta, tracking_click_delta;
"""
_is_gathering = ContextVar("is_gathering", default=False)

_PLACED = """
SELECT delta.*, coalesce(known.provider, %(other)s) AS provider
  FROM ({source}) AS delta
  LEFT JOIN unnest(%(domains)s::text[], %(providers)s::text[]) AS known (domain, provider)
    ON known.domain = delta.domain
"""

_HOURS = "SELECT delta.*, date_trunc('hour', quarter, 'UTC') AS hour FROM ({source}) AS delta"

_PARTS = f"""
SELECT placed.*, divided.part, divided.value
  FROM ({_PLACED}) AS placed
 CROSS JOIN LATERAL (
       SELECT 'all' AS part, '' AS value
       UNION ALL SELECT 'provider', provider
       UNION ALL SELECT 'domain', domain
       UNION ALL SELECT 'device', device WHERE type IN ('opened', 'clicked')
       UNION ALL SELECT 'bounce', bounce_class WHERE bounce_class <> ''
 ) AS divided
"""  # noqa: S608 - made of the constants above

_CLICKS = "SELECT * FROM ({source}) AS delta"


@dataclass(frozen=True, slots=True)
class Counter:
    """A table of counters: the columns of its key behind the organization, those of its unique constraint, its rows,
    made of differences (`source`), and the columns that count."""

    keys: tuple[str, ...]
    unique: str
    rows: str
    counts: tuple[str, ...] = ("total", "firsts")


def _of_campaign(rows: str, *keys: str) -> Counter:
    return Counter(("campaign_id", *keys), ", ".join(("campaign_id", *keys)), rows)


_PERIOD = ("length", "part", "start", "value")
COUNTERS = {
    "tracking_campaignhour": _of_campaign(_HOURS, "hour", "type", "verdict"),
    "tracking_campaignpart": _of_campaign(_PARTS, "part", "value", "type", "verdict"),
    "tracking_linkclicks": _of_campaign(_CLICKS, "link_id", "verdict"),
    "tracking_organizationperiod": Counter(
        _PERIOD, ", ".join(("organization_id", *_PERIOD)), periods.rows(_PLACED), periods.COLUMNS
    ),
}

_ADD = """
INSERT INTO {table} AS held (id, organization_id, {keys}, {counts})
SELECT engagex_uuid7(), organization_id, {keys}, {not_less}
  FROM ({rows}) AS rows GROUP BY organization_id, {keys} HAVING {is_any}
 ORDER BY organization_id, {keys}
    ON CONFLICT ({unique}) DO UPDATE SET {added}
"""

_SUMMED = """
CREATE TEMP TABLE tracking_summed ON COMMIT DROP AS
SELECT organization_id, {keys}, {sums}
  FROM ({rows}) AS rows GROUP BY organization_id, {keys} HAVING {is_any}
"""

# After _ADD, which has locked these rows in order. Events that were written past us and later taken away again must not
# stop the intake for good: `rebuild_counters` puts right what they did.
_TAKE_AWAY = """
UPDATE {table} AS held SET {taken} FROM tracking_summed AS gone WHERE ({is_less}) AND {same}
"""
_TIDY = """
DELETE FROM {table} AS held USING tracking_summed AS gone WHERE ({is_less}) AND {same} AND {is_zero}
"""


@contextmanager
def gathering(cursor: Any) -> Iterator[bool]:
    """Differences that are written inside are added to the counters at the end; once, where one stands in another.

    In a transaction, and last in it: the counters of a campaign are locked from there to the commit. Yields whether
    this is inside another one.
    """
    if _is_gathering.get():
        yield True
        return
    cursor.execute(_TABLES)
    token = _is_gathering.set(True)
    try:
        yield False
    finally:
        _is_gathering.reset(token)
    _fold(cursor)


def _fold(cursor: Any) -> None:
    cursor.execute(
        "SELECT EXISTS (SELECT FROM tracking_delta) OR EXISTS (SELECT FROM tracking_click_delta),"
        " EXISTS (SELECT FROM tracking_delta WHERE total < 0 OR firsts < 0)"
        " OR EXISTS (SELECT FROM tracking_click_delta WHERE total < 0 OR firsts < 0)"
    )
    is_any, takes_away = cursor.fetchone()
    for table, counter in COUNTERS.items() if is_any else ():
        source = "tracking_click_delta" if table == "tracking_linkclicks" else "tracking_delta"
        rows = counter.rows.format(source=f"TABLE {source}")
        if takes_away:
            add_difference(cursor, table, rows, parameters())
        else:
            cursor.execute(_ADD.format(**_words(table, rows)), parameters())


def add_difference(cursor: Any, table: str, rows: str, words: Mapping[str, Any]) -> int:
    """Add these rows, an SQL with the columns of the table and parameters, to the counters in it, also what they take
    away; how many counters that changes."""
    cursor.execute("DROP TABLE IF EXISTS tracking_summed")
    cursor.execute(_SUMMED.format(**_words(table, rows)), words)
    changed = int(cursor.rowcount)
    for statement in (_ADD, _TAKE_AWAY, _TIDY) if changed else ():
        cursor.execute(statement.format(**_words(table, "TABLE tracking_summed")))
    return changed


def _words(table: str, rows: str) -> dict[str, str]:
    counter = COUNTERS[table]
    counts = counter.counts
    return {
        "table": table,
        "keys": ", ".join(counter.keys),
        "counts": ", ".join(counts),
        "unique": counter.unique,
        "rows": rows,
        "same": " AND ".join(f"held.{key} = gone.{key}" for key in ("organization_id", *counter.keys)),
        "sums": ", ".join(f"sum({count}) AS {count}" for count in counts),
        "is_any": " OR ".join(f"sum({count}) <> 0" for count in counts),
        "not_less": ", ".join(f"greatest(sum({count}), 0)" for count in counts),
        "added": ", ".join(f"{count} = held.{count} + excluded.{count}" for count in counts),
        "taken": ", ".join(f"{count} = greatest(held.{count} + least(gone.{count}, 0), 0)" for count in counts),
        "is_less": " OR ".join(f"gone.{count} < 0" for count in counts),
        "is_zero": " AND ".join(f"held.{count} = 0" for count in counts),
    }
