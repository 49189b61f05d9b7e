"""Opens and clicks in front of Django, from the request to the event, with every part away in turn."""

import asyncio
import datetime
import threading
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import pytest
from django.conf import settings
from django.db import DatabaseError, connection
from redis import Redis
from redis.exceptions import ConnectionError as RedisAway

from core.accounts.models import Organization
from core.common.ids import new_id
from core.common.tenancy import all_organizations, organization_scope
from core.delivery import public_links
from core.delivery.models import Message
from core.tracking import hits
from core.tracking.choices import EventType, LossReason, Verdict
from core.tracking.lean import drain, queue
from core.tracking.lean.app import LeanTracking
from core.tracking.lean.hits import FIELD, STREAM, half_of, packed
from core.tracking.lean.judging import block_of
from core.tracking.lean.links import cache_key, stored_links
from core.tracking.lean.queue import HitQueue
from core.tracking.models import AnalyticsEvent, CampaignPart, HeldHit, LinkClicks, LostHits
from core.tracking.tasks import read_hits, remember_links
from tests.tracking.mailed import BROWSER, Mailed, mailed_campaign, path_of

NOWHERE = "unix:///nowhere/at/all.sock"


@dataclass
class Answer:
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    is_djangos: bool = False


@dataclass
class Site:
    """The application with a stand-in for Django, real Redis, and a database that writes or is away."""

    url: str = ""
    is_database_away: bool = False
    limit: int = 1_000
    lost: dict[LossReason, int] = field(default_factory=dict)
    held: list[bytes] = field(default_factory=list)
    links: dict[UUID, dict[int, str]] = field(default_factory=dict)
    redis: Any = None
    queue: Any = None

    def make(self) -> LeanTracking:
        async def django(scope: Any, receive: Any, send: Any) -> None:
            await send({"type": "http.response.start", "status": 404, "headers": [(b"x-django", b"1")]})
            await send({"type": "http.response.body", "body": b""})

        def connect() -> Any:
            self.redis = queue.connect(self.url or settings.CACHES["default"]["LOCATION"])
            return self.redis

        def make_queue(redis: Any) -> HitQueue:
            self.queue = HitQueue(redis, limit=self.limit, keep=self.keep, tell=self.tell)
            return self.queue

        return LeanTracking(django, redis=connect, queue=make_queue, links=self.links_of)

    def keep(self, found: Sequence[bytes]) -> None:
        self.refuse_if_away()
        self.held += found

    def tell(self, losses: Any) -> None:
        self.refuse_if_away()
        for reason, count in losses.items():
            self.lost[reason] = self.lost.get(reason, 0) + count

    def links_of(self, campaign_id: UUID) -> dict[int, str]:
        self.refuse_if_away()
        return self.links.get(campaign_id, {})

    async def redis_is_at(self, url: str) -> None:
        await self.redis.connection_pool.disconnect()
        self.redis.connection_pool = queue.connect(url).connection_pool

    def refuse_if_away(self) -> None:
        if self.is_database_away:
            raise DatabaseError("the database is away")


async def get(app: LeanTracking, path: str, method: str = "GET", **headers: str) -> Answer:
    answer = Answer()

    async def send(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            answer.status = message["status"]
            answer.headers = {name.decode(): value.decode() for name, value in message["headers"]}
            answer.is_djangos = "x-django" in answer.headers
        else:
            answer.body += message["body"]

    path, _, query = path.partition("?")
    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "query_string": query.encode(),
        "headers": [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()],
        "client": ("203.0.113.77", 1234),
    }
    await app(scope, receive, send)
    return answer


async def receive() -> dict[str, Any]:
    return {"type": "http.request", "body": b"", "more_body": False}


def visit(site: Site, *paths: str, method: str = "GET", **headers: str) -> list[Answer]:
    """The answers to these requests, one after the other, by one server that ends afterwards."""

    async def work(app: LeanTracking) -> list[Answer]:
        return [await get(app, path, method, **{"user_agent": BROWSER, **headers}) for path in paths]

    return run(site, work)


def run(site: Site, work: Callable[[LeanTracking], Awaitable[Any]]) -> Any:
    async def live() -> Any:
        app = site.make()
        try:
            return await work(app)
        finally:
            await app.close()

    return asyncio.run(live())


def open_path(message_id: UUID) -> str:
    return path_of(public_links.open_pixel_url(message_id))


def click_path(mailed: Mailed, number: int = 1, message: int = 0) -> str:
    return path_of(public_links.click_url(mailed.messages[message].pk, number, mailed.campaign.pk))


@pytest.fixture
def site(mailed: Mailed) -> Site:
    return Site(links={mailed.campaign.pk: stored_links(mailed.campaign.pk)})


@pytest.fixture(autouse=True)
def redis() -> Iterator[Redis]:
    found = drain.connect()
    found.flushdb()
    yield found
    found.flushdb()
    found.close()


def events() -> list[AnalyticsEvent]:
    with all_organizations(reason="test"):
        return list(AnalyticsEvent.objects.order_by("occurred_at", "id"))


# --- Answers ----------------------------------------------------------------------------------------------------------


def test_open_is_answered_with_the_pixel_and_becomes_an_event(mailed: Mailed, site: Site, redis: Redis) -> None:
    (answer,) = visit(site, open_path(mailed.messages[0].pk), accept_language="es")
    assert (answer.status, answer.headers["content-type"]) == (200, "image/gif")
    assert answer.body.startswith(b"GIF89a")
    assert "no-store" in answer.headers["cache-control"]
    assert redis.xlen(STREAM) == 1
    assert not events()
    assert read_hits.apply().get()["hits"] == 1
    (event,) = events()
    assert (event.type, event.verdict, event.message_id) == (EventType.OPENED, Verdict.HUMAN, mailed.messages[0].pk)
    assert event.seen == {"method": "GET", "user_agent": BROWSER, "language": "es", "network": "203.0.113.0/24"}
    assert redis.xlen(STREAM) == 0
    with all_organizations(reason="test"):
        assert Message.objects.get(pk=mailed.messages[0].pk).opened_at == event.occurred_at


@pytest.mark.parametrize("query", ["", "?url=https://evil.example", "?next=//evil.example&%0d%0aLocation:%20x"])
def test_click_goes_to_the_stored_link_whatever_is_added(mailed: Mailed, site: Site, query: str) -> None:
    (answer,) = visit(site, click_path(mailed, 2) + query)
    assert (answer.status, answer.headers["location"]) == (302, "https://shop.example/news")
    read_hits.apply()
    (event,) = events()
    assert (event.type, event.link_id) == (EventType.CLICKED, mailed.links[1].pk)


@pytest.mark.parametrize("host", ["link.florist.example", "nobody.knows.example", "a b", ""])
def test_links_are_answered_under_every_name_while_the_database_is_away(mailed: Mailed, site: Site, host: str) -> None:
    remember_links.apply()
    site.is_database_away = True
    open_, click = visit(site, open_path(mailed.messages[0].pk), click_path(mailed), host=host)
    assert (open_.status, click.status) == (200, 302)
    assert click.headers["location"] == mailed.links[0].url
    read_hits.apply()
    assert [event.type for event in events()] == [EventType.OPENED, EventType.CLICKED]


def test_head_is_answered_without_a_body_and_judged_a_machine(mailed: Mailed, site: Site) -> None:
    answers = visit(site, open_path(mailed.messages[0].pk), click_path(mailed), method="HEAD")
    assert [(answer.status, answer.body) for answer in answers] == [(200, b""), (302, b"")]
    read_hits.apply()
    assert {event.verdict for event in events()} == {Verdict.SCANNER}


def test_everything_else_is_djangos(mailed: Mailed, site: Site, redis: Redis) -> None:
    click, pixel = click_path(mailed), open_path(mailed.messages[0].pk)
    altered = click[:10] + ("A" if click[10] != "A" else "B") + click[11:]
    older = path_of(public_links.click_url(mailed.messages[0].pk, 1))
    unsubscribe = path_of(public_links.unsubscribe_url(mailed.messages[0].pk))
    swapped = pixel.replace("/o/", "/c/").removesuffix(".gif")
    paths = ["/", altered, older, unsubscribe, swapped, click_path(mailed, 9), pixel[:-4], "/c/", "/o/.gif"]
    assert all(answer.is_djangos for answer in visit(site, *paths, "/c/" + "x" * 5_000, "/c/é"))
    assert all(answer.is_djangos for answer in visit(site, click, pixel, method="OPTIONS"))
    assert redis.xlen(STREAM) == 0


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://shop.example/ä?ü=1#é", "https://shop.example/%C3%A4?%C3%BC=1#%C3%A9"),
        ("javascript:alert(1)", ""),
        ("https://shop.example/\r\nSet-Cookie: a=b", ""),
    ],
)
def test_location_is_a_plain_web_address_or_none(mailed: Mailed, site: Site, url: str, expected: str) -> None:
    site.links = {mailed.campaign.pk: {1: url}}
    (answer,) = visit(site, click_path(mailed))
    assert answer.headers.get("location", "") == expected
    assert answer.is_djangos == (not expected)


def test_hits_beyond_the_limit_are_answered_but_not_kept(
    mailed: Mailed, site: Site, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hits, "HITS_PER_HOUR", 2)
    answers = visit(site, *[click_path(mailed)] * 4)
    assert {answer.status for answer in answers} == {302}
    assert redis.xlen(STREAM) == 2


def test_names_with_an_underscore_do_not_reach_django(mailed: Mailed, site: Site) -> None:
    """X_Forwarded_For would otherwise count as X-Forwarded-For."""
    seen: list[Any] = []

    async def work(app: LeanTracking) -> None:
        async def django(scope: Any, receive: Any, send: Any) -> None:
            seen.append(scope)

        app._django = django
        scope = {
            "type": "http",
            "method": "GET",
            "path": "/admin/",
            "query_string": b"q=\xc3\xa9&x=1%20",
            "headers": [(b"x_forwarded_for", b"1.2.3.4"), (b"cookie", b"a=1"), (b"cookie", b"b=2"), (b"host", b"x")],
        }
        await app(scope, receive, lambda message: None)  # type: ignore[arg-type]

    run(site, work)
    assert seen[0]["headers"] == [(b"host", b"x"), (b"cookie", b"a=1; b=2")]
    assert seen[0]["query_string"] == b"q=%C3%A9&x=1%20"


def test_django_gets_a_coroutine_from_a_server_whose_receive_is_only_awaitable(mailed: Mailed, site: Site) -> None:
    """granian's is a future; a2wsgi reads bodies by run_coroutine_threadsafe."""
    found: list[Any] = []

    async def work(app: LeanTracking) -> None:
        def receive_as_granian() -> Any:
            future = asyncio.get_running_loop().create_future()
            future.set_result({"type": "http.request", "body": b"x", "more_body": False})
            return future

        async def django(scope: Any, receive: Any, send: Any) -> None:
            loop = asyncio.get_running_loop()
            reading = loop.run_in_executor(None, lambda: asyncio.run_coroutine_threadsafe(receive(), loop).result(5))
            found.append(await reading)

        app._django = django
        scope = {"type": "http", "method": "POST", "path": "/admin/", "query_string": b"", "headers": []}
        await app(scope, receive_as_granian, lambda message: None)  # type: ignore[arg-type]

    run(site, work)
    assert found[0]["body"] == b"x"


# --- Links ------------------------------------------------------------------------------------------------------------


def test_click_is_answered_from_redis_while_the_database_is_away(mailed: Mailed, site: Site, redis: Redis) -> None:
    assert remember_links.apply().get() == {"campaigns": 1}
    assert remember_links.apply().get() == {"campaigns": 0}
    site.is_database_away = True
    (answer,) = visit(site, click_path(mailed))
    assert (answer.status, answer.headers["location"]) == (302, mailed.links[0].url)
    assert redis.xlen(STREAM) == 1


def test_click_fills_the_cache_for_the_next_process(mailed: Mailed, site: Site, redis: Redis) -> None:
    visit(site, click_path(mailed))
    assert set(redis.hgetall(cache_key(mailed.campaign.pk))) == {b"1", b"2"}
    site.is_database_away = True
    (answer,) = visit(site, click_path(mailed, 2))
    assert answer.headers["location"] == mailed.links[1].url


def test_click_that_nobody_can_look_up_is_kept_and_answered_to_come_again(
    mailed: Mailed, site: Site, redis: Redis
) -> None:
    site.is_database_away = True
    (answer,) = visit(site, click_path(mailed))
    assert (answer.status, answer.headers["retry-after"]) == (503, "30")
    assert redis.xlen(STREAM) == 1


def test_click_of_a_remembered_link_needs_neither_redis_nor_database(mailed: Mailed, site: Site) -> None:
    async def work(app: LeanTracking) -> Answer:
        await get(app, click_path(mailed), user_agent=BROWSER)
        site.is_database_away = True
        await site.redis_is_at(NOWHERE)
        return await get(app, click_path(mailed), user_agent=BROWSER)

    assert run(site, work).status == 302


# --- When parts are away ----------------------------------------------------------------------------------------------


def test_hit_without_redis_is_kept_by_the_database_and_read_from_there(mailed: Mailed, site: Site) -> None:
    site.url = NOWHERE
    visit(site, open_path(mailed.messages[0].pk), click_path(mailed))
    assert len(site.held) == 2
    with all_organizations(reason="test"):
        HeldHit.objects.bulk_create([HeldHit(hit=hit) for hit in site.held])
    assert read_hits.apply().get()["held"] == 2
    assert {event.type for event in events()} == {EventType.OPENED, EventType.CLICKED}
    assert not HeldHit.objects.exists()


def test_hit_without_redis_and_database_is_remembered_and_written_later(
    mailed: Mailed, site: Site, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue, "AVOID_SECONDS", 0.05)
    site.is_database_away = True

    async def work(app: LeanTracking) -> None:
        await get(app, open_path(mailed.messages[0].pk))
        await site.redis_is_at(NOWHERE)
        for message in mailed.messages:
            assert (await get(app, open_path(message.pk))).status == 200
        assert site.queue.in_memory == 3
        await site.redis_is_at(settings.CACHES["default"]["LOCATION"])
        while site.queue.in_memory:
            await asyncio.sleep(0.02)

    run(site, work)
    assert redis.xlen(STREAM) == 4


def test_hits_beyond_the_memory_are_counted(mailed: Mailed, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue, "MOST_IN_MEMORY", 2)
    monkeypatch.setattr(queue, "AVOID_SECONDS", 0.05)
    site.url, site.is_database_away = NOWHERE, True

    async def work(app: LeanTracking) -> None:
        for _ in range(5):
            await get(app, open_path(new_id()))
        site.is_database_away = False
        while not site.lost:
            await asyncio.sleep(0.02)

    run(site, work)
    assert site.lost == {LossReason.AWAY: 3}
    assert len(site.held) == 2


def test_hits_beyond_the_queues_bound_are_answered_and_counted(mailed: Mailed, site: Site, redis: Redis) -> None:
    site.limit = 3
    answers = visit(site, *[open_path(new_id()) for _ in range(5)])
    assert {answer.status for answer in answers} == {200}
    assert redis.xlen(STREAM) == 3
    assert sum(site.lost.values()) == 2


def test_flush_of_redis_is_noticed_and_what_it_cost_is_counted_once(mailed: Mailed, site: Site, redis: Redis) -> None:
    async def work(app: LeanTracking) -> None:
        for _ in range(5):
            await get(app, open_path(new_id()))
        redis.flushall()
        for _ in range(2):
            await get(app, open_path(mailed.messages[0].pk))

    run(site, work)
    assert site.lost == {LossReason.FLUSHED: 5}
    assert read_hits.apply().get()["hits"] == 2


def test_first_start_with_an_empty_redis_is_no_loss(mailed: Mailed, site: Site) -> None:
    visit(site, open_path(mailed.messages[0].pk))
    assert not site.lost


def test_concurrent_hits_are_all_kept(mailed: Mailed, site: Site, redis: Redis) -> None:
    async def work(app: LeanTracking) -> None:
        await asyncio.gather(*(get(app, open_path(new_id())) for _ in range(500)))

    run(site, work)
    assert redis.xlen(STREAM) == 500


# --- The worker -------------------------------------------------------------------------------------------------------


def test_worker_killed_between_commit_and_acknowledgement_makes_no_second_event(
    mailed: Mailed, site: Site, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    visit(site, *[open_path(message.pk) for message in mailed.messages])
    real = drain._take

    def killed(raws: Any) -> Any:
        real(raws)
        raise RedisAway("killed here")

    with all_organizations(reason="test"):
        monkeypatch.setattr(drain, "_take", killed)
        with pytest.raises(RedisAway):
            drain.drain()
        monkeypatch.setattr(drain, "_take", real)
        assert redis.xlen(STREAM) == 3
        assert drain.drain()["hits"] == 0
    assert len(events()) == 3
    assert redis.xlen(STREAM) == 0


@pytest.mark.django_db(transaction=True)
def test_full_block_of_which_one_half_fails_is_written_whole_and_once_by_the_next_worker(
    florist: Organization, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    with organization_scope(florist):
        mails = mailed_campaign(florist, 12)
    raws = [packed(mail.pk, 0, 1_750_000_000_000, ("GET", BROWSER, "en", "")) for mail in mails.messages for _ in "ab"]
    assert {half_of(raw) for raw in raws} == {0, 1}
    for raw in raws:
        redis.xadd(STREAM, {FIELD: raw})
    monkeypatch.setattr(drain, "WORTH_TWO", 2)
    real = drain._take

    def killed(block: Any) -> Any:
        if threading.current_thread() is threading.main_thread():
            return real(block)
        raise DatabaseError("killed here")

    with all_organizations(reason="test"):
        monkeypatch.setattr(drain, "_take", killed)
        with pytest.raises(DatabaseError):
            drain.drain()
        assert redis.xlen(STREAM) == sum(half_of(raw) for raw in raws)
        assert 0 < AnalyticsEvent.objects.count() < 24
        monkeypatch.setattr(drain, "_take", real)
        assert drain.drain()["hits"] == 24 - sum(half_of(raw) == 0 for raw in raws)
        whole = CampaignPart.objects.get(campaign=mails.campaign, part="all", type="opened")
    assert (whole.total, whole.firsts) == (24, 12)
    assert len(events()) == 24
    assert redis.xlen(STREAM) == 0


def test_mail_that_was_hit_often_is_not_read_as_a_whole_for_the_next_hit(mailed: Mailed) -> None:
    pk, seen = mailed.messages[0].pk, ("GET", BROWSER, "en", "203.0.113.0/24")
    with all_organizations(reason="test"):
        for hits_of_block in (range(300), range(300, 301), range(-1, 0)):
            moments = [1_750_000_000_000 + number * 1_000 for number in hits_of_block]
            block, strange = block_of(packed(pk, 1, moment, seen) for moment in moments)
            assert (drain._take(block).new, strange) == (len(moments), 0)
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*), min(occurred_at) FROM tracking_before")
            assert cursor.fetchone() == (2, datetime.datetime.fromtimestamp(1_750_000_000, datetime.UTC))
        clicks = LinkClicks.objects.get()
        whole = CampaignPart.objects.get(part="all", type="clicked")
    assert (clicks.total, clicks.firsts) == (whole.total, whole.firsts) == (302, 1)


def test_worker_killed_before_the_commit_leaves_its_hits_to_the_next(mailed: Mailed, site: Site, redis: Redis) -> None:
    visit(site, *[open_path(message.pk) for message in mailed.messages])
    assert len(drain._read(redis, "-").ids) == 3
    assert read_hits.apply().get()["hits"] == 3


def test_what_is_no_hit_or_about_a_mail_that_is_gone_does_not_stop_the_others(
    mailed: Mailed, site: Site, redis: Redis
) -> None:
    for strange in (b"", b"[]", b"\xff", b'["x", 1, "y", 2, "", "", "", ""]', b'{"a": 1}'):
        redis.xadd(STREAM, {b"h": strange})
    redis.xadd(STREAM, {b"other": b"field"})
    visit(site, open_path(new_id()), open_path(mailed.messages[0].pk))
    tally = read_hits.apply().get()
    assert (tally["hits"], tally["gone"]) == (1, 1)
    assert LostHits.objects.get().reason == LossReason.GONE
    assert redis.xlen(STREAM) == 0


def test_hit_right_after_sending_is_a_machine(mailed: Mailed, site: Site) -> None:
    with all_organizations(reason="test"):
        Message.objects.update(accepted_at=None, send_state="ready")
    visit(site, click_path(mailed))
    read_hits.apply()
    assert events()[0].reasons[0] == "too_soon"


def test_hidden_link_is_answered_without_the_database_and_becomes_its_own_event(mailed: Mailed, site: Site) -> None:
    site.is_database_away = True
    (answer,) = visit(site, click_path(mailed, public_links.HIDDEN_LINK), accept_language="en")
    assert (answer.status, answer.body.decode()) == (200, public_links.HIDDEN_LINK_WORDS)
    read_hits.apply()
    (event,) = events()
    assert (event.type, event.verdict, event.reasons[0]) == (EventType.TRAPPED, Verdict.SCANNER, "honeypot")
    assert event.link_id is None
