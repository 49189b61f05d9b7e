"""One SMTP session on one socket: greeting, TLS, login, and commands with the patience that the settings allow.

Everything that goes wrong between two commands is a `SessionLost`; what it means for a mail is decided in `smtp`.
"""

import ipaddress
import re
import select
import socket
import ssl
import time
from base64 import b64encode
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from core.delivery.transports.base import WORDS_LIMIT, one_line
from core.delivery.transports.errors import ConnectionProblem

MAX_REPLY_BYTES = 65_536
READ_BYTES = 65_536
WRITE_BYTES = 262_144
TLS_RECORD_BYTES = 16_384  # RFC 8446 5.1
CLOSING = 421  # RFC 5321 3.8: the server is about to close the channel

_PLAIN_REPLY = re.compile(rb"([2-5][0-9]{2}) ([!-~]+(?: [!-~]+)*)\r\n")
_ENVELOPE_TAKEN = re.compile(rb"(?:2[0-9]{2} [ -~]{1,400}\r\n){2}354 [ -~]{1,400}\r\n")
_REPLY_LINE = re.compile(rb"([2-5][0-9]{2})(?:([ -])(.*))?", re.DOTALL)
_ENHANCED_CODE = re.compile(r"[245]\.[0-9]{1,3}\.[0-9]{1,3}(?= |$)")


class Security(StrEnum):
    """How the way to the server is encrypted."""

    NONE = "none"
    STARTTLS = "starttls"  # in clear, then upgraded before anything secret is said (RFC 3207)
    TLS = "tls"  # encrypted from the first byte (RFC 8314)


@dataclass(frozen=True, slots=True)
class SmtpSettings:
    """How to reach one SMTP server, and how patient to be with it.

    `timeout_seconds` is for connecting and for each reply, `final_timeout_seconds` for the reply to a whole mail:
    giving up there leaves the mail in doubt, which is why RFC 5321 4.5.3.2.6 asks for ten minutes. After
    `call_seconds` a `send` call begins no further mail, so that a slow server does not keep a worker from the other
    clients: it lasts at most `call_seconds` + `final_timeout_seconds` + a few times `timeout_seconds`.
    `slice_size` mails are in doubt when a worker is killed; fewer make the commits of each slice the bottleneck.
    `authority` is the PEM of a private certificate authority; empty means the system's.
    """

    host: str
    port: int = 587
    username: str = ""
    password: str = ""
    security: Security = Security.STARTTLS
    verify_certificate: bool = True
    authority: str = ""
    timeout_seconds: float = 60
    final_timeout_seconds: float = 600
    call_seconds: float = 20
    slice_size: int = 25
    helo_name: str = ""

    def __repr__(self) -> str:
        """Without the password."""
        return f"SmtpSettings({self.host}:{self.port}, {self.security}, as {self.username or 'nobody'})"


class Reply(NamedTuple):
    """A complete reply: its three digits and its text on one line, enhanced code included (RFC 2034)."""

    code: int
    words: str

    @property
    def full_code(self) -> str:
        """ "550 5.1.1", or "550" from a server without enhanced codes."""
        enhanced = _ENHANCED_CODE.match(self.words)
        return f"{self.code} {enhanced.group()}" if enhanced else str(self.code)


class SessionLost(Exception):
    """The session cannot be used any more. `code` is short and stable, `words` the server's or the system's own.

    `written` is how much of the data of a broken-off `write` may have left: no byte behind it did.
    """

    def __init__(self, code: str, words: str = "", *, written: int = 0) -> None:
        super().__init__(code, words)
        self.code = code
        self.written = written
        self.words = one_line(words)


class SmtpSession:
    """A session ready for MAIL. `pipelining` says whether the server offers it (RFC 2920)."""

    def __init__(self, settings: SmtpSettings) -> None:
        """Connect, encrypt and log in.

        Raises `SessionLost` when the server is not there or not willing now, `ConnectionProblem` when it refuses the
        login for good or offers none that we know.
        """
        self._settings = settings
        self._buffer = bytearray()
        self._write_bytes = WRITE_BYTES
        self._socket = self._connected()
        self.mails_carried = 0  # taken or refused, on this connection
        self.needs_reset = False  # a refused envelope is still open at the server
        try:
            self._greet()
        except BaseException:
            self._socket.close()
            raise

    # Setting up

    def _connected(self) -> socket.socket:
        settings = self._settings
        address = (settings.host, settings.port)
        try:
            connected = socket.create_connection(address, timeout=settings.timeout_seconds)
        except socket.gaierror as error:
            raise SessionLost("host_not_found", str(error)) from error
        except ConnectionRefusedError as error:
            raise SessionLost("connection_refused", str(error)) from error
        except TimeoutError as error:
            raise SessionLost("timeout_connecting", str(error)) from error
        except (OSError, UnicodeError) as error:
            raise SessionLost("connection_failed", str(error)) from error
        # Small writes follow each other; without this the second would wait for an acknowledgement of the first.
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connected

    def _greet(self) -> None:
        if self._settings.security is Security.TLS:
            self._encrypt()
        self._expect(self.read_reply(), 220)
        features = self._hello()
        if self._settings.security is Security.STARTTLS:
            if "STARTTLS" not in features:
                raise SessionLost("starttls_not_offered")
            self._expect(self.command("STARTTLS"), 220)
            self._encrypt()
            features = self._hello()
        if self._settings.username:
            self._log_in(features.get("AUTH", "").upper().split())
        self.pipelining = "PIPELINING" in features

    def _hello(self) -> dict[str, str]:
        """Say EHLO; the offered extensions by upper-case keyword."""
        self.write(f"EHLO {self._settings.helo_name or self._address_literal()}\r\n".encode("ascii", "replace"))
        lines = self._reply_lines(time.monotonic() + self._settings.timeout_seconds)
        self._expect(Reply(lines[0][0], one_line(" ".join(text for _, text in lines))), 250)
        keywords = (text.partition(" ") for _, text in lines[1:])
        return {keyword.upper(): parameters for keyword, _, parameters in keywords}

    def _address_literal(self) -> str:
        address = ipaddress.ip_address(self._socket.getsockname()[0].partition("%")[0])
        return f"[{'IPv6:' if address.version == 6 else ''}{address}]"

    def _encrypt(self) -> None:
        settings = self._settings
        try:
            context = ssl.create_default_context(cadata=settings.authority or None)
            if not settings.verify_certificate:
                context.check_hostname = False
                context.verify_mode = ssl.CERT_NONE
            self._buffer.clear()  # what came in clear must not pass for an encrypted reply
            self._socket.settimeout(settings.timeout_seconds)
            self._socket = context.wrap_socket(self._socket, server_hostname=settings.host)
            self._write_bytes = TLS_RECORD_BYTES
        except ssl.SSLCertVerificationError as error:
            raise SessionLost("tls_certificate", error.verify_message) from error
        except (OSError, ValueError) as error:
            raise SessionLost("tls_failed", str(error)) from error

    def _log_in(self, mechanisms: list[str]) -> None:
        """AUTH PLAIN (RFC 4616) or LOGIN."""
        username, password = self._settings.username, self._settings.password
        if "PLAIN" in mechanisms:
            reply = self.command(f"AUTH PLAIN {_base64(f'{chr(0)}{username}{chr(0)}{password}')}")
        elif "LOGIN" in mechanisms:
            reply = self.command("AUTH LOGIN")
            for answer in (username, password):
                if reply.code == 334:
                    reply = self.command(_base64(answer))
        else:
            raise ConnectionProblem("The mail server offers no login that we know.", code="login_not_offered", words="")
        if reply.code == 235:
            return
        if reply.code < 500:
            raise SessionLost(reply.full_code, reply.words)
        raise ConnectionProblem(
            f"The mail server refused the login: {reply.words}", code=reply.full_code, words=reply.words
        )

    def _expect(self, reply: Reply, code: int) -> None:
        if reply.code != code:
            raise SessionLost(reply.full_code, reply.words)

    # Talking

    def command(self, line: str) -> Reply:
        """Send one command and wait for its reply."""
        self.write(f"{line}\r\n".encode("ascii"))
        return self.read_reply()

    def write(self, data: bytes) -> None:
        """Hand `data` to the system within the timeout. `SessionLost.written` counts exactly what it took.

        Exact because one `send` either takes bytes or fails, and under TLS is one record at most: a record that was
        cut off cannot be read.
        """
        deadline = time.monotonic() + self._settings.timeout_seconds
        view = memoryview(data)
        written = 0
        try:
            while written < len(view):
                self._socket.settimeout(max(deadline - time.monotonic(), 0.001))
                written += self._socket.send(view[written : written + self._write_bytes])
        except TimeoutError as error:
            raise SessionLost("timeout", str(error), written=written) from error
        except OSError as error:
            raise SessionLost("connection_lost", str(error), written=written) from error

    def read_reply(self, *, final: bool = False) -> Reply:
        """The next reply, `final` for the one to a whole mail. The patience covers all of it, even if it drips in."""
        patience = self._settings.final_timeout_seconds if final else self._settings.timeout_seconds
        deadline = time.monotonic() + patience
        if not self._buffer:
            self._buffer += self._received(deadline)
        plain = _PLAIN_REPLY.match(self._buffer)
        if plain is not None and plain.end() <= WORDS_LIMIT:
            # The usual one, here as a whole: read without further ado.
            reply = Reply(int(plain[1]), plain[2].decode("ascii"))
            del self._buffer[: plain.end()]
            return reply
        lines = self._reply_lines(deadline)
        if len(lines) == 1:
            return Reply(lines[0][0], one_line(lines[0][1]))
        # Each line repeats the enhanced code (RFC 2034 section 4); once is enough to read.
        code, first = lines[0]
        enhanced = _ENHANCED_CODE.match(first)
        prefix = f"{enhanced.group()} " if enhanced else ""
        return Reply(code, one_line(" ".join([first, *(text.removeprefix(prefix) for _, text in lines[1:])])))

    def has_read_envelope_taken(self) -> bool:
        """Read the replies to MAIL, RCPT and DATA where they are here already and say yes, all three in one look.

        False: nothing was read, `read_reply` shall tell.
        """
        taken = _ENVELOPE_TAKEN.match(self._buffer)
        if taken is None:
            return False
        del self._buffer[: taken.end()]
        return True

    def _reply_lines(self, deadline: float) -> list[tuple[int, str]]:
        lines: list[tuple[int, str]] = []
        received = 0
        while True:
            line = self._line(deadline)
            received += len(line)
            parsed = _REPLY_LINE.fullmatch(line.rstrip(b"\r\n"))
            if parsed is None or received > MAX_REPLY_BYTES:
                raise SessionLost("bad_reply", line[:200].decode("utf-8", "replace"))
            lines.append((int(parsed[1]), (parsed[3] or b"").decode("utf-8", "replace")))
            if parsed[2] != b"-":
                return lines

    def _line(self, deadline: float) -> bytes:
        while True:
            end = self._buffer.find(b"\n") + 1
            if end:
                line = bytes(self._buffer[:end])
                del self._buffer[:end]
                return line
            if len(self._buffer) > MAX_REPLY_BYTES:
                raise SessionLost("bad_reply", "a reply without end")
            self._buffer += self._received(deadline)

    def _received(self, deadline: float) -> bytes:
        try:
            self._socket.settimeout(max(deadline - time.monotonic(), 0.001))
            data = self._socket.recv(READ_BYTES)
        except TimeoutError as error:
            raise SessionLost("timeout", str(error)) from error
        except OSError as error:
            raise SessionLost("connection_lost", str(error)) from error
        if not data:
            raise SessionLost("connection_lost", "the server closed the connection")
        return data

    # Ending

    def is_idle(self) -> bool:
        """Whether the server has said nothing since the last reply: no goodbye, no end of the connection."""
        if self._buffer or self._socket.fileno() < 0:
            return False
        readable = select.poll()
        readable.register(self._socket, select.POLLIN | select.POLLHUP | select.POLLERR)
        return not readable.poll(0)

    def quit(self) -> None:
        """Take leave without waiting for the answer, and close."""
        with suppress(SessionLost):  # over already is as good
            self.write(b"QUIT\r\n")
        self.close()

    def close(self) -> None:
        """Close the socket at once."""
        self._socket.close()


def _base64(text: str) -> str:
    return b64encode(text.encode()).decode("ascii")
