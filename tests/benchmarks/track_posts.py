"""A provider's posts of a thousand events each, to the real server, while hits are turned into events."""

import http.client
import itertools
import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import orjson

from core.common.tenancy import organization_scope
from core.delivery.models import Connection
from core.tracking.models import WebhookEndpoint
from core.tracking.webhooks.links import webhook_url
from tests.benchmarks.report import Measurement
from tests.benchmarks.track_ingest import BenchCampaign
from tests.support.sendgrid_events import EventSigner, event

EVENTS_A_POST = 1_000
EVERY_SECONDS = 0.5
BODIES = 20
PROMISED_MS = 200


@contextmanager
def posting(bench: BenchCampaign, port: int) -> Iterator[list[float]]:
    """Yields the list into which the seconds of each answer go."""
    signer, answers, is_over = EventSigner(), [], threading.Event()
    with organization_scope(bench.organization):
        connection = Connection.objects.get(organization=bench.organization)
        WebhookEndpoint.objects.create(organization=bench.organization, connection=connection, key=signer.public)
    path = "/" + webhook_url(connection.pk).split("/", 3)[3]
    ids = [message.pk for message in bench.mailed.messages]

    bodies = [
        orjson.dumps([event("delivered", ids[number % len(ids)]) for number in range(EVENTS_A_POST)])
        for _ in range(BODIES)
    ]

    def post(body: bytes) -> float:
        headers = {**signer.headers(body), "Content-Type": "application/json"}
        client = http.client.HTTPConnection("127.0.0.1", port)
        began = time.perf_counter()
        client.request("POST", path, body, headers)
        answer = client.getresponse()
        answer.read()
        took = time.perf_counter() - began
        client.close()
        if answer.status != http.client.OK:
            raise RuntimeError(f"A post was answered with {answer.status}.")
        return took

    def go_on() -> None:
        # Comes again with another space: a body that is known would not be stored.
        for number in itertools.count():
            if is_over.wait(EVERY_SECONDS):
                return
            answers.append(post(bodies[number % BODIES] + b" " * (number // BODIES)))

    post(b"[]")  # the first one loads Django's side
    thread = threading.Thread(target=go_on)
    thread.start()
    try:
        yield answers
    finally:
        is_over.set()
        thread.join()


def measurements(answers: list[float]) -> list[Measurement]:
    slowest = max(answers) * 1000
    return [
        Measurement("post of 1,000 events, median", statistics.median(answers) * 1000, "ms"),
        Measurement("post of 1,000 events, slowest", slowest, "ms", is_met=slowest < PROMISED_MS),
    ]
