"""A real name server on loopback: answers from a table of texts, and misbehaves on request.

It speaks UDP, says that long answers are cut off (TC) as RFC 1035 wants it, and gives them over TCP.
"""

import contextlib
import socket
import struct
import threading
from types import TracebackType
from typing import Self

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

UDP_BYTES = 1232


class DnsServer:
    """`texts` maps names to TXT records, `aliases` to the target of their CNAME. `failing` names are answered with
    SERVFAIL, `silent` ones not at all."""

    def __init__(self) -> None:
        self.texts: dict[str, list[str]] = {}
        self.aliases: dict[str, str] = {}
        self.failing: set[str] = set()
        self.silent: set[str] = set()
        self.asked: list[str] = []
        self._udp, self._tcp = self._sockets()
        self.address = f"127.0.0.1:{self._udp.getsockname()[1]}"
        self._threads = [threading.Thread(target=work, daemon=True) for work in (self._serve_udp, self._serve_tcp)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for listener in (self._udp, self._tcp):
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        for thread in self._threads:
            thread.join(2)

    def _sockets(self) -> tuple[socket.socket, socket.socket]:
        """One port for both."""
        while True:
            udp, tcp = socket.socket(type=socket.SOCK_DGRAM), socket.socket()
            tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            udp.bind(("127.0.0.1", 0))
            with contextlib.suppress(OSError):
                tcp.bind(udp.getsockname())
                tcp.listen()
                return udp, tcp
            udp.close()
            tcp.close()

    def _serve_udp(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                wire, peer = self._udp.recvfrom(4096)
                if not wire and not peer:
                    return
                answer = self._answer(wire, limit=UDP_BYTES)
                if answer is not None:
                    self._udp.sendto(answer, peer)

    def _serve_tcp(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _peer = self._tcp.accept()
                with connection, contextlib.suppress(OSError, struct.error):
                    (length,) = struct.unpack("!H", connection.recv(2))
                    answer = self._answer(connection.recv(length), limit=65_535) or b""
                    connection.sendall(struct.pack("!H", len(answer)) + answer)

    def _answer(self, wire: bytes, *, limit: int) -> bytes | None:
        query = dns.message.from_wire(wire)
        question = query.question[0]
        name = question.name.to_text(omit_final_dot=True).lower()
        self.asked.append(name)
        if name in self.silent:
            return None
        response = dns.message.make_response(query)
        if name in self.failing:
            response.set_rcode(dns.rcode.SERVFAIL)
        elif question.rdtype == dns.rdatatype.TXT and name in self.texts:
            quoted = [" ".join(f'"{_escaped(piece)}"' for piece in _pieces(text)) for text in self.texts[name]]
            response.answer.append(dns.rrset.from_text(question.name, 60, "IN", "TXT", *quoted))
        elif question.rdtype == dns.rdatatype.CNAME and name in self.aliases:
            response.answer.append(dns.rrset.from_text(question.name, 60, "IN", "CNAME", f"{self.aliases[name]}."))
        elif name not in self.texts and name not in self.aliases:
            response.set_rcode(dns.rcode.NXDOMAIN)
        answer = response.to_wire(max_size=65_535)
        if len(answer) > limit:
            response.answer.clear()
            response.flags |= dns.flags.TC
            answer = response.to_wire()
        return answer


def _pieces(text: str) -> list[str]:
    """TXT records consist of strings of 255 bytes at most."""
    return [text[start : start + 255] for start in range(0, len(text), 255)] or [""]


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
