import datetime

from django.conf import settings

from core.common.tasks import Summary, agency_task
from core.tracking import services
from core.tracking.lean import drain
from core.tracking.webhooks.reading import read_waiting
from core.tracking.webhooks.services import posts_prune


@agency_task(name="tracking.roll_up")
def roll_up() -> Summary:
    """Bring the counters of campaigns with new events up to date."""
    return services.roll_up()


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


@agency_task(name="tracking.prune")
def prune() -> Summary:
    """Forget old posts of mail providers."""
    return {"removed": posts_prune(older_than=datetime.timedelta(days=settings.WEBHOOK_KEEP_DAYS))}
