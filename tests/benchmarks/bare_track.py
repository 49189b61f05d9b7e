"""The ceiling of `track`: an application that appends to a stream and answers, and does nothing else."""

import os
from typing import Any

from redis.asyncio import Redis

_redis = Redis.from_url(os.environ["REDIS_URL"])
_PIXEL = b"GIF89a" + b"\x00" * 36
_HEADERS = [(b"content-type", b"image/gif"), (b"content-length", str(len(_PIXEL)).encode())]
_HIT = b"x" * 280


async def application(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] != "http":
        return
    await _redis.xadd("bare:hits", {"h": _HIT})
    await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
    await send({"type": "http.response.body", "body": _PIXEL})
