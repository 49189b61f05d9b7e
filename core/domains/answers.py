"""Whether a client's host of links really answers for us: a name that leads here is no use without a certificate.

The question goes to TRACKING_TARGET, which the operator chose, under the client's name, as a recipient's would; so
nothing that a client writes into the DNS decides where we connect to.
"""

import http.client
import socket
import ssl
from typing import Protocol

from django.conf import settings

from core.common.tokens import BadToken, Purpose, sign, unsign
from core.domains.errors import NotAnsweredByUs, TemporaryFailure

PROOF_PATH = "/link-host"
_SECONDS = 5.0
_PORTS = {"https": 443, "http": 80}
_LONGEST_ANSWER = 1_000


def proof_of(host: str) -> str:
    """What an installation with our keys answers under this name."""
    return sign(Purpose.LINK_HOST, host.lower().encode())


class Prober(Protocol):
    """What a check asks of a host of links."""

    def answers(self, host: str) -> None:
        """Returns when we are reached under this name. Raises NotAnsweredByUs or TemporaryFailure."""


class HostProber:
    """Connects to TRACKING_TARGET as a recipient of this host's links would."""

    def __init__(self, *, port: int | None = None, trusted: ssl.SSLContext | None = None) -> None:
        self._port = port or _PORTS[settings.TRACKING_SCHEME]
        self._tls = trusted or ssl.create_default_context()

    def answers(self, host: str) -> None:
        try:
            status, body = self._asked(host)
        except ssl.SSLCertVerificationError as error:
            raise NotAnsweredByUs(
                f"The name leads here, but the proxy has no certificate for it ({error.verify_message})."
            ) from error
        except (OSError, http.client.HTTPException) as error:
            raise TemporaryFailure("The name leads here, but nothing answered under it.") from error
        if status >= http.client.INTERNAL_SERVER_ERROR:
            raise TemporaryFailure(f"The name leads here, but the answer under it was an error ({status}).")
        if not _is_ours(body, host):
            raise NotAnsweredByUs("The name leads here, but something else than EngageX answers under it.")

    def _asked(self, host: str) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection(host, timeout=_SECONDS)
        connection.sock = socket.create_connection((settings.TRACKING_TARGET, self._port), timeout=_SECONDS)
        try:
            if settings.TRACKING_SCHEME == "https":
                connection.sock = self._tls.wrap_socket(connection.sock, server_hostname=host)
            connection.request("GET", PROOF_PATH)
            response = connection.getresponse()
            return response.status, response.read(_LONGEST_ANSWER)
        finally:
            connection.close()


def _is_ours(body: bytes, host: str) -> bool:
    try:
        return unsign(Purpose.LINK_HOST, body.decode("ascii").strip()) == host.encode()
    except (BadToken, UnicodeDecodeError):
        return False
