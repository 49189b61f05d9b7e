import datetime
from uuid import UUID

from django.conf import settings

from core.common.tasks import Summary, agency_task, enqueue, organization_task
from core.tracking import partitions, services
from core.tracking.audience.services import audiences_count
from core.tracking.inbound.services import replies_prune
from core.tracking.lean import drain
from core.tracking.verdicts.recompute import verdict_run_continue
from core.tracking.webhooks.reading import read_waiting
from core.tracking.webhooks.services import posts_prune

REJUDGE_SECONDS = 30.0


@agency_task(name="tracking.roll_up")
def roll_up() -> Summary:
    """Recount what comes from the ledger and the groups, where they have moved."""
    return services.roll_up()


@organization_task(name="tracking.rebuild_counters")
def rebuild_counters(organization_id: str) -> Summary:
    """Put right all counters of a client."""
    return services.counters_rebuild(organization_id=UUID(organization_id))


@agency_task(name="tracking.tend_months")
def tend_months() -> Summary:
    """Make room for the events of the coming months, and let go of old ones."""
    return partitions.tend()


@agency_task(name="tracking.count_audiences")
def count_audiences() -> Summary:
    """Bring the counters of clients' people and of the hours they read at up to date."""
    return audiences_count()


@agency_task(name="tracking.read_posts")
def read_posts() -> Summary:
    """Read what mail providers reported, and settle doubts that events have answered meanwhile."""
    return {**read_waiting(), "doubts_settled": services.doubts_settle()}


@agency_task(name="tracking.read_hits")
def read_hits() -> Summary:
    """Turn opens and clicks that wait in Redis into events."""
    return drain.drain()


@agency_task(name="tracking.remember_links")
def remember_links() -> Summary:
    """Keep the links of running campaigns where clicks find them without the database."""
    redis = drain.connect()
    try:
        return {"campaigns": drain.links_keep_warm(redis=redis)}
    finally:
        redis.close()


@agency_task(name="tracking.rejudge")
def rejudge() -> Summary:
    """Go on deriving verdicts of the past again, where somebody asked for it."""
    went = verdict_run_continue(seconds=REJUDGE_SECONDS)
    if not went.is_finished:
        enqueue(rejudge)
    return {"mails": went.mails}


@agency_task(name="tracking.prune")
def prune() -> Summary:
    """Forget old posts of mail providers, and old replies."""
    return {
        "removed": posts_prune(older_than=datetime.timedelta(days=settings.WEBHOOK_KEEP_DAYS)),
        "replies": replies_prune(months=settings.REPLY_KEEP_MONTHS),
    }
