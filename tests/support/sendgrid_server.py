"""A stand-in for SendGrid's Web API v3 on loopback: real HTTP, its rules for requests, and faults on request.

`POST /v3/mail/send` checks the key and the document as the API reference says, puts the substitutions in and keeps a
mail for each person. `GET /v3/scopes` tells what the key may do. `faults` may be exchanged at any time.
"""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any
from uuid import uuid4

from tests.support.http_api import ApiHandler, HttpApi

KEY = "SG.stand-in.key"
_RESERVED = {"x-sg-id", "x-sg-eid", "received", "dkim-signature", "content-type", "content-transfer-encoding", "to"}
_RESERVED |= {"from", "subject", "reply-to", "cc", "bcc"}


@dataclass(frozen=True)
class Faults:
    """`refuse` maps addresses to words; `blames` says whether the error names the person. `answer` is given to every
    request instead of taking it, `drop_taken` loses the connection after taking a request with this address."""

    refuse: Mapping[str, str] = field(default_factory=dict)
    blames: bool = True
    slow_down: frozenset[str] = frozenset()
    retry_after: str = ""
    words: str = "too many requests"
    answer: int = 0
    drop_taken: str = ""
    drop_untaken: bool = False


@dataclass(frozen=True)
class SentMail:
    """What one person would get."""

    address: str
    name: str
    subject: str
    text: str
    html: str
    headers: Mapping[str, str]
    arguments: Mapping[str, str]


class SendGridServer(HttpApi):
    """The API on a free loopback port."""

    def __init__(self) -> None:
        self.key = KEY
        self.scopes = ["mail.send", "user.account.read"]
        self.faults = Faults()
        self.mails: list[SentMail] = []
        self.requests: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.domains: dict[int, dict[str, Any]] = {}
        self.domains_valid = False
        super().__init__(_handler(self))

    def domains_answer(self, method: str, path: str, document: dict[str, Any]) -> tuple[int, Any, dict[str, str]]:
        """Domain authentication: POST adds, GET tells, `validate` looks at the DNS (`domains_valid`)."""
        if self.faults.answer:
            return self.faults.answer, _errors((self.faults.words, None)), {}
        rest = path.removeprefix("/v3/whitelabel/domains").partition("?")[0].strip("/").split("/")
        if method == "POST" and rest == [""]:
            number = 1000 + len(self.domains)
            self.domains[number] = _authenticated(number, document["domain"])
            return 201, self.domains[number], {}
        if rest == [""]:
            name = path.partition("domain=")[2]
            return 200, [one for one in self.domains.values() if one["domain"] == name], {}
        domain = self.domains.get(int(rest[0]))
        if domain is None:
            return 404, _errors(("unable to find domain", None)), {}
        if rest[1:] == ["validate"]:
            for record in domain["dns"].values():
                record["valid"] = self.domains_valid
            return 200, {"id": domain["id"], "valid": self.domains_valid, "validation_results": {}}, {}
        return 200, domain, {}

    def answer(self, document: dict[str, Any]) -> tuple[int, dict[str, Any], dict[str, str]]:
        """Status, body and headers for one request; what it takes is in `mails` afterwards."""
        faults = self.faults
        addresses = [person["to"][0]["email"] for person in document.get("personalizations", [])]
        if faults.answer:
            return faults.answer, _errors((faults.words, None)), {}
        if faults.slow_down & set(addresses):
            return 429, _errors((faults.words, None)), _reset(faults)
        refused = [(place, address) for place, address in enumerate(addresses) if address in faults.refuse]
        if refused:
            fields = [f"personalizations.{place}.to.0.email" if faults.blames else None for place, _ in refused]
            words = [faults.refuse[address] for _, address in refused]
            return 400, _errors(*zip(words, fields, strict=True)), {}
        if wrong := _what_is_wrong(document):
            return 400, _errors(*wrong), {}
        self.mails += [_mail(document, person) for person in document["personalizations"]]
        return 202, {}, {"X-Message-Id": uuid4().hex[:22]}


def _handler(server: SendGridServer) -> type[BaseHTTPRequestHandler]:
    class Handler(ApiHandler):
        api = server

        def do_GET(self) -> None:
            if not self._is_known():
                return
            server.headers.append(dict(self.headers))
            if self.path.startswith("/v3/whitelabel/domains"):
                self.say(*server.domains_answer("GET", self.path, {}))
            else:
                self.say(200, {"scopes": server.scopes}, {})

        def do_POST(self) -> None:
            body = self.body()
            if not self._is_known():
                return
            if server.faults.drop_untaken:
                self.hang_up()
                return
            document = json.loads(body)
            server.headers.append(dict(self.headers))
            if self.path.startswith("/v3/whitelabel/domains"):
                self.say(*server.domains_answer("POST", self.path, document))
                return
            server.requests.append(document)
            answer = server.answer(document)
            if answer[0] == 202 and server.faults.drop_taken in [
                person["to"][0]["email"] for person in document["personalizations"]
            ]:
                self.hang_up()
                return
            self.say(*answer)

        def _is_known(self) -> bool:
            if self.headers.get("Authorization") == f"Bearer {server.key}":
                return True
            self.say(401, _errors(("The provided authorization grant is invalid, expired, or revoked", None)), {})
            return False

    return Handler


def _authenticated(number: int, name: str) -> dict[str, Any]:
    """A domain as the API shows it, with automatic security."""

    def cname(host: str, data: str) -> dict[str, Any]:
        return {"valid": False, "type": "cname", "host": f"{host}.{name}", "data": data}

    return {
        "id": number,
        "domain": name,
        "subdomain": f"em{number}",
        "valid": False,
        "dns": {
            "mail_cname": cname(f"em{number}", f"u{number}.wl.sendgrid.net"),
            "dkim1": cname("s1._domainkey", f"s1.domainkey.u{number}.wl.sendgrid.net"),
            "dkim2": cname("s2._domainkey", f"s2.domainkey.u{number}.wl.sendgrid.net"),
        },
    }


def _errors(*found: tuple[str, str | None]) -> dict[str, Any]:
    return {"errors": [{"message": words, "field": name, "help": None} for words, name in found]}


def _reset(faults: Faults) -> dict[str, str]:
    return {"X-RateLimit-Reset": faults.retry_after or str(int(time.time()) + 30)}


def _what_is_wrong(document: dict[str, Any]) -> list[tuple[str, str | None]]:
    """The rules of the API reference that a client can break."""
    wrong: list[tuple[str, str | None]] = []
    people = document.get("personalizations") or []
    if not 1 <= len(people) <= 1000:
        wrong.append(("The personalizations field is required and holds 1 to 1000 of them.", "personalizations"))
    if not document.get("content") or not all(part.get("value") for part in document["content"]):
        wrong.append(("The content value must be a string at least one character in length.", "content"))
    elif [part["type"] for part in document["content"]] not in (
        ["text/plain", "text/html"],
        ["text/html"],
        ["text/plain"],
    ):
        wrong.append(("Plain text comes first, then HTML.", "content"))
    for place, person in enumerate(people):
        if not (person.get("subject") or document.get("subject")):
            wrong.append(("The subject is required.", f"personalizations.{place}.subject"))
        size = sum(len(key) + len(value.encode()) for key, value in person.get("substitutions", {}).items())
        if size > 10_000:
            wrong.append(("Substitutions are limited to 10000 bytes.", f"personalizations.{place}.substitutions"))
        for name, value in {**document.get("headers", {}), **person.get("headers", {})}.items():
            if name.lower() in _RESERVED or not value.isascii() or "\n" in value or "\r" in value:
                wrong.append((f"The header {name} is not allowed.", f"personalizations.{place}.headers"))
    return wrong


def _mail(document: dict[str, Any], person: dict[str, Any]) -> SentMail:
    bodies = {part["type"]: part["value"] for part in document["content"]}
    for mark, value in person.get("substitutions", {}).items():
        bodies = {kind: text.replace(mark, value) for kind, text in bodies.items()}
    return SentMail(
        address=person["to"][0]["email"],
        name=person["to"][0].get("name", ""),
        subject=person.get("subject") or document["subject"],
        text=bodies.get("text/plain", ""),
        html=bodies.get("text/html", ""),
        headers={**document.get("headers", {}), **person.get("headers", {})},
        arguments=person.get("custom_args", {}),
    )
