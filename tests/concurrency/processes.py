"""Starting worker processes and a sink against the database of the running test or benchmark."""

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote

from django.db import connection

ROOT = Path(__file__).resolve().parents[2]


def worker_environment(**changes: Any) -> dict[str, str]:
    """The environment in which another process works on this process's database."""
    database = connection.settings_dict
    host = quote(str(database["HOST"]), safe="")
    password = f":{quote(database['PASSWORD'])}" if database["PASSWORD"] else ""
    url = f"postgres://{database['USER']}{password}@{host}:{database['PORT'] or 5432}/{database['NAME']}"
    own = {"DJANGO_SETTINGS_MODULE": "core.settings.test", "DATABASE_URL": url}
    return {**os.environ, **own, **{name: str(value) for name, value in changes.items()}}


def start_worker(*arguments: str, **environment: Any) -> subprocess.Popen[str]:
    """A worker process that is ready to work. The caller ends it."""
    command = [sys.executable, "-m", "tests.concurrency.worker_process", *arguments]
    process = subprocess.Popen(
        command, cwd=ROOT, env=worker_environment(**environment), stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    if process.stdout.readline().strip() != "ready":
        raise RuntimeError(f"The worker process ended with {process.wait()} before it was ready.")
    return process


@contextmanager
def smtp_sink(*arguments: str) -> Iterator[tuple[int, subprocess.Popen[str]]]:
    """A receiving server as a process of its own, and its port."""
    command = [sys.executable, "-m", "tests.support.smtp_server", "--port", "0", *arguments]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield int(process.stdout.readline()), process
    finally:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def received(store: Path) -> list[str]:
    """The addresses that the sink took a mail for, one entry per mail."""
    return [address for line in store.read_text().splitlines() for address in json.loads(line)["to"]]


@contextmanager
def web_server(
    application: str = "core.asgi:application",
    *,
    environment: Mapping[str, str] = os.environ,
    log: IO[bytes] | int | None = None,
) -> Iterator[int]:
    """granian as `manage.py up` starts it, with one process; its port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "granian", "--interface", "asgi", "--host", "127.0.0.1", "--port", str(port)]
    command += ["--no-ws", "--workers", "1", "--log-level", "warning", application]
    process = subprocess.Popen(command, cwd=ROOT, env={**environment, "PYTHONWARNINGS": "ignore"}, stderr=log)
    try:
        _await_port(port)
        yield port
    finally:
        process.terminate()
        process.wait(20)


def _await_port(port: int) -> None:
    give_up_at = time.monotonic() + 60
    while time.monotonic() < give_up_at:
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        time.sleep(0.1)
    raise RuntimeError("The web server did not come up.")
