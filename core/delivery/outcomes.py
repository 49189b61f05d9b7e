"""The one writer of `send_state`. Whatever moves a message goes through `write`.

One statement locks the rows, refuses what the table of legal moves does not allow, writes the new states and keeps the
counts of the batches equal to a recount. Suppressed and failed mails give their share of the plan back in the same
transaction: used = accepted + in flight, always.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, fields
from itertools import groupby
from operator import attrgetter, itemgetter
from typing import Any
from uuid import UUID

import orjson
import psycopg
from django.conf import settings
from django.db import connection, transaction

from core.campaigns.models import Campaign
from core.campaigns.states import CampaignStatus
from core.common.prepared import prepared
from core.common.tenancy import require
from core.delivery.claim import BatchClaim
from core.delivery.errors import StaleClaim
from core.delivery.gone import stop_gone
from core.delivery.models import Message
from core.delivery.retry_policy import CONSEQUENCES, retry_delay_seconds
from core.delivery.states import MESSAGE_TRANSITIONS, SendState, SkipReason
from core.delivery.transports.base import ErrorClass, Outcome, OutcomeKind
from core.subscriptions import usage
from core.subscriptions.choices import Metric

CALLED_OFF = (CampaignStatus.CANCELLING, CampaignStatus.CANCELLED)
GIVES_BACK = frozenset({SendState.SUPPRESSED, SendState.FAILED})
"""States in which a mail does not count against the plan."""


@dataclass(frozen=True, slots=True)
class Move:
    """A wish to move one message. `delay_seconds` from now it is due again; None keeps words and batch as they are."""

    message_id: UUID
    to: SendState
    reason: str = SkipReason.NONE
    words: str | None = None
    provider_message_id: str = ""
    delay_seconds: float | None = None
    attempts: int = 0
    resends: int = 0
    batch_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Moved:
    """A move that was made."""

    message_id: UUID
    before: SendState
    after: SendState


@dataclass(frozen=True, slots=True)
class Answered:
    """What a provider said about the mails of one committed intent; `attempts` as there."""

    attempt_id: UUID
    outcomes: Sequence[Outcome]
    attempts: Mapping[UUID, int]

    @property
    def is_accepted(self) -> bool:
        """Everybody has it: nothing else follows from the answers."""
        return all(outcome.kind is OutcomeKind.ACCEPTED for outcome in self.outcomes)


_LEGAL = ", ".join(f"('{before}', '{after}')" for before, targets in MESSAGE_TRANSITIONS.items() for after in targets)
_COUNTED = {
    "accepted_count": SendState.ACCEPTED,
    "suppressed_count": SendState.SUPPRESSED,
    "failed_count": SendState.FAILED,
    "retry_count": SendState.RETRY_WAIT,
    "uncertain_count": SendState.UNCERTAIN,
    "unresolved_count": SendState.UNRESOLVED,
}
_SUMS = ", ".join(
    f"coalesce(sum(step) FILTER (WHERE state = '{state}'), 0) AS {column}" for column, state in _COUNTED.items()
)
_ADDED = ", ".join(f"{column} = batch.{column} + change.{column}" for column in _COUNTED)
_NOT_CHARGED = ", ".join(f"'{state}'" for state in sorted(GIVES_BACK))
_ADDED_OR_NONE = ", ".join(f"{column} = batch.{column} + coalesce(change.{column}, 0)" for column in _COUNTED)


def _moving(condition: str = "TRUE") -> str:
    """The parts of a statement that move messages: `moved` holds what was moved, `change` what that is for the counts.

    `held` locks in order of id, so that two writers never wait for each other, and sees the committed state: the check
    of legality cannot be overtaken. What follows changes what is locked already. The moves come as one JSON text, those
    alike in one entry, which costs a fraction of nine arrays; the planner takes their number for 100 whatever it is,
    and the ANY leads it to the index all the same.
    """
    return f"""
    wanted AS (
        SELECT unnest(alike.message_ids) AS message_id, alike.*
          FROM json_to_recordset(%(moves)s::json) AS alike (
            message_ids uuid[], "to" text, reason text, words text, provider_message_id text,
            delay_seconds float8, attempts int, resends int, batch_id uuid
        )
    ), held AS (
        SELECT wanted.*, message.send_state AS before, message.batch_id AS from_batch
          FROM wanted JOIN delivery_message AS message ON message.id = wanted.message_id
         WHERE message.id = ANY(ARRAY(SELECT message_id FROM wanted))
           AND message.organization_id = %(organization_id)s
           AND (message.send_state, wanted."to") IN ({_LEGAL}) AND {condition}
         ORDER BY message.id
           FOR UPDATE OF message
    ), moved AS (
        UPDATE delivery_message AS message
           SET send_state = held."to",
               reason = held.reason,
               words = coalesce(held.words, message.words),
               attempts = message.attempts + held.attempts,
               resends = message.resends + held.resends,
               due_at = now() + held.delay_seconds * interval '1 second',
               accepted_at = CASE WHEN held."to" = '{SendState.ACCEPTED}' THEN now() END,
               provider_message_id = held.provider_message_id,
               batch_id = coalesce(held.batch_id, message.batch_id)
          FROM held
         WHERE message.id = held.message_id
        RETURNING message.id, held.before, held."to" AS after, held.from_batch, message.batch_id AS to_batch
    ), change AS (
        SELECT batch_id, sum(step) AS size, {_SUMS}
          FROM (SELECT from_batch AS batch_id, before AS state, -1 AS step FROM moved
                UNION ALL
                SELECT to_batch, after, 1 FROM moved) AS steps
         GROUP BY batch_id
    )"""  # noqa: S608 - made of the constants above


_WRITE = f"""
    WITH {_moving()}, counted AS (
        UPDATE delivery_deliverybatch AS batch SET size = batch.size + change.size, {_ADDED}
          FROM change WHERE batch.id = change.batch_id
    )
    SELECT id, before, after FROM moved
"""  # noqa: S608 - made of the constants above

# The batch row is locked for the whole transaction: a recovery of the same batch waits, then finds the attempt done.
_FINISHING = """
    mine AS (
        SELECT id FROM delivery_deliverybatch
         WHERE id = %(batch_id)s AND organization_id = %(organization_id)s
           AND state = 'dispatching' AND fencing_token = %(token)s AND worker = %(worker)s
           FOR UPDATE
    ), attempt AS (
        UPDATE delivery_sendattempt AS attempt SET finished_at = now(), result = %(result)s
          FROM mine WHERE attempt.id = %(attempt_id)s AND attempt.batch_id = mine.id AND attempt.finished_at IS NULL
        RETURNING attempt.batch_id
    )"""
_HALF_A_LEASE = "%(lease)s * interval '0.5 seconds'"
_FINISH_ATTEMPT = f"WITH {_FINISHING} SELECT batch_id FROM attempt"  # noqa: S608 - made of the constant above

# All that follows from a provider's answers in one statement: one round trip, one plan and, when nothing has to be
# given back, its own commit. Nothing moves unless the attempt was this worker's to finish. With its last slice the
# batch is closed: settled, or given back where mails of it still wait. A statement sees what it moves where it was.
# The lease is indexed, so it is pushed out where half of it is over, and not with each slice.
_RECORD = f"""
    WITH {_FINISHING}, {_moving("message.batch_id = (SELECT batch_id FROM attempt)")}, ending AS (
        SELECT batch_id,
               EXISTS (SELECT 1 FROM delivery_message AS message
                        WHERE message.batch_id = attempt.batch_id AND message.send_state = 'ready'
                          AND message.id NOT IN (SELECT id FROM moved)) AS some_wait
          FROM attempt
    ), counted AS (
        UPDATE delivery_deliverybatch AS batch
           SET {_ADDED_OR_NONE},
               state = CASE WHEN NOT %(is_last)s THEN batch.state WHEN ending.some_wait THEN 'ready' ELSE 'settled' END,
               lease_until = CASE WHEN %(is_last)s THEN NULL WHEN batch.lease_until > now() + {_HALF_A_LEASE}
                                  THEN batch.lease_until ELSE now() + 2 * {_HALF_A_LEASE} END,
               settled_at = CASE WHEN %(is_last)s AND NOT ending.some_wait THEN now() END
          FROM ending LEFT JOIN change ON change.batch_id = ending.batch_id
         WHERE batch.id = ending.batch_id
    )
    SELECT (SELECT count(*) FROM moved WHERE after IN ({_NOT_CHARGED})) FROM attempt
"""  # noqa: S608 - made of the constants above


def write(*, organization_id: UUID, campaign_id: UUID, moves: Sequence[Move], is_charged: bool = True) -> list[Moved]:
    """Make those of the moves that are legal at this moment, all of one campaign; return them.

    A message that is not in a state from which the move is legal stays as it is and is missing in the result.
    `is_charged` is False for mails of a campaign whose reservation was given back as a whole.
    """
    require(organization_id)
    if not moves:
        return []
    parameters = {"organization_id": organization_id, "moves": _as_json(moves)}
    with transaction.atomic(savepoint=False):
        with prepared(_WRITE, parameters) as cursor:
            moved = [Moved(row[0], SendState(row[1]), SendState(row[2])) for row in cursor.fetchall()]
        if is_charged:
            _give_back(organization_id, campaign_id, sum(move.after in GIVES_BACK for move in moved))
    return moved


def record(
    claim: BatchClaim,
    attempt_id: UUID,
    outcomes: Sequence[Outcome],
    attempts_before: Mapping[UUID, int],
    *,
    is_last: bool = False,
) -> Counter[str]:
    """Write what the provider said about the mails of one intent, and finish it. Returns how many of each outcome.

    The last intent of a batch closes it in the same transaction: three commits a batch, claim, intent and outcome.

    Raises StaleClaim, with nothing written, when the batch is not this worker's any more: then see `record_late`.
    """
    require(claim.organization_id)
    answered = Answered(attempt_id, outcomes, attempts_before)
    moves = _moves(answered)
    gives_back = any(move.to in GIVES_BACK for move in moves)
    with transaction.atomic() if gives_back else nullcontext():
        stop_gone(claim, outcomes)
        with prepared(_RECORD, _to_record(claim, answered, moves, is_last=is_last)) as cursor:
            given_back = _recorded(cursor)
        _give_back(claim.organization_id, claim.campaign_id, given_back)
    return Counter(outcome.kind.value for outcome in outcomes)


@contextmanager
def recording(claim: BatchClaim, answered: Answered) -> Iterator[None]:
    """`record` of accepted mails, inside the caller's transaction and pipeline: what the caller asks inside goes out
    with it. Raises StaleClaim, as `record`, at the end."""
    require(claim.organization_id)
    if not answered.is_accepted:
        raise ValueError("More follows from these answers than can be written with something else.")
    with prepared(_RECORD, _to_record(claim, answered, _moves(answered), is_last=False)) as cursor:
        yield
        _recorded(cursor)


def _moves(answered: Answered) -> list[Move]:
    return [_move(outcome, answered.attempts.get(outcome.message_id, 0) + 1) for outcome in answered.outcomes]


def _to_record(claim: BatchClaim, answered: Answered, moves: Sequence[Move], *, is_last: bool) -> dict[str, Any]:
    result = Counter(outcome.kind.value for outcome in answered.outcomes)
    of_attempt = _of_attempt(claim, answered.attempt_id, result)
    return of_attempt | {"moves": _as_json(moves), "is_last": is_last, "lease": settings.DELIVERY_LEASE_SECONDS}


def _recorded(cursor: psycopg.Cursor[Any]) -> int:
    """How many mails the plan gets back."""
    found = cursor.fetchone()
    if found is None:
        raise StaleClaim("The lease of this batch ran out while its mails were going out.")
    return int(found[0])


def record_late(claim: BatchClaim, outcomes: Sequence[Outcome], attempts_before: Mapping[UUID, int]) -> list[Moved]:
    """Use the answer of a worker that was given up as proof: only mails that are in doubt are settled by it."""
    moves = []
    for outcome in outcomes:
        move = _move(outcome, attempts_before.get(outcome.message_id, 0) + 1, counted=True)
        if outcome.kind is OutcomeKind.FAILED:
            # Absence is proven; the table leads from doubt to "failed" only by way of another attempt.
            move = Move(outcome.message_id, SendState.RETRY_WAIT, words=outcome.words, delay_seconds=0)
        moves.append(move)
    if Campaign.objects.filter(pk=claim.campaign_id, status__in=CALLED_OFF).exists():
        # Nobody is going to try again there: a mail that is proven absent stays for a person to see.
        moves = [move for move in moves if move.to is SendState.ACCEPTED]
    with transaction.atomic():
        doubted = _in_doubt(claim.organization_id, [outcome.message_id for outcome in outcomes])
        return write(
            organization_id=claim.organization_id,
            campaign_id=claim.campaign_id,
            moves=[move for move in moves if move.message_id in doubted],
        )


def prove_accepted(*, organization_id: UUID, message_ids: Collection[UUID]) -> int:
    """Settle mails in doubt that an event proves to have been taken; returns how many. Others stay as they are.

    Mails that a worker is handing over are left to it: should it die, their doubt is settled by the next look.
    """
    with transaction.atomic():
        doubted = _in_doubt(organization_id, list(message_ids))
        if not doubted:
            return 0
        rows = Message.objects.filter(pk__in=doubted).order_by("campaign_id", "pk").values_list("campaign_id", "pk")
        settled = 0
        for campaign_id, group in groupby(rows, key=itemgetter(0)):
            moves = [Move(message_id, SendState.ACCEPTED, words="") for _, message_id in group]
            settled += len(write(organization_id=organization_id, campaign_id=campaign_id, moves=moves))
    return settled


def finish_attempt(claim: BatchClaim, attempt_id: UUID, result: Mapping[str, Any]) -> bool:
    """Close an intent, inside the caller's transaction, and keep the batch locked. False: the claim is stale."""
    require(claim.organization_id)
    with prepared(_FINISH_ATTEMPT, _of_attempt(claim, attempt_id, result)) as cursor:
        return cursor.rowcount == 1


def _of_attempt(claim: BatchClaim, attempt_id: UUID, result: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "batch_id": claim.batch_id,
        "organization_id": claim.organization_id,
        "token": claim.fencing_token,
        "worker": claim.worker,
        "attempt_id": attempt_id,
        "result": orjson.dumps(result).decode(),
    }


def _as_json(moves: Sequence[Move]) -> str:
    """Moves that differ by the message alone share an entry."""
    alike: dict[tuple[Any, ...], list[UUID]] = {}
    for move in moves:
        alike.setdefault(_alike(move), []).append(move.message_id)
    return orjson.dumps(
        [{"message_ids": ids, **dict(zip(_ALIKE, key, strict=True))} for key, ids in alike.items()]
    ).decode()


_ALIKE = tuple(field.name for field in fields(Move) if field.name != "message_id")
_alike = attrgetter(*_ALIKE)


def skip(claim: BatchClaim, reasons: Mapping[UUID, str]) -> list[Moved]:
    """Suppress messages whose contact turned out to be blocked at the last moment: {message id: reason}."""
    moves = [Move(message_id, SendState.SUPPRESSED, reason) for message_id, reason in reasons.items()]
    return write(organization_id=claim.organization_id, campaign_id=claim.campaign_id, moves=moves)


def doubt(*, organization_id: UUID, campaign_id: UUID, message_ids: Collection[UUID]) -> list[Moved]:
    """Mark mails that a dead worker may or may not have handed over."""
    moves = [
        Move(
            message_id,
            SendState.UNCERTAIN,
            SkipReason.LEASE_EXPIRED,
            delay_seconds=settings.DELIVERY_DOUBT_SECONDS,
            attempts=1,
        )
        for message_id in message_ids
    ]
    return write(organization_id=organization_id, campaign_id=campaign_id, moves=moves)


def _move(outcome: Outcome, attempts: int, *, counted: bool = False) -> Move:
    """The move that an outcome asks for. `counted`: the attempt is in the ledger already."""
    new_attempts = 0 if counted or outcome.error is ErrorClass.NOT_TRIED else 1
    message_id, words = outcome.message_id, outcome.words or outcome.code
    if outcome.kind is OutcomeKind.ACCEPTED:
        found = outcome.provider_message_id
        return Move(message_id, SendState.ACCEPTED, words="", attempts=new_attempts, provider_message_id=found)
    if outcome.kind is OutcomeKind.FAILED:
        return Move(message_id, SendState.FAILED, CONSEQUENCES[outcome.error].reason, words, attempts=new_attempts)
    if outcome.kind is OutcomeKind.UNKNOWN:
        doubt_seconds = settings.DELIVERY_DOUBT_SECONDS
        reason = SkipReason.NO_ANSWER
        return Move(message_id, SendState.UNCERTAIN, reason, words, delay_seconds=doubt_seconds, attempts=new_attempts)
    made = attempts - (outcome.error is ErrorClass.NOT_TRIED)
    delay = retry_delay_seconds(attempts=made, retry_after_seconds=outcome.retry_after_seconds, error=outcome.error)
    if delay is None:
        return Move(message_id, SendState.FAILED, SkipReason.EXHAUSTED, words, attempts=new_attempts)
    return Move(message_id, SendState.RETRY_WAIT, words=words, delay_seconds=delay, attempts=new_attempts)


def _in_doubt(organization_id: UUID, message_ids: list[UUID]) -> set[UUID]:
    """Those of the messages that are in doubt, locked."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id FROM delivery_message WHERE organization_id = %s AND id = ANY(%s)"
            " AND send_state IN ('uncertain', 'unresolved') ORDER BY id FOR UPDATE",
            [organization_id, message_ids],
        )
        return {row[0] for row in cursor.fetchall()}


def _give_back(organization_id: UUID, campaign_id: UUID, amount: int) -> None:
    if not amount:
        return
    month = Campaign.objects.filter(pk=campaign_id).values_list("reserved_month", flat=True).first()
    usage.release(organization_id=organization_id, metric=Metric.EMAILS, amount=amount, month=month)
