"""A worker that dies between any two commits: nobody is forgotten, nobody is mailed twice."""

import signal
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from core.accounts.models import Organization
from core.campaigns.models import Campaign
from core.campaigns.states import CampaignStatus
from core.common.tenancy import all_organizations, organization_scope
from core.delivery.materialise import materialise_campaign
from core.delivery.models import DeliveryBatch, Message
from core.delivery.states import SendState, SkipReason
from core.delivery.transports.smtp_session import SmtpSettings
from core.subscriptions import usage
from core.subscriptions.choices import Metric
from tests.concurrency.processes import start_worker
from tests.delivery.ledger import due_campaign, run_sweep, run_work, sending_campaign, states, use_smtp
from tests.support.smtp_server import SmtpServer

pytestmark = [pytest.mark.usefixtures("ledger"), pytest.mark.slow]

PEOPLE = 70
SLICE = SmtpSettings(host="").slice_size

# Point -> how many mails are in doubt afterwards, and how many of those the server has.
DOUBTS = {
    "before_claim_commit": (0, 0),
    "after_claim": (0, 0),
    "before_intent_commit": (0, 0),
    "after_intent": (SLICE, 0),
    "in_the_call": (SLICE, 1),
    "after_the_call": (SLICE, SLICE),
    "before_outcome_and_intent_commit": (SLICE, SLICE),
    "after_outcome_and_intent": (SLICE, 0),
    "before_outcome_commit": (SLICE, SLICE),
    "after_outcome": (0, 0),
    "after_settle": (0, 0),
}


def killed_worker(point: str, *arguments: str) -> None:
    """Run a worker until it kills itself at the point."""
    process = start_worker("--kill-at", point, *arguments)
    assert process.wait(60) == -signal.SIGKILL
    assert process.stdout is not None
    process.stdout.close()


def let_leases_run_out() -> None:
    with all_organizations(reason="time goes by"):
        past = timezone.now() - timedelta(seconds=1)
        DeliveryBatch.objects.filter(lease_until__isnull=False).update(lease_until=past)


@pytest.mark.parametrize("point", DOUBTS)
def test_work_worker_killed_everybody_else_gets_one_mail(point: str, florist: Organization, smtp: SmtpServer) -> None:
    in_doubt, taken_in_doubt = DOUBTS[point]
    with organization_scope(florist):
        use_smtp(florist, smtp.port)
        campaign = sending_campaign(florist, PEOPLE)
    killed_worker(point)
    let_leases_run_out()
    run_sweep()
    run_work()
    run_sweep()
    expected = {"accepted": PEOPLE - in_doubt, "uncertain": in_doubt}
    assert states(campaign) == {state: count for state, count in expected.items() if count}
    received = Counter(mail.recipients[0] for mail in smtp.accepted)
    assert max(received.values()) == 1
    assert len(received) == PEOPLE - in_doubt + taken_in_doubt
    with organization_scope(florist):
        assert Campaign.objects.get().status == CampaignStatus.SENT
        doubted = Message.objects.filter(send_state=SendState.UNCERTAIN)
        assert set(doubted.values_list("reason", flat=True)) <= {SkipReason.LEASE_EXPIRED.value}
        assert usage.used(organization_id=florist.pk, metric=Metric.EMAILS) == PEOPLE


@pytest.mark.parametrize("point", ["between_chunks", "before_start"])
def test_materialise_worker_killed_goes_on_where_it_stopped(point: str, florist: Organization) -> None:
    with organization_scope(florist):
        campaign = due_campaign(florist, PEOPLE)
    killed_worker(point, "--materialise", str(campaign.pk), "--organization", str(florist.pk), "--chunk", "10")
    with organization_scope(florist):
        assert Message.objects.filter(campaign=campaign).exists(), "what was written before it died stays"
        done = materialise_campaign(campaign_id=campaign.pk)
        assert done.status == CampaignStatus.SENDING
    assert states(campaign) == {"ready": PEOPLE}
    with organization_scope(florist):
        numbers = list(DeliveryBatch.objects.order_by("number").values_list("number", flat=True))
        assert numbers == list(range(1, len(numbers) + 1))


@pytest.fixture
def smtp() -> Any:
    with SmtpServer() as server:
        yield server
