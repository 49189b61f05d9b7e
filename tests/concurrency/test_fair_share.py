"""One client's many mails over a slow server, and another's few: with real workers, each side at its own server."""

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from uuid import UUID

import pytest
from django.db.models import Sum

from core.accounts.models import Organization
from core.common.tenancy import all_organizations, organization_scope
from core.delivery.models import DeliveryBatch
from tests.concurrency.processes import start_worker
from tests.delivery.ledger import batches_of, sending_campaign, use_smtp
from tests.support.smtp_server import SmtpServer

pytestmark = [pytest.mark.usefixtures("ledger"), pytest.mark.slow]


def accepted(campaign_id: UUID) -> int:
    with all_organizations(reason="a test counts"):
        batches = DeliveryBatch.objects.filter(campaign_id=campaign_id)
        return int(batches.aggregate(sum=Sum("accepted_count", default=0))["sum"])


def wait_until(what: Callable[[], bool], seconds: float = 90) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.1)


@pytest.fixture
def smtp() -> Iterator[SmtpServer]:
    with SmtpServer() as server:
        yield server


def test_workers_busy_with_a_big_client_serve_a_small_one_before_they_go_on(
    florist: Organization, museum: Organization, smtp: SmtpServer
) -> None:
    """Both workers are in the middle of the big client's batches on a slow server; ten mails of another client come:
    they are out before each worker has ended two more batches of the big one."""
    smtp.faults = replace(smtp.faults, delay_seconds=0.02)
    with organization_scope(florist):
        use_smtp(florist, smtp.port)
        batches_of(50, florist)
        big = sending_campaign(florist, 600, name="Big")
    workers = [start_worker() for _ in range(2)]
    try:
        wait_until(lambda: accepted(big.pk) > 0)
        with organization_scope(museum):
            small = sending_campaign(museum, 10, name="Small")
        before = accepted(big.pk)
        wait_until(lambda: accepted(small.pk) == 10)
        assert accepted(big.pk) - before <= 2 * 2 * 50
        assert accepted(big.pk) < 600
    finally:
        for worker in workers:
            worker.wait(90)
            assert worker.stdout is not None
            worker.stdout.close()
    assert (accepted(small.pk), accepted(big.pk)) == (10, 600)
