"""Preflight's look at the way out: the connection that would carry the campaign."""

from collections.abc import Iterator

from core.campaigns.preflight import Case, Check, Found, Level
from core.delivery.models import Connection
from core.delivery.models.connections import ConnectionKind


def _connection(case: Case) -> Connection | None:
    return Connection.objects.filter(organization_id=case.organization_id, is_default=True).first()


def way_out(case: Case) -> Iterator[Found]:
    """Missing is a stop: the campaign would fail at its start. A paused one or the sandbox is known before."""
    connection = _connection(case)
    if connection is None:
        message = "No connection is used for campaigns of this client, so nothing could leave."
        yield Found(f"{message} Choose one under Connections.", "no_connection", Level.STOP)
    elif connection.paused_at is not None:
        words = f" It said: {connection.problem}" if connection.problem else ""
        message = f"The connection “{connection}” stands still, so the mails would wait.{words}"
        yield Found(f"{message} Look at it under Connections.", "connection_paused")
    elif connection.kind == ConnectionKind.SANDBOX:
        message = f"“{connection}” is a sandbox: it keeps the mails to look at and delivers nothing."
        yield Found(f"{message} Choose another under Connections when it should arrive.", "connection_sandbox")


def _fine(case: Case) -> str:
    return f"The mails leave over “{_connection(case)}”."


CHECK = Check("connection", "A connection carries it", "connection", Level.WARNING, way_out, _fine)
