"""What a request for a pixel or a link leaves behind, and how much of it one mail may leave."""

import logging
from typing import Any
from uuid import UUID

from django.core.cache import cache
from django.http import HttpRequest
from redis.exceptions import RedisError

from core.common.network import client_ip, network_of

logger = logging.getLogger(__name__)

HITS_PER_HOUR = 120
"""Of one mail and one kind. A forwarded mail stays below it; a loop that would fill the database does not."""
_AGENT_LENGTH = 300
_LANGUAGE_LENGTH = 60


def seen_of(request: HttpRequest) -> dict[str, Any]:
    """What is kept of a request: enough to judge it again, and nothing that names a person."""
    return {
        "method": request.method,
        "user_agent": kept_agent(request.headers.get("User-Agent", "")),
        "language": kept_language(request.headers.get("Accept-Language", "")),
        "network": network_of(client_ip(request)),
    }


def kept_agent(user_agent: str) -> str:
    return user_agent[:_AGENT_LENGTH].replace("\x00", "")


def kept_language(language: str) -> str:
    return language[:_LANGUAGE_LENGTH].replace("\x00", "")


def within_limit(kind: str, message_id: UUID) -> bool:
    """Count this hit; False once the mail had more than HITS_PER_HOUR of this kind. Without Redis: no limit."""
    key = f"tracking:hits:{kind}:{message_id}"
    try:
        cache.add(key, 0, timeout=3600)
        return cache.incr(key) <= HITS_PER_HOUR
    except ValueError:
        return True  # the hour ended between the two calls
    except RedisError as error:
        logger.warning("Hits are not limited: the cache does not answer (%s).", error)
        return True
