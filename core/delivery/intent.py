"""The commit before the call: what is about to be handed over, to whom, and with which values.

After this commit a mail may have gone out whatever happens to the worker; before it, it cannot have.
"""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson
from django.conf import settings

from core.common.ids import new_id
from core.common.prepared import Execution, pipelined_transaction, prepared
from core.common.tenancy import require
from core.contacts.audience import last_moment_sql
from core.contacts.choices import BlockReason
from core.delivery import outcomes
from core.delivery.claim import BatchClaim
from core.delivery.outcomes import Answered
from core.delivery.rendering import CampaignMail
from core.delivery.transports.base import Recipient

MOST_AT_ONCE = 1_000
"""As many as a batch may hold."""


@dataclass(frozen=True, slots=True)
class Intent:
    """A committed intent about the next mails of a batch, in id order.

    `attempts` has every mail that was looked at, with how often it was tried before; `skipped` of them were blocked at
    the last moment. Without recipients nothing is to be sent, and without attempts no mail of the batch waits.
    """

    attempt_id: UUID
    recipients: list[Recipient]
    attempts: dict[UUID, int]
    skipped: int

    @property
    def last(self) -> UUID | None:
        """Where the next intent of this batch goes on."""
        return next(reversed(self.attempts), None)


@dataclass(frozen=True, slots=True)
class _Due:
    """A mail that waits to be sent. `reason` names why its person must not be written to; "" when she may."""

    message_id: UUID
    contact_id: UUID
    attempts: int
    reason: str
    columns: Sequence[Any]


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
       AND batch.fencing_token = %(token)s AND batch.worker = %(worker)s
       AND batch.state IN ('leased', 'dispatching')
       AND batch.campaign_id = campaign.id
"""

# Between two slices the batch is this worker's already, as the outcome that is written next finds out.
_STILL_GOES = """
    SELECT id FROM campaigns_campaign
     WHERE id = %(campaign_id)s AND organization_id = %(organization_id)s AND status IN ('sending', 'sent')
       AND content_revision = %(revision)s
       FOR SHARE
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


# Mails, people and the last look at them in one statement, after the campaign's row is locked: nobody whom it shows can
# have been called off in between. By the batch alone first: without statistics, in a ledger that grows by the second,
# the planner would also walk the index of everything the client ever got, longer with each mail.
_DUE = """
    WITH of_batch AS MATERIALIZED (
        SELECT id, contact_id, attempts, organization_id, send_state FROM delivery_message WHERE batch_id = %s
    ), due AS MATERIALIZED (
        SELECT id, contact_id, attempts FROM of_batch
         WHERE organization_id = %s AND send_state = 'ready' AND id > %s ORDER BY id LIMIT %s
    )
    SELECT due.id, due.contact_id, due.attempts,
           CASE WHEN contact.id IS NULL THEN '{deleted}' ELSE {reason} END, {columns}
      FROM due LEFT JOIN contacts_contact AS contact
        ON contact.id = due.contact_id AND contact.organization_id = %s
     ORDER BY due.id
"""
_BEFORE_ALL = UUID(int=0)


def commit_intent(
    claim: BatchClaim,
    mail: CampaignMail,
    *,
    limit: int = MOST_AT_ONCE,
    after: UUID | None = None,
    answered: Answered | None = None,
) -> Intent | None:
    """Commit that the next mails of the batch, at most `limit` behind `after`, are about to be handed over; people
    blocked meanwhile are suppressed instead.

    None, with nothing written, when the batch may not go on: its campaign was paused or cancelled, its content was
    corrected since `mail` was prepared, or the batch was taken away. Three statements and one commit, whatever the
    size.

    `answered`, the accepted mails of the intent before, are written down in the same transaction, whatever becomes of
    this intent: half the commits, and at any moment no more than one slice in doubt. Raises StaleClaim, with nothing
    written, when the batch was taken away meanwhile.
    """
    require(claim.organization_id)
    with pipelined_transaction():
        with ExitStack() as sent:
            hold = sent.enter_context(_holding(claim, mail, _HOLD if answered is None else _STILL_GOES))
            if answered is not None:
                sent.enter_context(outcomes.recording(claim, answered))
            found = sent.enter_context(_looking(claim, mail, after or _BEFORE_ALL, limit))
            due = [_Due(row[0], row[1], row[2], row[3], row[4:]) for row in found.fetchall()]
            may_go_on = hold.rowcount == 1
        if not may_go_on:
            return None
        reasons = {one.message_id: one.reason for one in due if one.reason}
        outcomes.skip(claim, reasons)
        attempt_id, recipients = _written(claim, mail, [one for one in due if not one.reason])
        return Intent(attempt_id, recipients, {one.message_id: one.attempts for one in due}, len(reasons))


def _holding(claim: BatchClaim, mail: CampaignMail, sql: str) -> Execution:
    parameters: dict[str, Any] = {
        "campaign_id": claim.campaign_id,
        "organization_id": claim.organization_id,
        "batch_id": claim.batch_id,
        "token": claim.fencing_token,
        "revision": mail.revision,
        "worker": claim.worker,
        "lease": settings.DELIVERY_LEASE_SECONDS,
    }
    return prepared(sql, parameters)


def _looking(claim: BatchClaim, mail: CampaignMail, after: UUID, limit: int) -> Execution:
    reason, parameters = last_moment_sql(claim.organization_id, mail.audience)
    sql = _DUE.format(deleted=BlockReason.DELETED, reason=reason, columns=mail.people.columns)
    of_batch = [claim.batch_id, claim.organization_id, after, limit]
    return prepared(sql, [*of_batch, *parameters, claim.organization_id])


def _written(claim: BatchClaim, mail: CampaignMail, due: Sequence[_Due]) -> tuple[UUID, list[Recipient]]:
    """Write attempt and values; the attempt's id, and the recipients in the order of the mails."""
    attempt_id = new_id()
    if not due:
        return attempt_id, []
    mails = [_mail(mail, one) for one in due]
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


def _mail(mail: CampaignMail, one: _Due) -> dict[str, Any]:
    """What one mail is made from, by the names of `_WRITE_INTENT` and of `CampaignMail.recipient`."""
    person = mail.people.read(one.columns)
    return {
        "message_id": one.message_id,
        "contact_id": one.contact_id,
        "address": person.address,
        "values": person.values,
    }
