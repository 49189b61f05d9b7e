"""The verdicts of the past, derived again: when the rule, the agent lists or the networks have changed.

Some hundred mails are one step with a commit of its own, checkpoint included: a run that was cut short goes on behind
the last one, and counts nothing twice. Looking at the same mails again finds nothing more to change.
"""

import datetime
import time
from collections import Counter
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import IntegrityError, connection, transaction
from django.db.models import QuerySet
from django.db.models.functions import Now

from core.accounts import audit
from core.campaigns.models import Campaign
from core.common import tenancy
from core.common.db import advisory_lock
from core.common.errors import DomainError
from core.common.tasks import wake
from core.common.tenancy import organization_scope
from core.tracking.models.verdicts import VerdictRun
from core.tracking.verdicts.changing import Change, write_changes
from core.tracking.verdicts.mails import HITS, Span, changes_among, read_hits
from core.tracking.verdicts.networks import list_date
from core.tracking.waking import wake_roll_up

MAILS_AT_ONCE = 500
_EVER = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC), datetime.datetime(9999, 1, 1, tzinfo=datetime.UTC)

# By the index on (campaign, contact). Locked as the intake locks: new events of these mails wait, or are seen.
_NEXT = """
SELECT message.id, message.contact_id FROM delivery_message AS message
 WHERE message.organization_id = %(organization)s AND message.campaign_id = %(campaign)s
   AND (%(after)s::uuid IS NULL OR message.contact_id > %(after)s)
   AND EXISTS (SELECT 1 FROM tracking_analyticsevent AS event
                WHERE event.message_id = message.id AND event.organization_id = %(organization)s
                  AND event.type = ANY(%(types)s::text[]))
 ORDER BY message.contact_id LIMIT %(limit)s
"""
_LOCK = """
SELECT 1 FROM contacts_contact WHERE id = ANY(%(contacts)s::uuid[]) AND organization_id = %(organization)s
 ORDER BY email_key, id FOR NO KEY UPDATE
"""


class VerdictRunUnderWay(DomainError):
    """A run is under way already."""

    code = "tracking.verdict_run_under_way"


class NothingToJudge(DomainError):
    """Neither a campaign nor a day was named, or the campaign has not begun."""

    code = "tracking.nothing_to_judge"


@dataclass(frozen=True, slots=True)
class Went:
    """What one call did. `is_finished` False: there is more to do."""

    mails: int
    is_finished: bool


def verdict_run_begin(
    *,
    asked_by_id: UUID | None = None,
    campaign_id: UUID | None = None,
    since: datetime.date | None = None,
    writes: bool,
) -> VerdictRun:
    """Begin a run over one campaign, or over all that began on that day or later, and wake a worker.

    Raises NothingToJudge, and VerdictRunUnderWay while another one is unfinished.
    """
    if (campaign_id is None) == (since is None):
        raise NothingToJudge("Choose a campaign, or the day from which on campaigns are looked at.")
    if campaign_id and not Campaign.objects.filter(pk=campaign_id, started_at__isnull=False).exists():
        raise NothingToJudge("This campaign has not begun: nobody can have opened it.")
    try:
        with transaction.atomic():
            run = VerdictRun.objects.create(
                started_at=Now(),
                asked_by_id=asked_by_id,
                campaign_id=campaign_id,
                since=since,
                writes=writes,
                networks_date=list_date(),
            )
            run.refresh_from_db()
            if asked_by_id is not None:
                audit.record(action="verdicts.written" if writes else "verdicts.counted", obj=run)
            wake("tracking.rejudge")
    except IntegrityError as error:
        raise VerdictRunUnderWay("A check is under way already. Wait until it is finished.") from error
    return run


def verdict_run_continue(*, seconds: float) -> Went:
    """Go on with the unfinished run for a while, unless somebody else is at it. Needs the scope of all clients."""
    with advisory_lock("verdict-run") as acquired:
        return _continue(seconds) if acquired else Went(0, is_finished=False)


def _continue(seconds: float) -> Went:
    run = VerdictRun.objects.filter(finished_at=None).first()
    deadline = time.monotonic() + seconds
    before = run.mails if run else 0
    while run is not None:
        campaign = _remaining(run).first()
        if campaign is None:
            VerdictRun.objects.filter(pk=run.pk).update(finished_at=Now())
            return Went(run.mails - before, is_finished=True)
        _step(run, campaign)
        if time.monotonic() > deadline:
            return Went(run.mails - before, is_finished=False)
    return Went(0, is_finished=True)


def _remaining(run: VerdictRun) -> QuerySet[Campaign]:
    """The campaigns behind the last one that is done."""
    campaigns = Campaign.objects.filter(started_at__isnull=False).order_by("pk")
    if run.campaign_id:
        campaigns = campaigns.filter(pk=run.campaign_id)
    else:
        campaigns = campaigns.filter(started_at__date__gte=run.since)
    return campaigns.filter(pk__gt=run.last_campaign) if run.last_campaign else campaigns


def _step(run: VerdictRun, campaign: Campaign) -> None:
    with organization_scope(campaign.organization_id), transaction.atomic():
        mails = _judge_next(run, campaign)
        if mails < MAILS_AT_ONCE:
            run.campaigns += 1
            run.last_campaign, run.last_contact = campaign.pk, None
        run.mails += mails
        run.save()


def _judge_next(run: VerdictRun, campaign: Campaign) -> int:
    tenancy.require(campaign.organization_id)
    parameters: dict[str, Any] = {
        "organization": campaign.organization_id,
        "campaign": campaign.pk,
        "after": run.last_contact,
        "types": list(HITS),
        "limit": MAILS_AT_ONCE,
    }
    with connection.cursor() as cursor:
        cursor.execute(_NEXT, parameters)
        rows = cursor.fetchall()
        if not rows:
            return 0
        if run.writes:
            cursor.execute(_LOCK, parameters | {"contacts": [contact_id for _, contact_id in rows]})
        hits = read_hits(cursor, [Span(message_id, *_EVER) for message_id, _ in rows])
        changes = changes_among(cursor, hits)
        if run.writes and changes:
            write_changes(cursor, changes)
            transaction.on_commit(wake_roll_up, robust=True)
    run.events += len(hits)
    run.last_contact = rows[-1][1]
    _tally(run, changes)
    return len(rows)


def _tally(run: VerdictRun, changes: list[Change]) -> None:
    counts = Counter(run.changes)
    for stored, judgement in changes:
        if stored.verdict == judgement.verdict:
            run.reasons += 1
        else:
            counts[f"{stored.verdict}>{judgement.verdict}"] += 1
    run.changes = dict(counts)
