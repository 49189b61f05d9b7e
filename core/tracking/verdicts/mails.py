"""The hits of mails as they are stored, and what their verdicts ought to be."""

import datetime
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from typing import Any, NamedTuple
from uuid import UUID

import orjson

from core.tracking.choices import EventType, VerdictReason
from core.tracking.verdicts.rule import Judgement, judge
from core.tracking.verdicts.seen import hit_of
from core.tracking.verdicts.together import FEWEST_OF_ALL, HIDDEN_LINK, Neighbour, judged_hits

HITS = (EventType.OPENED.value, EventType.CLICKED.value, EventType.TRAPPED.value)


class Span(NamedTuple):
    """A mail, and the time whose hits are looked at."""

    message_id: UUID
    since: datetime.datetime
    until: datetime.datetime


@dataclass(frozen=True, slots=True)
class StoredHit:
    """One event of a mail, with the mail's acceptance. `url` is the target of a click."""

    id: UUID
    message_id: UUID
    type: str
    verdict: str
    reasons: tuple[str, ...]
    occurred_at: datetime.datetime
    seen: Mapping[str, Any]
    url: str | None
    accepted_at: datetime.datetime | None

    @property
    def can_be_judged(self) -> bool:
        """Whether what was seen is still there."""
        return "user_agent" in self.seen or "by" in self.seen

    @property
    def judgement(self) -> tuple[str, tuple[str, ...]]:
        return self.verdict, self.reasons


# The ids are those of mails in the open scope; an event has its mail's organization (a constraint says so).
# One mail after the other (OFFSET): of a month that has just begun, which has no statistics, all hits would be read.
_READ = """
SELECT event.id, event.message_id, event.type, event.verdict, event.reasons, event.occurred_at, event.seen, link.url,
       message.accepted_at
  FROM unnest(%(messages)s::uuid[], %(since)s::timestamptz[], %(until)s::timestamptz[]) AS mail (id, since, until)
  JOIN delivery_message AS message ON message.id = mail.id
 CROSS JOIN LATERAL (
       SELECT event.* FROM tracking_analyticsevent AS event
        WHERE event.message_id = mail.id AND event.organization_id = message.organization_id
          AND event.occurred_at BETWEEN mail.since AND mail.until AND event.type = ANY(%(types)s::text[])
          AND event.occurred_at BETWEEN %(first)s AND %(last)s
       OFFSET 0
 ) AS event
  LEFT JOIN campaigns_campaignlink AS link ON link.id = event.link_id
 ORDER BY event.message_id, event.occurred_at, event.event_key
"""

# The links that stand in the HTML somebody got; without a version of it all the campaign has.
_LINKS = r"""
SELECT message.id, array_agg(DISTINCT link.url)
  FROM delivery_message AS message
  LEFT JOIN delivery_messagevalues AS value ON value.message_id = message.id
  LEFT JOIN campaigns_campaignsnapshot AS snapshot ON snapshot.id = value.snapshot_id
  JOIN campaigns_campaignlink AS link
    ON link.campaign_id = message.campaign_id AND link.organization_id = message.organization_id
   AND (snapshot.id IS NULL OR snapshot.html LIKE '%%{{ link.' || link.number || ' }}%%')
 WHERE message.id = ANY(%(messages)s::uuid[]) GROUP BY message.id
"""


def read_hits(cursor: Any, spans: Sequence[Span]) -> list[StoredHit]:
    """The hits of these mails, mail by mail, in order of time."""
    parameters = {
        "messages": [span.message_id for span in spans],
        "since": [span.since for span in spans],
        "until": [span.until for span in spans],
        "first": min((span.since for span in spans), default=None),
        "last": max((span.until for span in spans), default=None),
        "types": list(HITS),
    }
    cursor.execute(_READ, parameters)
    # Django has psycopg hand out JSON as text.
    return [
        StoredHit(pk, message, type_, verdict, tuple(orjson.loads(reasons)), at, orjson.loads(seen), url, accepted_at)
        for pk, message, type_, verdict, reasons, at, seen, url, accepted_at in cursor.fetchall()
    ]


def changes_among(cursor: Any, hits: Iterable[StoredHit]) -> list[tuple[StoredHit, Judgement]]:
    """The hits whose verdict or reasons ought to be others. `hits` mail by mail."""
    mails = [list(group) for _, group in groupby(hits, key=attrgetter("message_id"))]
    links = links_of_mails(cursor, [mail[0].message_id for mail in mails if _may_have_all(mail)])
    return [change for mail in mails for change in _changes(mail, links.get(mail[0].message_id, frozenset()))]


def _changes(mail: Sequence[StoredHit], links: frozenset[str]) -> Iterator[tuple[StoredHit, Judgement]]:
    for stored, hit in zip(mail, judged_hits([_neighbour(one) for one in mail], links), strict=True):
        judgement = judge(hit)
        # Of a person who was erased nothing is kept that could be judged again: the verdict stays.
        if stored.can_be_judged and judgement != stored.judgement:
            yield stored, judgement


def _neighbour(stored: StoredHit) -> Neighbour:
    link = HIDDEN_LINK if stored.type == EventType.TRAPPED else stored.url
    hit = hit_of(stored.type, stored.seen, _seconds(stored))
    return Neighbour(stored.occurred_at, link, stored.seen.get("network", ""), hit)


def _seconds(stored: StoredHit) -> float | None:
    """Since the mail was taken. Where that was noted after the hit, what was known when it came stands: a mail on its
    way, or one whose acceptance only an event proved."""
    if "by" in stored.seen:
        return None
    if stored.accepted_at is not None and stored.occurred_at >= stored.accepted_at:
        return (stored.occurred_at - stored.accepted_at).total_seconds()
    return 0.0 if VerdictReason.TOO_SOON in stored.reasons else None


def _may_have_all(mail: Sequence[StoredHit]) -> bool:
    return len({hit.url for hit in mail if hit.url}) >= FEWEST_OF_ALL


def links_of_mails(cursor: Any, message_ids: Sequence[UUID]) -> dict[UUID, frozenset[str]]:
    """The targets of all links of these mails."""
    if not message_ids:
        return {}
    cursor.execute(_LINKS, {"messages": list(message_ids)})
    return {message_id: frozenset(urls) for message_id, urls in cursor.fetchall()}
