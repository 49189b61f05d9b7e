"""A provider in a process of its own, as providers are: `python -m tests.benchmarks.poster`.

Reads one JSON line: port, path, the private key (PEM) and the ids of mails. Posts a thousand events each time, by
http.client, until its input ends; then it writes how many seconds each answer took, as a JSON array.
"""

import http.client
import itertools
import select
import sys
import time
from typing import Any

import orjson
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from tests.support.sendgrid_events import EventSigner, event

EVENTS_A_POST = 1_000
EVERY_SECONDS = 0.5
BODIES = 20


def main() -> None:
    told = orjson.loads(sys.stdin.buffer.readline())
    signer: Any = EventSigner(load_pem_private_key(told["key"].encode(), None))  # type: ignore[arg-type]
    ids, took = told["ids"], []
    bodies = [
        orjson.dumps([event("delivered", ids[number % len(ids)]) for number in range(EVENTS_A_POST)])
        for _ in range(BODIES)
    ]
    post(told, b"[]", signer)  # the first one loads Django's side
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    # Comes again with another space: a body that is known would not be stored.
    for number in itertools.count():
        if select.select([sys.stdin], [], [], EVERY_SECONDS)[0]:
            break
        took.append(post(told, bodies[number % BODIES] + b" " * (number // BODIES), signer))
    sys.stdout.write(orjson.dumps(took).decode() + "\n")


def post(told: dict[str, Any], body: bytes, signer: EventSigner) -> float:
    headers = {**signer.headers(body), "Content-Type": "application/json"}
    client = http.client.HTTPConnection("127.0.0.1", told["port"])
    began = time.perf_counter()
    client.request("POST", told["path"], body, headers)
    answer = client.getresponse()
    answer.read()
    took = time.perf_counter() - began
    client.close()
    if answer.status != http.client.OK:
        raise RuntimeError(f"A post was answered with {answer.status}.")
    return took


if __name__ == "__main__":
    main()
