"""Carrying out one claimed batch: slice by slice intent, call, outcome.

Where everybody of a slice was accepted, its outcome and the next intent are one commit. What a worker killed between
the commits leaves behind:

1. after the claim: the batch is leased, nothing was sent; its lease runs out and it is ready again.
2. after an intent: the mails of this one slice are in doubt, those before it are known; the rest of the batch is ready
   again.
3. after an outcome alone: everything of the slice is known; the rest of the batch is ready again.
"""

import logging
import time
from collections import Counter
from uuid import UUID

from django.db import transaction

from core.campaigns.services import campaign_halted
from core.campaigns.states import PauseReason
from core.common.errors import DomainError
from core.common.tenancy import organization_scope
from core.delivery import circuit, outcomes
from core.delivery import claim as claims
from core.delivery import intent as intents
from core.delivery.claim import BatchClaim
from core.delivery.errors import StaleClaim
from core.delivery.intent import Intent
from core.delivery.lease import LeaseKeeper
from core.delivery.models import Connection
from core.delivery.outcomes import Answered
from core.delivery.rendering import CampaignMail, prepared_mail
from core.delivery.services import connection_paused
from core.delivery.transports.base import OutcomeKind, Transport
from core.delivery.transports.errors import ConnectionProblem, TransportError
from core.delivery.transports.registry import transports

logger = logging.getLogger(__name__)


LONGEST_NAP_SECONDS = 1.5
"""A limit that lets something through so soon is waited for; the sweep comes back for the others."""


def work(*, worker: str, seconds: float, is_patient: bool = False) -> Counter[str]:
    """Claim and carry out batches until none is due or the time is over. Needs the scope of all organizations.

    Returns how many batches, and how many mails of each outcome. A patient worker naps until the next token of a limit
    a second, so that such a limit is used up; one of them is enough.
    """
    tally: Counter[str] = Counter()
    deadline = time.monotonic() + seconds
    last_organization: UUID | None = None
    with LeaseKeeper() as keeper:
        while time.monotonic() < deadline:
            found = claims.find_batch(worker=worker, after=last_organization)
            if found.claim is None:
                if not (is_patient and found.wait is not None and found.wait <= LONGEST_NAP_SECONDS):
                    break
                time.sleep(max(found.wait, 0.01))
                continue
            last_organization = found.claim.organization_id
            keeper.keep(found.claim)
            tally += dispatch(found.claim, deadline=deadline)
            tally["batches"] += 1
            keeper.keep(None)
    return tally


def dispatch(claim: BatchClaim, *, deadline: float | None = None) -> Counter[str]:
    """Send the waiting mails of a claimed batch and settle it; how many of each outcome.

    Ends early, with the rest of the batch ready for later, when the campaign is paused, the connection refuses us, the
    claim's allowance is used up or the `deadline` (of time.monotonic) is over: others wait for this worker, too.
    """
    tally: Counter[str] = Counter()
    _dispatch(claim, deadline, tally)
    with organization_scope(claim.organization_id):
        # A mail counts against the limits when it was handed over, whatever became of it.
        claims.give_back(claim, sum(tally[kind] for kind in OutcomeKind))
        if tally[OutcomeKind.FAILED] or tally[OutcomeKind.ACCEPTED]:
            circuit.look(organization_id=claim.organization_id, campaign_id=claim.campaign_id)
    return tally


def _dispatch(claim: BatchClaim, deadline: float | None, tally: Counter[str]) -> None:
    # Narrower than the worker's own scope: from here on only this client's rows can be touched.
    with organization_scope(claim.organization_id):
        mail = prepared_mail(claim.organization_id, claim.snapshot_id, claim.revision)
        transport = transports.get(claim.connection_id, claim.connection_changed_at)
        most = claim.waiting if claim.allowance is None else min(claim.waiting, claim.allowance)
        looked_at, last, answered = 0, None, None
        while looked_at < most:
            limit = min(transport.slice_size, most - looked_at)
            try:
                intent = intents.commit_intent(claim, mail, limit=limit, after=last, answered=answered)
            except StaleClaim as stale:
                _prove(claim, answered, stale)
                return
            if intent is None:
                claims.hand_back(claim)
                return
            if not intent.attempts:
                break
            looked_at, last, answered = looked_at + len(intent.attempts), intent.last, None
            tally["suppressed"] += intent.skipped
            if intent.recipients:
                answered = _hand_over(claim, mail, transport, intent, tally)
                if answered is None:
                    return
            is_last, is_over = looked_at >= most, deadline is not None and time.monotonic() > deadline
            if answered is not None and (is_last or is_over or not answered.is_accepted):
                if not _write_down(claim, answered, is_last=is_last) or is_last:
                    return
                answered = None
            if is_over:
                break
        claims.close(claim)


def _hand_over(
    claim: BatchClaim, mail: CampaignMail, transport: Transport, intent: Intent, tally: Counter[str]
) -> Answered | None:
    """Call the provider; what it said, to be written down. None: nothing was sent, and this batch does not go on."""
    try:
        answers = transport.send(mail.content, intent.recipients)
    except TransportError as problem:
        _stand_still(claim, intent, problem)
        return None
    # By whomever the batch is when this is written down: limits that they used stay used.
    tally += Counter(answer.kind.value for answer in answers)
    return Answered(intent.attempt_id, answers, intent.attempts)


def _write_down(claim: BatchClaim, answered: Answered, *, is_last: bool) -> bool:
    """False: the batch was taken away meanwhile."""
    try:
        outcomes.record(claim, answered.attempt_id, answered.outcomes, answered.attempts, is_last=is_last)
    except StaleClaim as stale:
        _prove(claim, answered, stale)
        return False
    return True


def _prove(claim: BatchClaim, answered: Answered | None, stale: StaleClaim) -> None:
    """Use answers that came too late."""
    proven = outcomes.record_late(claim, answered.outcomes, answered.attempts) if answered else []
    logger.warning("Batch %s: %s The late answers settled %d doubts.", claim.batch_id, stale, len(proven))


def _stand_still(claim: BatchClaim, intent: Intent, problem: TransportError) -> None:
    """Nothing of this intent was sent: nobody is charged with it, the batch waits, and people are told why.

    A connection that refuses us is paused and with it every campaign on it; a mail that cannot be written down stops
    its own campaign.
    """
    words = str(problem)
    with transaction.atomic():
        if outcomes.finish_attempt(claim, intent.attempt_id, {"not_sent": len(intent.recipients), "problem": words}):
            claims.hand_back(claim)
    logger.warning("Batch %s stands still (%s).", claim.batch_id, problem.code)
    if isinstance(problem, ConnectionProblem):
        transports.forget(claim.connection_id)
        connection_paused(connection=Connection.objects.get(pk=claim.connection_id), problem=words)
        return
    try:
        campaign_halted(campaign_id=claim.campaign_id, reason=PauseReason.AUTO, problem=words)
    except DomainError as error:
        logger.info("Campaign %s was not paused: %s", claim.campaign_id, error)
