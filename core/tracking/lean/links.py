"""Where a click goes: the stored link, from memory, Redis or the database, in this order.

A link of a campaign never changes once it has a number, so that what is remembered stays right.
"""

import logging
from typing import Any
from uuid import UUID

from django.utils.encoding import iri_to_uri
from redis.exceptions import RedisError

from core.campaigns.models import CampaignLink
from core.common.tenancy import all_organizations

logger = logging.getLogger(__name__)

MOST_REMEMBERED = 20_000
KEPT_SECONDS = 60 * 24 * 3600


def cache_key(campaign_id: UUID) -> str:
    return f"engagex:links:{campaign_id.hex}"


def stored_links(campaign_id: UUID) -> dict[int, str]:
    """A campaign's links by their numbers. The campaign comes out of a verified token."""
    with all_organizations(reason="a verified token names its campaign"):
        return dict(CampaignLink.objects.filter(campaign_id=campaign_id).values_list("number", "url"))


def location(url: str) -> bytes | None:
    """The value of a Location header; None for what is no link to the web, which Django answers."""
    if not url.lower().startswith(("https://", "http://")) or any(ord(letter) < 32 for letter in url):
        return None
    return iri_to_uri(url).encode("ascii")


class LinkTargets:
    """What one web process remembers."""

    def __init__(self, redis: Any, read: Any) -> None:
        """`read` is `stored_links` in a thread: it may raise what the database raises."""
        self._redis, self._read = redis, read
        self._known: dict[tuple[UUID, int], bytes] = {}

    async def find(self, campaign_id: UUID, number: int) -> bytes | None:
        """The Location, None for a link that there is not. Raises DatabaseError when nobody can say."""
        known = self._known.get((campaign_id, number))
        if known is None:
            url = await self._from_redis(campaign_id, number) or await self._from_database(campaign_id, number)
            known = location(url) if url else None
            if known is not None:
                self._remember(campaign_id, number, known)
        return known

    def _remember(self, campaign_id: UUID, number: int, found: bytes) -> None:
        if len(self._known) >= MOST_REMEMBERED:
            self._known.clear()
        self._known[campaign_id, number] = found

    async def _from_redis(self, campaign_id: UUID, number: int) -> str | None:
        try:
            found = await self._redis.hget(cache_key(campaign_id), str(number))
        except (RedisError, OSError):
            return None
        return found.decode() if found else None

    async def _from_database(self, campaign_id: UUID, number: int) -> str | None:
        links = await self._read(campaign_id)
        try:
            if links:
                pipeline = self._redis.pipeline(transaction=False)
                pipeline.hset(cache_key(campaign_id), mapping={str(each): url for each, url in links.items()})
                pipeline.expire(cache_key(campaign_id), KEPT_SECONDS)
                await pipeline.execute()
        except (RedisError, OSError) as error:
            logger.info("Links are not remembered: Redis does not answer (%s).", type(error).__name__)
        return links.get(number)
