"""Whose turn it is: the campaigns with a batch that may be claimed now, and the limits each of them is under."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from uuid import UUID

from core.common.prepared import prepared
from core.delivery.limits import buckets
from core.delivery.limits.buckets import Bucket, Request

MOST_CANDIDATES = 1_000

# The campaigns with a batch that is due, found by hopping from campaign to campaign through the small partial index:
# the cost grows with the campaigns at work, not with batches or with the campaigns of past years. What stands still
# for a reason that PostgreSQL knows (window, day's limit, stopped domain, paused connection) is no candidate. A variant
# of an A/B test may have a sender of its own, the same in all its revisions, and so another domain.
# The number of candidates stands in the text: known to the planner only at times, it would look cheaper with a plan of
# its own each time, and planning takes longer than carrying it out.
_TURNS = f"""
    WITH RECURSIVE waiting AS (
        (SELECT campaign_id FROM delivery_deliverybatch WHERE state = 'ready' ORDER BY campaign_id LIMIT 1)
        UNION ALL
        SELECT (SELECT batch.campaign_id FROM delivery_deliverybatch AS batch
                 WHERE batch.state = 'ready' AND batch.campaign_id > waiting.campaign_id
                 ORDER BY batch.campaign_id LIMIT 1)
          FROM waiting WHERE waiting.campaign_id IS NOT NULL
    ), busy AS (
        SELECT organization_id, count(*) AS batches FROM delivery_deliverybatch
         WHERE state IN ('leased', 'dispatching') GROUP BY organization_id
    )
    SELECT campaign.organization_id, campaign.id, next.connection_id, next.mails,
           campaign.throttle_per_hour, organization.mails_per_hour,
           connection.mails_per_second, connection.mails_per_hour,
           account.id, account.mails_per_second, account.mails_per_hour,
           domain.id, domain.mails_per_hour,
           connection.mails_per_day IS NOT NULL OR connection.warmup_started_on IS NOT NULL
               OR domain.warmup_started_on IS NOT NULL
      FROM waiting
      JOIN campaigns_campaign AS campaign ON campaign.id = waiting.campaign_id
      JOIN accounts_organization AS organization ON organization.id = campaign.organization_id
      JOIN LATERAL (
           SELECT batch.connection_id, batch.variant,
                  batch.size - batch.accepted_count - batch.suppressed_count - batch.failed_count - batch.retry_count
                             - batch.uncertain_count - batch.unresolved_count AS mails
             FROM delivery_deliverybatch AS batch
            WHERE batch.campaign_id = campaign.id AND batch.state = 'ready' AND batch.due_at <= now()
              AND (SELECT paused_at IS NULL FROM delivery_connection WHERE id = batch.connection_id)
            ORDER BY batch.due_at, batch.number
            LIMIT 1) AS next ON TRUE
      JOIN delivery_connection AS connection ON connection.id = next.connection_id
      LEFT JOIN domains_sendingdomain AS domain
             ON domain.organization_id = campaign.organization_id
            AND domain.name = lower(split_part(CASE WHEN next.variant = 0 THEN campaign.from_email ELSE (
                    SELECT snapshot.from_email FROM campaigns_campaignsnapshot AS snapshot
                     WHERE snapshot.campaign_id = campaign.id AND snapshot.variant = next.variant
                     LIMIT 1) END, '@', 2))
      LEFT JOIN delivery_agencyaccount AS account ON account.id = connection.account_id
      LEFT JOIN busy ON busy.organization_id = campaign.organization_id
     WHERE campaign.status IN ('sending', 'sent')
       AND domain.paused_at IS NULL
       AND (campaign.window_from IS NULL AND campaign.window_until IS NULL AND campaign.window_days = '{{}}'
            OR engagex_in_window(engagex_local_time(now(), organization.time_zone),
                                 campaign.window_from, campaign.window_until, campaign.window_days))
       AND (connection.mails_per_day IS NULL AND connection.warmup_started_on IS NULL
                AND domain.warmup_started_on IS NULL
            OR NOT EXISTS (SELECT 1 FROM delivery_dailycount AS daily
                            WHERE daily.subject_id IN (next.connection_id, domain.id)
                              AND daily.day = engagex_local_time(now(), organization.time_zone)::date
                              AND daily.used >= daily.allowed))
     ORDER BY coalesce(busy.batches, 0),
              campaign.organization_id <= %(last)s, campaign.organization_id,
              campaign.started_at, campaign.id
     LIMIT {MOST_CANDIDATES}
"""  # noqa: S608 - a constant

_NOBODY = UUID(int=0)


@dataclass(frozen=True, slots=True)
class Turn:
    """A campaign that may have its next batch claimed, once its buckets agree. `has_daily_limit` is looked at then."""

    organization_id: UUID
    campaign_id: UUID
    connection_id: UUID
    domain_id: UUID | None
    request: Request
    has_daily_limit: bool


@dataclass(frozen=True, slots=True)
class Admitted:
    """A turn with what its buckets granted; None: it has no limit."""

    turn: Turn
    granted: int | None


def turns(after: UUID | None) -> list[Turn]:
    """Candidates in the order of fairness: clients with the fewest batches in work, then in a circle behind `after`."""
    with prepared(_TURNS, {"last": after or _NOBODY}) as cursor:
        return [_turn(*row) for row in cursor.fetchall()]


def _turn(
    organization_id: UUID,
    campaign_id: UUID,
    connection_id: UUID,
    mails: int,
    throttle: int | None,
    client_hour: int | None,
    connection_second: int | None,
    connection_hour: int | None,
    account_id: UUID | None,
    account_second: int | None,
    account_hour: int | None,
    domain_id: UUID | None,
    domain_hour: int | None,
    has_daily_limit: bool,
) -> Turn:
    wanted = [
        (throttle, buckets.per_hour, f"campaign:{campaign_id}"),
        (client_hour, buckets.per_hour, f"client:{organization_id}"),
        (domain_hour, buckets.per_hour, f"domain:{domain_id}"),
        (connection_second, buckets.per_second, f"connection:{connection_id}"),
        (connection_hour, buckets.per_hour, f"connection:{connection_id}"),
        (account_second, buckets.per_second, f"account:{account_id}"),
        (account_hour, buckets.per_hour, f"account:{account_id}"),
    ]
    limits: list[Bucket] = [make(key, mails) for mails, make, key in wanted if mails]
    request = Request(max(mails, 1), tuple(limits))
    return Turn(organization_id, campaign_id, connection_id, domain_id, request, has_daily_limit)


class Admission:
    """Walks the turns in order and asks Redis only where there are limits, for a whole run of them at once.

    `wait` is, after the walk, how many seconds the soonest of those that were refused has to wait; None: nobody was.
    """

    def __init__(self, candidates: Sequence[Turn]) -> None:
        self._candidates = candidates
        self.wait: float | None = None

    def __iter__(self) -> Iterator[Admitted]:
        place = 0
        while place < len(self._candidates):
            turn = self._candidates[place]
            if not turn.request.buckets:
                yield Admitted(turn, None)
                place += 1
                continue
            run = self._limited_from(place)
            answer = buckets.take([turn.request for turn in run])
            if answer.place is None:
                self.wait = answer.wait if self.wait is None else min(self.wait, answer.wait)
                place += len(run)
            else:
                place += answer.place + 1
                yield Admitted(run[answer.place], answer.granted)

    def _limited_from(self, place: int) -> list[Turn]:
        run = []
        for turn in self._candidates[place:]:
            if not turn.request.buckets:
                break
            run.append(turn)
        return run
