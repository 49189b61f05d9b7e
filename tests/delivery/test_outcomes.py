"""The table of legal moves holds against the database, whatever is asked for."""

import random
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.accounts.models import Organization
from core.campaigns.services import campaign_pause
from core.common.ids import new_id
from core.common.tenancy import OrganizationMismatch, organization_scope
from core.contacts.choices import SuppressionReason
from core.contacts.services import contacts_stop
from core.delivery import outcomes
from core.delivery.claim import hand_back, renew
from core.delivery.errors import StaleClaim
from core.delivery.intent import Intent, commit_intent
from core.delivery.models import DeliveryBatch, Message, MessageValues, SendAttempt
from core.delivery.outcomes import Answered, Move
from core.delivery.recovery import recover_expired_batches
from core.delivery.rendering import campaign_mail
from core.delivery.retry_policy import CONSEQUENCES, MAX_ATTEMPTS, retry_delay_seconds
from core.delivery.states import (
    BATCH_TRANSITIONS,
    MESSAGE_TRANSITIONS,
    BatchState,
    SendState,
    is_legal_batch_move,
    is_legal_message_move,
)
from core.delivery.transports.base import ErrorClass, Outcome, OutcomeKind
from core.subscriptions import usage
from core.subscriptions.choices import Metric
from tests.delivery.invariants import broken_invariants
from tests.delivery.ledger import claimed, run_sweep, run_work, sending_campaign, states

STATES = st.sampled_from(list(SendState))


def write(message: Message, to: SendState) -> list[outcomes.Moved]:
    return outcomes.write(
        organization_id=message.organization_id, campaign_id=message.campaign_id, moves=[Move(message.pk, to)]
    )


def test_message_transitions_name_every_state_and_end_where_nothing_follows() -> None:
    assert set(MESSAGE_TRANSITIONS) == set(SendState)
    assert set(BATCH_TRANSITIONS) == set(BatchState)
    final = {state for state, targets in MESSAGE_TRANSITIONS.items() if not targets}
    assert final == {SendState.ACCEPTED, SendState.SUPPRESSED, SendState.FAILED}


def test_message_transitions_lead_back_to_ready_only_by_retry_or_a_person() -> None:
    assert {state for state in SendState if is_legal_message_move(state, SendState.READY)} == {
        SendState.RETRY_WAIT,
        SendState.UNRESOLVED,
    }
    assert not is_legal_batch_move(BatchState.SETTLED, BatchState.READY)


@pytest.mark.django_db
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(path=st.lists(STATES, min_size=1, max_size=12))
def test_write_any_sequence_of_wishes_makes_only_legal_moves(in_florist: Organization, path: list[SendState]) -> None:
    campaign = sending_campaign(in_florist, 1, name=f"Campaign {new_id()}")
    message = Message.objects.get(campaign=campaign)
    used_before = usage.used(organization_id=in_florist.pk, metric=Metric.EMAILS)
    for wish in path:
        before = SendState(message.send_state)
        moved = write(message, wish)
        message.refresh_from_db()
        assert bool(moved) == is_legal_message_move(before, wish)
        assert message.send_state == (wish if moved else before)
    given_back = message.send_state in (SendState.SUPPRESSED, SendState.FAILED)
    assert usage.used(organization_id=in_florist.pk, metric=Metric.EMAILS) == used_before - given_back
    assert "I11 the counts of a batch equal a recount" not in broken_invariants()


@pytest.mark.django_db
def test_write_many_at_once_moves_the_legal_ones_and_leaves_the_rest(in_florist: Organization) -> None:
    campaign = sending_campaign(in_florist, 4)
    messages = list(Message.objects.order_by("id"))
    moves = [
        Move(messages[0].pk, SendState.ACCEPTED),
        Move(messages[1].pk, SendState.UNRESOLVED),
        Move(messages[2].pk, SendState.UNCERTAIN, delay_seconds=60),
    ]
    moved = outcomes.write(organization_id=in_florist.pk, campaign_id=campaign.pk, moves=moves)
    assert {found.message_id for found in moved} == {messages[0].pk, messages[2].pk}
    assert states(campaign) == {"accepted": 1, "ready": 2, "uncertain": 1}


@pytest.mark.django_db
def test_write_another_clients_message_moves_nothing(florist: Organization, museum: Organization) -> None:
    with organization_scope(museum):
        campaign = sending_campaign(museum, 1)
        message = Message.objects.get()
    with organization_scope(florist):
        moves = [Move(message.pk, SendState.ACCEPTED)]
        assert outcomes.write(organization_id=florist.pk, campaign_id=campaign.pk, moves=moves) == []
        with pytest.raises(OrganizationMismatch):
            outcomes.write(organization_id=museum.pk, campaign_id=campaign.pk, moves=moves)
    assert states(campaign) == {"ready": 1}


# Stale claims


def intended(organization: Organization) -> tuple[Any, Intent, dict[UUID, int]]:
    """A batch whose worker has committed its intent and not yet called."""
    campaign = sending_campaign(organization, 3)
    claim = claimed()
    intent = commit_intent(claim, campaign_mail(campaign.pk))
    assert intent is not None
    return claim, intent, intent.attempts


def answers(intent: Intent, kind: OutcomeKind) -> list[Outcome]:
    return [Outcome(recipient.message_id, kind, "250", "Fine") for recipient in intent.recipients]


def let_lease_run_out() -> None:
    DeliveryBatch.objects.update(lease_until=timezone.now() - timedelta(seconds=1))


@pytest.mark.django_db
def test_record_with_a_stale_token_is_refused_and_writes_nothing(in_florist: Organization) -> None:
    claim, intent, attempts = intended(in_florist)
    let_lease_run_out()
    assert recover_expired_batches() == 1
    with pytest.raises(StaleClaim):
        outcomes.record(claim, intent.attempt_id, answers(intent, OutcomeKind.ACCEPTED), attempts)
    assert set(Message.objects.values_list("send_state", flat=True)) == {SendState.UNCERTAIN}


@pytest.mark.django_db
def test_claim_that_was_lost_with_the_database_touches_nothing_of_the_next_worker(in_florist: Organization) -> None:
    """A claim's commit waits for no disk. After a crash of PostgreSQL its token is given out again, to another name."""
    campaign = sending_campaign(in_florist, 3)
    lost = claimed(worker="first")
    DeliveryBatch.objects.update(state="ready", fencing_token=0, worker="", lease_until=None)
    again = claimed(worker="second")
    assert (again.batch_id, again.fencing_token) == (lost.batch_id, lost.fencing_token)
    assert commit_intent(lost, campaign_mail(campaign.pk)) is None
    assert not hand_back(lost)
    assert not renew(lost)
    intent = commit_intent(again, campaign_mail(campaign.pk))
    assert intent is not None
    with pytest.raises(StaleClaim):
        outcomes.record(lost, intent.attempt_id, answers(intent, OutcomeKind.FAILED), intent.attempts)
    outcomes.record(again, intent.attempt_id, answers(intent, OutcomeKind.ACCEPTED), intent.attempts, is_last=True)
    assert states(campaign) == {"accepted": 3}


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("kind", "after"),
    [
        (OutcomeKind.ACCEPTED, SendState.ACCEPTED),
        (OutcomeKind.RETRY, SendState.RETRY_WAIT),
        (OutcomeKind.FAILED, SendState.RETRY_WAIT),
        (OutcomeKind.UNKNOWN, SendState.UNCERTAIN),
    ],
)
def test_record_late_settles_doubts_only(in_florist: Organization, kind: OutcomeKind, after: SendState) -> None:
    claim, intent, attempts = intended(in_florist)
    let_lease_run_out()
    recover_expired_batches()
    outcomes.record_late(claim, answers(intent, kind), attempts)
    assert set(Message.objects.values_list("send_state", "attempts")) == {(after, 1)}
    assert broken_invariants() == {}


@pytest.mark.django_db
def test_record_twice_is_refused_the_second_time(in_florist: Organization) -> None:
    claim, intent, attempts = intended(in_florist)
    outcomes.record(claim, intent.attempt_id, answers(intent, OutcomeKind.ACCEPTED), attempts)
    with pytest.raises(StaleClaim):
        outcomes.record(claim, intent.attempt_id, answers(intent, OutcomeKind.RETRY), attempts)
    assert set(Message.objects.values_list("send_state", "attempts")) == {(SendState.ACCEPTED, 1)}
    assert SendAttempt.objects.get().result == {"accepted": 3}


# Outcome and next intent in one commit


def half_answered(organization: Organization) -> tuple[Any, Intent, Answered]:
    """A batch of four, of which two were accepted and not written down yet."""
    sending_campaign(organization, 4)
    claim = claimed()
    intent = commit_intent(claim, campaign_mail(claim.campaign_id), limit=2)
    assert intent is not None
    return claim, intent, Answered(intent.attempt_id, answers(intent, OutcomeKind.ACCEPTED), intent.attempts)


def counted() -> tuple[Any, ...]:
    return DeliveryBatch.objects.values_list("state", "accepted_count", "suppressed_count").get()


@pytest.mark.django_db(transaction=True)
def test_intent_with_the_outcome_before_it_commits_both(in_florist: Organization) -> None:
    claim, first, answered = half_answered(in_florist)
    second = commit_intent(claim, campaign_mail(claim.campaign_id), limit=2, after=first.last, answered=answered)
    assert second is not None
    assert not set(second.attempts) & set(first.attempts) and len(second.recipients) == 2
    connection.close()  # what is left stands on disk
    assert set(Message.objects.filter(pk__in=first.attempts).values_list("send_state", "attempts")) == {("accepted", 1)}
    assert set(Message.objects.filter(pk__in=second.attempts).values_list("send_state", flat=True)) == {"ready"}
    assert list(SendAttempt.objects.order_by("pk").values_list("result", flat=True)) == [{"accepted": 2}, {}]
    assert counted() == (BatchState.DISPATCHING, 2, 0)
    assert broken_invariants() == {}


@pytest.mark.django_db(transaction=True)
def test_intent_refused_by_a_pause_keeps_the_outcome_before_it(in_florist: Organization) -> None:
    claim, first, answered = half_answered(in_florist)
    campaign_pause(campaign_id=claim.campaign_id)
    mail = campaign_mail(claim.campaign_id)
    assert commit_intent(claim, mail, limit=2, after=first.last, answered=answered) is None
    assert SendAttempt.objects.count() == 1
    assert hand_back(claim)
    assert counted() == (BatchState.READY, 2, 0)
    assert broken_invariants() == {}


@pytest.mark.django_db(transaction=True)
def test_intent_with_somebody_blocked_meanwhile_keeps_the_outcome_before_it(in_florist: Organization) -> None:
    claim, first, answered = half_answered(in_florist)
    blocked = Message.objects.exclude(pk__in=first.attempts).first()
    assert blocked is not None
    contacts_stop(contact_ids=[blocked.contact_id], reason=SuppressionReason.BOUNCED, note="")
    second = commit_intent(claim, campaign_mail(claim.campaign_id), limit=2, after=first.last, answered=answered)
    assert second is not None
    assert (second.skipped, len(second.recipients)) == (1, 1)
    assert counted() == (BatchState.DISPATCHING, 2, 1)
    assert usage.used(organization_id=in_florist.pk, metric=Metric.EMAILS) == 3
    assert broken_invariants() == {}


@pytest.mark.django_db(transaction=True)
def test_intent_of_a_stale_claim_writes_neither(in_florist: Organization) -> None:
    claim, first, answered = half_answered(in_florist)
    let_lease_run_out()
    assert recover_expired_batches() == 1
    with pytest.raises(StaleClaim):
        commit_intent(claim, campaign_mail(claim.campaign_id), limit=2, after=first.last, answered=answered)
    assert SendAttempt.objects.count() == 1
    assert set(Message.objects.filter(pk__in=first.attempts).values_list("send_state", flat=True)) == {"uncertain"}
    assert broken_invariants() == {}


@pytest.mark.django_db
def test_intent_takes_no_answers_from_which_more_follows(in_florist: Organization) -> None:
    claim, first, answered = half_answered(in_florist)
    refused = Answered(answered.attempt_id, answers(first, OutcomeKind.FAILED), answered.attempts)
    with pytest.raises(ValueError, match="More follows"):
        commit_intent(claim, campaign_mail(claim.campaign_id), limit=2, after=first.last, answered=refused)


# Recovery


@pytest.mark.django_db
def test_recover_leased_batch_is_ready_again_with_nobody_in_doubt(in_florist: Organization) -> None:
    campaign = sending_campaign(in_florist, 3)
    claimed()
    let_lease_run_out()
    assert recover_expired_batches() == 1
    assert recover_expired_batches() == 0
    assert DeliveryBatch.objects.get().state == BatchState.READY
    assert states(campaign) == {"ready": 3}


@pytest.mark.django_db
def test_recover_batch_within_its_lease_is_left_alone(in_florist: Organization) -> None:
    sending_campaign(in_florist, 3)
    claimed()
    assert run_sweep().recovered == 0


@pytest.mark.django_db
def test_recover_dispatching_batch_puts_the_slice_in_doubt_and_frees_the_rest(in_florist: Organization) -> None:
    campaign = sending_campaign(in_florist, 5)
    claim = claimed()
    commit_intent(claim, campaign_mail(campaign.pk), limit=2)
    let_lease_run_out()
    assert run_sweep().recovered == 1
    assert states(campaign) == {"ready": 3, "uncertain": 2}
    assert commit_intent(claim, campaign_mail(campaign.pk)) is None
    run_work()
    assert states(campaign) == {"accepted": 3, "uncertain": 2}
    assert broken_invariants() == {}


# Retry policy


@given(attempts=st.integers(1, MAX_ATTEMPTS - 1), wish=st.one_of(st.none(), st.integers(0, 10**9)))
def test_retry_delay_stays_within_its_bounds(attempts: int, wish: int | None) -> None:
    delay = retry_delay_seconds(attempts=attempts, retry_after_seconds=wish)
    assert delay is not None
    assert min(wish or 0, 24 * 3600) <= delay
    assert delay <= max(CONSEQUENCES[ErrorClass.UNKNOWN].longest_delay, min(wish or 0, 24 * 3600))


def test_retry_delay_after_the_last_attempt_is_none() -> None:
    assert retry_delay_seconds(attempts=MAX_ATTEMPTS) is None


def test_retry_delay_grows_with_the_attempts() -> None:
    random.seed(1)
    average = [sum(retry_delay_seconds(attempts=n) or 0 for _ in range(200)) / 200 for n in (1, 3, 6)]
    assert average == sorted(average)


@pytest.mark.django_db
@pytest.mark.parametrize("field", ["message_id", "snapshot_id"])
def test_values_that_name_another_clients_row_are_refused_by_the_database(
    florist: Organization, museum: Organization, field: str
) -> None:
    with organization_scope(museum):
        campaign = sending_campaign(museum, 1)
        foreign = {"message_id": Message.objects.get().pk, "snapshot_id": campaign.snapshots.get().pk}[field]
    with organization_scope(florist):
        own = sending_campaign(florist, 1)
        row = {"message_id": Message.objects.get().pk, "snapshot_id": own.snapshots.get().pk}
        row |= {"organization_id": florist.pk, "address": "ann@people.example"}
        with pytest.raises(IntegrityError, match="another organization"), transaction.atomic():
            MessageValues.objects.bulk_create([MessageValues(**{**row, field: foreign})])
        MessageValues.objects.bulk_create([MessageValues(**row)])
        with connection.cursor() as cursor, pytest.raises(IntegrityError), transaction.atomic():
            cursor.execute(f"UPDATE delivery_messagevalues SET {field} = %s", [foreign])
