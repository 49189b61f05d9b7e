"""People whom a provider refuses as unknown are mailed no more."""

from collections.abc import Sequence

from django.db import connection

from core.contacts.choices import SuppressionReason
from core.contacts.refusals import refusal_note
from core.contacts.services import contacts_stop
from core.delivery.claim import BatchClaim
from core.delivery.models import Connection
from core.delivery.retry_policy import CONSEQUENCES
from core.delivery.transports.base import Outcome, OutcomeKind


def stop_gone(claim: BatchClaim, outcomes: Sequence[Outcome]) -> None:
    """Mail no more to whom the provider says do not exist, as when a bounce says so later.

    Contacts are locked before their messages, as the intake of events does. Whoever has another address by now is left
    alone.
    """
    gone = [outcome.message_id for outcome in outcomes if _is_hard_bounce(outcome)]
    if not gone:
        return
    with connection.cursor() as cursor:
        cursor.execute(_GONE, {"organization_id": claim.organization_id, "message_ids": gone})
        contact_ids = [row[0] for row in cursor.fetchall()]
    over = Connection.objects.values_list("name", flat=True).get(pk=claim.connection_id)
    contacts_stop(contact_ids=contact_ids, reason=SuppressionReason.BOUNCED, note=refusal_note(over))


def _is_hard_bounce(outcome: Outcome) -> bool:
    return outcome.kind is OutcomeKind.FAILED and CONSEQUENCES[outcome.error].is_hard_bounce


_GONE = """
    SELECT contact.id
      FROM delivery_message AS message JOIN delivery_messagevalues AS value ON value.message_id = message.id
      JOIN contacts_contact AS contact
        ON contact.id = message.contact_id AND contact.organization_id = message.organization_id
     WHERE message.id = ANY(%(message_ids)s) AND message.organization_id = %(organization_id)s
       AND lower(value.address) = lower(contact.email)
"""
