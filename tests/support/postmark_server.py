"""A stand-in for Postmark's API on loopback: real HTTP, its answers and its errors, and faults on request.

`POST /email` checks the token and keeps the mail; `GET /server` tells that the token is known.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any
from uuid import uuid4

from tests.support.http_api import ApiHandler, HttpApi

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


class PostmarkServer(HttpApi):
    """The API on a free loopback port. `faults` may be exchanged at any time."""

    def __init__(self) -> None:
        self.token = TOKEN
        self.faults = Faults()
        self.mails: list[dict[str, Any]] = []
        super().__init__(_handler(self))

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
    class Handler(ApiHandler):
        api = server

        def do_GET(self) -> None:
            if self._is_known():
                self.say(200, {"ID": 1, "Name": "Stand-in"}, {})

        def do_POST(self) -> None:
            body = self.body()
            if not self._is_known():
                return
            if server.faults.drop_untaken:
                self.hang_up()
                return
            mail = json.loads(body)
            mail = mail[0] if isinstance(mail, list) else mail
            status, document, headers = server.answer(mail)
            if status == 200 and server.faults.drop_taken in mail["To"] and server.faults.drop_taken:
                self.hang_up()
                return
            self.say(status, document, headers)

        def _is_known(self) -> bool:
            if self.headers.get("X-Postmark-Server-Token") == server.token:
                return True
            self.say(401, {"ErrorCode": 10, "Message": "Request does not contain a valid Server token."}, {})
            return False

    return Handler
