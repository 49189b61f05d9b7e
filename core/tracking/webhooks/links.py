"""The addresses of webhooks. The signed id cannot be guessed; what is posted there is trusted for its proof alone, but
for SendGrid's Inbound Parse, which may come without a signature: there the address is the secret."""

from uuid import UUID

from django.conf import settings
from django.urls import reverse

from core.common.tokens import BadToken, Purpose, sign, unsign
from core.tracking.choices import WebhookKind
from core.tracking.models import WebhookEndpoint

_INBOUND = {
    WebhookKind.INBOUND_SENDGRID: "tracking:inbound_sendgrid",
    WebhookKind.INBOUND_SIGNED: "tracking:inbound_mail",
}


def webhook_url(connection_id: UUID) -> str:
    """Where SendGrid reports what became of a connection's mails."""
    return _url("tracking:sendgrid_events", sign(Purpose.WEBHOOK, connection_id.bytes))


def provider_url(connection_id: UUID) -> str:
    """Where another provider reports what became of a connection's mails."""
    return _url("tracking:provider_events", sign(Purpose.WEBHOOK, connection_id.bytes))


def inbound_url(endpoint: WebhookEndpoint) -> str:
    """Where mails come in that come back. A new endpoint has a new address, which is how an address is exchanged."""
    return _url(_INBOUND[WebhookKind(endpoint.kind)], sign(Purpose.INBOUND, endpoint.pk.bytes))


def connection_id_from(token: str) -> UUID:
    """Raises BadToken."""
    return _id(Purpose.WEBHOOK, token)


def endpoint_id_from(token: str) -> UUID:
    """Raises BadToken."""
    return _id(Purpose.INBOUND, token)


def _url(name: str, token: str) -> str:
    return f"{settings.PUBLIC_URL}{reverse(name, args=[token])}"


def _id(purpose: Purpose, token: str) -> UUID:
    payload = unsign(purpose, token)
    if len(payload) != 16:
        raise BadToken("not the token of a row")
    return UUID(bytes=payload)
