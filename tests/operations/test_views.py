"""What load balancers and Prometheus get: the truth about the parts, and nothing that helps an attacker."""

from typing import Any

import pytest
from celery import current_app
from django.core.cache import cache
from django.db import OperationalError, connection
from django.test import Client
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families

from core.accounts.models import Organization
from core.campaigns.states import CampaignStatus
from core.common import heartbeat
from core.common.tenancy import organization_scope
from core.delivery.models import DeliveryBatch
from core.delivery.states import BatchState
from core.operations import readiness
from core.tracking.choices import EventType
from core.tracking.services import event_record
from tests.support import factories
from tests.tracking.mailed import mailed_campaign


@pytest.fixture
def probe() -> Client:
    return Client(REMOTE_ADDR="127.0.0.1")


def metrics(probe: Client, **headers: str) -> dict[tuple[str, str], float]:
    """{(name, label value): value} of everything exposed."""
    response = probe.get("/metrics", headers=headers)
    assert response.status_code == 200
    samples = {}
    for family in text_string_to_metric_families(response.content.decode()):
        for sample in family.samples:
            samples[sample.name, next(iter(sample.labels.values()), "")] = sample.value
    return samples


# --- Health and readiness ---------------------------------------------------------------------------------------------


def test_health_answers_without_a_database(probe: Client) -> None:
    response = probe.get("/health")  # this test has no access to the database
    assert (response.status_code, response.json()) == (200, {"status": "ok"})


def test_ready_with_everything_working_is_200(db: None, probe: Client) -> None:
    heartbeat.note_worker()
    response = probe.get("/ready")
    assert (response.status_code, response.json()) == (200, {"status": "ready", "failing": []})


@pytest.mark.parametrize("seen_seconds_ago", [None, 61])
def test_ready_without_a_worker_names_it(db: None, probe: Client, seen_seconds_ago: int | None) -> None:
    if seen_seconds_ago:
        cache.set(heartbeat.KEY, timezone.now().timestamp() - seen_seconds_ago)
    response = probe.get("/ready")
    assert (response.status_code, response.json()["failing"]) == (503, ["worker"])


def test_ready_with_a_migration_missing_names_it(db: None, probe: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    heartbeat.note_worker()
    monkeypatch.setattr(readiness, "_migrations_were_applied", False)
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app = 'tracking'")
    assert probe.get("/ready").json()["failing"] == ["migrations"]


def test_ready_without_a_database_names_it_and_says_no_more(
    db: None, probe: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    heartbeat.note_worker()
    monkeypatch.setattr(readiness, "_migrations_were_applied", True)

    def refuse(*_: Any) -> Any:
        raise OperationalError("password authentication failed for user engagex at db.internal")

    with connection.execute_wrapper(refuse):
        response = probe.get("/ready")
    assert (response.status_code, response.json()["failing"]) == (503, ["database"])
    assert b"engagex" not in response.content and b"db.internal" not in response.content


def test_ready_without_a_broker_names_it(db: None, probe: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    heartbeat.note_worker()
    monkeypatch.setattr(current_app.conf, "broker_write_url", "redis://127.0.0.1:1/1")
    assert probe.get("/ready").json()["failing"] == ["broker"]


@pytest.mark.parametrize("path", ["/health", "/ready", "/metrics"])
def test_operations_pages_set_no_cookie_and_take_no_post(db: None, probe: Client, path: str) -> None:
    response = probe.get(path)
    assert not response.cookies
    assert probe.post(path).status_code == 405


# --- Metrics ----------------------------------------------------------------------------------------------------------


def test_metrics_count_what_is_there(florist: Organization, probe: Client) -> None:
    heartbeat.note_worker()
    with organization_scope(florist):
        factories.make_campaign(florist, name="A draft")
        mailed = mailed_campaign(florist, status=CampaignStatus.SENDING)
        event_record(
            message_id=mailed.messages[0].pk, type=EventType.OPENED, occurred_at=timezone.now(), event_key="one"
        )
        due_at = timezone.now() - timezone.timedelta(seconds=90)
        batch = DeliveryBatch.objects.get()
        batch.pk, batch.number, batch.state, batch.settled_at = None, 2, BatchState.READY, None
        batch.due_at, batch.accepted_count, batch.uncertain_count = due_at, 0, 2
        DeliveryBatch.objects.bulk_create(
            [
                DeliveryBatch(
                    **{f.attname: getattr(batch, f.attname) for f in batch._meta.concrete_fields if f.name != "id"}
                )
            ]
        )
    found = metrics(probe)
    assert found["engagex_campaigns", "draft"] == 1
    assert found["engagex_campaigns", "sending"] == 1
    assert found["engagex_campaigns", "failed"] == 0
    assert found["engagex_batches", "ready"] == 1
    assert found["engagex_messages", "uncertain"] == 2
    assert 90 <= found["engagex_due_work_age_seconds", ""] < 150
    assert found["engagex_events_last_5_minutes", ""] == 1
    assert found["engagex_roll_ups_waiting", ""] == 1
    assert found["engagex_worker_seen_seconds", ""] < 60
    assert found["engagex_queue_length", ""] >= 0
    assert (found["engagex_part_up", "database"], found["engagex_part_up", "redis"]) == (1, 1)


def test_metrics_without_redis_show_it_and_keep_the_rest(
    db: None, probe: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(current_app.conf, "broker_write_url", "redis://127.0.0.1:1/1")
    found = metrics(probe)
    assert (found["engagex_part_up", "redis"], found["engagex_part_up", "database"]) == (0, 1)
    assert found["engagex_campaigns", "draft"] == 0


@pytest.mark.parametrize(
    ("address", "headers"),
    [("203.0.113.5", {}), ("127.0.0.1", {"X-Forwarded-For": "127.0.0.1"}), ("127.0.0.1", {"Forwarded": "for=x"})],
)
def test_metrics_without_a_token_are_for_this_machine_only(db: None, address: str, headers: dict[str, str]) -> None:
    assert Client(REMOTE_ADDR=address).get("/metrics", headers=headers).status_code == 403


def test_metrics_with_a_token_want_exactly_that(db: None, settings: Any) -> None:
    settings.METRICS_TOKEN = "s3cret-of-the-scraper"
    far = Client(REMOTE_ADDR="203.0.113.5")
    for given in ("", "Bearer wrong", "s3cret-of-the-scraper", "Bearer s3cret-of-the-scrapeR", "Bearer ä"):
        assert far.get("/metrics", headers={"Authorization": given}).status_code == 403
    assert Client(REMOTE_ADDR="127.0.0.1").get("/metrics").status_code == 403
    metrics(far, Authorization="Bearer s3cret-of-the-scraper")


def test_metrics_run_the_same_queries_for_many_rows(
    florist: Organization, probe: Client, django_assert_num_queries: Any
) -> None:
    with organization_scope(florist):
        for number in range(3):
            mailed_campaign(florist, 5, name=f"Campaign {number}")
    with django_assert_num_queries(9):
        metrics(probe)
