"""From *Send now* to the last outcome, over the sandbox and over a real server on loopback."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from core.accounts.models import Organization
from core.campaigns.models import Campaign
from core.campaigns.services import campaign_cancel, campaign_pause, campaign_resume
from core.campaigns.states import CampaignStatus, PauseReason
from core.contacts.choices import ContactStatus
from core.contacts.models import Contact, Suppression
from core.contacts.refusals import refused_days
from core.contacts.services import contact_unsubscribe
from core.delivery.claim import claim_batch
from core.delivery.dispatch import dispatch
from core.delivery.intent import commit_intent
from core.delivery.models import Connection, DeliveryBatch, Message, MessageValues, SandboxMail
from core.delivery.outcomes import record
from core.delivery.rendering import prepared_mail
from core.delivery.retry_policy import MAX_ATTEMPTS, refusal
from core.delivery.services import connection_test
from core.delivery.states import BatchState, SendState, SkipReason
from core.subscriptions import usage
from core.subscriptions.choices import Metric
from tests.delivery.ledger import batches_of, claimed, run_sweep, run_work, sending_campaign, states, use_smtp
from tests.support.mail_asserts import assert_well_formed, parsed, parts_of
from tests.support.smtp_server import SmtpServer

pytestmark = pytest.mark.usefixtures("ledger")


def emails_used(organization: Organization) -> int:
    return usage.used(organization_id=organization.pk, metric=Metric.EMAILS)


def refreshed(campaign: Campaign) -> Campaign:
    return Campaign.objects.get(pk=campaign.pk)


def make_due(campaign: Campaign) -> None:
    """Let the waiting time of everything in the campaign be over."""
    past = timezone.now() - timedelta(minutes=1)
    Message.objects.filter(campaign=campaign, due_at__isnull=False).update(due_at=past)


def test_work_sandbox_keeps_one_mail_for_everybody_and_finishes(in_florist: Organization) -> None:
    batches_of(2, in_florist)
    campaign = sending_campaign(in_florist, 5)
    assert run_work() == {"accepted": 5, "batches": 3}
    run_sweep()
    assert refreshed(campaign).status == CampaignStatus.SENT
    assert sorted(SandboxMail.objects.values_list("recipient", flat=True)) == [
        f"spring-offer-{number}@people.example" for number in range(5)
    ]
    assert emails_used(in_florist) == 5


def test_work_smtp_sends_well_formed_bulk_mail_once(in_florist: Organization, smtp: SmtpServer) -> None:
    use_smtp(in_florist, smtp.port)
    campaign = sending_campaign(in_florist, 3)
    run_work()
    run_work()
    assert sorted(mail.recipients[0] for mail in smtp.accepted) == [
        f"spring-offer-{n}@people.example" for n in range(3)
    ]
    for mail in smtp.accepted:
        assert_well_formed(mail.raw)
        message = parsed(mail.raw)
        assert "Hello P" in parts_of(message)[1]
        assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        assert str(message["List-Unsubscribe"]).startswith("<http://127.0.0.1:8000/u/")
        assert str(message["List-Id"]).endswith(".campaigns.florist.example>")
        assert str(message["Feedback-ID"]).endswith(":campaign:engagex")
        assert message["Precedence"] == "bulk"
        assert str(message["Message-ID"]).endswith("@florist.example>")
    assert states(campaign) == {"accepted": 3}


def test_work_keeps_the_values_the_mail_was_built_from(in_florist: Organization) -> None:
    sending_campaign(in_florist, 1)
    run_work()
    kept = MessageValues.objects.get()
    assert kept.address == "spring-offer-0@people.example"
    assert kept.values == {"contact.first_name": "P0", "contact.full_name": "P0"}


def test_work_contact_unsubscribed_after_start_is_skipped_and_given_back(in_florist: Organization) -> None:
    campaign = sending_campaign(in_florist, 3)
    contact_unsubscribe(contact_id=Contact.objects.earliest("id").pk, source="test")
    run_work()
    assert states(campaign) == {"accepted": 2, "suppressed": 1}
    assert Message.objects.get(send_state=SendState.SUPPRESSED).reason == SkipReason.UNSUBSCRIBED
    assert SandboxMail.objects.count() == 2
    assert emails_used(in_florist) == 2


def test_work_everybody_blocked_meanwhile_settles_without_an_attempt(in_florist: Organization) -> None:
    campaign = sending_campaign(in_florist, 2)
    Contact.objects.update(deleted_at=timezone.now())
    assert run_work() == {"suppressed": 2, "batches": 1}
    assert states(campaign) == {"suppressed": 2}
    assert emails_used(in_florist) == 0


def test_work_refused_for_good_fails_alone_and_is_given_back(in_florist: Organization, smtp: SmtpServer) -> None:
    smtp.faults = replace(smtp.faults, refuse_recipients={"spring-offer-1@*": "550 5.1.1 No such user"})
    use_smtp(in_florist, smtp.port)
    campaign = sending_campaign(in_florist, 3)
    run_work()
    assert states(campaign) == {"accepted": 2, "failed": 1}
    failed = Message.objects.get(send_state=SendState.FAILED)
    assert (failed.reason, failed.words) == (SkipReason.BAD_ADDRESS, "5.1.1 No such user")
    assert emails_used(in_florist) == 2


def test_work_refused_as_unknown_stops_the_contact_and_nobody_else(in_florist: Organization, smtp: SmtpServer) -> None:
    refused = {"spring-offer-1@*": "550 5.1.1 No such user", "spring-offer-2@*": "550 5.7.1 Our policy"}
    smtp.faults = replace(smtp.faults, refuse_recipients=refused)
    use_smtp(in_florist, smtp.port)
    sending_campaign(in_florist, 4)
    run_work()
    assert Contact.objects.get(status=ContactStatus.BOUNCED).email.startswith("spring-offer-1@")
    assert [row.key.partition("@")[0] for row in Suppression.objects.all()] == ["address:spring-offer-1"]
    day = refused_days(in_florist)[0]
    assert (day.people, day.over) == (1, "Loopback"), "which can be taken back as a whole"


def test_work_refused_address_that_was_changed_meanwhile_is_left_alone(
    in_florist: Organization, smtp: SmtpServer
) -> None:
    """The refusal speaks of the address that the mail went to."""
    smtp.faults = replace(smtp.faults, refuse_recipients={"spring-offer-1@*": "550 5.1.1 No such user"})
    use_smtp(in_florist, smtp.port)
    sending_campaign(in_florist, 2)
    claim = claimed()
    mail = prepared_mail(claim.organization_id, claim.snapshot_id, claim.revision)
    intent = commit_intent(claim, mail)
    assert intent is not None
    wrong = next(one for one in intent.recipients if one.address.startswith("spring-offer-1@"))
    Contact.objects.filter(email=wrong.address).update(email="new@home.example", email_key="new@home.example")
    answers = [refusal(wrong.message_id, "550 5.1.1", "No such user")]
    record(claim, intent.attempt_id, answers, intent.attempts)
    assert not Suppression.objects.exists()
    assert not Contact.objects.filter(status=ContactStatus.BOUNCED).exists()


def test_work_refused_for_now_waits_then_goes_out_in_a_new_batch(in_florist: Organization, smtp: SmtpServer) -> None:
    healthy = smtp.faults
    smtp.faults = replace(healthy, refuse_recipients={"spring-offer-1@*": "450 4.2.1 Later"})
    use_smtp(in_florist, smtp.port)
    campaign = sending_campaign(in_florist, 3)
    run_work()
    assert states(campaign) == {"accepted": 2, "retry_wait": 1}
    assert run_sweep().requeued == 0
    assert refreshed(campaign).status == CampaignStatus.SENDING
    make_due(campaign)
    smtp.faults = healthy
    assert run_sweep().requeued == 1
    assert run_sweep().requeued == 0
    run_work()
    run_sweep()
    assert states(campaign) == {"accepted": 3}
    assert [batch.size for batch in DeliveryBatch.objects.order_by("number")] == [2, 1]
    assert refreshed(campaign).status == CampaignStatus.SENT
    assert len(smtp.accepted) == 3


def test_work_refused_for_now_too_often_fails_exhausted(in_florist: Organization, smtp: SmtpServer) -> None:
    smtp.faults = replace(smtp.faults, refuse_recipients={"*": "450 4.2.1 Later"})
    use_smtp(in_florist, smtp.port)
    campaign = sending_campaign(in_florist, 1)
    for _ in range(MAX_ATTEMPTS):
        run_work()
        make_due(campaign)
        run_sweep()
    message = Message.objects.get()
    assert (message.send_state, message.reason, message.attempts) == ("failed", SkipReason.EXHAUSTED, MAX_ATTEMPTS)
    assert emails_used(in_florist) == 0


def test_work_lost_answer_is_in_doubt_then_a_persons_decision_and_never_sent_again(
    in_florist: Organization, smtp: SmtpServer
) -> None:
    smtp.faults = replace(smtp.faults, drop_taken="spring-offer-0@*")
    use_smtp(in_florist, smtp.port)
    campaign = sending_campaign(in_florist, 1)
    run_work()
    assert states(campaign) == {"uncertain": 1}
    assert Message.objects.get().reason == SkipReason.NO_ANSWER
    run_sweep()
    assert refreshed(campaign).status == CampaignStatus.SENT
    make_due(campaign)
    assert run_sweep().unresolved == 1
    run_work()
    assert states(campaign) == {"unresolved": 1}
    assert len(smtp.accepted) == 1


def test_work_login_refused_pauses_connection_and_campaign_and_burns_nobody(
    in_florist: Organization, smtp: SmtpServer
) -> None:
    smtp.faults = replace(smtp.faults, login=("mailer", "right"))
    sender = use_smtp(in_florist, smtp.port, username="mailer", password="wrong")
    campaign = sending_campaign(in_florist, 3)
    run_work()
    sender.refresh_from_db()
    assert sender.paused_at is not None
    assert "Authentication credentials invalid" in sender.problem
    halted = refreshed(campaign)
    assert (halted.status, halted.pause_reason) == (CampaignStatus.PAUSED, PauseReason.CONNECTION)
    assert "Authentication credentials invalid" in halted.problem
    assert states(campaign) == {"ready": 3}
    assert set(Message.objects.values_list("attempts", flat=True)) == {0}

    sender.password = "right"
    sender.save()
    connection_test(connection=sender)
    campaign_resume(campaign_id=campaign.pk)
    run_work()
    assert states(campaign) == {"accepted": 3}


def test_work_paused_campaign_is_left_alone_until_resumed(in_florist: Organization) -> None:
    campaign = sending_campaign(in_florist, 3)
    campaign_pause(campaign_id=campaign.pk)
    assert run_work() == {}
    campaign_resume(campaign_id=campaign.pk)
    run_work()
    assert states(campaign) == {"accepted": 3}


def test_dispatch_campaign_paused_after_the_claim_gives_the_batch_back(in_florist: Organization) -> None:
    campaign = sending_campaign(in_florist, 3)
    claim = claimed()
    campaign_pause(campaign_id=campaign.pk)
    dispatch(claim)
    assert DeliveryBatch.objects.get().state == BatchState.READY
    assert states(campaign) == {"ready": 3}
    assert not MessageValues.objects.exists()


def test_cancel_skips_the_rest_gives_it_back_and_ends(in_florist: Organization) -> None:
    batches_of(2, in_florist)
    campaign = sending_campaign(in_florist, 5)
    dispatch(claimed())
    campaign_cancel(campaign_id=campaign.pk)
    run_sweep()
    assert states(campaign) == {"accepted": 2, "suppressed": 3}
    assert refreshed(campaign).status == CampaignStatus.CANCELLED
    assert set(DeliveryBatch.objects.values_list("state", flat=True)) == {BatchState.SETTLED}
    assert emails_used(in_florist) == 2


def test_cancel_waits_for_the_batch_in_a_workers_hands(in_florist: Organization) -> None:
    campaign = sending_campaign(in_florist, 3)
    claim = claimed()
    campaign_cancel(campaign_id=campaign.pk)
    run_sweep()
    assert refreshed(campaign).status == CampaignStatus.CANCELLING
    dispatch(claim)
    run_sweep()
    assert refreshed(campaign).status == CampaignStatus.CANCELLED
    assert states(campaign) == {"suppressed": 3}


def test_claim_of_clients_takes_turns_and_prefers_the_idle(
    in_florist: Organization, everywhere: Any, museum: Any
) -> None:
    for organization in (in_florist, museum):
        batches_of(1, organization)
    sending_campaign(in_florist, 6, name="Big")
    sending_campaign(museum, 2, name="Small")
    served = []
    last = None
    for _ in range(4):
        claim = claimed(after=last)
        last = claim.organization_id
        served.append(last)
        dispatch(claim)
    assert sorted(served[:2]) == sorted(served[2:]) == sorted([in_florist.pk, museum.pk])


def test_claim_client_with_batches_in_work_comes_after_the_idle_one(
    in_florist: Organization, everywhere: Any, museum: Any
) -> None:
    for organization in (in_florist, museum):
        batches_of(1, organization)
    sending_campaign(in_florist, 3, name="Big")
    sending_campaign(museum, 3, name="Small")
    first, second, third, fourth = (claimed() for _ in range(4))
    assert {first.organization_id, second.organization_id} == {in_florist.pk, museum.pk}
    assert {third.organization_id, fourth.organization_id} == {in_florist.pk, museum.pk}


def test_claim_inside_one_clients_scope_is_refused(in_florist: Organization) -> None:
    with pytest.raises(RuntimeError):
        claim_batch(worker="worker")


def test_claim_paused_connection_is_not_claimed(in_florist: Organization) -> None:
    sending_campaign(in_florist, 1)
    Connection.objects.update(paused_at=timezone.now())
    assert run_work() == {}
