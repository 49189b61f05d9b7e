"""The automatic stop: it stops what is guilty, with the evidence, and nothing else."""

from dataclasses import replace
from typing import Any

import pytest
from django.utils import timezone

from core.accounts.models import Organization
from core.campaigns.models import Campaign
from core.campaigns.services import campaign_resume
from core.campaigns.states import CampaignStatus, PauseReason
from core.delivery import circuit
from core.delivery.bounces import BounceClass
from core.delivery.dispatch import dispatch
from core.delivery.models import Message, StreamStop
from core.delivery.states import SendState
from tests.delivery.ledger import batches_of, claimed, run_work, sending_campaign, states, use_smtp
from tests.support.smtp_server import SmtpServer

pytestmark = pytest.mark.usefixtures("ledger", "impatient")


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    """Looks after every batch, and needs no two hundred people."""
    monkeypatch.setattr(circuit, "LOOK_EVERY_SECONDS", 0.0)
    settings.CIRCUIT_WINDOW = 40


def refuse(smtp: SmtpServer, name: str, numbers: Any) -> None:
    refused = {f"{name}-{n}@*": "550 5.1.1 <someone@people.example>: User unknown" for n in numbers}
    smtp.faults = replace(smtp.faults, refuse_recipients=refused)


def examined(campaign: Campaign) -> bool:
    return circuit.examine(organization_id=campaign.organization_id, campaign_id=campaign.pk)


def test_look_too_many_hard_refusals_stop_only_the_guilty_campaign(in_florist: Organization, smtp: SmtpServer) -> None:
    use_smtp(in_florist, smtp.port)
    batches_of(20, in_florist)
    refuse(smtp, "bad-list", range(0, 40, 4))
    bad = sending_campaign(in_florist, 120, name="Bad list")
    good = sending_campaign(in_florist, 30, name="Good list", from_email="news@another.example")
    run_work()
    bad.refresh_from_db()
    good.refresh_from_db()
    assert (bad.status, bad.pause_reason) == (CampaignStatus.PAUSED, PauseReason.AUTO)
    assert states(bad)["ready"] == 80
    assert good.status == CampaignStatus.SENDING
    assert states(good) == {"accepted": 30}
    assert "10 of the last 40 mails went to addresses that do not exist (25 %; the limit is 5 %)" in bad.problem
    assert "User unknown" in bad.problem
    assert "@people.example" not in bad.problem
    stop = StreamStop.objects.get()
    assert (stop.looked_at, stop.bounced, stop.complained, stop.campaign_id) == (40, 10, 0, bad.pk)
    assert len(stop.examples) == 3
    assert Message.objects.filter(pk__in=stop.examples, send_state=SendState.FAILED).count() == 3


def test_look_fewer_answers_than_the_window_never_stop(in_florist: Organization, smtp: SmtpServer) -> None:
    use_smtp(in_florist, smtp.port)
    refuse(smtp, "bad-list", range(39))
    campaign = sending_campaign(in_florist, 39, name="Bad list")
    run_work()
    campaign.refresh_from_db()
    assert campaign.status == CampaignStatus.SENDING


def test_look_other_refusals_are_no_bounces(in_florist: Organization, smtp: SmtpServer) -> None:
    use_smtp(in_florist, smtp.port)
    smtp.faults = replace(smtp.faults, refuse_recipients={"bad-list-*@*": "550 5.7.1 blocked using zen.spamhaus.org"})
    campaign = sending_campaign(in_florist, 60, name="Bad list")
    run_work()
    campaign.refresh_from_db()
    assert campaign.status == CampaignStatus.SENDING


def bounce(campaign: Campaign, count: int, bounce_class: BounceClass = BounceClass.INVALID_ADDRESS) -> None:
    taken = Message.objects.filter(campaign=campaign, bounced_at=None, send_state=SendState.ACCEPTED)
    ids = taken.order_by("-id").values_list("pk")[:count]
    Message.objects.filter(pk__in=ids).update(bounced_at=timezone.now(), bounce_class=bounce_class)


def half_sent(organization: Organization, sent: int, *, name: str = "Late") -> Campaign:
    """A campaign of which so many mails were taken, and as many wait."""
    batches_of(sent, organization)
    campaign = sending_campaign(organization, 2 * sent, name=name)
    dispatch(claimed())
    return campaign


@pytest.mark.parametrize(("bounces", "stops"), [(2, False), (3, True)])
def test_examine_bounces_that_come_later_count_above_the_limit_only(
    in_florist: Organization, bounces: int, stops: bool
) -> None:
    campaign = half_sent(in_florist, 40)
    bounce(campaign, bounces)
    assert examined(campaign) is stops


def test_examine_soft_bounces_do_not_count(in_florist: Organization) -> None:
    campaign = half_sent(in_florist, 40)
    bounce(campaign, 20, BounceClass.MAILBOX_FULL)
    assert not examined(campaign)


def test_examine_one_complaint_too_many_stops(in_florist: Organization) -> None:
    campaign = half_sent(in_florist, 40)
    first = Message.objects.filter(campaign=campaign, send_state=SendState.ACCEPTED).first()
    assert first is not None
    Message.objects.filter(pk=first.pk).update(complained_at=timezone.now())
    assert examined(campaign)
    campaign.refresh_from_db()
    assert "1 of the last 40 mails were reported as spam (2.5 %; the limit is 0.3 %)" in campaign.problem


@pytest.mark.django_db(transaction=True)
def test_examine_after_a_resume_the_window_begins_anew(in_florist: Organization) -> None:
    campaign = half_sent(in_florist, 40)
    bounce(campaign, 10)
    assert examined(campaign)
    campaign_resume(campaign_id=campaign.pk)
    assert not examined(campaign)
    batches_of(40, in_florist)
    run_work()
    campaign.refresh_from_db()
    assert campaign.status == CampaignStatus.SENDING
    bounce(campaign, 40)
    assert examined(campaign)
    assert StreamStop.objects.count() == 2


def test_examine_many_small_campaigns_of_a_domain_stop_together_and_no_other_domain(in_florist: Organization) -> None:
    small = [sending_campaign(in_florist, 15, name=f"Small {number}") for number in range(4)]
    other = sending_campaign(in_florist, 30, name="Other", from_email="news@another.example")
    waiting = sending_campaign(in_florist, 30, name="Waiting", throttle_per_hour=60)
    run_work()
    for campaign in small:
        bounce(campaign, 3)
    assert examined(waiting)
    other.refresh_from_db()
    waiting.refresh_from_db()
    assert other.status == CampaignStatus.SENDING
    assert waiting.status == CampaignStatus.PAUSED
    assert "mails from florist.example" in waiting.problem
    assert StreamStop.objects.get().campaign_id is None


def test_examine_other_clients_with_the_same_domain_are_not_touched(
    in_florist: Organization, everywhere: Any, museum: Any
) -> None:
    theirs = sending_campaign(museum, 10, name="Theirs")
    Campaign.objects.filter(pk=theirs.pk).update(from_email="news@florist.example", window_days=[7])
    campaign = half_sent(in_florist, 40)
    bounce(campaign, 10)
    assert examined(campaign)
    theirs.refresh_from_db()
    assert theirs.status == CampaignStatus.SENDING


def test_examine_twice_writes_one_stop(in_florist: Organization) -> None:
    campaign = half_sent(in_florist, 40)
    bounce(campaign, 10)
    assert examined(campaign)
    assert not examined(campaign)
    assert StreamStop.objects.count() == 1
