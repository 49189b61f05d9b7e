"""A machine that tries what workers, providers, operators and time can do to a ledger, in any order.

The provider's log is the oracle: what it took is known for certain, whatever became of the answer. After every step the
product's own invariants hold, nobody has got a mail twice but by an operator's resend, and who has got one is never
counted among the skipped, failed or waiting. At the end everything is brought to rest, and everybody has an answer.

LEDGER_EXAMPLES=500 looks further than the suite does.
"""

import os
import random
from collections import Counter
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from core.campaigns.ab.services import ABPlan, VariantDraft, ab_test_send, ab_test_set
from core.campaigns.models import Campaign
from core.campaigns.services import campaign_cancel, campaign_pause, campaign_resume, campaign_send_now
from core.campaigns.states import ABMetric
from core.campaigns.versions import campaign_fix, current_version, editable
from core.common.errors import DomainError
from core.common.tenancy import all_organizations
from core.contacts.models import Contact
from core.delivery import outcomes
from core.delivery.claim import BatchClaim, claim_batch, hand_back, renew, settle
from core.delivery.errors import StaleClaim
from core.delivery.intent import Intent, commit_intent
from core.delivery.materialise import materialise_campaign
from core.delivery.models import DeliveryBatch, Message
from core.delivery.outcomes import Answered
from core.delivery.recovery import give_up_on_proof, recover_expired_batches, requeue_due_retries
from core.delivery.rendering import CampaignMail, campaign_mail, prepared_mail
from core.delivery.services import message_mark_sent, message_send_again
from core.delivery.states import SendState
from core.delivery.sweeper import sweep
from core.delivery.transports.base import Outcome, OutcomeKind
from tests.delivery.invariants import broken_invariants
from tests.delivery.ledger import batches_of
from tests.support import factories

PEOPLE, BATCH, SLICE = 7, 3, 2
EXAMPLES, STEPS = int(os.environ.get("LEDGER_EXAMPLES", "8")), 25
WORKERS = st.integers(0, 3)
HAD = {SendState.ACCEPTED, SendState.UNCERTAIN, SendState.UNRESOLVED}

# What a provider does with one mail: whether it takes it, and what the worker gets to hear.
FATES = {
    "accepted": (True, OutcomeKind.ACCEPTED),
    "429": (False, OutcomeKind.RETRY),
    "refused": (False, OutcomeKind.FAILED),
    "500": (False, OutcomeKind.UNKNOWN),
    "timeout before": (False, OutcomeKind.UNKNOWN),
    "timeout after": (True, OutcomeKind.UNKNOWN),
}
FATE = st.sampled_from([*FATES, "accepted", "accepted"])


@dataclass
class Worker:
    """A process with a batch in its hands. Dead ones are forgotten; what they did at the provider is not."""

    claim: BatchClaim
    mail: CampaignMail
    intent: Intent | None = None
    answers: list[Outcome] | None = None


class LedgerMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.workers: list[Worker] = []
        self.taken: Counter[UUID] = Counter()
        self.blocked: set[UUID] = set()
        self._all = all_organizations(reason="the ledger's machine")
        self._atomic = transaction.atomic()
        self._atomic.__enter__()
        self._all.__enter__()

    @initialize(is_tested=st.booleans())
    def begin(self, is_tested: bool) -> None:
        """One campaign on its way, with or without an A/B test of two subjects on half of its people."""
        random.seed(0)
        self.organization = factories.make_organization("Machine")
        batches_of(BATCH, self.organization)
        contacts = [factories.make_contact(self.organization) for _ in range(PEOPLE)]
        group = factories.make_group(self.organization, "All", contacts)
        self.campaign: Campaign = factories.make_campaign(self.organization, group=group)
        if is_tested:
            plan, variants = ABPlan(ABMetric.CLICKS, 50, 60), [VariantDraft(subject="A"), VariantDraft(subject="B")]
            ab_test_set(campaign_id=self.campaign.pk, version=self.campaign.version, plan=plan, variants=variants)
        campaign_send_now(campaign_id=self.campaign.pk)
        materialise_campaign(campaign_id=self.campaign.pk)
        self.is_tested, self.is_undecided = is_tested, is_tested

    def teardown(self) -> None:
        try:
            if hasattr(self, "campaign"):
                self.come_to_rest()
        finally:
            self._all.__exit__(None, None, None)
            transaction.set_rollback(True)
            self._atomic.__exit__(None, None, None)

    # Workers

    @rule()
    def claim(self) -> None:
        claim = claim_batch(worker=f"w{len(self.workers)}")
        if claim is not None:
            assert self.status in ("sending", "sent"), "a claim while the campaign stands still"
            self.workers.append(self.new_worker(claim))

    @precondition(lambda self: self.free_workers)
    @rule(number=WORKERS)
    def intend(self, number: int) -> None:
        self.go_on(self.pick(self.free_workers, number), None)

    @precondition(lambda self: self.accepted)
    @rule(number=WORKERS)
    def write_down_and_intend(self, number: int) -> None:
        """Where everybody was accepted, the outcome goes with the next intent."""
        worker = self.pick(self.accepted, number)
        assert worker.intent is not None
        assert worker.answers is not None
        answered = Answered(worker.intent.attempt_id, worker.answers, worker.intent.attempts)
        worker.intent = worker.answers = None
        try:
            self.go_on(worker, answered)
        except StaleClaim:
            outcomes.record_late(worker.claim, answered.outcomes, answered.attempts)
            self.workers.remove(worker)
            return
        states = Message.objects.filter(pk__in=answered.attempts).values_list("send_state", flat=True)
        assert set(states) <= {SendState.ACCEPTED, SendState.SUPPRESSED}, "an outcome that was not written down"

    def go_on(self, worker: Worker, answered: Answered | None) -> None:
        """The next intent, or the end of the batch."""
        intent = commit_intent(worker.claim, worker.mail, limit=SLICE, answered=answered)
        if intent is None:
            hand_back(worker.claim)
            self.workers.remove(worker)
            return
        assert self.status in ("sending", "sent"), "an intent after the pause"
        assert worker.mail is self.mail_of(worker.claim), "an intent with content that was corrected meanwhile"
        if not intent.attempts:
            settle(worker.claim)
            self.workers.remove(worker)
            return
        contacts = dict(Message.objects.filter(pk__in=intent.attempts).values_list("pk", "contact_id"))
        assert not {contacts[one.message_id] for one in intent.recipients} & self.blocked
        if intent.recipients:
            worker.intent = intent

    @precondition(lambda self: self.intending)
    @rule(number=WORKERS, fates=st.lists(FATE, min_size=SLICE, max_size=SLICE))
    def provider_answers(self, number: int, fates: list[str]) -> None:
        worker = self.pick(self.intending, number)
        assert worker.intent is not None
        worker.answers = []
        for recipient, fate in zip(worker.intent.recipients, fates, strict=False):
            is_taken, kind = FATES[fate]
            self.taken[recipient.message_id] += is_taken
            worker.answers.append(Outcome(recipient.message_id, kind, fate, fate))

    @precondition(lambda self: self.answered)
    @rule(number=WORKERS)
    def write_down(self, number: int) -> None:
        """What the worker does with the answers; too late for its lease, they are proof."""
        worker = self.pick(self.answered, number)
        assert worker.intent is not None
        assert worker.answers is not None
        attempts = worker.intent.attempts
        try:
            outcomes.record(worker.claim, worker.intent.attempt_id, worker.answers, attempts)
        except StaleClaim:
            outcomes.record_late(worker.claim, worker.answers, attempts)
            self.workers.remove(worker)
            return
        worker.intent = worker.answers = None

    @precondition(lambda self: self.workers)
    @rule(number=WORKERS)
    def sign_of_life(self, number: int) -> None:
        renew(self.pick(self.workers, number).claim)

    @precondition(lambda self: self.workers)
    @rule(number=WORKERS)
    def worker_dies(self, number: int) -> None:
        self.workers.remove(self.pick(self.workers, number))

    @precondition(lambda self: self.intending)
    @rule(number=WORKERS, is_taken=st.lists(st.booleans(), min_size=SLICE, max_size=SLICE))
    def worker_dies_in_the_call(self, number: int, is_taken: list[bool]) -> None:
        worker = self.pick(self.intending, number)
        assert worker.intent is not None
        for recipient, taken in zip(worker.intent.recipients, is_taken, strict=False):
            self.taken[recipient.message_id] += taken
        self.workers.remove(worker)

    # Time

    @rule()
    def leases_run_out(self) -> None:
        """Of all batches: of the dead workers', and of those that are only slow."""
        self.execute("UPDATE delivery_deliverybatch SET lease_until = now() - interval '1 s' WHERE lease_until > now()")
        recover_expired_batches()

    @rule()
    def waiting_is_over(self) -> None:
        self.execute("UPDATE delivery_message SET due_at = now() - interval '1 s' WHERE send_state = 'retry_wait'")
        requeue_due_retries()

    @rule()
    def doubts_grow_old(self) -> None:
        self.execute("UPDATE delivery_message SET due_at = now() - interval '1 s' WHERE send_state = 'uncertain'")
        give_up_on_proof()

    @rule()
    def sweep(self) -> None:
        sweep(ready_limit=4)

    # People

    @precondition(lambda self: self.status == "sending")
    @rule()
    def pause(self) -> None:
        campaign_pause(campaign_id=self.campaign.pk)

    @precondition(lambda self: self.status == "paused")
    @rule()
    def resume(self) -> None:
        campaign_resume(campaign_id=self.campaign.pk)

    @precondition(lambda self: self.status == "paused" and not self.is_tested)
    @rule()
    def fix_and_continue(self) -> None:
        campaign = Campaign.objects.get(pk=self.campaign.pk)
        before = current_version(campaign)
        assert before is not None
        correction = replace(editable(before), subject=f"Corrected {campaign.content_revision}")
        campaign_fix(campaign_id=campaign.pk, version=campaign.version, correction=correction)

    @precondition(lambda self: self.is_undecided and self.status in ("sending", "paused"))
    @rule(variant=st.integers(1, 2))
    def somebody_decides_the_test(self, variant: int) -> None:
        ab_test_send(campaign_id=self.campaign.pk, variant=variant)
        self.is_undecided = False

    # Rare: what comes after it is a shorter story.
    @precondition(lambda self: self.status in ("sending", "paused"))
    @rule(chance=st.integers(0, 5))
    def cancel(self, chance: int) -> None:
        if chance == 0:
            campaign_cancel(campaign_id=self.campaign.pk)

    @precondition(lambda self: self.unresolved)
    @rule(number=st.integers(0, PEOPLE), again=st.booleans())
    def operator_decides(self, number: int, again: bool) -> None:
        message_id = self.pick(self.unresolved, number)
        try:
            (message_send_again if again else message_mark_sent)(message_id=message_id)
        except DomainError:
            assert again
            assert self.status in ("cancelling", "cancelled")

    @rule(number=st.integers(0, PEOPLE - 1))
    def somebody_unsubscribes(self, number: int) -> None:
        contact = Contact.objects.order_by("pk")[number]
        Contact.objects.filter(pk=contact.pk).update(status="unsubscribed")
        self.blocked.add(contact.pk)

    # What must hold

    @invariant()
    def invariants_of_the_product_hold(self) -> None:
        assert broken_invariants() == {}

    @invariant()
    def nobody_has_it_twice(self) -> None:
        resends = dict(Message.objects.values_list("pk", "resends"))
        assert not {pk: count for pk, count in self.taken.items() if count > 1 + resends[pk]}

    @invariant()
    def who_has_it_is_known_to(self) -> None:
        in_flight = {one.message_id for worker in self.workers if worker.intent for one in worker.intent.recipients}
        open_ids = {pk for ids in self.open_attempts() for pk in ids} | in_flight
        for pk, state, resends in Message.objects.values_list("pk", "send_state", "resends"):
            if self.taken[pk] and not resends and pk not in open_ids:
                assert state in HAD, f"{pk} was taken and is {state}"
            if state == SendState.ACCEPTED and not self.was_marked(pk):
                assert self.taken[pk], f"{pk} is accepted and was never taken"

    # The end

    def come_to_rest(self) -> None:
        """All workers die, the campaign goes on, and honest ones finish it."""
        self.workers.clear()
        if self.is_undecided and self.status in ("sending", "paused"):
            self.somebody_decides_the_test(1)
        if self.status == "paused":
            campaign_resume(campaign_id=self.campaign.pk)
        for _ in range(30):
            self.leases_run_out()
            self.waiting_is_over()
            self.doubts_grow_old()
            while (claim := claim_batch(worker="honest")) is not None:
                self.finish(claim)
            sweep(ready_limit=4)
        states = Counter(Message.objects.values_list("send_state", flat=True))
        assert states.total() == PEOPLE
        assert states.keys() <= {"accepted", "suppressed", "failed", "unresolved"}, states
        assert self.status in ("sent", "cancelled")
        self.who_has_it_is_known_to()
        self.nobody_has_it_twice()
        assert broken_invariants() == {}

    def finish(self, claim: BatchClaim) -> None:
        worker = self.new_worker(claim)
        self.workers.append(worker)
        while worker in self.workers:
            if worker.answers is not None:
                self.write_down(self.answered.index(worker))
            elif worker.intent is not None:
                self.provider_answers(self.intending.index(worker), ["accepted"] * SLICE)
            else:
                self.intend(self.free_workers.index(worker))

    # Helpers

    def mail_of(self, claim: BatchClaim) -> CampaignMail:
        """What goes out now, asked apart from the claim."""
        return campaign_mail(self.campaign.pk, DeliveryBatch.objects.get(pk=claim.batch_id).variant)

    def new_worker(self, claim: BatchClaim) -> Worker:
        return Worker(claim, prepared_mail(claim.organization_id, claim.snapshot_id, claim.revision))

    @property
    def status(self) -> str:
        return Campaign.objects.values_list("status", flat=True).get(pk=self.campaign.pk)

    @property
    def free_workers(self) -> list[Worker]:
        return [worker for worker in self.workers if worker.intent is None]

    @property
    def intending(self) -> list[Worker]:
        return [worker for worker in self.workers if worker.intent is not None and worker.answers is None]

    @property
    def answered(self) -> list[Worker]:
        return [worker for worker in self.workers if worker.answers is not None]

    @property
    def accepted(self) -> list[Worker]:
        return [
            worker
            for worker in self.answered
            if worker.answers and all(answer.kind is OutcomeKind.ACCEPTED for answer in worker.answers)
        ]

    @property
    def unresolved(self) -> list[UUID]:
        return list(Message.objects.filter(send_state="unresolved").order_by("pk").values_list("pk", flat=True))

    def was_marked(self, pk: UUID) -> bool:
        from core.accounts.models import AuditEvent

        return AuditEvent.objects.filter(action="message.marked_sent", object_id=str(pk)).exists()

    def open_attempts(self) -> list[list[UUID]]:
        with connection.cursor() as cursor:
            cursor.execute("SELECT message_ids FROM delivery_sendattempt WHERE finished_at IS NULL")
            return [row[0] for row in cursor.fetchall()]

    @staticmethod
    def pick(among: list[Any], number: int) -> Any:
        return among[number % len(among)]

    @staticmethod
    def execute(sql: str) -> None:
        with connection.cursor() as cursor:
            cursor.execute(sql)


@pytest.mark.usefixtures("db")
def test_ledger_whatever_happens_nobody_is_lost_or_mailed_twice() -> None:
    run_state_machine_as_test(
        LedgerMachine,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            derandomize="LEDGER_EXAMPLES" not in os.environ,
        ),
    )
