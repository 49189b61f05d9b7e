"""Limits where they count: in the claim, with real campaigns, batches and workers."""

import datetime
import time
from typing import Any

import pytest
from django.core.cache import cache
from django.utils import timezone

from core.accounts.models import Organization
from core.campaigns.models import Campaign
from core.common.tenancy import all_organizations
from core.contacts.models import Contact
from core.contacts.services import contact_unsubscribe
from core.delivery import intent as intents
from core.delivery.claim import BatchClaim, claim_batch, find_batch
from core.delivery.dispatch import dispatch, work
from core.delivery.intent import Intent, commit_intent
from core.delivery.limits import daily
from core.delivery.limits.standstill import Standstill, standstill
from core.delivery.models import AgencyAccount, Connection, DailyCount, DeliveryBatch
from core.delivery.recovery import recover_expired_batches
from core.delivery.states import BatchState
from core.domains.models import SendingDomain
from tests.delivery.ledger import batches_of, claimed, run_work, sending_campaign, states, use_smtp

pytestmark = pytest.mark.usefixtures("ledger", "clear_cache")


@pytest.fixture
def clear_cache() -> None:
    cache.clear()


def claim_or_none() -> BatchClaim | None:
    with all_organizations(reason="a worker claims"):
        return claim_batch(worker="worker")


def accepted(campaign: Campaign) -> int:
    return states(campaign).get("accepted", 0)


def limit_connection(organization: Organization, **limits: Any) -> Connection:
    Connection.objects.filter(organization=organization).update(**limits)
    return Connection.objects.get(organization=organization)


def test_claim_throttled_campaign_gets_a_portion_and_waits(in_florist: Organization) -> None:
    campaign = sending_campaign(in_florist, 50, throttle_per_hour=600)
    run_work()
    assert accepted(campaign) == 20
    assert DeliveryBatch.objects.get(campaign=campaign).state == BatchState.READY
    (reason,) = standstill(campaign)
    assert reason.kind is Standstill.THROTTLE
    assert "600 an hour by its throttle" in reason.words
    assert reason.until is not None
    assert 30 < (reason.until - timezone.now()).total_seconds() <= 61


@pytest.mark.parametrize("whose", ["client", "domain", "connection", "account"])
def test_claim_limit_of_others_holds_all_their_campaigns_together(in_florist: Organization, whose: str) -> None:
    if whose == "client":
        Organization.objects.filter(pk=in_florist.pk).update(mails_per_hour=300)
    elif whose == "domain":
        SendingDomain.objects.create(organization=in_florist, name="florist.example", selector="s", mails_per_hour=300)
    elif whose == "connection":
        limit_connection(in_florist, mails_per_hour=300)
    else:
        account = AgencyAccount.objects.create(name="Agency", kind="sandbox", mails_per_hour=300)
        limit_connection(in_florist, account=account)
    sender = "news@florist.example"
    campaigns = [sending_campaign(in_florist, 20, name=f"C{n}", from_email=sender) for n in range(2)]
    run_work()
    assert sum(accepted(campaign) for campaign in campaigns) == 10
    kinds = {reason.kind.value for campaign in campaigns for reason in standstill(campaign)}
    assert kinds == {f"{whose}_limit"}


def test_claim_forty_limited_campaigns_do_not_hold_back_the_next(in_florist: Organization, museum: Any) -> None:
    with all_organizations(reason="two clients"):
        for number in range(40):
            sending_campaign(in_florist, 3, name=f"Slow {number}", throttle_per_hour=60)
        run_work()
        quick = sending_campaign(in_florist, 4, name="Quick")
        found = find_batch(worker="worker")
    assert found.claim is not None
    assert found.claim.campaign_id == quick.pk


def test_claim_all_limited_says_how_long_to_wait(in_florist: Organization) -> None:
    sending_campaign(in_florist, 10, throttle_per_hour=60)
    run_work()
    with all_organizations(reason="a worker claims"):
        found = find_batch(worker="worker")
    assert found.claim is None
    assert found.wait is not None
    assert 30 < found.wait <= 60


def test_work_patient_uses_up_a_limit_a_second(in_florist: Organization) -> None:
    limit_connection(in_florist, mails_per_second=10)
    campaign = sending_campaign(in_florist, 40)
    began = time.monotonic()
    with all_organizations(reason="a worker works"):
        work(worker="worker", seconds=20, is_patient=True)
    assert accepted(campaign) == 40
    assert time.monotonic() - began > 1.9  # twenty at once, then ten a second


def test_claim_suppressed_mails_are_given_back(in_florist: Organization) -> None:
    campaign = sending_campaign(in_florist, 12, throttle_per_hour=300)
    for contact in Contact.objects.order_by("id")[:10]:
        contact_unsubscribe(contact_id=contact.pk, source="by hand")
    run_work()
    assert accepted(campaign) == 2


# The day


def test_claim_day_limit_holds_over_a_flush_and_ends_with_the_day(in_florist: Organization) -> None:
    connection = limit_connection(in_florist, mails_per_day=15)
    batches_of(10, in_florist)
    campaign = sending_campaign(in_florist, 40)
    for _ in range(3):
        run_work()
        cache.clear()
    assert accepted(campaign) == 15
    assert [reason.kind for reason in standstill(campaign)] == [Standstill.DAY]
    DailyCount.objects.filter(subject_id=connection.pk).update(day=timezone.localdate() - datetime.timedelta(days=3))
    run_work()
    assert accepted(campaign) == 30


def test_claim_day_limit_is_shared_by_claims_at_once(in_florist: Organization) -> None:
    limit_connection(in_florist, mails_per_day=15)
    batches_of(10, in_florist)
    sending_campaign(in_florist, 40)
    first, second = claimed(), claimed()
    assert (first.allowance, second.allowance) == (15, 5)
    assert claim_or_none() is None
    assert dispatch(second)["accepted"] == 5
    assert dispatch(first)["accepted"] == 10


def test_mails_of_a_worker_that_was_given_up_meanwhile_count_against_the_day(
    in_florist: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = limit_connection(in_florist, mails_per_day=15)
    sending_campaign(in_florist, 10)

    def given_up(claim: BatchClaim, *args: Any, **limits: Any) -> Intent | None:
        intent = commit_intent(claim, *args, **limits)
        DeliveryBatch.objects.update(lease_until=timezone.now() - datetime.timedelta(seconds=1))
        assert recover_expired_batches() == 1
        return intent

    monkeypatch.setattr(intents, "commit_intent", given_up)
    assert dispatch(claimed())["accepted"] == 10
    assert daily.used(connection, daily.today(in_florist.pk)) == 10


def test_limits_changed_lets_the_rest_go_at_once(in_florist: Organization) -> None:
    limit_connection(in_florist, mails_per_day=5)
    campaign = sending_campaign(in_florist, 12)
    run_work()
    assert accepted(campaign) == 5
    daily.limits_changed(limit_connection(in_florist, mails_per_day=None))
    run_work()
    assert accepted(campaign) == 12


def test_claim_warm_up_grows_with_days_of_use_and_a_pause_skips_nothing(in_florist: Organization) -> None:
    today = timezone.localdate()
    connection = limit_connection(
        in_florist,
        warmup_started_on=today - datetime.timedelta(days=9),
        warmup_start=10,
        warmup_growth=50,
        warmup_target=1_000,
    )
    assert daily.daily_limit(connection, today) == 10  # nothing was sent in nine days
    for days_ago, used, allowed in ((9, 10, 10), (6, 8, 15), (5, 2, 22)):
        DailyCount.objects.create(
            organization=in_florist,
            subject_id=connection.pk,
            day=today - datetime.timedelta(days=days_ago),
            allowed=allowed,
            used=used,
        )
    assert daily.daily_limit(connection, today) == 22  # the third step was hardly used
    campaign = sending_campaign(in_florist, 60)
    run_work()
    assert accepted(campaign) == 22
    (reason,) = standstill(campaign)
    assert reason.kind is Standstill.WARM_UP
    assert "day 3 allows 22 mails" in reason.words


def test_claim_warm_up_of_a_domain_counts_whatever_connection_is_used(in_florist: Organization) -> None:
    SendingDomain.objects.create(
        organization=in_florist,
        name="florist.example",
        selector="s",
        warmup_started_on=timezone.localdate(),
        warmup_start=5,
        warmup_growth=100,
        warmup_target=50,
    )
    campaign = sending_campaign(in_florist, 12, from_email="news@florist.example")
    other = sending_campaign(in_florist, 3, name="Other", from_email="news@another.example")
    run_work()
    assert (accepted(campaign), accepted(other)) == (5, 3)


# The window and stops


def test_claim_outside_the_window_waits_and_inside_goes(in_florist: Organization) -> None:
    now = timezone.now()
    closed = {
        "window_from": (now + datetime.timedelta(hours=2)).time(),
        "window_until": (now + datetime.timedelta(hours=4)).time(),
    }
    campaign = sending_campaign(in_florist, 3, **closed)
    run_work()
    assert accepted(campaign) == 0
    (reason,) = standstill(campaign)
    assert reason.kind is Standstill.WINDOW
    Campaign.objects.filter(pk=campaign.pk).update(window_from=(now - datetime.timedelta(hours=1)).time())
    run_work()
    assert accepted(campaign) == 3


def test_claim_window_is_that_of_the_clients_clock(in_florist: Organization) -> None:
    Organization.objects.filter(pk=in_florist.pk).update(time_zone="Pacific/Auckland")
    wall = timezone.now().astimezone(datetime.timezone(datetime.timedelta(hours=13)))
    open_now = {
        "window_from": (wall - datetime.timedelta(hours=1)).time(),
        "window_until": (wall + datetime.timedelta(hours=1)).time(),
    }
    campaign = sending_campaign(in_florist, 3, **open_now)
    run_work()
    # New Zealand is 13 hours ahead in its summer, 12 in winter: within the hour either way.
    assert accepted(campaign) == 3


def test_claim_stopped_domain_is_not_claimed(in_florist: Organization) -> None:
    campaign = sending_campaign(in_florist, 3, from_email="news@florist.example")
    SendingDomain.objects.create(
        organization=in_florist, name="florist.example", selector="s", paused_at=timezone.now()
    )
    run_work()
    assert accepted(campaign) == 0
    assert [reason.kind for reason in standstill(campaign)] == [Standstill.DOMAIN_STOPPED]


# Fair share


def test_claim_small_client_is_next_whatever_the_big_one_has_in_work(
    in_florist: Organization, everywhere: Any, museum: Any
) -> None:
    batches_of(1, in_florist)
    for number in range(3):
        sending_campaign(in_florist, 30, name=f"Big {number}")
    big = [claimed(worker=f"worker-{number}") for number in range(6)]
    assert {claim.organization_id for claim in big} == {in_florist.pk}
    small = sending_campaign(museum, 10, name="Small")
    for number in range(6):
        with all_organizations(reason="any worker"):
            claim = claim_batch(worker=f"worker-{number}", after=in_florist.pk)
        assert claim is not None
        if number == 0:
            assert claim.campaign_id == small.pk
            dispatch(claim)
        else:
            assert claim.organization_id == in_florist.pk
    assert accepted(small) == 10


def test_dispatch_over_its_time_gives_the_rest_of_the_batch_back(in_florist: Organization, smtp: Any) -> None:
    use_smtp(in_florist, smtp.port)
    campaign = sending_campaign(in_florist, 70)
    claim = claimed()
    dispatch(claim, deadline=time.monotonic())
    done = accepted(campaign)
    assert 0 < done < 70
    assert DeliveryBatch.objects.get(campaign=campaign).state == BatchState.READY
    run_work()
    assert accepted(campaign) == 70


def test_claim_candidates_of_another_client_are_never_charged(
    in_florist: Organization, everywhere: Any, museum: Any
) -> None:
    Organization.objects.filter(pk=in_florist.pk).update(mails_per_hour=60)
    held = sending_campaign(in_florist, 5, name="Held")
    free = sending_campaign(museum, 5, name="Free")
    run_work()
    assert (accepted(held), accepted(free)) == (2, 5)
