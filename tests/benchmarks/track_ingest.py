"""A campaign that went out, and its hits from the stream to visible counters, beside a bare COPY of the same rows."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from django.db import connection
from redis import Redis

from core.common.ids import new_id
from core.common.tenancy import all_organizations, organization_scope
from core.delivery import public_links
from core.tracking.lean import drain
from core.tracking.lean.hits import FIELD, STREAM, packed
from core.tracking.models import AnalyticsEvent, CampaignHour
from core.tracking.services import roll_up
from tests.benchmarks.report import Measurement
from tests.support import factories
from tests.tracking.mailed import BROWSER, Mailed, mailed_campaign

_COLUMNS = (
    "id, organization_id, message_id, campaign_id, contact_id, link_id, type, verdict, reasons, bounce_class, "
    "event_key, occurred_at, received_at, seen"
)


@dataclass(frozen=True)
class BenchCampaign:
    mailed: Mailed
    open_paths: list[str]
    click_paths: list[str]


@contextmanager
def mailed(people: int) -> Iterator[BenchCampaign]:
    """A campaign of so many people in the database; Redis is empty before and afterwards."""
    organization = factories.make_organization(f"Bench {new_id().hex[-6:]}")
    with organization_scope(organization):
        campaign = mailed_campaign(organization, people)
    redis = drain.connect()
    redis.delete(STREAM)
    ids = [message.pk for message in campaign.messages]
    yield BenchCampaign(
        campaign,
        [_path(public_links.open_pixel_url(pk)) for pk in ids],
        [_path(public_links.click_url(pk, 1 + index % 2, campaign.campaign.pk)) for index, pk in enumerate(ids)],
    )
    redis.delete(STREAM, "bare:hits")


def _path(address: str) -> str:
    return "/" + address.split("/", 3)[3]


def measure(bench: BenchCampaign, *, events: int) -> list[Measurement]:
    """From the stream to the counters of the report."""
    redis = drain.connect()
    redis.delete(STREAM)
    _fill(redis, bench, events)
    with all_organizations(reason="a benchmark"):
        before = AnalyticsEvent.objects.count()
        started = time.perf_counter()
        while drain.waiting(redis):
            drain.drain()
        roll_up()
        took = time.perf_counter() - started
        if AnalyticsEvent.objects.count() - before != events or not CampaignHour.objects.exists():
            raise RuntimeError("Events were lost on the way.")
    return [Measurement("ingest to visible counters", events / took, "events/s", events / _bare_copy())]


def _fill(redis: "Redis", bench: BenchCampaign, events: int) -> None:
    now = time.time_ns() // 1_000_000
    seen = ("GET", BROWSER, "en", "203.0.113.0/24")
    ids = [message.pk for message in bench.mailed.messages]
    for start in range(0, events, 1_000):
        pipeline = redis.pipeline(transaction=False)
        for index in range(start, min(start + 1_000, events)):
            pipeline.xadd(STREAM, {FIELD: packed(ids[index % len(ids)], index % 3, now + index, seen)})
        pipeline.execute()


def _bare_copy() -> float:
    """Seconds of a COPY of the same rows into a table with the same indexes and no foreign keys."""
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE bare_events (LIKE tracking_analyticsevent INCLUDING DEFAULTS INCLUDING INDEXES)")
        with cursor.copy(f"COPY (SELECT {_COLUMNS} FROM tracking_analyticsevent) TO STDOUT") as out:
            rows = b"".join(bytes(block) for block in out)
        started = time.perf_counter()
        with cursor.copy(f"COPY bare_events ({_COLUMNS}) FROM STDIN") as copy:
            copy.write(rows)
        took = time.perf_counter() - started
        cursor.execute("DROP TABLE bare_events")
    return took
