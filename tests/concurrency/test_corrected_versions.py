"""Corrections and decisions against everything that happens at the same moment, on real connections and processes."""

import datetime
import signal
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from django.db import transaction
from django.utils import timezone

from core.accounts.models import Organization
from core.campaigns.ab.services import (
    ABPlan,
    VariantDraft,
    ab_test_decide,
    ab_test_send,
    ab_test_set,
)
from core.campaigns.errors import ABDecided, ChangedMeanwhile, IllegalTransition
from core.campaigns.models import ABTest, Campaign, CampaignSnapshot
from core.campaigns.services import campaign_cancel, campaign_pause, campaign_send_now
from core.campaigns.states import ABMetric
from core.campaigns.versions import campaign_fix, current_version, editable
from core.common.tenancy import all_organizations, organization_scope
from core.delivery.claim import hand_back
from core.delivery.intent import commit_intent
from core.delivery.materialise import materialise_campaign
from core.delivery.models import DeliveryBatch, Message, MessageValues
from core.delivery.queries import rendered_mail
from core.delivery.rendering import campaign_mail
from core.delivery.transports.smtp_session import SmtpSettings
from tests.campaigns.test_races import at_once
from tests.concurrency.processes import start_worker
from tests.concurrency.test_two_connections import SHORT, in_thread
from tests.delivery.ledger import batches_of, claimed, run_sweep, run_work, sending_campaign, states, use_smtp
from tests.support import factories
from tests.support.smtp_server import SmtpServer

pytestmark = pytest.mark.usefixtures("ledger")
SLICE = SmtpSettings(host="").slice_size


def fix(campaign_id: UUID, subject: str = "Corrected") -> Campaign:
    campaign = Campaign.objects.get(pk=campaign_id)
    before = current_version(campaign)
    assert before is not None
    correction = replace(editable(before), subject=subject)
    return campaign_fix(campaign_id=campaign_id, version=campaign.version, correction=correction)


def sample_out(organization: Organization, people: int = 20) -> Campaign:
    """A campaign with an A/B test whose sample is out and whose waiting time is over."""
    contacts = [factories.make_contact(organization) for _ in range(people)]
    campaign = factories.make_campaign(organization, group=factories.make_group(organization, "All", contacts))
    plan, variants = ABPlan(ABMetric.CLICKS, 50, 60), [VariantDraft(subject="Alpha"), VariantDraft(subject="Beta")]
    ab_test_set(campaign_id=campaign.pk, version=campaign.version, plan=plan, variants=variants)
    campaign_send_now(campaign_id=campaign.pk)
    materialise_campaign(campaign_id=campaign.pk)
    run_work()
    long_ago = timezone.now() - datetime.timedelta(hours=2)
    DeliveryBatch.objects.filter(settled_at__isnull=False).update(settled_at=long_ago)
    campaign.refresh_from_db()
    return campaign


def test_intent_with_the_old_content_waits_for_the_correction_and_is_refused(florist: Organization) -> None:
    """Pause, fix and resume are one commit here: the intent that waited for it finds the campaign sending again."""
    with organization_scope(florist):
        campaign = sending_campaign(florist, 3)
    claim = claimed()
    with organization_scope(florist):
        old = campaign_mail(campaign.pk)
    with ThreadPoolExecutor(1) as pool:
        with organization_scope(florist), transaction.atomic():
            campaign_pause(campaign_id=campaign.pk)
            fix(campaign.pk)
            waiting = in_thread(pool, lambda: commit_intent(claim, old))
            with pytest.raises(TimeoutError):
                waiting.result(SHORT)
        assert waiting.result(10) is None
    with organization_scope(florist):
        assert Campaign.objects.get().status == "sending"
        assert not MessageValues.objects.exists()
        assert hand_back(claim)
    run_work()
    with organization_scope(florist):
        assert {rendered_mail(message.pk).subject for message in Message.objects.all()} == {"Corrected"}


def test_intent_that_came_first_keeps_its_version(florist: Organization) -> None:
    with organization_scope(florist):
        batches_of(2, florist)
        campaign = sending_campaign(florist, 4)
    claim = claimed()
    with organization_scope(florist):
        intent = commit_intent(claim, campaign_mail(campaign.pk))
        assert intent is not None and len(intent.recipients) == 2
        campaign_pause(campaign_id=campaign.pk)
        fix(campaign.pk)
        DeliveryBatch.objects.filter(pk=claim.batch_id).update(lease_until=timezone.now() - datetime.timedelta(1))
    run_sweep()
    run_work()
    with organization_scope(florist):
        subjects = Counter(rendered_mail(message.pk).subject for message in Message.objects.all())
    assert subjects == {"News from Florist": 2, "Corrected": 2}
    assert states(campaign) == {"uncertain": 2, "accepted": 2}


def test_fix_by_two_at_once_writes_one_version(florist: Organization) -> None:
    with organization_scope(florist):
        campaign = sending_campaign(florist, 3)
        campaign_pause(campaign_id=campaign.pk)
        raised = at_once(florist, lambda: fix(campaign.pk, "One"), lambda: fix(campaign.pk, "Two"))
        assert [type(error) in (ChangedMeanwhile, IllegalTransition) for error in raised] == [True], raised
        assert CampaignSnapshot.objects.count() == 2
        campaign.refresh_from_db()
        assert (campaign.status, campaign.content_revision) == ("sending", 2)


def test_fix_and_cancel_at_once_end_in_one_of_both(florist: Organization) -> None:
    with organization_scope(florist):
        campaign = sending_campaign(florist, 3)
        campaign_pause(campaign_id=campaign.pk)
        raised = at_once(florist, lambda: fix(campaign.pk), lambda: campaign_cancel(campaign_id=campaign.pk))
        campaign.refresh_from_db()
        was_fixed = campaign.content_revision == 2
        assert CampaignSnapshot.objects.count() == (2 if was_fixed else 1)
        assert len(raised) == (0 if was_fixed and campaign.status == "cancelling" else 1)
    run_sweep()
    run_work()
    run_sweep()
    assert sum(states(campaign).values()) == 3


@pytest.mark.slow
@pytest.mark.parametrize("point", ["after_intent", "after_the_call", "after_outcome"])
def test_fix_after_a_killed_worker_nobody_gets_both_versions(
    point: str, florist: Organization, smtp: SmtpServer
) -> None:
    with organization_scope(florist):
        use_smtp(florist, smtp.port)
        campaign = sending_campaign(florist, SLICE + 15)
    process = start_worker("--kill-at", point)
    assert process.wait(60) == -signal.SIGKILL
    assert process.stdout is not None
    process.stdout.close()
    with organization_scope(florist):
        campaign_pause(campaign_id=campaign.pk)
        fix(campaign.pk)
        past = timezone.now() - datetime.timedelta(seconds=1)
        DeliveryBatch.objects.filter(lease_until__isnull=False).update(lease_until=past)
    run_sweep()
    run_work()
    received = Counter(mail.recipients[0] for mail in smtp.accepted)
    assert set(received.values()) == {1}
    with organization_scope(florist):
        subjects = {message.pk: rendered_mail(message.pk).subject for message in Message.objects.all()}
        doubted = set(Message.objects.filter(send_state="uncertain").values_list("pk", flat=True))
    assert {subjects[pk] for pk in doubted} <= {"News from Florist"}
    assert Counter(subjects.values()) == {"News from Florist": SLICE, "Corrected": 15}


def test_decision_by_the_rule_and_by_a_person_at_once_is_one(florist: Organization) -> None:
    with organization_scope(florist):
        campaign = sample_out(florist)
        raised = at_once(
            florist,
            lambda: ab_test_send(campaign_id=campaign.pk, variant=2),
            lambda: ab_test_decide(campaign_id=campaign.pk),
        )
        assert [type(error) for error in raised] == [ABDecided]
        winner = ABTest.objects.get().winner
        assert set(DeliveryBatch.objects.filter(state="ready").values_list("variant", flat=True)) == {winner}
    run_work()
    assert states(campaign) == {"accepted": 20}


def test_decision_and_cancel_at_once_nobody_is_lost(florist: Organization) -> None:
    with organization_scope(florist):
        campaign = sample_out(florist)
        at_once(
            florist,
            lambda: ab_test_decide(campaign_id=campaign.pk),
            lambda: campaign_cancel(campaign_id=campaign.pk),
        )
    run_work()
    run_sweep()
    found = states(campaign)
    assert sum(found.values()) == 20
    assert set(found) <= {"accepted", "suppressed"}


@pytest.mark.slow
def test_materialise_of_a_test_killed_between_chunks_keeps_the_share(florist: Organization) -> None:
    with organization_scope(florist):
        batches_of(5, florist)
        contacts = [factories.make_contact(florist) for _ in range(50)]
        campaign = factories.make_campaign(florist, group=factories.make_group(florist, "All", contacts))
        plan, variants = ABPlan(ABMetric.CLICKS, 20, 60), [VariantDraft(subject="Alpha"), VariantDraft(subject="Beta")]
        ab_test_set(campaign_id=campaign.pk, version=campaign.version, plan=plan, variants=variants)
        campaign_send_now(campaign_id=campaign.pk)
    process = start_worker(
        *("--kill-at", "between_chunks", "--materialise", str(campaign.pk)),
        *("--organization", str(florist.pk), "--chunk", "10"),
    )
    assert process.wait(60) == -signal.SIGKILL
    assert process.stdout is not None
    process.stdout.close()
    with organization_scope(florist):
        assert Message.objects.count() == 10
        materialise_campaign(campaign_id=campaign.pk)
        assert Message.objects.values("contact_id").distinct().count() == Message.objects.count() == 50
        sample = Counter(Message.objects.values_list("batch__variant", flat=True))
    assert sample[1] + sample[2] == 10
    assert abs(sample[1] - sample[2]) <= 1


@pytest.fixture
def smtp() -> Iterator[Any]:
    with SmtpServer() as server:
        yield server


@pytest.fixture(autouse=True)
def _scope_of_workers() -> Iterator[None]:
    """`claimed` and the like open the scope they need; nothing else is open between."""
    with all_organizations(reason="the tests look from above"):
        yield
