"""Races on real connections to PostgreSQL: claims, pauses and *Send now* at the same moment."""

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any
from uuid import UUID

import pytest
from django.db import connection, transaction

from core.accounts.models import Organization
from core.campaigns.models import Campaign
from core.campaigns.services import campaign_pause, campaign_send_now
from core.campaigns.states import CampaignStatus
from core.common.errors import DomainError
from core.common.tenancy import all_organizations, organization_scope
from core.delivery.claim import BatchClaim, claim_batch
from core.delivery.dispatch import dispatch
from core.delivery.intent import commit_intent
from core.delivery.models import DeliveryBatch
from core.delivery.rendering import campaign_mail
from core.delivery.states import BatchState
from core.subscriptions import usage
from core.subscriptions.choices import Metric
from tests.delivery.ledger import batches_of, claimed, sending_campaign, states
from tests.support import factories

pytestmark = pytest.mark.usefixtures("ledger")
SHORT = 0.3  # seconds in which a thread that is not held up would long be done


def in_thread(pool: ThreadPoolExecutor, work: Callable[[], Any]) -> Future[Any]:
    """Run on another connection, inside the scope of all organizations."""

    def run() -> Any:
        try:
            with all_organizations(reason="another process"):
                return work()
        finally:
            connection.close()

    return pool.submit(run)


def claims_until_none(worker: str) -> list[UUID]:
    found = []
    while claim := claim_batch(worker=worker):
        found.append(claim.batch_id)
    return found


def test_claim_two_workers_never_get_the_same_batch(florist: Organization) -> None:
    with organization_scope(florist):
        batches_of(1, florist)
        sending_campaign(florist, 30)
    with ThreadPoolExecutor(2) as pool:
        first, second = [in_thread(pool, lambda name=name: claims_until_none(name)) for name in ("one", "two")]
    taken = [*first.result(), *second.result()]
    assert len(taken) == len(set(taken)) == 30


def test_pause_that_came_first_makes_the_claim_wait_and_find_nothing(florist: Organization) -> None:
    with organization_scope(florist):
        campaign = sending_campaign(florist, 3)
    with ThreadPoolExecutor(1) as pool:
        with organization_scope(florist), transaction.atomic():
            campaign_pause(campaign_id=campaign.pk)
            waiting = in_thread(pool, lambda: claim_batch(worker="worker"))
            with pytest.raises(TimeoutError):
                waiting.result(SHORT)
        assert waiting.result(10) is None


def test_pause_that_comes_second_waits_for_the_claim_and_stops_its_intent(florist: Organization) -> None:
    with organization_scope(florist):
        campaign = sending_campaign(florist, 3)
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            claim = claimed()
            pausing = in_thread(pool, lambda: campaign_pause(campaign_id=campaign.pk))
            with pytest.raises(TimeoutError):
                pausing.result(SHORT)
        pausing.result(10)
    dispatch(claim)
    assert states(campaign) == {"ready": 3}
    with organization_scope(florist):
        assert DeliveryBatch.objects.get().state == BatchState.READY


def test_pause_waits_for_an_intent_under_way(florist: Organization) -> None:
    with organization_scope(florist):
        campaign = sending_campaign(florist, 3)
        claim = claimed()
        with ThreadPoolExecutor(1) as pool:
            with transaction.atomic():
                intent = commit_intent(claim, campaign_mail(campaign.pk))
                assert intent is not None
                pausing = in_thread(pool, lambda: campaign_pause(campaign_id=campaign.pk))
                with pytest.raises(TimeoutError):
                    pausing.result(SHORT)
            pausing.result(10)
        assert commit_intent(claim, campaign_mail(campaign.pk)) is None


def test_claim_while_pausing_and_resuming_leaves_no_claim_after_the_pause(florist: Organization) -> None:
    with organization_scope(florist):
        batches_of(1, florist)
        campaign = sending_campaign(florist, 60)
    stop = threading.Event()

    def claim_on() -> list[BatchClaim]:
        found = []
        while not stop.is_set():
            claim = claim_batch(worker="worker")
            if claim is not None:
                found.append(claim)
        return found

    with ThreadPoolExecutor(2) as pool:
        claiming = [in_thread(pool, claim_on) for _ in range(2)]
        with organization_scope(florist):
            while DeliveryBatch.objects.exclude(state=BatchState.READY).count() < 10:
                pass
            campaign_pause(campaign_id=campaign.pk)
            at_pause = DeliveryBatch.objects.exclude(state=BatchState.READY).count()
        threading.Event().wait(SHORT)
        stop.set()
    taken = [claim for future in claiming for claim in future.result()]
    assert len(taken) == at_pause


def test_send_now_twice_at_once_starts_and_reserves_once(florist: Organization) -> None:
    with organization_scope(florist):
        contacts = [factories.make_contact(florist) for _ in range(4)]
        campaign = factories.make_campaign(florist, group=factories.make_group(florist, contacts=contacts))
    barrier = threading.Barrier(2, timeout=10)

    def send_now() -> bool:
        barrier.wait()
        try:
            campaign_send_now(campaign_id=campaign.pk)
        except DomainError:
            return False
        return True

    with ThreadPoolExecutor(2) as pool:
        results = [in_thread(pool, send_now) for _ in range(2)]
    assert sorted(result.result() for result in results) == [False, True]
    with organization_scope(florist):
        assert Campaign.objects.get().status == CampaignStatus.SCHEDULED
        assert usage.used(organization_id=florist.pk, metric=Metric.EMAILS) == 4
