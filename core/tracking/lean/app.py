"""The ASGI application in front of Django: it answers opens and clicks itself and passes on everything else.

What is not a plain GET or HEAD of a token of ours is Django's to answer, so that there is one 404, one 405 and one
answer to older tokens. The database is asked only for a link that nobody remembers.
"""

import asyncio
import base64
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any
from urllib.parse import quote
from uuid import UUID

from django.db import DatabaseError, InterfaceError

from core.common.network import believed_ip, network_of
from core.common.tokens import BadToken, Purpose
from core.delivery.public_links import HIDDEN_LINK, HIDDEN_LINK_WORDS, click_from, message_id_from
from core.tracking import hits
from core.tracking.lean.hits import packed
from core.tracking.lean.links import LinkTargets
from core.tracking.lean.queue import HitQueue

logger = logging.getLogger(__name__)

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Asgi = Callable[[Any, Any, Any], Awaitable[None]]

PIXEL = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")
DATABASE_SECONDS = 3.0
MOST_COUNTED = 200_000
_OPEN, _CLICK, _GIF = "/o/", "/c/", ".gif"
_LONGEST_PATH = 200

# As core.accounts.public_pages.frame.private sets them.
_PRIVATE = [
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"cache-control", b"no-store, private"),
    (b"x-robots-tag", b"noindex, nofollow"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
]
_PIXEL_HEADERS = [(b"content-type", b"image/gif"), (b"content-length", str(len(PIXEL)).encode()), *_PRIVATE]
_HIDDEN_HEADERS = [(b"content-type", b"text/plain; charset=utf-8"), *_PRIVATE]
_AWAY_HEADERS = [(b"content-type", b"text/plain; charset=utf-8"), (b"retry-after", b"30"), *_PRIVATE]
_AWAY = b"This link cannot be looked up for a moment. Please try again."


class LeanTracking:
    """Wraps Django's application. `redis` and `queue` make their parts on first use; `links` runs in a thread."""

    def __init__(
        self, django: Asgi, *, redis: Callable[[], Any], queue: Callable[[Any], HitQueue], links: Callable[[UUID], Any]
    ) -> None:
        self._django = django
        self._new_redis, self._new_queue, self._stored_links = redis, queue, links
        self._parts: tuple[HitQueue, LinkTargets] | None = None
        self._limit = HourlyLimit()
        self._database = ThreadPoolExecutor(1, thread_name_prefix="links")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        if scope["type"] == "http" and scope["method"] in ("GET", "HEAD"):
            path = scope["path"]
            if path.startswith(_OPEN) and await self._open(path, scope, send):
                return
            if path.startswith(_CLICK) and await self._click(path, scope, send):
                return

        async def received() -> dict[str, Any]:
            return await receive()

        # granian's own is awaitable, but no coroutine, which a2wsgi asks for.
        await self._django(_for_django(scope), received, send)

    async def _open(self, path: str, scope: Scope, send: Send) -> bool:
        if len(path) > _LONGEST_PATH or not path.endswith(_GIF):
            return False
        try:
            message_id = message_id_from(Purpose.OPEN, path[len(_OPEN) : -len(_GIF)])
        except BadToken:
            return False
        await self._note(message_id, 0, scope)
        await _answer(send, 200, _PIXEL_HEADERS, PIXEL, scope)
        return True

    async def _click(self, path: str, scope: Scope, send: Send) -> bool:
        if len(path) > _LONGEST_PATH:
            return False
        try:
            click = click_from(path[len(_CLICK) :])
        except BadToken:
            return False
        if click.campaign_id is None:
            return False
        if click.link_number == HIDDEN_LINK:
            await self._note(click.message_id, click.link_number, scope)
            await _answer(send, 200, _HIDDEN_HEADERS, HIDDEN_LINK_WORDS.encode(), scope)
            return True
        _, targets = self._started()
        try:
            found = await targets.find(click.campaign_id, click.link_number)
        except (DatabaseError, InterfaceError, OSError, TimeoutError) as error:
            logger.warning("A link could not be looked up (%s).", type(error).__name__)
            await self._note(click.message_id, click.link_number, scope)
            await _answer(send, 503, _AWAY_HEADERS, _AWAY, scope)
            return True
        if found is None:
            return False
        await self._note(click.message_id, click.link_number, scope)
        await _answer(send, 302, [(b"location", found), (b"content-length", b"0"), *_PRIVATE], b"", scope)
        return True

    async def _note(self, message_id: UUID, link_number: int, scope: Scope) -> None:
        if not self._limit.allows(message_id, link_number != 0):
            return
        queue, _ = self._started()
        await queue.append(packed(message_id, link_number, time.time_ns() // 1_000_000, _seen(scope)))

    def _started(self) -> tuple[HitQueue, LinkTargets]:
        """On the loop that serves, which is not there yet when the application is made."""
        if self._parts is None:
            redis = self._new_redis()
            self._parts = self._new_queue(redis), LinkTargets(redis, self._read_links)
        return self._parts

    async def _read_links(self, campaign_id: UUID) -> dict[int, str]:
        loop = asyncio.get_running_loop()
        read = loop.run_in_executor(self._database, partial(self._stored_links, campaign_id))
        return await asyncio.wait_for(read, DATABASE_SECONDS)

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self.close()
        await send({"type": "lifespan.shutdown.complete"})

    async def close(self) -> None:
        """Write what waits, if anything answers."""
        if self._parts is not None:
            await self._parts[0].close()
        self._database.shutdown(wait=False, cancel_futures=True)


class HourlyLimit:
    """Hits of one mail and kind that one process keeps within an hour: a loop shall not fill the database."""

    def __init__(self) -> None:
        self._counts: dict[tuple[UUID, bool], int] = {}
        self._until = 0.0

    def allows(self, message_id: UUID, is_click: bool) -> bool:
        now = time.monotonic()
        if now > self._until or len(self._counts) > MOST_COUNTED:
            self._counts.clear()
            self._until = now + 3600
        key = (message_id, is_click)
        count = self._counts.get(key, 0) + 1
        self._counts[key] = count
        return count <= hits.HITS_PER_HOUR


def _seen(scope: Scope) -> tuple[str, str, str, str]:
    agent = language = forwarded = ""
    for name, value in scope["headers"]:
        if name == b"user-agent":
            agent = hits.kept_agent(value.decode("latin-1"))
        elif name == b"accept-language":
            language = hits.kept_language(value.decode("latin-1"))
        elif name == b"x-forwarded-for":
            forwarded = f"{forwarded},{value.decode('latin-1')}"
    client = scope.get("client")
    return scope["method"], agent, language, network_of(believed_ip(forwarded, client[0] if client else ""))


async def _answer(send: Send, status: int, headers: list[tuple[bytes, bytes]], body: bytes, scope: Scope) -> None:
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})


def _for_django(scope: Scope) -> Scope:
    """The request in the form that WSGI expects of its servers.

    Names with an underscore would pass for those with a hyphen (X_Forwarded_For); a query has only ASCII letters;
    cookies of several headers are one list (RFC 9113, 8.2.3).
    """
    if scope["type"] != "http":
        return scope
    query: bytes = scope["query_string"]
    if not query.isascii():
        query = quote(query, safe="%&=+;/?:@!$'()*,-._~").encode()
    return {**scope, "query_string": query, "headers": _plain_headers(scope["headers"])}


def _plain_headers(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    plain = [(name, value) for name, value in headers if b"_" not in name]
    cookies = [value for name, value in plain if name == b"cookie"]
    if len(cookies) > 1:
        plain = [(name, value) for name, value in plain if name != b"cookie"] + [(b"cookie", b"; ".join(cookies))]
    return plain
