"""What somebody typed, kept for a while, so that the way back from a confirmation loses nothing."""

import logging

from django.core.cache import cache
from django.http import HttpRequest, QueryDict
from django.utils.crypto import get_random_string
from redis.exceptions import RedisError

from core.accounts.model_admins.rights import access_of

logger = logging.getLogger(__name__)

_SECONDS = 1_800
_NOT_TYPED = ("csrfmiddlewaretoken", "confirmed", "action")


def keep_draft(request: HttpRequest) -> str:
    """A key under which only this person finds the form again."""
    typed = request.POST.copy()
    for name in _NOT_TYPED:
        typed.pop(name, None)
    key = get_random_string(16)
    try:
        cache.set(_key(request, key), typed.urlencode(), _SECONDS)
    except RedisError as error:
        logger.warning("The way back from a confirmation begins anew: the cache does not answer (%s).", error)
    return key


def kept_draft(request: HttpRequest) -> QueryDict | None:
    """The form that the address names as `draft`; None without one, and when its time is over."""
    key = request.GET.get("draft", "")
    try:
        found = cache.get(_key(request, key)) if key.isalnum() else None
    except RedisError as error:
        logger.warning("What was typed is not found again: the cache does not answer (%s).", error)
        return None
    return QueryDict(found) if found else None


def _key(request: HttpRequest, key: str) -> str:
    return f"report-draft:{access_of(request).user.pk}:{key}"
