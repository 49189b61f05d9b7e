"""The commit before the call: what is about to be handed over, to whom, and with which values.

After this commit a mail may have gone out whatever happens to the worker; before it, it cannot have.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson
from django.conf import settings
from django.db import transaction

from core.common.ids import new_id
from core.common.prepared import prepared
from core.common.tenancy import require
from core.contacts.audience import blocked_contacts
from core.contacts.queries import ContactValues, contact_merge_values
from core.delivery import outcomes
from core.delivery.claim import BatchClaim
from core.delivery.rendering import CampaignMail
from core.delivery.transports.base import Recipient


@dataclass(frozen=True, slots=True)
class DueMessage:
    """A message of a claimed batch that waits to be sent. `attempts` were made before."""

    message_id: UUID
    contact_id: UUID
    attempts: int
    person: ContactValues


@dataclass(frozen=True, slots=True)
class Intent:
    """A committed intent. Without recipients nothing is to be sent: all of them were blocked at the last moment."""

    attempt_id: UUID
    recipients: list[Recipient]
    skipped: int


# Pause and cancel against an intent: as in `claim`, the campaign's row is locked FOR SHARE. A pause that committed
# first lets no intent through; a pause that comes second waits for this commit, and then the mails of this one slice
# still go out. The row that the lock finds is looked at again, its revision as well: a worker that prepared its mails
# before a correction and comes here after it, with pause and resume long over, is refused and prepares anew. A batch
# taken away meanwhile (another fencing token) lets no intent through either.
_HOLD = """
    WITH campaign AS (
        SELECT id FROM campaigns_campaign
         WHERE id = %(campaign_id)s AND organization_id = %(organization_id)s AND status IN ('sending', 'sent')
           AND content_revision = %(revision)s
           FOR SHARE
    )
    UPDATE delivery_deliverybatch AS batch
       SET state = 'dispatching', lease_until = now() + %(lease)s * interval '1 second'
      FROM campaign
     WHERE batch.id = %(batch_id)s AND batch.organization_id = %(organization_id)s
       AND batch.fencing_token = %(token)s AND batch.state IN ('leased', 'dispatching')
       AND batch.campaign_id = campaign.id
"""

# One statement for both tables: a round trip less in each slice. A second attempt writes its own values over the old.
_WRITE_INTENT = """
    WITH mail AS (
        SELECT * FROM json_to_recordset(%(mails)s::json) AS mail (message_id uuid, address text, "values" jsonb)
    ), attempt AS (
        INSERT INTO delivery_sendattempt
               (id, organization_id, batch_id, fencing_token, message_ids, started_at, worker, result)
        VALUES (%(attempt_id)s, %(organization_id)s, %(batch_id)s, %(token)s, ARRAY(SELECT message_id FROM mail), now(),
                %(worker)s, '{}')
    )
    INSERT INTO delivery_messagevalues (organization_id, message_id, snapshot_id, address, "values", written_at)
    SELECT %(organization_id)s, message_id, %(snapshot_id)s, address, "values", now() FROM mail
        ON CONFLICT (message_id) DO UPDATE
       SET snapshot_id = excluded.snapshot_id,
           address = excluded.address, "values" = excluded."values", written_at = excluded.written_at
"""


# By the batch alone first: without statistics, in a ledger that grows by the second, the planner would also walk the
# index of everything the client ever got, longer with each mail.
_DUE = """
    WITH of_batch AS MATERIALIZED (
        SELECT id, contact_id, attempts, organization_id, send_state FROM delivery_message WHERE batch_id = %(batch_id)s
    )
    SELECT id, contact_id, attempts FROM of_batch
     WHERE organization_id = %(organization_id)s AND send_state = 'ready' ORDER BY id
"""


def due_messages(claim: BatchClaim) -> list[DueMessage]:
    """The messages of a claimed batch that wait to be sent, in id order, with their contacts' values. Two queries."""
    require(claim.organization_id)
    parameters = {"batch_id": claim.batch_id, "organization_id": claim.organization_id}
    with prepared(_DUE, parameters) as cursor:
        rows = cursor.fetchall()
    people = contact_merge_values(organization_id=claim.organization_id, contact_ids=[row[1] for row in rows])
    return [DueMessage(row[0], row[1], row[2], people[row[1]]) for row in rows]


def commit_intent(claim: BatchClaim, mail: CampaignMail, messages: Sequence[DueMessage]) -> Intent | None:
    """Commit that these messages are about to be handed over; people blocked meanwhile are suppressed instead.

    None, with nothing written, when the batch may not go on: its campaign was paused or cancelled, its content was
    corrected since `mail` was prepared, or the batch was taken away. Three statements and one commit, whatever the
    size.
    """
    require(claim.organization_id)
    with transaction.atomic():
        if not _hold(claim, mail):
            return None
        contact_ids = [message.contact_id for message in messages]
        blocked = blocked_contacts(
            organization_id=claim.organization_id, contact_ids=contact_ids, definition=mail.audience
        )
        reasons = {
            message.message_id: blocked[message.contact_id] for message in messages if message.contact_id in blocked
        }
        outcomes.skip(claim, reasons)
        open_messages = [message for message in messages if message.contact_id not in blocked]
        return Intent(*_written(claim, mail, open_messages), skipped=len(reasons))


def _hold(claim: BatchClaim, mail: CampaignMail) -> bool:
    parameters: dict[str, Any] = {
        "campaign_id": claim.campaign_id,
        "organization_id": claim.organization_id,
        "batch_id": claim.batch_id,
        "token": claim.fencing_token,
        "revision": mail.revision,
        "lease": settings.DELIVERY_LEASE_SECONDS,
    }
    with prepared(_HOLD, parameters) as cursor:
        return cursor.rowcount == 1


def _written(claim: BatchClaim, mail: CampaignMail, messages: Sequence[DueMessage]) -> tuple[UUID, list[Recipient]]:
    """Write attempt and values; the attempt's id, and the recipients in the order of the messages."""
    attempt_id = new_id()
    if not messages:
        return attempt_id, []
    mails = [_mail(mail, message) for message in messages]
    parameters: dict[str, Any] = {
        "attempt_id": attempt_id,
        "organization_id": claim.organization_id,
        "batch_id": claim.batch_id,
        "token": claim.fencing_token,
        "worker": claim.worker,
        "snapshot_id": mail.snapshot_id,
        "mails": orjson.dumps(mails).decode(),
    }
    with prepared(_WRITE_INTENT, parameters):
        pass
    return attempt_id, [mail.recipient(**values) for values in mails]


def _mail(mail: CampaignMail, message: DueMessage) -> dict[str, Any]:
    """What one mail is made from, by the names of `_WRITE_INTENT` and of `CampaignMail.recipient`."""
    person = message.person
    kept = mail.kept_values(person.name, person.values)
    return {
        "message_id": message.message_id,
        "contact_id": message.contact_id,
        "address": person.address,
        "values": kept,
    }
