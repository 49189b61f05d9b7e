"""A provider's posts of a thousand events each, to the real server, while hits are turned into events."""

import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import orjson
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from core.common.tenancy import organization_scope
from core.delivery.models import Connection
from core.tracking.models import WebhookEndpoint
from core.tracking.webhooks.links import webhook_url
from tests.benchmarks.report import Measurement
from tests.benchmarks.track_ingest import BenchCampaign
from tests.support.sendgrid_events import EventSigner

PROMISED_MS = 200
_ROOT = Path(__file__).resolve().parents[2]


@contextmanager
def posting(bench: BenchCampaign, port: int) -> Iterator[list[float]]:
    """Yields the list into which the seconds of each answer go at the end. The provider is a process of its own: in
    this one it would wait for the worker's Python, not for an answer."""
    signer, answers = EventSigner(), []
    with organization_scope(bench.organization):
        connection = Connection.objects.get(organization=bench.organization)
        WebhookEndpoint.objects.create(organization=bench.organization, connection=connection, key=signer.public)
    told = {
        "port": port,
        "path": "/" + webhook_url(connection.pk).split("/", 3)[3],
        "key": signer.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(),
        "ids": [message.pk.hex for message in bench.mailed.messages],
    }
    command = [sys.executable, "-m", "tests.benchmarks.poster"]
    with subprocess.Popen(command, cwd=_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as provider:
        assert provider.stdin and provider.stdout
        provider.stdin.write(orjson.dumps(told) + b"\n")
        provider.stdin.flush()
        if provider.stdout.readline() != b"ready\n":
            raise RuntimeError("The provider's posts were not answered.")
        try:
            yield answers
        finally:
            provider.stdin.close()
            answers += orjson.loads(provider.stdout.readline())


def measurements(answers: list[float]) -> list[Measurement]:
    slowest = max(answers) * 1000
    return [
        Measurement("post of 1,000 events, median", statistics.median(answers) * 1000, "ms"),
        Measurement("post of 1,000 events, slowest", slowest, "ms", is_met=slowest < PROMISED_MS),
    ]
