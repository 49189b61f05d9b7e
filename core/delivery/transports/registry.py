"""From a connection's row to an open transport, kept as long as the worker process lives."""

import atexit
import datetime
from uuid import UUID

from core.delivery.models import AgencyAccount, Connection
from core.delivery.models.connections import ConnectionKind, SmtpSecurity
from core.delivery.transports.anymail import AnymailSettings, AnymailTransport
from core.delivery.transports.base import Transport
from core.delivery.transports.sandbox import SandboxTransport
from core.delivery.transports.sendgrid import SendGridSettings, SendGridTransport
from core.delivery.transports.smtp import SmtpTransport
from core.delivery.transports.smtp_session import Security, SmtpSettings

KEPT_TRANSPORTS = 16


def account_of(connection: Connection) -> Connection | AgencyAccount:
    """Whose kind, server and secrets count: the agency's account where the connection uses one, else its own."""
    return connection.account or connection


def transport_for(connection: Connection) -> Transport:
    """A new transport for the connection. Nothing is opened yet."""
    kind = account_of(connection).kind
    if kind == ConnectionKind.SANDBOX:
        return SandboxTransport(connection.organization_id)
    if kind == ConnectionKind.SENDGRID:
        return SendGridTransport(sendgrid_settings(connection))
    if kind == ConnectionKind.ANYMAIL:
        return AnymailTransport(anymail_settings(connection))
    return SmtpTransport(smtp_settings(connection))


def sendgrid_settings(connection: Connection) -> SendGridSettings:
    """How to reach SendGrid with the key that the connection uses."""
    account = account_of(connection)
    return SendGridSettings(
        host=account.host,
        port=account.port,
        key=account.password,
        on_behalf_of=connection.on_behalf_of,
        is_plain=account.security == SmtpSecurity.NONE,
    )


def anymail_settings(connection: Connection) -> AnymailSettings:
    """How to reach another provider with the key that the connection uses."""
    account = account_of(connection)
    return AnymailSettings(
        provider=account.provider,
        key=account.password,
        secret=account.secret,
        host=account.host,
        port=account.port,
        is_plain=account.security == SmtpSecurity.NONE,
    )


def smtp_settings(connection: Connection) -> SmtpSettings:
    """How to reach the server that the connection uses."""
    account = account_of(connection)
    return SmtpSettings(
        host=account.host,
        port=account.port,
        username=account.username,
        password=account.password,
        security=Security(account.security),
    )


class Transports:
    """The open transports of this process, one per connection, the least used closed first.

    Used by one thread. A changed connection or account (another password, another server) gets a new transport.
    """

    def __init__(self) -> None:
        self._open: dict[UUID, tuple[datetime.datetime, Transport]] = {}

    def get(self, connection_id: UUID, changed_at: datetime.datetime) -> Transport:
        """The transport for the connection as it or its account was changed last. Reads rows only when it is new."""
        version, transport = self._open.pop(connection_id, (None, None))
        if transport is None or version != changed_at:
            if transport is not None:
                transport.close()
            transport = transport_for(Connection.objects.select_related("account").get(pk=connection_id))
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
