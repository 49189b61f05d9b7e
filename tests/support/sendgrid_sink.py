"""SendGrid's send call as a process of its own: fast enough for benchmarks, and faulty by the dice for chaos runs.

    python -m tests.support.sendgrid_sink --port 0 [--store FILE] [--delay-ms N] [--seed N]
        [--timeouts P] [--too-many P] [--errors P] [--resets P]
    python -m tests.support.sendgrid_sink --port 0 --fast

prints the port on the first line of its output. Each call is one JSON line of the store, written before the answer:
{"at", "fault", "taken", "messages"}; it survives a kill of either side. Half of the timeouts and of the resets come
after the mails were taken. `--fast` reads the request, counts its people and drops it.
"""

import argparse
import asyncio
import os
import random
import socket
import struct
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

ARGUMENT = b'"engagex_message"'
_NO_DELAY_LINGER = struct.pack("ii", 1, 0)


@dataclass(frozen=True)
class Dice:
    """How often what goes wrong: shares of the calls."""

    timeouts: float = 0.0
    too_many: float = 0.0
    errors: float = 0.0
    resets: float = 0.0

    def throw(self, chance: random.Random) -> str:
        value = chance.random()
        for fault in ("timeouts", "too_many", "errors", "resets"):
            value -= getattr(self, fault)
            if value < 0:
                return fault
        return ""


class Sink:
    """What all connections share."""

    def __init__(self, *, store: Path | None, delay_seconds: float, dice: Dice, seed: int, is_fast: bool) -> None:
        self.delay_seconds = delay_seconds
        self.dice = dice
        self.chance = random.Random(seed)
        self.is_fast = is_fast
        self.people = 0
        self._store = os.open(store, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600) if store else None

    def note(self, fault: str, *, taken: bool, messages: list[str]) -> None:
        self.people += len(messages) if taken else 0
        if self._store is not None:
            row = {"at": time.time(), "fault": fault, "taken": taken, "messages": messages}
            os.write(self._store, orjson.dumps(row) + b"\n")


class Connection(asyncio.Protocol):
    """One kept connection: requests one after the other, each answered before the next is read."""

    _transport: asyncio.Transport

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._chunks: list[bytes] = []
        self._missing = 0
        self._length = 0
        self._is_get = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def data_received(self, data: bytes) -> None:
        self._chunks.append(data)
        if self._missing > len(data):
            self._missing -= len(data)
            return
        self._read(b"".join(self._chunks))

    def _read(self, request: bytes) -> None:
        end = request.find(b"\r\n\r\n")
        if end < 0:
            self._chunks = [request]
            return
        length = _content_length(request[:end])
        missing = end + 4 + length - len(request)
        if missing > 0:
            self._chunks, self._missing = [request], missing
            return
        self._chunks, self._missing = [], 0
        self._answer(request[:end], request[end + 4 :])

    def _answer(self, head: bytes, body: bytes) -> None:
        if head.startswith(b"GET"):
            self._say(200, b'{"scopes":["mail.send"]}')
        elif self._sink.is_fast:
            self._sink.people += body.count(ARGUMENT)
            self._say(202)
        elif self._sink.delay_seconds:
            asyncio.get_running_loop().call_later(self._sink.delay_seconds, self._decide, body)
        else:
            self._decide(body)

    def _decide(self, body: bytes) -> None:
        messages = [person["custom_args"]["engagex_message"] for person in orjson.loads(body)["personalizations"]]
        fault = self._sink.dice.throw(self._sink.chance)
        taken = not fault or (fault in ("timeouts", "resets") and self._sink.chance.random() < 0.5)
        self._sink.note(fault, taken=taken, messages=messages)
        if fault == "too_many":
            self._say(429, b'{"errors":[{"message":"too many requests"}]}', b"Retry-After: 1\r\n")
        elif fault == "errors":
            self._say(500, b'{"errors":[{"message":"internal error"}]}')
        elif fault == "resets":
            self._transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_DELAY_LINGER)
            self._transport.abort()
        elif not fault:
            self._say(202)

    def _say(self, status: int, body: bytes = b"", headers: bytes = b"") -> None:
        extra = b"X-Message-Id: " + b"%022x\r\n" % self._sink.people if status == 202 else b""
        self._transport.write(
            b"HTTP/1.1 %d Answer\r\nContent-Type: application/json\r\nContent-Length: %d\r\n%b%b\r\n%b"
            % (status, len(body), extra, headers, body)
        )


def _content_length(head: bytes) -> int:
    found = head.lower().find(b"content-length:")
    return int(head[found + 15 :].split(b"\r\n", 1)[0]) if found >= 0 else 0


async def serve(sink: Sink, port: int) -> None:
    server = await asyncio.get_running_loop().create_server(lambda: Connection(sink), "127.0.0.1", port)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="tests.support.sendgrid_sink")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--store", type=Path)
    parser.add_argument("--delay-ms", type=float, default=0.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--fast", action="store_true", help="count and drop")
    for fault in Dice.__dataclass_fields__:
        parser.add_argument(f"--{fault.replace('_', '-')}", type=float, default=0.0, metavar="SHARE")
    options: Any = parser.parse_args(arguments)
    dice = Dice(options.timeouts, options.too_many, options.errors, options.resets)
    sink = Sink(
        store=options.store,
        delay_seconds=options.delay_ms / 1000,
        dice=dice,
        seed=options.seed,
        is_fast=options.fast,
    )
    asyncio.run(serve(sink, options.port))


if __name__ == "__main__":
    main()
