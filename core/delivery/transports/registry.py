"""From a connection's row to an open transport, kept as long as the worker process lives."""

import atexit
import datetime
from uuid import UUID

from core.delivery.models import Connection
from core.delivery.models.connections import ConnectionKind, SmtpSecurity
from core.delivery.transports.base import Transport
from core.delivery.transports.sandbox import SandboxTransport
from core.delivery.transports.sendgrid import SendGridSettings, SendGridTransport
from core.delivery.transports.smtp import SmtpTransport
from core.delivery.transports.smtp_session import Security, SmtpSettings

KEPT_TRANSPORTS = 16


def transport_for(connection: Connection) -> Transport:
    """A new transport for the connection. Nothing is opened yet."""
    if connection.kind == ConnectionKind.SANDBOX:
        return SandboxTransport(connection.organization_id)
    if connection.kind == ConnectionKind.SENDGRID:
        return SendGridTransport(sendgrid_settings(connection))
    return SmtpTransport(smtp_settings(connection))


def sendgrid_settings(connection: Connection) -> SendGridSettings:
    """How to reach SendGrid with the connection's key."""
    return SendGridSettings(
        host=connection.host,
        port=connection.port,
        key=connection.password,
        is_plain=connection.security == SmtpSecurity.NONE,
    )


def smtp_settings(connection: Connection) -> SmtpSettings:
    """How to reach the connection's server."""
    return SmtpSettings(
        host=connection.host,
        port=connection.port,
        username=connection.username,
        password=connection.password,
        security=Security(connection.security),
    )


class Transports:
    """The open transports of this process, one per connection, the least used closed first.

    Used by one thread. A changed connection (another password, another server) gets a new transport.
    """

    def __init__(self) -> None:
        self._open: dict[UUID, tuple[datetime.datetime, Transport]] = {}

    def get(self, connection_id: UUID, changed_at: datetime.datetime) -> Transport:
        """The transport for the connection as it was changed last. Reads the connection's row only when it is new."""
        version, transport = self._open.pop(connection_id, (None, None))
        if transport is None or version != changed_at:
            if transport is not None:
                transport.close()
            transport = transport_for(Connection.objects.get(pk=connection_id))
        self._open[connection_id] = (changed_at, transport)
        if len(self._open) > KEPT_TRANSPORTS:
            self.forget(next(iter(self._open)))
        return transport

    def forget(self, connection_id: UUID) -> None:
        """Close the transport of this connection, if there is one."""
        _version, transport = self._open.pop(connection_id, (None, None))
        if transport is not None:
            transport.close()

    def close(self) -> None:
        """Take leave of all providers."""
        for connection_id in list(self._open):
            self.forget(connection_id)


transports = Transports()
# Celery's worker processes end through os._exit after their own signal; see tasks.py.
atexit.register(transports.close)
