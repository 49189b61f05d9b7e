"""SendGrid's Web API as a transport."""

from core.delivery.transports.sendgrid.api import SendGridApi, SendGridSettings, missing_right
from core.delivery.transports.sendgrid.letter import MESSAGE_ARGUMENT
from core.delivery.transports.sendgrid.transport import SendGridTransport

__all__ = ["MESSAGE_ARGUMENT", "SendGridApi", "SendGridSettings", "SendGridTransport", "missing_right"]
