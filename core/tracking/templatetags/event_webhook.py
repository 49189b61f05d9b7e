"""What a connection's page says about the reports of its provider."""

from typing import Any

from django import template

from core.delivery.models import Connection
from core.delivery.models.connections import ConnectionKind
from core.tracking.models import WebhookEndpoint, WebhookPost
from core.tracking.webhooks.links import webhook_url

register = template.Library()


@register.inclusion_tag("tracking/event_webhook.html")
def event_webhook(connection: Connection | None) -> dict[str, Any]:
    """Address, keys and the last report; nothing for what is no SendGrid connection."""
    place = (connection.account or connection) if connection is not None else None
    if connection is None or place is None or place.kind != ConnectionKind.SENDGRID:
        return {}
    endpoint = WebhookEndpoint.objects.filter(connection_id=connection.pk).first()
    newest = WebhookPost.objects.filter(endpoint=endpoint).order_by("-pk").first() if endpoint else None
    return {"connection": connection, "endpoint": endpoint, "newest": newest, "url": webhook_url(connection.pk)}
