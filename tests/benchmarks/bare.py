"""Ceilings for the send pipeline: as little as can be done and still be a chain that survives a crash.

    python -m tests.benchmarks.bare chain PORT CONTENT_FILE
    python -m tests.benchmarks.bare send PORT MAIL_FILE

`chain`: raw psycopg and orjson over tables of its own: claim a batch, commit; read its people; say what is about to be
sent, commit; build and post one request; mark everybody, commit. `send`: prepared mails over one pipelined connection.
Each line on the input is one round, answered by one line: the number of mails.
"""

import http.client
import os
import socket
import sys
from pathlib import Path

import orjson
import psycopg

TABLES = """
    DROP TABLE IF EXISTS bench_message, bench_batch;
    CREATE TABLE bench_batch (id int PRIMARY KEY, state text NOT NULL, worker text NOT NULL DEFAULT '', at timestamptz);
    CREATE INDEX ON bench_batch (id) WHERE state = 'ready';
    CREATE TABLE bench_message (id uuid PRIMARY KEY, batch_id int NOT NULL, contact_id uuid NOT NULL,
                                state text NOT NULL, accepted_at timestamptz, provider_id text NOT NULL DEFAULT '');
    CREATE INDEX ON bench_message (batch_id);
"""
FILL = """
    INSERT INTO bench_message (id, batch_id, contact_id, state)
    SELECT engagex_uuid7(), (row_number() OVER (ORDER BY contact_id) - 1) / 100, contact_id, 'ready'
      FROM contacts_contactgroupmembership WHERE group_id = %s;
"""
BATCHES = "INSERT INTO bench_batch (id, state) SELECT DISTINCT batch_id, 'ready' FROM bench_message ORDER BY 1"

_CLAIM = """
    UPDATE bench_batch SET state = 'leased', worker = %s, at = now()
     WHERE id = (SELECT id FROM bench_batch WHERE state = 'ready' ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED)
    RETURNING id
"""
_READ = """
    SELECT message.id, contact.email, contact.first_name, contact.last_name, contact.company, contact.phone
      FROM bench_message AS message JOIN contacts_contact AS contact ON contact.id = message.contact_id
     WHERE message.batch_id = %s AND message.state = 'ready'
"""


class Chain:
    """One process of the bare chain."""

    def __init__(self, port: int, content: dict[str, object]) -> None:
        self._database = psycopg.connect(os.environ["DATABASE_URL"], prepare_threshold=1)
        self._api = http.client.HTTPConnection("127.0.0.1", port)
        self._content = content

    def run(self) -> int:
        done = 0
        while (batch := self._claim()) is not None:
            people = self._database.execute(_READ, [batch]).fetchall()
            self._database.execute("UPDATE bench_batch SET state = 'dispatching', at = now() WHERE id = %s", [batch])
            self._database.commit()
            found = self._post(people)
            self._mark(batch, found)
            done += len(people)
        return done

    def _claim(self) -> int | None:
        row = self._database.execute(_CLAIM, [str(os.getpid())]).fetchone()
        self._database.commit()
        return row[0] if row else None

    def _post(self, people: list[tuple[object, ...]]) -> str:
        document = {**self._content, "personalizations": [_person(*row) for row in people]}
        body = orjson.dumps(document)
        self._api.request(
            "POST", "/v3/mail/send", body, {"Authorization": "Bearer x", "Content-Type": "application/json"}
        )
        response = self._api.getresponse()
        response.read()
        if response.status != 202:
            raise RuntimeError(f"The stand-in answered {response.status}.")
        return response.headers["X-Message-Id"]

    def _mark(self, batch: int, found: str) -> None:
        self._database.execute(
            "UPDATE bench_message SET state = 'accepted', accepted_at = now(), provider_id = %s WHERE batch_id = %s",
            [found, batch],
        )
        self._database.execute("UPDATE bench_batch SET state = 'settled', at = now() WHERE id = %s", [batch])
        self._database.commit()


def _person(message: object, email: str, first: str, last: str, company: str, phone: str) -> dict[str, object]:
    """Six values and six links of this person's own, as the product's mail holds them."""
    links = {f"[%l{n}%]": f"https://mail.agency.example/c/{message}{n}" for n in range(6)}
    values = {"[%0%]": first, "[%1%]": last, "[%2%]": company, "[%3%]": phone, "[%4%]": email, "[%5%]": first}
    return {
        "to": [{"email": email, "name": f"{first} {last}"}],
        "headers": {
            "Message-ID": f"<{message}@bench.example>",
            "List-Unsubscribe": f"<https://mail.agency.example/u/{message}>",
        },
        "custom_args": {"engagex_message": str(message)},
        "substitutions": values | links,
    }


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

    def send(self, count: int) -> int:
        for _ in range(count):
            self._socket.sendall(self._step)
            self._read(4)
        return count

    def _read(self, count: int) -> None:
        for _ in range(count):
            line = self._replies.readline()
            if line[:1] not in b"23":
                raise RuntimeError(f"The sink refused: {line!r}")


def answer(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> None:
    kind, port, path = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])
    if kind == "chain":
        chain = Chain(port, orjson.loads(path.read_bytes()))
        answer("ready")
        for _line in sys.stdin:
            answer(str(chain.run()))
    else:
        sender = RawSender(port, path.read_bytes())
        answer("ready")
        for line in sys.stdin:
            answer(str(sender.send(int(line))))


if __name__ == "__main__":
    main()
