"""Figures for Prometheus, read at the moment of the scrape: any web process gives the same answer.

Every query is answered by an index or reads a table that stays small, so that scraping every few seconds is harmless.
"""

import datetime
import logging
from collections.abc import Iterator
from uuid import UUID

from celery import current_app
from django.conf import settings
from django.db import DatabaseError
from django.db.models import Count, Min, QuerySet, Sum
from django.utils import timezone
from kombu.exceptions import OperationalError
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from redis import Redis
from redis.exceptions import RedisError

from core.campaigns.models import Campaign
from core.campaigns.states import CampaignStatus
from core.common.heartbeat import worker_seen_seconds_ago
from core.common.tenancy import all_organizations
from core.contacts.choices import ImportStatus
from core.contacts.models import ContactImport
from core.delivery.models import DeliveryBatch
from core.delivery.states import BatchState, SendState
from core.operations.readiness import redis_client
from core.tracking.lean.hits import STREAM
from core.tracking.models import AnalyticsEvent, HeldHit, LostHits
from core.tracking.queries.recounts import recounts_due

logger = logging.getLogger(__name__)

EVENT_WINDOW = datetime.timedelta(minutes=5)
RECENT_CAMPAIGNS = datetime.timedelta(days=7)
_OPEN_BATCHES = (BatchState.READY, BatchState.LEASED, BatchState.DISPATCHING)
_OPEN_MESSAGES = (SendState.RETRY_WAIT, SendState.UNCERTAIN, SendState.UNRESOLVED)


def exposition() -> bytes:
    """All metrics in Prometheus' text format 0.0.4. A part that does not answer shows as `engagex_part_up` 0."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Figures())
    return generate_latest(registry)


class _Figures(Collector):
    def collect(self) -> Iterator[GaugeMetricFamily]:
        parts = GaugeMetricFamily("engagex_part_up", "Whether a part this process needs answers.", labels=["part"])
        for part, figures, errors in (
            ("database", _database_figures, DatabaseError),
            ("redis", _redis_figures, (RedisError, OperationalError, OSError)),
        ):
            try:
                found = figures()
            except errors as error:
                logger.warning("Metrics are incomplete: %s does not answer (%s).", part, type(error).__name__)
                parts.add_metric([part], 0)
            else:
                parts.add_metric([part], 1)
                yield from found
        yield parts


def _database_figures() -> list[GaugeMetricFamily]:
    with all_organizations(reason="metrics count over all clients"):
        return [
            _by_label("engagex_campaigns", "Campaigns by status.", "status", CampaignStatus, _campaigns()),
            _by_label("engagex_batches", "Batches that are not done, by state.", "state", _OPEN_BATCHES, _batches()),
            _by_label(
                "engagex_messages",
                "Mails waiting for another try or a proof, by state.",
                "state",
                _OPEN_MESSAGES,
                _messages(),
            ),
            _single("engagex_due_work_age_seconds", "How long the oldest due batch has waited.", _due_work_age()),
            _single("engagex_imports_running", "Imports waiting or running.", _imports_running()),
            _single("engagex_events_last_5_minutes", "Events noted in the last five minutes.", _recent_events()),
            _single("engagex_hits_held", "Opens and clicks that wait in the database.", HeldHit.objects.count()),
            _single("engagex_hits_lost", "Opens and clicks that could not be kept, in all.", _hits_lost()),
            _single("engagex_roll_ups_waiting", "Campaigns to be recounted.", _recounts_due()),
        ]


def _redis_figures() -> list[GaugeMetricFamily]:
    figures = [
        _single("engagex_queue_length", "Wake-ups waiting for a worker.", _queue_length()),
        _single("engagex_hits_waiting", "Opens and clicks waiting in Redis for a worker.", _hits_waiting()),
    ]
    seen = worker_seen_seconds_ago()
    if seen is not None:
        figures.append(_single("engagex_worker_seen_seconds", "Seconds since a worker gave a sign of life.", seen))
    return figures


def _single(name: str, text: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, text, value=value)


def _by_label(name: str, text: str, label: str, known: object, counts: dict[str, int]) -> GaugeMetricFamily:
    """Every known value has a sample, so that an alert on zero works."""
    family = GaugeMetricFamily(name, text, labels=[label])
    for value in known:  # type: ignore[attr-defined]
        family.add_metric([str(value)], counts.get(str(value), 0))
    return family


def _counts(rows: QuerySet, column: str) -> dict[str, int]:
    return dict(rows.order_by().values_list(column).annotate(Count("pk")))


def _campaigns() -> dict[str, int]:
    return _counts(Campaign.objects.all(), "status")


def _batches() -> dict[str, int]:
    return _counts(DeliveryBatch.objects.filter(state__in=_OPEN_BATCHES), "state")


def _messages() -> dict[str, int]:
    """From the batches' own counts: a hundredth of the rows that the ledger has."""
    sums = DeliveryBatch.objects.aggregate(
        retry_wait=Sum("retry_count", default=0),
        uncertain=Sum("uncertain_count", default=0),
        unresolved=Sum("unresolved_count", default=0),
    )
    return {state.value: sums[state.value] for state in _OPEN_MESSAGES}


def _due_work_age() -> float:
    now = timezone.now()
    due = DeliveryBatch.objects.filter(state=BatchState.READY, due_at__lte=now, campaign__status=CampaignStatus.SENDING)
    oldest = due.aggregate(oldest=Min("due_at"))["oldest"]
    return (now - oldest).total_seconds() if oldest else 0.0


def _imports_running() -> int:
    return ContactImport.objects.filter(status__in=[ImportStatus.QUEUED, ImportStatus.RUNNING]).count()


def _recent_events() -> int:
    return AnalyticsEvent.objects.filter(pk__gte=_first_id_of(timezone.now() - EVENT_WINDOW)).count()


def _recounts_due() -> int:
    return recounts_due(since=timezone.now() - RECENT_CAMPAIGNS).count()


def _hits_lost() -> int:
    return int(LostHits.objects.aggregate(count=Sum("count", default=0))["count"])


def _hits_waiting() -> int:
    redis = Redis.from_url(str(settings.CACHES["default"]["LOCATION"]), socket_timeout=1, socket_connect_timeout=1)
    try:
        return int(redis.xlen(STREAM))
    finally:
        redis.close()


def _first_id_of(moment: datetime.datetime) -> UUID:
    """The smallest UUIDv7 of a millisecond (RFC 9562): keys are in order of time, so the primary key finds the rows."""
    return UUID(int=int(moment.timestamp() * 1000) << 80)


def _queue_length() -> int:
    with current_app.connection_for_write() as broker:
        client = redis_client(broker)
        return sum(int(client.llen(queue.name)) for queue in settings.CELERY_TASK_QUEUES)
