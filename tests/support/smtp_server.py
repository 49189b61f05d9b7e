"""A real SMTP server on loopback that keeps what it accepted and misbehaves on request.

In a test: `with SmtpServer() as server: ...; server.accepted`. As a process of its own, for chaos runs and benchmarks:

    python -m tests.support.smtp_server --port 0 --store FILE [--delay-ms N] [--bodies]
    python -m tests.support.smtp_server --port 0 --fast

prints the port on the first line of its output. With a store, each mail is one JSON line, written before the server
says that it took the mail: the file survives a kill of either side. `--fast` counts and drops.
"""

import argparse
import asyncio
import json
import os
import sys
import threading
import time
from base64 import b64encode
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.support.certificates import server_tls_context
from tests.support.smtp_protocol import AcceptedMail, Faults, SmtpProtocol

__all__ = ["AcceptedMail", "Faults", "SmtpServer"]


class SmtpServer:
    """An SMTP server on a free loopback port, on its own thread. `faults` may be exchanged at any time."""

    def __init__(
        self,
        *,
        port: int = 0,
        faults: Faults | None = None,
        store: Path | None = None,
        keep: bool = True,
        keep_bodies: bool = True,
        implicit_tls: bool = False,
    ) -> None:
        self.port = port
        self.host = "127.0.0.1"
        self.faults = faults or Faults()
        self.accepted: list[AcceptedMail] = []
        self.count = 0
        self.connections = 0
        self.commands: list[str] = []
        self._keep = keep
        self.keeps_mails = keep or store is not None
        self._keep_bodies = keep_bodies
        self._store = os.open(store, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600) if store else None
        self._implicit_tls = implicit_tls
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="smtp-server", daemon=True)
        self._server: asyncio.Server | None = None
        self._open: set[SmtpProtocol] = set()

    def start(self) -> None:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(10)

    def stop(self) -> None:
        """Refuse new connections and cut the open ones. May be called twice."""
        if self._thread.is_alive():
            asyncio.run_coroutine_threadsafe(self._shut(), self._loop).result(10)
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(10)
            self._loop.close()
        if self._store is not None:
            os.close(self._store)
            self._store = None

    def cut_connections(self, words: str = "") -> None:
        """End every open connection: without a word as a crash does, or with a last reply as for an idle client."""
        asyncio.run_coroutine_threadsafe(self._cut(words), self._loop).result(10)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def take(self, mail: AcceptedMail) -> int:
        """Keep one mail; its number. Called on the server's thread."""
        self.count += 1
        if self._keep:
            self.accepted.append(mail)
        if self._store is not None:
            row: dict[str, Any] = {"to": list(mail.recipients), "message_id": mail.message_id, "at": time.time()}
            if self._keep_bodies:
                row["raw"] = b64encode(mail.raw).decode("ascii")
            os.write(self._store, json.dumps(row).encode() + b"\n")
        return self.count

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()

    async def _listen(self) -> None:
        context = server_tls_context() if self._implicit_tls else None
        self._server = await self._loop.create_server(
            lambda: SmtpProtocol(self, self._open), self.host, self.port, ssl=context
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def _shut(self) -> None:
        if self._server is not None:
            self._server.close()
        await self._cut()

    async def _cut(self, words: str = "") -> None:
        for session in list(self._open):
            if words:
                session.end(words)
            else:
                session.drop()
        await asyncio.sleep(0)


def main(arguments: list[str] | None = None) -> None:
    """Serve until SIGINT, then print how many mails were taken."""
    parser = argparse.ArgumentParser(prog="tests.support.smtp_server")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--store", type=Path)
    parser.add_argument("--bodies", action="store_true", help="store the whole mails as well")
    parser.add_argument("--delay-ms", type=float, default=0.0)
    parser.add_argument("--fast", action="store_true", help="count and drop")
    options = parser.parse_args(arguments)
    server = SmtpServer(
        port=options.port,
        faults=Faults(delay_seconds=options.delay_ms / 1000),
        store=None if options.fast else options.store,
        keep=False,
        keep_bodies=options.bodies,
    )
    server.start()
    sys.stdout.write(f"{server.port}\n")
    sys.stdout.flush()
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        server.stop()
        sys.stdout.write(f"{server.count}\n")


if __name__ == "__main__":
    main()
