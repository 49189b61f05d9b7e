"""What a scan did, in numbers, for the pages that show its events."""

import datetime
from collections import defaultdict
from collections.abc import Iterable, Sequence
from uuid import UUID

from django.db import connection

from core.tracking.choices import EventType, VerdictReason
from core.tracking.models import AnalyticsEvent
from core.tracking.verdicts.mails import Span, StoredHit, links_of_mails, read_hits
from core.tracking.verdicts.together import ALL_LINKS_SECONDS

SCANS = frozenset({VerdictReason.ALL_LINKS, VerdictReason.BURST, VerdictReason.CLOUD_TOUR, VerdictReason.SAME_VISIT})
_REACH = datetime.timedelta(seconds=ALL_LINKS_SECONDS)


def scan_notes(events: Iterable[AnalyticsEvent]) -> dict[UUID, str]:
    """For those of the events that a scan left: "opened all 7 links within 2 seconds" (2 queries, or none)."""
    scanned = [event for event in events if event.reasons and event.reasons[0] in SCANS]
    if not scanned:
        return {}
    moments: dict[UUID, list[datetime.datetime]] = defaultdict(list)
    for event in scanned:
        moments[event.message_id].append(event.occurred_at)
    spans = [Span(message_id, min(times) - _REACH, max(times) + _REACH) for message_id, times in moments.items()]
    with connection.cursor() as cursor:
        hits: dict[UUID, list[StoredHit]] = defaultdict(list)
        for hit in read_hits(cursor, spans):
            hits[hit.message_id].append(hit)
        links = links_of_mails(cursor, list(moments))
    notes = {
        event.pk: scan_words(event.occurred_at, hits[event.message_id], len(links.get(event.message_id, ())))
        for event in scanned
    }
    return {pk: words for pk, words in notes.items() if words}


def scan_words(at: datetime.datetime, hits: Sequence[StoredHit], links: int) -> str:
    """What the scan around this moment did. `links` is how many the mail has."""
    near = [hit for hit in hits if _is_of_scan(hit) and abs(hit.occurred_at - at) <= _REACH]
    opened = len({hit.url for hit in near})
    if opened < 2:
        return ""
    times = [hit.occurred_at for hit in near]
    seconds = max(round((max(times) - min(times)).total_seconds()), 1)
    which = f"all {opened} links" if opened >= links else f"{opened} of {links} links"
    return f"opened {which} within {seconds} second{'s' if seconds > 1 else ''}"


def _is_of_scan(hit: StoredHit) -> bool:
    return hit.type == EventType.CLICKED and hit.url is not None and not SCANS.isdisjoint(hit.reasons)
