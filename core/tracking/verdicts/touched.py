"""Mails with new events, looked at as a whole: what came later may say that what came before was a machine."""

import datetime
from typing import Any

from core.tracking.verdicts.changing import write_changes
from core.tracking.verdicts.mails import Span, changes_among, read_hits
from core.tracking.verdicts.together import REACH_SECONDS

_REACH = datetime.timedelta(seconds=REACH_SECONDS)

# Hits say something about each other only beside two clicks, or one on the hidden link; most mails have neither.
_TOUCHED = """
WITH mail AS (
    SELECT message_id, organization_id, min(occurred_at) - %(reach)s AS since, max(occurred_at) + %(reach)s AS until
      FROM tracking_fresh WHERE type IN ('opened', 'clicked', 'trapped') GROUP BY message_id, organization_id
     ORDER BY message_id
)
SELECT message_id, since, until FROM mail
 WHERE (SELECT count(*) > 1 OR bool_or(event.type = 'trapped') FROM tracking_analyticsevent AS event
         WHERE event.message_id = mail.message_id AND event.organization_id = mail.organization_id
           AND event.type IN ('clicked', 'trapped') AND event.occurred_at BETWEEN mail.since AND mail.until
           AND event.occurred_at BETWEEN (SELECT min(since) FROM mail) AND (SELECT max(until) FROM mail))
 ORDER BY message_id
"""


def rejudge_touched(cursor: Any) -> int:
    """Judge the mails of the running intake's new events together; how many verdicts became others.

    Reads the temporary table `tracking_fresh`. Call at the end of the intake, whose locks on contacts and messages make
    two intakes about one mail follow each other, so that the second sees what the first has written.
    """
    cursor.execute(_TOUCHED, {"reach": _REACH})
    spans = [Span(*row) for row in cursor.fetchall()]
    if not spans:
        return 0
    # Hits in reach of a new one may change; what they rest on lies in reach of them.
    wide = [Span(span.message_id, span.since - _REACH, span.until + _REACH) for span in spans]
    near = {span.message_id: span for span in spans}
    changes = [
        (stored, judgement)
        for stored, judgement in changes_among(cursor, read_hits(cursor, wide))
        if near[stored.message_id].since <= stored.occurred_at <= near[stored.message_id].until
    ]
    write_changes(cursor, changes)
    return len(changes)
