"""Events that are judged anew, with their counters following in the same transaction."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from core.common import tenancy
from core.tracking.rollups.contributions import (
    BEFORE_OF_MESSAGES,
    CLICKS_BEFORE_OF_MESSAGES,
    CLICKS_OF_MESSAGES,
    OF_MESSAGES,
    SPAN,
    parameters,
)
from core.tracking.rollups.folding import gathering

# In the order in which everybody locks messages; also for the intake, which reads their first times.
_LOCK = """
SELECT organization_id, campaign_id FROM delivery_message WHERE id = ANY(%(messages)s::uuid[])
 ORDER BY id FOR NO KEY UPDATE
"""
# The intake's new events do not stand in the counters yet.
_SPAN_INSIDE = f"""
SELECT least(since, (SELECT coalesce(min(occurred_at), 'infinity') FROM tracking_fresh))::text,
       greatest(until, (SELECT coalesce(max(occurred_at) + interval '1 hour', '-infinity') FROM tracking_fresh))::text
  FROM (SELECT since::timestamptz, until::timestamptz FROM ({SPAN}) AS span (since, until)) AS span
"""  # noqa: S608 - made of the constants above
_INTO = "INSERT INTO tracking_delta {}", "INSERT INTO tracking_click_delta {}"
_RECOUNT = "UPDATE tracking_campaignrecount SET events = -1 WHERE campaign_id = ANY(%(campaigns)s::uuid[])"


@contextmanager
def changing(cursor: Any, message_ids: Collection[UUID]) -> Iterator[None]:
    """Events of these messages may be written, changed and removed inside; the counters follow at the end.

    Within a transaction, some thousands of messages at once; inside the intake, too. Verdict, type, device and bounce
    class may change, `occurred_at` may not. Whoever writes contacts locks them before this; the first times that stand
    in the messages (`opened_at`, `clicked_at`) are the caller's to keep true. Raises OrganizationMismatch outside the
    scope.
    """
    messages = list(message_ids)
    cursor.execute(_LOCK, {"messages": messages})
    found = cursor.fetchall()
    organizations, campaigns = {row[0] for row in found}, {row[1] for row in found}
    for organization_id in organizations:
        tenancy.require(organization_id)
    words = {
        **parameters(),
        "messages": messages,
        "organizations": list(organizations),
        "campaigns": list(campaigns),
    }
    with gathering(cursor) as is_inside:
        cursor.execute(_SPAN_INSIDE if is_inside else SPAN, words)
        span = dict(zip(("since", "until"), cursor.fetchone(), strict=True))
        _note(cursor, (BEFORE_OF_MESSAGES, CLICKS_BEFORE_OF_MESSAGES), {**words, **span})
        yield
        _note(cursor, (OF_MESSAGES, CLICKS_OF_MESSAGES), {**words, **span})
        cursor.execute(_RECOUNT, words)


def _note(cursor: Any, contributions: tuple[str, str], words: dict[str, Any]) -> None:
    for into, rows in zip(_INTO, contributions, strict=True):
        cursor.execute(into.format(rows), words)
