"""Processes that stand ready and run one round each time they are told: starting Python is not what is measured.

    python -m tests.benchmarks.runners work
    python -m tests.benchmarks.runners send PORT MAIL_FILE

Each line on the input is one round: `go` for a worker, the number of mails for the raw sender. Each answers one line,
the number of mails.
"""

import os
import socket
import sys
import threading
from pathlib import Path

CONNECTIONS = 4


def work_rounds() -> None:
    """The product: claim and carry out batches until none is due."""
    import django

    django.setup()
    from core.common.tenancy import all_organizations
    from core.delivery.dispatch import work

    answer("ready")
    for _line in sys.stdin:
        with all_organizations(reason="a benchmark's worker"):
            tally = work(worker=f"benchmark:{os.getpid()}", seconds=600)
        answer(str(tally["accepted"]))


def send_rounds(port: int, mail: bytes) -> None:
    """The ceiling: the same bytes again and again over kept, pipelined connections, nothing else."""
    senders = [RawSender(port, mail) for _ in range(CONNECTIONS)]
    answer("ready")
    for line in sys.stdin:
        share = int(line) // CONNECTIONS
        threads = [threading.Thread(target=sender.send, args=(share,)) for sender in senders]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        answer(str(share * CONNECTIONS))


class RawSender:
    """One connection: the end of a mail and the beginning of the next in one write, then four replies in one read."""

    ENVELOPE = b"MAIL FROM:<bench@bench.example>\r\nRCPT TO:<person@people.example>\r\nDATA\r\n"

    def __init__(self, port: int, mail: bytes) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._step = mail + b".\r\n" + self.ENVELOPE
        self._replies = self._socket.makefile("rb")
        self._read(1)
        self._socket.sendall(b"EHLO bench\r\n")
        while self._replies.readline()[3:4] == b"-":
            pass
        self._socket.sendall(self.ENVELOPE)
        self._read(3)

    def send(self, count: int) -> None:
        for _ in range(count):
            self._socket.sendall(self._step)
            self._read(4)

    def _read(self, count: int) -> None:
        for _ in range(count):
            line = self._replies.readline()
            if line[:1] not in b"23":
                raise RuntimeError(f"The sink refused: {line!r}")


def answer(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    if sys.argv[1] == "work":
        work_rounds()
    else:
        send_rounds(int(sys.argv[2]), Path(sys.argv[3]).read_bytes())
