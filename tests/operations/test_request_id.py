"""One request id from the browser's request to the log line of the worker that did the work."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import orjson
import pytest
from celery import current_app
from django.db import connection
from django.test import Client

from core.accounts.models import Organization
from core.common.tenancy import organization_scope
from core.delivery.models import Connection
from core.tracking.models import WebhookEndpoint
from core.tracking.webhooks.links import webhook_url
from tests.support.sendgrid_events import EventSigner, event
from tests.tracking.mailed import mailed_campaign

ROOT = Path(__file__).resolve().parents[2]
REQUEST_ID = "from-the-proxy-0123456789"


@pytest.fixture
def worker(transactional_db: None, tmp_path: Path) -> Iterator[Path]:
    """A real worker on the test database; yields the file its log goes to."""
    current_app.control.purge()
    url = urlsplit(os.environ["DATABASE_URL"])
    environment = {
        **os.environ,
        "DATABASE_URL": urlunsplit(url._replace(path=f"/{connection.settings_dict['NAME']}")),
        "DJANGO_SETTINGS_MODULE": "core.settings.test",
    }
    log = tmp_path / "worker.log"
    command = [sys.executable, "-m", "celery", "-A", "core", "worker", "--pool", "solo", "--loglevel", "INFO"]
    with log.open("w") as file:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=file, stderr=file)
        yield log
        process.terminate()
        process.wait(30)


@pytest.mark.slow
def test_request_id_of_a_request_stands_in_the_log_line_of_its_work(worker: Path, florist: Organization) -> None:
    signer = EventSigner()
    with organization_scope(florist):
        mailed = mailed_campaign(florist)
        sender = Connection.objects.get(is_default=True)
        WebhookEndpoint.objects.create(organization=florist, connection=sender, key=signer.public)
    body = orjson.dumps([event("delivered", mailed.messages[0].pk)])
    headers = signer.headers(body) | {"X-Request-ID": REQUEST_ID}
    address = urlsplit(webhook_url(sender.pk)).path
    response = Client().post(address, body, content_type="application/json", headers=headers)
    assert response["X-Request-ID"] == REQUEST_ID
    lines = _lines_with(worker, "tracking.read_posts")
    assert any(f"[{REQUEST_ID}]" in line and "'posts': 1" in line for line in lines), worker.read_text()
    assert "people.example" not in worker.read_text()


def _lines_with(log: Path, words: str) -> list[str]:
    for _ in range(300):
        found = [line for line in log.read_text().splitlines() if words in line and "'posts'" in line]
        if found:
            return found
        threading.Event().wait(0.1)
    raise AssertionError(log.read_text())
