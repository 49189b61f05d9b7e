"""An A/B test through the pipeline: sample, results, decision, winner."""

import datetime
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from django.utils import timezone

from core.accounts.models import AuditEvent, Organization
from core.campaigns.ab.presentation import shown_test
from core.campaigns.ab.services import (
    ABPlan,
    VariantDraft,
    ab_test_hold,
    ab_test_remove,
    ab_test_send,
    ab_test_set,
    decide_due_tests,
)
from core.campaigns.errors import ABDecided, BadTest, BadTime, CampaignNotReady, IllegalTransition
from core.campaigns.models import ABTest, Campaign, CampaignLink, CampaignSnapshot, CampaignVariant
from core.campaigns.services import (
    campaign_cancel,
    campaign_pause,
    campaign_resume,
    campaign_schedule,
    campaign_send_now,
)
from core.campaigns.states import ABMetric, CampaignStatus, PauseReason, ScheduleZone
from core.campaigns.versions import campaign_fix, current_version, editable
from core.delivery import outcomes
from core.delivery.limits.standstill import Standstill, standstill
from core.delivery.materialise import materialise_campaign
from core.delivery.models import DeliveryBatch, Message
from core.delivery.outcomes import Move
from core.delivery.queries import rendered_mail
from core.delivery.standing import results, sample
from core.delivery.states import SendState
from core.domains.models import SendingDomain
from core.domains.services import domain_stop
from tests.delivery.ledger import run_sweep, run_work, states
from tests.support import factories

pytestmark = pytest.mark.usefixtures("ledger")

PLAN = ABPlan(ABMetric.CLICKS, 50, 240)
TWO = [VariantDraft(subject="Alpha"), VariantDraft(subject="Beta")]


def draft(organization: Organization, people: int = 20, **fields: Any) -> Campaign:
    contacts = [factories.make_contact(organization, f"p{number}@people.example") for number in range(people)]
    return factories.make_campaign(organization, group=factories.make_group(organization, "All", contacts), **fields)


def with_test(campaign: Campaign, plan: ABPlan = PLAN, variants: list[VariantDraft] | None = None) -> Campaign:
    campaign.refresh_from_db()
    ab_test_set(campaign_id=campaign.pk, version=campaign.version, plan=plan, variants=variants or TWO)
    campaign.refresh_from_db()
    return campaign


def sampled(organization: Organization, people: int = 20, **arguments: Any) -> Campaign:
    """A campaign whose sample is out and whose rest waits."""
    campaign = with_test(draft(organization, people), **arguments)
    campaign_send_now(campaign_id=campaign.pk)
    materialise_campaign(campaign_id=campaign.pk)
    run_work()
    campaign.refresh_from_db()
    return campaign


def clicks(variant: int, count: int) -> None:
    chosen = list(Message.objects.filter(batch__variant=variant).values_list("pk", flat=True)[:count])
    Message.objects.filter(pk__in=chosen).update(clicked_at=timezone.now(), opened_at=timezone.now())


def later(campaign: Campaign, **ago: float) -> None:
    """Let time pass since the sample went out."""
    at = timezone.now() - datetime.timedelta(**ago)
    DeliveryBatch.objects.filter(campaign=campaign, settled_at__isnull=False).update(settled_at=at)


def subjects(campaign: Campaign) -> Counter[str]:
    accepted = Message.objects.filter(campaign=campaign, send_state="accepted")
    return Counter(rendered_mail(message.pk).subject for message in accepted)


def test_freeze_keeps_one_snapshot_and_own_links_for_each_variant(in_florist: Organization) -> None:
    campaign = sampled(in_florist)
    frozen = list(CampaignSnapshot.objects.order_by("variant"))
    assert [(one.variant, one.subject, one.revision) for one in frozen] == [(1, "Alpha", 1), (2, "Beta", 1)]
    numbers = list(CampaignLink.objects.values_list("number", flat=True))
    assert numbers == list(range(1, len(numbers) + 1))
    assert "link.1 " in frozen[0].html and "link.1 " not in frozen[1].html
    assert states(campaign) == {"accepted": 10, "ready": 10}
    assert subjects(campaign) == {"Alpha": 5, "Beta": 5}


def test_decision_waits_and_then_sends_the_winner_to_the_rest(in_florist: Organization) -> None:
    campaign = sampled(in_florist, 200)
    clicks(1, 5)
    clicks(2, 30)
    assert decide_due_tests() == 0
    later(campaign, minutes=239)
    assert decide_due_tests() == 0
    later(campaign, minutes=241)
    assert decide_due_tests() == 1
    test = ABTest.objects.get()
    assert (test.winner, test.decision["by"], test.decision["is_clear"]) == (2, "rule", True)
    assert test.decision["released"] == 100
    assert [one["clicked"] for one in test.decision["variants"]] == [5, 30]
    run_work()
    run_sweep()
    assert subjects(campaign) == {"Alpha": 50, "Beta": 150}
    assert Campaign.objects.get(pk=campaign.pk).status == "sent"
    assert decide_due_tests() == 0
    shown = shown_test(Campaign.objects.get(pk=campaign.pk))
    assert shown is not None and "Variant B won" in shown.headline


def test_decision_without_a_clear_winner_says_that_it_could_be_chance(in_florist: Organization) -> None:
    campaign = sampled(in_florist, 100)
    clicks(1, 5)
    clicks(2, 6)
    later(campaign, hours=5)
    assert decide_due_tests() == 1
    test = ABTest.objects.get()
    assert (test.winner, test.decision["is_clear"]) == (2, False)
    shown = shown_test(Campaign.objects.get(pk=campaign.pk))
    assert shown is not None and "could be chance" in shown.headline


def test_decision_by_opens_looks_at_opens(in_florist: Organization) -> None:
    campaign = sampled(in_florist, 100, plan=replace(PLAN, metric=ABMetric.OPENS))
    clicks(1, 3)
    Message.objects.filter(batch__variant=2).update(opened_at=timezone.now())
    later(campaign, hours=5)
    assert run_sweep().decided == 1
    assert ABTest.objects.get().winner == 2


def test_decision_of_a_sample_that_reached_nobody_waits_for_a_person(in_florist: Organization) -> None:
    campaign = with_test(draft(in_florist))
    campaign_send_now(campaign_id=campaign.pk)
    materialise_campaign(campaign_id=campaign.pk)
    DeliveryBatch.objects.filter(variant__gt=0).delete()
    Message.objects.filter(batch=None).delete()
    campaign.refresh_from_db()
    assert sample(campaign).accepted == 0
    decide_due_tests()
    assert ABTest.objects.get().decided_at is None
    # What the test took out of the ledger the plan still counts.
    DeliveryBatch.objects.all().delete()
    Message.objects.all().delete()
    Campaign.objects.update(started_at=None)


def test_send_by_a_person_before_the_time_ends_the_test(in_florist: Organization) -> None:
    campaign = sampled(in_florist)
    clicks(2, 4)
    ab_test_send(campaign_id=campaign.pk, variant=1)
    run_work()
    test = ABTest.objects.get()
    assert (test.winner, test.decision["by"], test.decision["leader"]) == (1, "person", 2)
    assert subjects(campaign) == {"Alpha": 15, "Beta": 5}
    assert AuditEvent.objects.filter(action="campaign.test_decided").count() == 1
    with pytest.raises(ABDecided):
        ab_test_send(campaign_id=campaign.pk, variant=2)


def test_hold_keeps_the_rule_from_deciding(in_florist: Organization) -> None:
    campaign = sampled(in_florist)
    ab_test_hold(campaign_id=campaign.pk, is_held=True)
    later(campaign, hours=9)
    assert decide_due_tests() == 0
    ab_test_hold(campaign_id=campaign.pk, is_held=False)
    assert decide_due_tests() == 1


def test_pause_during_the_wait_decides_nothing_and_resume_goes_on(in_florist: Organization) -> None:
    campaign = sampled(in_florist)
    campaign_pause(campaign_id=campaign.pk)
    later(campaign, hours=9)
    assert decide_due_tests() == 0
    ab_test_send(campaign_id=campaign.pk, variant=2)
    assert run_work() == {}
    campaign_resume(campaign_id=campaign.pk)
    run_work()
    assert subjects(campaign) == {"Alpha": 5, "Beta": 15}


def test_cancel_during_the_wait_skips_the_rest(in_florist: Organization) -> None:
    campaign = sampled(in_florist)
    campaign_cancel(campaign_id=campaign.pk)
    run_sweep()
    assert states(campaign) == {"accepted": 10, "suppressed": 10}
    assert Campaign.objects.get(pk=campaign.pk).status == "cancelled"
    assert decide_due_tests() == 0


def test_fix_of_the_winner_reaches_the_rest(in_florist: Organization) -> None:
    campaign = sampled(in_florist)
    campaign_pause(campaign_id=campaign.pk)
    campaign.refresh_from_db()
    before = current_version(campaign, 2)
    assert before is not None
    correction = replace(editable(before), subject="Beta, corrected")
    campaign_fix(campaign_id=campaign.pk, version=campaign.version, correction=correction, variant=2)
    ab_test_send(campaign_id=campaign.pk, variant=2)
    run_work()
    assert subjects(campaign) == {"Alpha": 5, "Beta": 5, "Beta, corrected": 10}


def test_sample_of_everybody_is_decided_after_the_campaign_is_sent(in_florist: Organization) -> None:
    campaign = sampled(in_florist, plan=replace(PLAN, sample_percent=100))
    run_sweep()
    assert Campaign.objects.get(pk=campaign.pk).status == "sent"
    clicks(1, 9)
    later(campaign, hours=5)
    assert decide_due_tests() == 1
    assert ABTest.objects.get().winner == 1


def test_retry_keeps_its_variant(in_florist: Organization) -> None:
    campaign = sampled(in_florist)
    message = Message.objects.filter(batch__variant=2).first()
    assert message is not None
    Message.objects.filter(pk=message.pk).update(send_state="uncertain")
    DeliveryBatch.objects.filter(pk=message.batch_id).update(accepted_count=4, uncertain_count=1)
    moves = [Move(message.pk, SendState.RETRY_WAIT, delay_seconds=0)]
    outcomes.write(organization_id=in_florist.pk, campaign_id=campaign.pk, moves=moves)
    run_sweep()
    run_work()
    message.refresh_from_db()
    assert message.batch is not None
    assert (message.send_state, message.batch.variant) == ("accepted", 2)
    assert rendered_mail(message.pk).subject == "Beta"
    assert [one.accepted for one in results(campaign)] == [5, 5]


def test_set_and_remove_leave_a_plain_campaign(in_florist: Organization) -> None:
    campaign = with_test(draft(in_florist))
    campaign = with_test(campaign, variants=[*TWO, VariantDraft(from_name="Somebody else")])
    assert CampaignVariant.objects.count() == 3
    ab_test_remove(campaign_id=campaign.pk, version=campaign.version)
    assert not CampaignVariant.objects.exists() and not ABTest.objects.exists()
    campaign_send_now(campaign_id=campaign.pk)
    materialise_campaign(campaign_id=campaign.pk)
    run_work()
    assert states(campaign) == {"accepted": 20}


def test_set_refuses_too_few_variants_and_a_campaign_that_started(in_florist: Organization) -> None:
    campaign = draft(in_florist)
    with pytest.raises(BadTest):
        ab_test_set(campaign_id=campaign.pk, version=campaign.version, plan=PLAN, variants=TWO[:1])
    campaign_send_now(campaign_id=campaign.pk)
    campaign.refresh_from_db()
    with pytest.raises(IllegalTransition):
        ab_test_set(campaign_id=campaign.pk, version=campaign.version, plan=PLAN, variants=TWO)


def test_send_with_a_variant_that_cannot_be_sent_names_it(in_florist: Organization) -> None:
    broken = factories.make_template(in_florist, "No way out", html="<p>Hello</p>")
    campaign = with_test(draft(in_florist), variants=[TWO[0], VariantDraft(template_id=broken.pk)])
    with pytest.raises(CampaignNotReady, match=r"Variant B: .*unsubscribe"):
        campaign_send_now(campaign_id=campaign.pk)


def test_send_with_two_equal_variants_is_refused(in_florist: Organization) -> None:
    campaign = with_test(draft(in_florist), variants=[VariantDraft(subject="Same"), VariantDraft(subject="Same")])
    with pytest.raises(CampaignNotReady, match="Variant A and Variant B are the same"):
        campaign_send_now(campaign_id=campaign.pk)


def test_schedule_in_each_recipients_zone_with_a_test_is_refused(in_florist: Organization) -> None:
    campaign = with_test(draft(in_florist))
    at = (timezone.now() + datetime.timedelta(days=2)).replace(tzinfo=None)
    with pytest.raises(BadTime, match="A/B"):
        campaign_schedule(campaign_id=campaign.pk, version=campaign.version, at=at, zone=ScheduleZone.RECIPIENT)


# A sender of its own


def senders(organization: Organization) -> Campaign:
    """Prepared and not yet sent: variant B comes from another domain of the client."""
    SendingDomain.objects.create(organization=organization, name="other.example", selector="s")
    variants = [VariantDraft(subject="Alpha"), VariantDraft(subject="Alpha", from_email="news@other.example")]
    campaign = with_test(draft(organization, from_email="news@florist.example"), variants=variants)
    campaign_send_now(campaign_id=campaign.pk)
    materialise_campaign(campaign_id=campaign.pk)
    return campaign


def test_stop_of_a_variants_domain_pauses_the_campaign_and_nothing_leaves_from_it(in_florist: Organization) -> None:
    campaign = senders(in_florist)
    domain_stop(domain_id=SendingDomain.objects.get(name="other.example").pk)
    run_work()  # before the next sweep
    assert not Message.objects.filter(batch__variant=2).exclude(send_state="ready").exists()
    run_sweep()
    campaign.refresh_from_db()
    assert (campaign.status, campaign.pause_reason) == (CampaignStatus.PAUSED, PauseReason.DOMAIN)


def test_domain_of_a_variant_that_lost_keeps_nobody_waiting(in_florist: Organization) -> None:
    campaign = senders(in_florist)
    run_work()
    ab_test_send(campaign_id=campaign.pk, variant=1)
    domain_stop(domain_id=SendingDomain.objects.get(name="other.example").pk)
    run_sweep()
    run_work()
    assert states(campaign) == {"accepted": 20}


def test_warm_up_of_a_variants_domain_holds_its_mails_back(in_florist: Organization) -> None:
    campaign = senders(in_florist)
    ramp = {"warmup_started_on": timezone.localdate(), "warmup_start": 2, "warmup_target": 50}
    SendingDomain.objects.filter(name="other.example").update(**ramp)
    run_work()
    accepted = Message.objects.filter(send_state="accepted").values_list("batch__variant", flat=True)
    assert Counter(accepted) == {1: 5, 2: 2}
    campaign.refresh_from_db()
    assert [reason.kind for reason in standstill(campaign)] == [Standstill.WARM_UP, Standstill.AB_WAIT]
