"""What the stand-ins of web APIs share: a real HTTP server on a free loopback port, and faults of the line."""

import json
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self


class HttpApi:
    """The server, with the connections that are open and how many there have been."""

    def __init__(self, handler: Callable[..., BaseHTTPRequestHandler]) -> None:
        self.connections = 0
        self.date = ""
        """What the Date of answers says; "" is the time."""
        self.open: set[socket.socket] = set()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
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
        for connection in list(self.open):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


class ApiHandler(BaseHTTPRequestHandler):
    """One connection. `api` is the server's side of it."""

    protocol_version = "HTTP/1.1"
    api: Any

    def setup(self) -> None:
        super().setup()
        self.api.connections += 1
        self.api.open.add(self.connection)
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def finish(self) -> None:
        self.api.open.discard(self.connection)
        super().finish()

    def body(self) -> bytes:
        return self.rfile.read(int(self.headers["Content-Length"]))

    def hang_up(self) -> None:
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    def say(self, status: int, document: Any, headers: dict[str, str]) -> None:
        body = json.dumps(document).encode() if document else b""
        self.send_response(status)
        fixed = {"Content-Type": "application/json", "Content-Length": str(len(body))}
        for name, value in {**headers, **fixed}.items():
            self.send_header(name, value)
        with suppress(BrokenPipeError, ConnectionResetError):  # whoever asked has gone
            self.end_headers()
            self.wfile.write(body)

    def date_time_string(self, timestamp: float | None = None) -> str:
        return self.api.date or super().date_time_string(timestamp)

    def log_message(self, *arguments: Any) -> None:
        """Quiet."""
