"""The address of a connection's webhook. The signed id cannot be guessed; what is posted there is trusted for its
signature alone."""

from uuid import UUID

from django.conf import settings
from django.urls import reverse

from core.common.tokens import BadToken, Purpose, sign, unsign


def webhook_url(connection_id: UUID) -> str:
    token = sign(Purpose.WEBHOOK, connection_id.bytes)
    return f"{settings.PUBLIC_URL}{reverse('tracking:sendgrid_events', args=[token])}"


def connection_id_from(token: str) -> UUID:
    """Raises BadToken."""
    payload = unsign(Purpose.WEBHOOK, token)
    if len(payload) != 16:
        raise BadToken("not the token of a connection")
    return UUID(bytes=payload)
