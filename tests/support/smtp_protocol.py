"""One connection of the SMTP server on loopback, and the ways in which it can misbehave."""

import asyncio
import fnmatch
import re
import ssl
from base64 import b64decode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from tests.support.certificates import server_tls_context

END_OF_DATA = b"\r\n.\r\n"
ACCEPTED = "250 2.0.0 Ok: queued as {number:08X}"

_ADDRESS = re.compile(r"<([^>]*)>")
_MESSAGE_ID = re.compile(rb"^Message-ID:\s*<([^>]+)>", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Faults:
    """What the server does wrong. Patterns are those of `fnmatch` and are matched with the recipient's address."""

    refuse_recipients: Mapping[str, str] = field(default_factory=dict)  # pattern -> reply to RCPT
    refuse_mails: Mapping[str, str] = field(default_factory=dict)  # pattern -> reply to the end of the data
    refuse_data: Mapping[str, str] = field(default_factory=dict)  # pattern -> reply to DATA
    refuse_sender: str = ""  # reply to MAIL
    greeting: str = "220 loopback ESMTP"
    goodbye_after: int | None = None  # 421 instead of the next mail of a connection
    hang_up_after: int | None = None  # close without a word after so many mails of a connection
    drop_taken: str = ""  # take the mail, then drop the connection without a reply
    drop_untaken: str = ""  # drop the connection at the end of the data, without taking the mail
    drop_at_data: str = ""  # drop the connection instead of answering DATA
    stall_taken: str = ""  # take the mail, then never reply
    stall_at_recipient: str = ""  # never reply to RCPT
    delay_seconds: float = 0.0  # before each mail is accepted
    pipelining: bool = True
    swallow_pipelined: bool = False  # offer PIPELINING, then lose what came together with the end of the data
    start_tls: bool = False
    injected_reply: str = ""  # said in clear right behind the reply to STARTTLS, as somebody in the middle would
    login: tuple[str, str] | None = None  # require AUTH with this username and password
    mechanisms: str = "PLAIN LOGIN"
    login_refusal: str = "535 5.7.8 Authentication credentials invalid"


@dataclass(frozen=True, slots=True)
class AcceptedMail:
    """One mail as it arrived, dots unstuffed."""

    sender: str
    recipients: tuple[str, ...]
    message_id: str
    raw: bytes
    encrypted: bool = False


class Mailroom(Protocol):
    """What a connection needs of its server."""

    faults: Faults
    connections: int
    commands: list[str]
    keeps_mails: bool

    def take(self, mail: AcceptedMail) -> int:
        """Keep one mail; its number."""


class SmtpProtocol(asyncio.Protocol):
    """One connection: lines in, replies out, in order, whatever is pipelined."""

    def __init__(self, server: "Mailroom", register: set["SmtpProtocol"]) -> None:
        self._server = server
        self._register = register
        self._buffer = bytearray()
        self._searched = 0
        self._waiting = False
        self._in_data = False
        self._in_login: list[str] | None = None
        self._logged_in = False
        self._encrypted = False
        self._mails = 0
        self._transport: Any = None
        self._reset()

    def _reset(self) -> None:
        self._sender: str | None = None
        self._recipients: list[str] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        first = self._transport is None
        self._transport = transport
        self._encrypted = transport.get_extra_info("ssl_object") is not None
        if first:
            self._server.connections += 1
            self._register.add(self)
            self._reply(self._server.faults.greeting)

    def connection_lost(self, error: Exception | None) -> None:
        self._register.discard(self)
        self._waiting = True

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        self._process()

    def end(self, words: str) -> None:
        """Take leave with `words` and close."""
        self._waiting = True
        self._reply(words)
        self._transport.close()

    def drop(self) -> None:
        """Cut the connection without a word."""
        self._waiting = True
        self._transport.abort()

    def _reply(self, line: str) -> None:
        self._transport.write(f"{line}\r\n".encode())

    def _process(self) -> None:
        while not self._waiting and (self._receive_mail() if self._in_data else self._receive_command()):
            pass

    def _receive_command(self) -> bool:
        end = self._buffer.find(b"\n")
        if end < 0:
            return False
        line = bytes(self._buffer[:end]).rstrip(b"\r").decode("utf-8", "replace")
        del self._buffer[: end + 1]
        if self._in_login is not None:
            self._login_answer(line)
            return True
        verb = line.partition(" ")[0].upper()
        if self._server.keeps_mails:
            self._server.commands.append(verb)
        handler: Callable[[str], None] | None = getattr(self, f"_on_{verb.lower()}", None)
        if handler is None:
            self._reply("500 5.5.2 Command not recognised")
        elif self._server.faults.login and not self._logged_in and verb == "MAIL":
            self._reply("530 5.7.0 Authentication required")
        else:
            handler(line)
        return True

    def _on_ehlo(self, line: str) -> None:
        faults = self._server.faults
        offers = ["loopback", "8BITMIME", "ENHANCEDSTATUSCODES", "SIZE 52428800"]
        if faults.pipelining:
            offers.append("PIPELINING")
        if faults.start_tls and not self._encrypted:
            offers.append("STARTTLS")
        if faults.login:
            offers.append(f"AUTH {faults.mechanisms}")
        self._reply("\r\n".join([*(f"250-{offer}" for offer in offers[:-1]), f"250 {offers[-1]}"]))

    def _on_starttls(self, line: str) -> None:
        injected = self._server.faults.injected_reply
        self._reply(f"220 2.0.0 Go ahead\r\n{injected}" if injected else "220 2.0.0 Go ahead")
        self._waiting = True
        self._buffer.clear()
        self._upgrade = asyncio.get_running_loop().create_task(self._start_tls())

    async def _start_tls(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            upgraded = await loop.start_tls(self._transport, self, server_tls_context(), server_side=True)
        except (ssl.SSLError, OSError):
            self.drop()  # the client did not like the certificate
            return
        self._transport = upgraded
        self._encrypted = True
        self._waiting = False
        self._process()

    def _on_auth(self, line: str) -> None:
        _, mechanism, *initial = line.split(" ")
        if mechanism.upper() == "PLAIN" and initial:
            _, username, password = b64decode(initial[0]).decode().split("\0")
            self._check_login(username, password)
        elif mechanism.upper() == "LOGIN":
            self._in_login = []
            self._reply("334 VXNlcm5hbWU6")
        else:
            self._reply("504 5.5.4 Mechanism not supported")

    def _login_answer(self, line: str) -> None:
        answers = [*(self._in_login or []), b64decode(line).decode()]
        if len(answers) == 2:
            self._in_login = None
            self._check_login(*answers)
        else:
            self._in_login = answers
            self._reply("334 UGFzc3dvcmQ6")

    def _check_login(self, username: str, password: str) -> None:
        self._logged_in = (username, password) == self._server.faults.login
        self._reply("235 2.7.0 Welcome" if self._logged_in else self._server.faults.login_refusal)

    def _on_mail(self, line: str) -> None:
        faults = self._server.faults
        if faults.goodbye_after is not None and self._mails >= faults.goodbye_after:
            self._reply("421 4.7.0 Too many messages on this connection")
            self._waiting = True
            self._transport.close()
        elif faults.refuse_sender:
            self._reply(faults.refuse_sender)
        elif self._sender is not None:
            self._reply("503 5.5.1 Nested MAIL command")
        else:
            self._sender = _address(line)
            self._reply("250 2.1.0 Sender ok")

    def _on_rcpt(self, line: str) -> None:
        address = _address(line)
        faults = self._server.faults
        refusal = _matching(faults.refuse_recipients, address)
        if self._sender is None:
            self._reply("503 5.5.1 Need MAIL before RCPT")
        elif refusal:
            self._reply(refusal)
        elif _matches(faults.stall_at_recipient, [address]):
            self._waiting = True
        else:
            self._recipients.append(address)
            self._reply("250 2.1.5 Recipient ok")

    def _on_data(self, line: str) -> None:
        refusal = _first_refusal(self._server.faults.refuse_data, self._recipients)
        if not self._recipients:
            self._reply("503 5.5.1 Need RCPT before DATA")
        elif _matches(self._server.faults.drop_at_data, self._recipients):
            self.drop()
        elif refusal:
            self._reply(refusal)
        else:
            self._in_data = True
            self._searched = 0
            self._reply("354 End data with <CR><LF>.<CR><LF>")

    def _on_rset(self, line: str) -> None:
        self._reset()
        self._reply("250 2.0.0 Ok")

    def _on_noop(self, line: str) -> None:
        self._reply("250 2.0.0 Ok")

    def _on_quit(self, line: str) -> None:
        self._reply("221 2.0.0 Bye")
        self._waiting = True
        self._transport.close()

    def _receive_mail(self) -> bool:
        end = self._buffer.find(END_OF_DATA, max(self._searched - len(END_OF_DATA), 0))
        if end < 0:
            self._searched = len(self._buffer)
            return False
        raw = bytes(self._buffer[: end + 2]) if self._server.keeps_mails else b""
        del self._buffer[: end + len(END_OF_DATA)]
        if self._server.faults.swallow_pipelined:
            self._buffer.clear()
        self._in_data = False
        if self._server.faults.delay_seconds:
            self._waiting = True
            asyncio.get_running_loop().call_later(self._server.faults.delay_seconds, self._take_later, raw)
        else:
            self._take(raw)
        return True

    def _take_later(self, raw: bytes) -> None:
        if self in self._register:
            self._waiting = False
            self._take(raw)
            self._process()

    def _take(self, raw: bytes) -> None:
        faults, recipients = self._server.faults, self._recipients
        refusal = _first_refusal(faults.refuse_mails, recipients)
        if _matches(faults.drop_untaken, recipients):
            self.drop()
        elif refusal:
            self._reply(refusal)
        else:
            number = self._server.take(self._accepted(raw))
            self._mails += 1
            if _matches(faults.drop_taken, recipients):
                self.drop()
            elif _matches(faults.stall_taken, recipients):
                self._waiting = True
            else:
                self._reply(ACCEPTED.format(number=number))
        if faults.hang_up_after is not None and self._mails >= faults.hang_up_after:
            self._waiting = True
            self._transport.close()
        self._reset()

    def _accepted(self, raw: bytes) -> AcceptedMail:
        found = _MESSAGE_ID.search(raw)
        message_id = found[1].decode("ascii", "replace") if found else ""
        unstuffed = raw.replace(b"\r\n..", b"\r\n.")
        unstuffed = unstuffed[1:] if unstuffed.startswith(b"..") else unstuffed
        return AcceptedMail(self._sender or "", tuple(self._recipients), message_id, unstuffed, self._encrypted)


def _address(line: str) -> str:
    found = _ADDRESS.search(line)
    return found[1] if found else ""


def _matches(pattern: str, addresses: list[str]) -> bool:
    return bool(pattern) and any(fnmatch.fnmatchcase(address, pattern) for address in addresses)


def _matching(replies: Mapping[str, str], address: str) -> str:
    return next((reply for pattern, reply in replies.items() if fnmatch.fnmatchcase(address, pattern)), "")


def _first_refusal(replies: Mapping[str, str], addresses: list[str]) -> str:
    return next((reply for reply in (_matching(replies, address) for address in addresses) if reply), "")
