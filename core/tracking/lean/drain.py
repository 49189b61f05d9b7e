"""From the stream to events. One run at a time; a run that dies leaves its hits pending, and the next one takes them.

A hit leaves the stream after the commit of its event. Read twice, it is the same event.
"""

import logging
import time
from collections.abc import Sequence
from functools import lru_cache
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from redis import Redis
from redis.exceptions import ResponseError

from core.campaigns.models import Campaign
from core.campaigns.states import CampaignStatus
from core.delivery.states import SendState
from core.tracking import intake
from core.tracking.choices import LossReason
from core.tracking.devices import device_of
from core.tracking.intake import Arrival
from core.tracking.lean.hits import FIELD, STREAM, NoHit, StreamHit, unpacked
from core.tracking.lean.links import KEPT_SECONDS, cache_key, stored_links
from core.tracking.models import HeldHit, LostHits
from core.tracking.verdicts import TOO_SOON_SECONDS, Hit, judge

logger = logging.getLogger(__name__)

# People use few mail apps.
_judge = lru_cache(maxsize=10_000)(judge)
_device_of = lru_cache(maxsize=10_000)(device_of)
GROUP = "engagex"
CONSUMER = "worker"
AT_ONCE = 5_000
RUN_SECONDS = 20.0
_NEW, _PENDING = ">", "0"
_ACCEPTED = "SELECT id, accepted_at, send_state FROM delivery_message WHERE id = ANY(%s)"

Entries = Sequence[tuple[bytes, dict[bytes, bytes]]]


def connect() -> "Redis":
    return Redis.from_url(str(settings.CACHES["default"]["LOCATION"]), socket_timeout=10, socket_connect_timeout=2)


def drain() -> dict[str, int]:
    """Read until nothing waits or the run is over. In the scope of all clients. Raises RedisError without Redis."""
    tally = {"hits": 0, "held": _drain_held(), "gone": 0}
    redis = connect()
    try:
        _ensure_group(redis)
        give_up_at = time.monotonic() + RUN_SECONDS
        for start in (_PENDING, _NEW):
            while time.monotonic() < give_up_at:
                entries = _read(redis, start)
                if not entries:
                    break
                _drain_entries(redis, entries, tally)
    finally:
        redis.close()
    return tally


def waiting(redis: "Redis") -> int:
    """How many hits wait in the stream."""
    return int(redis.xlen(STREAM))


def links_keep_warm(*, redis: "Redis") -> int:
    """Bring the links of campaigns that people click now into the cache; how many campaigns were missing there."""
    campaigns = Campaign.objects.filter(status__in=(CampaignStatus.SENDING, CampaignStatus.PAUSED, CampaignStatus.SENT))
    newest = list(campaigns.order_by("-started_at").values_list("pk", flat=True)[:_WARM_CAMPAIGNS])
    pipeline = redis.pipeline(transaction=False)
    for campaign_id in newest:
        pipeline.exists(cache_key(campaign_id))
    missing = [pk for pk, is_there in zip(newest, pipeline.execute(), strict=True) if not is_there]
    for campaign_id in missing:
        _remember(redis, campaign_id)
    return len(missing)


_WARM_CAMPAIGNS = 500


def _remember(redis: "Redis", campaign_id: UUID) -> None:
    # "0" is no link: a campaign without links is remembered, too.
    links = {"0": "", **{str(number): url for number, url in stored_links(campaign_id).items()}}
    redis.hset(cache_key(campaign_id), mapping=links)  # type: ignore[arg-type]
    redis.expire(cache_key(campaign_id), KEPT_SECONDS)


def _ensure_group(redis: "Redis") -> None:
    try:
        redis.xgroup_create(STREAM, GROUP, id="0", mkstream=True)
    except ResponseError as error:
        if "BUSYGROUP" not in str(error):
            raise


def _read(redis: "Redis", start: str) -> Entries:
    found: Any = redis.xreadgroup(GROUP, CONSUMER, {STREAM: start}, count=AT_ONCE)
    if not found:
        return []
    streams = found.items() if isinstance(found, dict) else found
    (_name, entries), *_ = streams
    return entries[0] if entries and isinstance(entries[0], list) else entries


def _drain_entries(redis: "Redis", entries: Entries, tally: dict[str, int]) -> None:
    raws = [fields[FIELD] for _, fields in entries if fields and FIELD in fields]
    taken = _take(raws)
    ids = [entry_id for entry_id, _ in entries]
    pipeline = redis.pipeline(transaction=False)
    pipeline.xack(STREAM, GROUP, *ids)
    pipeline.xdel(STREAM, *ids)
    pipeline.execute()
    tally["hits"] += taken.new
    tally["gone"] += len(taken.unknown)


def _drain_held() -> int:
    """What the database kept for a Redis that was away."""
    read = 0
    while True:
        with transaction.atomic():
            rows = list(HeldHit.objects.select_for_update(skip_locked=True).order_by("pk")[:AT_ONCE])
            if not rows:
                return read
            _take([bytes(row.hit) for row in rows])
            HeldHit.objects.filter(pk__in=[row.pk for row in rows]).delete()
        read += len(rows)


@transaction.atomic
def _take(raws: Sequence[bytes]) -> intake.Taken:
    found = [hit for raw in raws if (hit := _hit_or_none(raw))]
    taken = intake.take(_judged(found))
    if taken.unknown:
        LostHits.objects.create(reason=LossReason.GONE, count=len(taken.unknown))
    return taken


def _hit_or_none(raw: bytes) -> StreamHit | None:
    try:
        return unpacked(raw)
    except NoHit:
        logger.warning("Something in the stream of hits is no hit.")
        return None


def _judged(found: Sequence[StreamHit]) -> list[Arrival]:
    accepted = _accepted({hit.message_id for hit in found})
    arrivals = []
    for hit in found:
        judgement = _judge(
            Hit(
                type=hit.type,
                method=hit.seen["method"],
                user_agent=hit.seen["user_agent"],
                seconds_since_accepted=_seconds(hit, accepted.get(hit.message_id)),
            )
        )
        arrivals.append(
            Arrival(
                message_id=hit.message_id,
                type=hit.type,
                event_key=hit.key,
                occurred_at=hit.at,
                link_number=hit.link_number or None,
                verdict=judgement.verdict,
                reasons=judgement.reasons,
                device=_device_of(hit.seen["user_agent"]),
                seen=hit.seen,
            )
        )
    return arrivals


def _accepted(message_ids: set[UUID]) -> dict[UUID, Any]:
    """When these mails were taken, and their states. Over all clients: the ids come out of verified tokens."""
    with connection.cursor() as cursor:
        cursor.execute(_ACCEPTED, [list(message_ids)])
        return {pk: (accepted_at, send_state) for pk, accepted_at, send_state in cursor.fetchall()}


def _seconds(hit: StreamHit, found: Any) -> float | None:
    """As core.tracking.services judges a hit of its own: 0 while the mail is being handed over. Only whether it was too
    soon matters, so that the same verdict need not be found again for every second."""
    accepted_at, send_state = found or (None, None)
    if accepted_at is not None:
        is_too_soon = (hit.at - accepted_at).total_seconds() < TOO_SOON_SECONDS
        return 0.0 if is_too_soon else TOO_SOON_SECONDS
    return 0.0 if send_state == SendState.READY else None
