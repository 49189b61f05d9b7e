"""A client's own host of links: when it is used, what is asked of it, and what takes it away again."""

import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from core.accounts.models import AuditEvent, Organization
from core.common.tenancy import organization_scope
from core.domains.answers import PROOF_PATH, HostProber, proof_of
from core.domains.dns import DnsResolver
from core.domains.errors import NotAnsweredByUs, TemporaryFailure
from core.domains.models import SendingDomain
from core.domains.queries import link_base
from core.domains.services import domain_add, domain_check
from tests.support.certificates import server_certificate, server_tls_context
from tests.support.dns_server import DnsServer

HOST = "link.florist.example"
OURS = "https://link.florist.example"


class Answering:
    """What a proxy with a certificate would say; `problem` is what it says instead."""

    def __init__(self) -> None:
        self.problem: Exception | None = None
        self.asked: list[str] = []

    def answers(self, host: str) -> None:
        self.asked.append(host)
        if self.problem is not None:
            raise self.problem


@pytest.fixture(autouse=True)
def _target(settings: Any) -> None:
    settings.TRACKING_TARGET = "links.agency.example"


@pytest.fixture
def prober() -> Answering:
    return Answering()


@pytest.fixture
def aliased(published: SendingDomain, server: DnsServer) -> SendingDomain:
    server.aliases = {HOST: "links.agency.example"}
    return published


def checked(domain: SendingDomain, server: DnsServer, prober: Answering) -> dict[str, Any]:
    """The finding about the host of links."""
    found = domain_check(domain_id=domain.pk, resolver=DnsResolver([server.address]), prober=prober)
    domain.refresh_from_db()
    return next(record for record in found.records if record["kind"] == "tracking")


def base(organization: Organization) -> str:
    return link_base(organization.pk, "hello@florist.example")


def test_check_host_that_leads_here_and_answers_is_used(
    aliased: SendingDomain, server: DnsServer, prober: Answering, in_florist: Organization
) -> None:
    assert base(in_florist) == ""
    assert checked(aliased, server, prober)["state"] == "ok"
    assert (base(in_florist), prober.asked) == (OURS, [HOST])
    since = aliased.tracking_verified_at
    checked(aliased, server, prober)
    assert aliased.tracking_verified_at == since
    assert link_base(in_florist.pk, "hello@elsewhere.example") == ""
    assert AuditEvent.objects.filter(action="domain.link_host").count() == 1


def test_check_host_without_a_certificate_is_not_used_and_says_so(
    aliased: SendingDomain, server: DnsServer, prober: Answering, in_florist: Organization
) -> None:
    prober.problem = NotAnsweredByUs("no certificate for it")
    found = checked(aliased, server, prober)
    assert (found["state"], found["words"], base(in_florist)) == ("wrong", "no certificate for it", "")
    assert aliased.tracking == HOST, "the proxy may be told that this name is ours"
    assert aliased.status == "verified", "it is optional"


def test_check_without_an_answer_takes_nothing_away(
    aliased: SendingDomain, server: DnsServer, prober: Answering, in_florist: Organization
) -> None:
    checked(aliased, server, prober)
    prober.problem = TemporaryFailure("Nothing answered.")
    assert checked(aliased, server, prober)["state"] == "unknown"
    assert base(in_florist) == OURS
    server.failing = {HOST}
    assert checked(aliased, server, prober)["state"] == "unknown"
    assert base(in_florist) == OURS


@pytest.mark.parametrize("aliases", [{}, {HOST: "somebody.else.example"}])
def test_check_host_that_leads_elsewhere_is_used_no_longer_and_not_forgotten(
    aliased: SendingDomain,
    server: DnsServer,
    prober: Answering,
    in_florist: Organization,
    aliases: dict[str, str],
) -> None:
    checked(aliased, server, prober)
    server.aliases = aliases
    checked(aliased, server, prober)
    assert (base(in_florist), aliased.tracking) == ("", HOST)
    assert prober.asked == [HOST], "who does not lead here is not asked"
    assert AuditEvent.objects.filter(action="domain.link_host").count() == 2


def test_check_host_of_a_domain_that_broke_is_not_used(
    aliased: SendingDomain, server: DnsServer, prober: Answering, in_florist: Organization
) -> None:
    checked(aliased, server, prober)
    server.texts = {}
    checked(aliased, server, prober)
    assert base(in_florist) == ""


def test_check_host_that_is_no_longer_offered_is_not_used(
    aliased: SendingDomain, server: DnsServer, prober: Answering, in_florist: Organization, settings: Any
) -> None:
    checked(aliased, server, prober)
    settings.TRACKING_TARGET = ""
    assert base(in_florist) == ""
    domain_check(domain_id=aliased.pk, resolver=DnsResolver([server.address]), prober=prober)
    settings.TRACKING_TARGET = "links.agency.example"
    assert base(in_florist) == "", "it has to be looked at again first"


def test_check_the_same_domain_with_another_client_needs_its_own_key(
    aliased: SendingDomain, server: DnsServer, prober: Answering, museum: Organization
) -> None:
    """The name leads here for everybody; that the domain is theirs, only the florist's key says."""
    checked(aliased, server, prober)
    with organization_scope(museum):
        claimed = domain_add(organization=museum, name="florist.example")
        assert checked(claimed, server, prober)["state"] == "ok"
        assert base(museum) == ""


# --- The question itself, over real sockets --------------------------------------------------------------------------


class Proxy:
    """A server with a certificate for HOST, which answers `body` with `status`."""

    def __init__(self, *, certified: bool = True) -> None:
        self.body, self.status, self.seen = proof_of(HOST), 200, []  # type: tuple[str, int, list[tuple[str, str]]]
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                proxy.seen.append((self.headers["Host"], self.path))
                self.send_response(proxy.status)
                self.end_headers()
                self.wfile.write(proxy.body.encode())

            def log_message(self, *arguments: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_port
        self.hosts = (HOST,) if certified else ()
        self._server.socket = server_tls_context(*self.hosts).wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> "Proxy":
        self._thread.start()
        return self

    def __exit__(self, *arguments: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)

    def prober(self) -> HostProber:
        return HostProber(port=self.port, trusted=ssl.create_default_context(cadata=server_certificate(*self.hosts)[0]))


@pytest.fixture
def proxy(settings: Any) -> Iterator[Proxy]:
    settings.TRACKING_TARGET = "127.0.0.1"
    with Proxy() as running:
        yield running


def test_prober_our_own_answer_under_the_clients_name_is_enough(proxy: Proxy) -> None:
    proxy.prober().answers(HOST)
    assert proxy.seen == [(HOST, PROOF_PATH)]


@pytest.mark.parametrize("body", ["", "<html>parked</html>", "é", "x" * 5_000, proof_of("link.museum.example")])
def test_prober_any_other_answer_is_refused(proxy: Proxy, body: str) -> None:
    proxy.body = body
    with pytest.raises(NotAnsweredByUs, match="something else"):
        proxy.prober().answers(HOST)


def test_prober_error_or_nobody_there_says_nothing_either_way(proxy: Proxy) -> None:
    proxy.status = 502
    with pytest.raises(TemporaryFailure, match="502"):
        proxy.prober().answers(HOST)
    with pytest.raises(TemporaryFailure, match="nothing answered"):
        HostProber(port=1).answers(HOST)


def test_prober_certificate_of_another_name_is_refused(settings: Any) -> None:
    settings.TRACKING_TARGET = "127.0.0.1"
    with Proxy(certified=False) as other, pytest.raises(NotAnsweredByUs, match="no certificate"):
        other.prober().answers(HOST)
    assert other.seen == []


def test_known_hosts_are_those_that_led_here_once(
    aliased: SendingDomain, server: DnsServer, prober: Answering, client: Any
) -> None:
    def status(**asked: str) -> int:
        return int(client.get("/link-hosts", asked).status_code)

    assert status(domain=HOST) == 404
    prober.problem = NotAnsweredByUs("no certificate yet")
    checked(aliased, server, prober)
    assert (status(domain=HOST), status(domain=HOST.upper())) == (200, 200)
    server.aliases = {}
    checked(aliased, server, prober)
    assert status(domain=HOST) == 200, "mails that are out lead to it"
    for name in ("link.museum.example", "florist.example", "", "\0", "%", "link.florist.exampl_"):
        assert status(domain=name) == 404, name
    assert status() == 404
