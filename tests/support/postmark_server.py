"""A stand-in for Postmark's API on loopback: real HTTP, its answers and its errors, and faults on request.

`POST /email` checks the token and keeps the mail; `GET /server` tells that the token is known.
"""

import json
import socket
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from uuid import uuid4

TOKEN = "stand-in-server-token"


@dataclass(frozen=True)
class Faults:
    """`refuse` maps addresses to words (406, inactive recipient), `slow_down` to words (429). `answer` is a status
    and words for every request; `drop_taken` loses the connection after taking a mail to this address."""

    refuse: Mapping[str, str] = field(default_factory=dict)
    slow_down: Mapping[str, str] = field(default_factory=dict)
    retry_after: str = ""
    answer: tuple[int, str] | None = None
    drop_taken: str = ""
    drop_untaken: bool = False


class PostmarkServer:
    """The API on a free loopback port. `faults` may be exchanged at any time."""

    def __init__(self) -> None:
        self.token = TOKEN
        self.faults = Faults()
        self.mails: list[dict[str, Any]] = []
        self.connections = 0
        self._open: set[socket.socket] = set()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self.host, self.port = "127.0.0.1", self._server.server_port
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Be gone, kept connections included."""
        self._server.shutdown()
        self._server.server_close()
        for connection in list(self._open):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def answer(self, mail: dict[str, Any]) -> tuple[int, dict[str, Any], dict[str, str]]:
        """Status, body and headers; what it takes is in `mails` afterwards."""
        address = mail["To"].rpartition("<")[2].rstrip(">")
        if self.faults.answer is not None:
            status, words = self.faults.answer
            return status, {"ErrorCode": 100, "Message": words}, {}
        if address in self.faults.slow_down:
            headers = {"Retry-After": self.faults.retry_after} if self.faults.retry_after else {}
            return 429, {"ErrorCode": 429, "Message": self.faults.slow_down[address]}, headers
        if address in self.faults.refuse:
            words = "You tried to send to recipient(s) that have been marked as inactive. Found inactive addresses: "
            words += f"{address}. {self.faults.refuse[address]}"
            return 422, {"ErrorCode": 406, "Message": words}, {}
        self.mails.append({**mail, "address": address})
        taken = {"To": mail["To"], "MessageID": str(uuid4()), "ErrorCode": 0, "Message": "OK"}
        return 200, {**taken, "SubmittedAt": "2026-01-01T00:00:00Z"}, {}


def _handler(server: PostmarkServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def setup(self) -> None:
            super().setup()
            server.connections += 1
            server._open.add(self.connection)

        def finish(self) -> None:
            server._open.discard(self.connection)
            super().finish()

        def do_GET(self) -> None:
            if self._is_known():
                self._say(200, {"ID": 1, "Name": "Stand-in"}, {})

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if not self._is_known():
                return
            if server.faults.drop_untaken:
                self._hang_up()
                return
            mail = json.loads(body)
            mail = mail[0] if isinstance(mail, list) else mail
            status, document, headers = server.answer(mail)
            if status == 200 and server.faults.drop_taken in mail["To"] and server.faults.drop_taken:
                self._hang_up()
                return
            self._say(status, document, headers)

        def _is_known(self) -> bool:
            if self.headers.get("X-Postmark-Server-Token") == server.token:
                return True
            self._say(401, {"ErrorCode": 10, "Message": "Request does not contain a valid Server token."}, {})
            return False

        def _hang_up(self) -> None:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)

        def _say(self, status: int, document: dict[str, Any], headers: dict[str, str]) -> None:
            body = json.dumps(document).encode()
            self.send_response(status)
            for name, value in {**headers, "Content-Type": "application/json"}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            with suppress(BrokenPipeError, ConnectionResetError):  # whoever asked has gone
                self.end_headers()
                self.wfile.write(body)

        def log_message(self, *arguments: Any) -> None:
            """Quiet."""

    return Handler
