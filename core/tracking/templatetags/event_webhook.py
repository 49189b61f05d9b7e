"""What a connection's page says about the reports of its provider."""

from typing import Any

from django import template

from core.delivery.models import Connection
from core.delivery.models.connections import ConnectionKind
from core.delivery.models.kinds import AnymailProvider
from core.tracking.choices import WebhookKind
from core.tracking.models import WebhookEndpoint, WebhookPost
from core.tracking.webhooks.links import provider_url, webhook_url

register = template.Library()


@register.inclusion_tag("tracking/event_webhook.html")
def event_webhook(connection: Connection | None) -> dict[str, Any]:
    """Address, proof and the last report; nothing for what reports nothing."""
    place = (connection.account or connection) if connection is not None else None
    if connection is None or place is None or place.kind not in (ConnectionKind.SENDGRID, ConnectionKind.ANYMAIL):
        return {}
    is_sendgrid = place.kind == ConnectionKind.SENDGRID
    endpoint = WebhookEndpoint.objects.filter(connection_id=connection.pk, kind=WebhookKind.EVENTS).first()
    newest = WebhookPost.objects.filter(endpoint=endpoint).order_by("-pk").first() if endpoint else None
    return {
        "connection": connection,
        "endpoint": endpoint,
        "newest": newest,
        "provider": "SendGrid" if is_sendgrid else AnymailProvider(place.provider).label,
        "has_two": bool(endpoint and (endpoint.second_key or endpoint.second_secret)),
        "url": webhook_url(connection.pk) if is_sendgrid else provider_url(connection.pk),
    }
