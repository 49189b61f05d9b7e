"""Workers whose clocks are wrong by minutes: their jobs run all the same, because no message is judged by them."""

from typing import Any

import pytest
from celery import current_app
from celery.worker.request import Request
from kombu import Connection as Broker
from kombu import Consumer, Queue

from core.accounts.models import Organization
from core.common.db import database_seconds
from core.delivery import tasks
from core.delivery.tasks import EXPIRES_SECONDS, send_batches
from tests.delivery.ledger import sending_campaign, states

pytestmark = pytest.mark.usefixtures("ledger")
MINUTES = [-600, -60, 60, 600]


def message_of(task: Any, **kwargs: str) -> Any:
    """The task's message as a worker takes it from a broker."""
    found: list[Any] = []
    with Broker("memory://") as broker:
        queue = Queue("clocks", channel=broker)
        task.apply_async(kwargs=kwargs, connection=broker, queue=queue)
        consumer = Consumer(broker, [queue], accept=["json"], callbacks=[lambda body, message: found.append(message)])
        with consumer:
            broker.drain_events(timeout=5)
    return found[0]


@pytest.mark.parametrize("skew", MINUTES)
def test_worker_with_a_wrong_clock_drops_no_message(time_machine: Any, skew: int) -> None:
    message = message_of(send_batches, slot="0", asked_at=str(database_seconds()))
    time_machine.move_to(database_seconds() + skew)
    request = Request(message, app=current_app, hostname="worker", task=send_batches)
    assert request.maybe_expire() is None or not request.maybe_expire()
    assert request.expires is None


def test_no_task_of_ours_has_an_expiry_or_a_time_of_celerys() -> None:
    """What Celery judges by a worker's clock: `expires`; what it waits for by it: countdowns of automatic retries."""
    current_app.loader.import_default_modules()
    ours = [task for name, task in current_app.tasks.items() if not name.startswith("celery.")]
    assert len(ours) > 20
    assert [task.name for task in ours if task.expires is not None] == []
    assert [task.name for task in ours if getattr(task, "autoretry_for", ())] == []


@pytest.mark.parametrize("skew", MINUTES)
def test_work_asked_for_just_now_is_done_whatever_the_workers_clock(
    in_florist: Organization, time_machine: Any, skew: int
) -> None:
    campaign = sending_campaign(in_florist, 3)
    asked_at = str(database_seconds())
    time_machine.move_to(database_seconds() + skew)
    assert send_batches.apply(kwargs={"slot": "0", "asked_at": asked_at}).get() == {"accepted": 3, "batches": 1}
    assert states(campaign) == {"accepted": 3}


@pytest.mark.parametrize("skew", [0, *MINUTES])
def test_work_asked_for_long_ago_is_left_to_the_next_sweep(
    in_florist: Organization, time_machine: Any, monkeypatch: pytest.MonkeyPatch, skew: int
) -> None:
    campaign = sending_campaign(in_florist, 3)
    time_machine.move_to(database_seconds() + skew)
    long_ago = str(database_seconds() - EXPIRES_SECONDS - 1)
    assert send_batches.apply(kwargs={"slot": "0", "asked_at": long_ago}).get() == {}
    assert states(campaign) == {"ready": 3}
    sent: list[dict[str, Any]] = []
    monkeypatch.setattr(tasks, "enqueue", lambda task, **ids: sent.append(ids))
    tasks.sweep_due_work.apply().get()
    (again,) = sent
    assert send_batches.apply(kwargs={name: str(value) for name, value in again.items()}).get()["accepted"] == 3


def test_message_of_the_version_before_is_worked_on(in_florist: Organization) -> None:
    """A queue outlives an update."""
    sending_campaign(in_florist, 3)
    assert send_batches.apply(kwargs={"slot": "0"}).get() == {"accepted": 3, "batches": 1}
