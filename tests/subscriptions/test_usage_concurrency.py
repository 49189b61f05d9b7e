"""Counting is exact when two connections do it at once."""

import threading
from collections.abc import Callable

import pytest
from django.db import connection, transaction

from core.accounts.models import Organization
from core.common.tenancy import organization_scope
from core.subscriptions.choices import Metric
from core.subscriptions.errors import LimitReached
from core.subscriptions.usage import release, reserve, used
from tests.support import factories

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def client_of_100(transactional_db: None) -> Organization:
    return factories.make_organization("Small", plan=factories.make_plan(max_emails=100))


def _in_threads(*works: Callable[[], None]) -> list[BaseException]:
    """Run these at once, each on a connection of its own; what they raised comes back."""
    problems: list[BaseException] = []

    def run(work: Callable[[], None]) -> None:
        try:
            work()
        except LimitReached as error:
            problems.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=[work]) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
        assert not thread.is_alive()
    return problems


def test_two_reservations_at_once_cannot_both_slip_under_the_limit(client_of_100: Organization) -> None:
    """The first holds its transaction open until the second waits for its row."""
    first_has_counted, second_waits = threading.Event(), threading.Event()
    pk = client_of_100.pk

    def first() -> None:
        with organization_scope(pk), transaction.atomic():
            reserve(organization_id=pk, metric=Metric.EMAILS, amount=60)
            first_has_counted.set()
            second_waits.wait(20)

    def second() -> None:
        first_has_counted.wait(20)
        watcher = threading.Thread(target=_set_when_somebody_waits, args=[second_waits])
        watcher.start()
        try:
            with organization_scope(pk), transaction.atomic():
                reserve(organization_id=pk, metric=Metric.EMAILS, amount=60)
        finally:
            watcher.join(20)

    problems = _in_threads(first, second)
    assert len(problems) == 1
    assert "has 40 left" in str(problems[0])
    with organization_scope(pk):
        assert used(organization_id=pk, metric=Metric.EMAILS) == 60


def _set_when_somebody_waits(event: threading.Event) -> None:
    """Watch PostgreSQL's own list of waiting locks, so that the test shows a real wait and needs no sleep of luck."""
    try:
        for _attempt in range(400):
            with connection.cursor() as cursor:
                cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
                if cursor.fetchone()[0]:
                    event.set()
                    return
            threading.Event().wait(0.025)
    finally:
        connection.close()


def test_reservation_that_rolls_back_gives_its_share_to_the_one_that_waits(client_of_100: Organization) -> None:
    first_has_counted, second_waits = threading.Event(), threading.Event()
    pk = client_of_100.pk

    def first() -> None:
        with organization_scope(pk), transaction.atomic():
            reserve(organization_id=pk, metric=Metric.EMAILS, amount=100)
            first_has_counted.set()
            second_waits.wait(20)
            transaction.set_rollback(True)

    def second() -> None:
        first_has_counted.wait(20)
        watcher = threading.Thread(target=_set_when_somebody_waits, args=[second_waits])
        watcher.start()
        try:
            with organization_scope(pk), transaction.atomic():
                reserve(organization_id=pk, metric=Metric.EMAILS, amount=100)
        finally:
            watcher.join(20)

    assert _in_threads(first, second) == []
    with organization_scope(pk):
        assert used(organization_id=pk, metric=Metric.EMAILS) == 100


def test_many_reservations_and_releases_at_once_add_up(client_of_100: Organization) -> None:
    pk = client_of_100.pk
    taken: list[int] = []

    def work() -> None:
        for _round in range(10):
            with organization_scope(pk):
                try:
                    with transaction.atomic():
                        reserve(organization_id=pk, metric=Metric.EMAILS, amount=7)
                    taken.append(7)
                except LimitReached:
                    with transaction.atomic():
                        release(organization_id=pk, metric=Metric.EMAILS, amount=3)
                    taken.append(-3)

    _in_threads(work, work, work, work)
    with organization_scope(pk):
        assert used(organization_id=pk, metric=Metric.EMAILS) == sum(taken)
        assert 0 <= sum(taken) <= 100
