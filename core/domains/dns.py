"""Asking name servers, with a limit on how long a check may take."""

import time
from collections.abc import Sequence
from typing import Protocol

import dns.exception
import dns.resolver
from django.conf import settings

from core.domains.errors import NoSuchRecord, TemporaryFailure

CHECK_SECONDS = 10.0
"""For all questions of a check together: somebody may be waiting for the page."""
QUESTION_SECONDS = 3.0


class Resolver(Protocol):
    """What a check asks of the DNS."""

    def txt(self, name: str) -> list[str]:
        """The TXT records of a name, each as one text whatever strings it consists of.

        Raises NoSuchRecord or TemporaryFailure.
        """

    def cname(self, name: str) -> str:
        """What a name is an alias of, in lower case without the last dot. Raises NoSuchRecord or TemporaryFailure."""


class DnsResolver:
    """Asks the system's name servers, or those of DNS_SERVERS. Made for one check: the time runs from then on."""

    def __init__(self, servers: Sequence[str] | None = None, *, seconds: float = CHECK_SECONDS) -> None:
        servers = list(settings.DNS_SERVERS if servers is None else servers)
        self._resolver = dns.resolver.Resolver(configure=not servers)
        if servers:
            self._resolver.nameservers = [_nameserver(server) for server in servers]
        self._deadline = time.monotonic() + seconds

    def txt(self, name: str) -> list[str]:
        return [b"".join(record.strings).decode("utf-8", "replace") for record in self._ask(name, "TXT")]

    def cname(self, name: str) -> str:
        return str(self._ask(name, "CNAME")[0].target).rstrip(".").lower()

    def _ask(self, name: str, kind: str) -> dns.resolver.Answer:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TemporaryFailure("The name servers took too long.")
        try:
            return self._resolver.resolve(name, kind, lifetime=min(left, QUESTION_SECONDS), search=False)
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer) as error:
            raise NoSuchRecord(name) from error
        except dns.exception.Timeout as error:
            raise TemporaryFailure("The name servers did not answer in time.") from error
        except (dns.exception.DNSException, OSError) as error:
            raise TemporaryFailure("The name servers could not answer.") from error


def _nameserver(server: str) -> dns.nameserver.Nameserver:
    host, _, port = server.rpartition(":")
    return dns.nameserver.Do53Nameserver(host or server, int(port) if host else 53)
