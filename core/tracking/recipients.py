"""From a verified token to the recipient behind it. The only place of tracking that opens a scope."""

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from core.common.request_context import current_context, request_context
from core.common.tenancy import all_organizations, organization_scope
from core.delivery.models import Message


@contextmanager
def recipient_scope(message_id: UUID) -> Iterator[Message]:
    """Open the scope of the message's organization and yield the message with its contact and client.

    What is done inside stands in the audit log as the recipient's, without an address of theirs. Call with an id out
    of a verified token only. Raises Message.DoesNotExist when the mail is no longer kept.
    """
    with all_organizations(reason="a verified token names its mail"):
        message = Message.objects.select_related("contact", "organization").get(pk=message_id)
    actor = request_context(request_id=current_context().request_id, actor_label="recipient")
    with organization_scope(message.organization_id), actor:
        yield message
