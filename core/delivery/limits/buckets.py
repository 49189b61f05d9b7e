"""Token buckets that all workers share, in Redis, by its clock.

A bucket fills with `rate` tokens a second up to its `size`. A claim asks for the tokens of a batch from several buckets
at once and gets the same number from each, or none from any. A bucket gives at least its `portion` (or all that is
wanted, if that is less) and may give less than a batch: the rest of the batch then waits for the next tokens, so that
500 mails an hour are eight a minute and not a hundred every twelve minutes.

An emptied Redis forgets what was taken, so every bucket is full once more: two portions at most go out too early.
Without Redis whatever has a limit waits; everything else goes on.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from django.core.cache import cache
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)

PREFIX = "engagex:limit:"
AWAY_SECONDS = 5.0
"""How long limited work rests when Redis does not answer."""

# Requests in order of preference: the first that all its buckets can serve is served, the others stay untouched.
_TAKE = """
local now = redis.call('TIME')
now = tonumber(now[1]) + tonumber(now[2]) / 1000000
local soonest = -1
for place, request in ipairs(cjson.decode(ARGV[1])) do
    local grant, wait, levels = request.want, 0, {}
    for number, bucket in ipairs(request.buckets) do
        local kept = redis.call('HMGET', bucket.key, 'tokens', 'at')
        local tokens = bucket.size
        if kept[1] then
            tokens = math.min(bucket.size, tonumber(kept[1]) + math.max(now - tonumber(kept[2]), 0) * bucket.rate)
        end
        local needed = math.min(request.want, bucket.portion)
        if tokens + 0.000001 < needed then
            wait = math.max(wait, (needed - tokens) / bucket.rate)
        end
        grant = math.min(grant, math.floor(tokens + 0.000001))
        levels[number] = tokens
    end
    if wait == 0 then
        if ARGV[2] == 'take' then
            for number, bucket in ipairs(request.buckets) do
                redis.call('HSET', bucket.key, 'tokens', levels[number] - grant, 'at', now)
                redis.call('EXPIRE', bucket.key, math.ceil(bucket.size / bucket.rate) + 60)
            end
        end
        return {place, grant, '0'}
    end
    if soonest < 0 or wait < soonest then soonest = wait end
end
return {0, 0, tostring(soonest)}
"""

_GIVE_BACK = """
for _, bucket in ipairs(cjson.decode(ARGV[1])) do
    if redis.call('EXISTS', bucket.key) == 1 then
        redis.call('HINCRBYFLOAT', bucket.key, 'tokens', ARGV[2])
    end
end
"""


@dataclass(frozen=True, slots=True)
class Bucket:
    """A limit of `rate` mails a second, given out in portions of `portion`. `key` says whose it is."""

    key: str
    rate: float
    size: float
    portion: float


@dataclass(frozen=True, slots=True)
class Request:
    """A wish for `want` mails against all of these buckets. Without buckets it needs no Redis."""

    want: int
    buckets: tuple[Bucket, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """`place` is the index of the request that got `granted` tokens; None: none did, the soonest in `wait` seconds."""

    place: int | None
    granted: int
    wait: float


def per_second(key: str, mails: int) -> Bucket:
    """A second's worth at a time."""
    return Bucket(f"{PREFIX}{key}:second", mails, 2 * mails, mails)


def per_hour(key: str, mails: int) -> Bucket:
    """A minute's worth at a time, one mail at least."""
    portion = max(mails / 60, 1.0)
    return Bucket(f"{PREFIX}{key}:hour", mails / 3600, 2 * portion, portion)


def take(requests: Sequence[Request]) -> Answer:
    """Serve the first request that can be served now."""
    return _ask(requests, "take")


def look(requests: Sequence[Request]) -> Answer:
    """What `take` would answer; takes nothing."""
    return _ask(requests, "look")


def give_back(buckets: Sequence[Bucket], tokens: int) -> None:
    """Return tokens that were taken and not used. Lost without Redis: then a little less goes out."""
    if not buckets or tokens <= 0:
        return
    try:
        _redis().eval(_GIVE_BACK, 0, orjson.dumps(list(buckets)), tokens)
    except RedisError as error:
        logger.warning("%s unused tokens were not given back: %s", tokens, error)


def _ask(requests: Sequence[Request], what: str) -> Answer:
    try:
        place, granted, wait = _redis().eval(_TAKE, 0, orjson.dumps(list(requests)), what)
    except RedisError as error:
        logger.warning("Campaigns with a limit wait: Redis does not answer (%s).", error)
        return Answer(None, 0, AWAY_SECONDS)
    return Answer(place - 1 if place else None, granted, float(wait))


def _redis() -> Any:
    """The cache's own connection pool: Django offers no scripts."""
    return cache._cache.get_client(None, write=True)  # type: ignore[attr-defined]
