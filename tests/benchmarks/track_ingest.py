"""A campaign that went out, and its hits from the stream to visible counters, beside a bare COPY of the same rows."""

import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import UUID

from django.db import connection
from redis import Redis

from core.accounts.models import Organization
from core.common.ids import new_id
from core.common.tenancy import all_organizations, organization_scope
from core.delivery import public_links
from core.tracking.lean import drain
from core.tracking.lean.hits import FIELD, STREAM, packed
from core.tracking.models import AnalyticsEvent, CampaignPart
from tests.benchmarks.report import Measurement
from tests.benchmarks.track_people import add_people
from tests.support import factories
from tests.tracking.mailed import BROWSER, Mailed, mailed_campaign

_COLUMNS = (
    "id, organization_id, message_id, campaign_id, contact_id, link_id, type, verdict, reasons, bounce_class, device, "
    "event_key, occurred_at, received_at, seen"
)
EVENTS_A_MAIL = 4
HOURS = 12
_AGENTS = (
    BROWSER,
    "Mozilla/5.0",
    "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148",
    *(
        f"Mozilla/5.0 (Linux; Android 15; Pixel {model}) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{version}.0.0.0 "
        "Mobile Safari/537.36"
        for model in range(5, 10)
        for version in range(125, 141)
    ),
)


@dataclass(frozen=True)
class BenchCampaign:
    organization: Organization
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
        organization,
        campaign,
        [_path(public_links.open_pixel_url(pk)) for pk in ids],
        [_path(public_links.click_url(pk, 1 + index % 2, campaign.campaign.pk)) for index, pk in enumerate(ids)],
    )
    redis.delete(STREAM, "bare:hits")


def _path(address: str) -> str:
    return "/" + address.split("/", 3)[3]


def filled(bench: BenchCampaign, *, events: int) -> list[UUID]:
    """So many hits in the stream, of a quarter as many mails, spread over half a day as people read; the mails."""
    with organization_scope(bench.organization):
        ids = add_people(bench.organization, bench.mailed, max(events // EVENTS_A_MAIL // 100, 1) * 100)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
    redis = drain.connect()
    redis.delete(STREAM)
    _fill(redis, ids, events)
    return ids


def measure(bench: BenchCampaign, *, events: int) -> list[Measurement]:
    """From the stream to the counters of the report."""
    filled(bench, events=events)
    redis = drain.connect()
    with all_organizations(reason="a benchmark"):
        before, counted = AnalyticsEvent.objects.count(), _counted(bench)
        started = time.perf_counter()
        while drain.waiting(redis):
            drain.drain()
        took = time.perf_counter() - started
        if AnalyticsEvent.objects.count() - before != events or _counted(bench) - counted != events:
            raise RuntimeError("Events were lost on the way.")
    bare, checked = _bare_copy(), _bare_copy(with_keys=True)
    return [
        Measurement("ingest to visible counters", events / took, "events/s", events / bare),
        Measurement("  beside a COPY that checks foreign keys", events / took, "events/s", events / checked),
    ]


def _counted(bench: BenchCampaign) -> int:
    """What the report shows."""
    shown = CampaignPart.objects.filter(campaign=bench.mailed.campaign, part="all").exclude(type="sent")
    return sum(shown.values_list("total", flat=True))


def _fill(redis: "Redis", ids: list[UUID], events: int) -> None:
    now = time.time_ns() // 1_000_000
    chance = random.Random(5)
    for start in range(0, events, 1_000):
        pipeline = redis.pipeline(transaction=False)
        for index in range(start, min(start + 1_000, events)):
            at = now + index * HOURS * 3_600_000 // events
            network = f"{chance.randrange(11, 220)}.{chance.randrange(256)}.{chance.randrange(256)}.0/24"
            seen = ("GET", chance.choice(_AGENTS), "en-GB,en;q=0.9", network)
            link = chance.choice((0, 0, 0, 1, 2))
            pipeline.xadd(STREAM, {FIELD: packed(ids[chance.randrange(len(ids))], link, at, seen)})
        pipeline.execute()


def _bare_copy(*, with_keys: bool = False) -> float:
    """Seconds of a COPY of the same rows into one table with the same indexes, with the foreign keys that a table of
    rows of clients has or without any."""
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE bare_events (LIKE tracking_analyticsevent INCLUDING DEFAULTS INCLUDING INDEXES)")
        for column, target in _KEYS.items() if with_keys else ():
            cursor.execute(
                f"ALTER TABLE bare_events ADD FOREIGN KEY (organization_id, {column}) "
                f"REFERENCES {target} (organization_id, id) DEFERRABLE INITIALLY DEFERRED"
            )
        with cursor.copy(f"COPY (SELECT {_COLUMNS} FROM tracking_analyticsevent) TO STDOUT") as out:
            rows = b"".join(bytes(block) for block in out)
        started = time.perf_counter()
        with cursor.copy(f"COPY bare_events ({_COLUMNS}) FROM STDIN") as copy:
            copy.write(rows)
        took = time.perf_counter() - started
        cursor.execute("DROP TABLE bare_events")
    return took


_KEYS = {
    "message_id": "delivery_message",
    "campaign_id": "campaigns_campaign",
    "contact_id": "contacts_contact",
    "link_id": "campaigns_campaignlink",
}
