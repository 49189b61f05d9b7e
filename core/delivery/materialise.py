"""From an audience to the ledger: one row for everybody, the skipped ones with their reason.

One statement a chunk writes messages and batches together and is one commit, so a killed worker's successor goes on
behind the last contact that has a row. Only when everybody stands in the ledger, and the plan has room for all of them,
the first mail may leave.

Where not everybody is due at the same time or with the same content, people are divided into lanes
(`core.delivery.lanes`), and a batch belongs to one lane.
"""

import time
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models import F, Sum

from core.campaigns.errors import ChangedMeanwhile, IllegalTransition
from core.campaigns.models import Campaign, CampaignSnapshot
from core.campaigns.queries import frozen_audience
from core.campaigns.services import (
    campaign_begin,
    campaign_correct_reservation,
    campaign_failed,
    campaign_halted,
    campaign_started,
)
from core.campaigns.states import CampaignStatus, PauseReason
from core.common.db import advisory_lock
from core.common.errors import DomainError
from core.common.tenancy import require
from core.contacts.audience import audience_sql
from core.delivery.errors import NoConnection
from core.delivery.lanes import Lanes, frozen_variants, lanes_of
from core.delivery.mime import MimeSkeleton
from core.delivery.models import Connection, DeliveryBatch
from core.delivery.rendering import campaign_mail
from core.subscriptions.errors import LimitReached, NoUsableSubscription

CHUNK = 10_000
"""People per commit: long enough that commits cost nothing, short enough that a pause is obeyed within a second."""

# The campaign's row is locked FOR SHARE: a pause or cancel that committed first leaves the chunk empty, one that comes
# second waits for it. Ids are made in order of the contacts, so a batch is a range of neighbouring rows.
_CHUNK = """
    WITH campaign AS (
        SELECT id FROM campaigns_campaign
         WHERE id = %s AND organization_id = %s AND status = 'materialising'
           FOR SHARE
    ), person AS (
        {person}
    ), batch AS (
        INSERT INTO delivery_deliverybatch
               (id, organization_id, campaign_id, connection_id, number, size, suppressed_count, state, settled_at,
                variant, due_at, fencing_token, worker,
                accepted_count, failed_count, retry_count, uncertain_count, unresolved_count)
        SELECT engagex_uuid7(), %s, %s, %s, number, count(*), count(*) FILTER (WHERE skip_reason <> ''),
               CASE WHEN bool_and(skip_reason <> '') THEN 'settled' ELSE 'ready' END,
               CASE WHEN bool_and(skip_reason <> '') THEN now() END,
               {variant}, {due_at}, 0, '', 0, 0, 0, 0, 0
          FROM person GROUP BY number ORDER BY number
        RETURNING id, number
    ), message AS (
        INSERT INTO delivery_message
               (id, organization_id, campaign_id, contact_id, batch_id, send_state, reason,
                words, attempts, resends, provider_message_id, delivery_state)
        SELECT engagex_uuid7(), %s, %s, person.contact_id, batch.id,
               CASE WHEN person.skip_reason = '' THEN 'ready' ELSE 'suppressed' END, person.skip_reason,
               '', 0, 0, '', 'none'
          FROM person JOIN batch USING (number) ORDER BY person.contact_id
        RETURNING contact_id
    )
    SELECT (SELECT count(*) FROM message), (SELECT contact_id FROM person ORDER BY contact_id DESC LIMIT 1),
           (SELECT max(number) FROM person)
"""

_EVERYBODY_AT_ONCE = """
        SELECT contact_id, skip_reason,
               %s + (row_number() OVER (ORDER BY contact_id) - 1) / %s AS number
          FROM ({audience}) AS audience
         WHERE contact_id > %s AND EXISTS (SELECT 1 FROM campaign)
         ORDER BY contact_id
         LIMIT %s
"""

# Parts of `batch_size` people inside each lane, the lanes that are due first with the lowest numbers.
_IN_LANES = """
        SELECT contact_id, skip_reason, variant, due_at,
               %s + dense_rank() OVER (ORDER BY due_at, variant, part) - 1 AS number
          FROM (SELECT laned.*, (row_number() OVER (PARTITION BY due_at, variant ORDER BY contact_id) - 1) / %s AS part
                  FROM ({lanes}) AS laned) AS parted
"""
_CHOSEN = """
        SELECT contact_id, skip_reason FROM ({audience}) AS audience
         WHERE contact_id > %s AND EXISTS (SELECT 1 FROM campaign)
         ORDER BY contact_id
         LIMIT %s
"""

_CHECKPOINT = """
    SELECT coalesce((SELECT max(number) FROM delivery_deliverybatch WHERE campaign_id = %(campaign_id)s), 0) + 1,
           coalesce((SELECT contact_id FROM delivery_message WHERE campaign_id = %(campaign_id)s
                      ORDER BY contact_id DESC LIMIT 1), '00000000-0000-0000-0000-000000000000'::uuid)
"""


@dataclass(frozen=True)
class Materialised:
    """What one run did. `status` is the campaign's afterwards."""

    status: CampaignStatus
    rows: int = 0


def materialise_campaign(*, campaign_id: UUID, seconds: float | None = None) -> Materialised:
    """Bring a due campaign into the ledger and start it, or go on where the last run stopped, killed or not.

    After `seconds` it stops between two chunks, so that others have their turn; the status then stays `materialising`.
    Ends in `sending`; in `paused` (quota) when the plan has no room left, before any mail; in `failed` when the
    campaign cannot be sent at all. Two at once, or a second time, do nothing.
    """
    with advisory_lock(f"materialise {campaign_id}") as acquired:
        if not acquired:
            return Materialised(_status(campaign_id))
        snapshot = _begun(campaign_id)
        if snapshot is None:
            return Materialised(_status(campaign_id))
        sender = Connection.objects.filter(organization_id=snapshot.organization_id, is_default=True).get()
        deadline = None if seconds is None else time.monotonic() + seconds
        rows, is_whole = _write_ledger(snapshot, sender, deadline)
        if is_whole:
            _start(campaign_id)
        return Materialised(_status(campaign_id), rows)


def _begun(campaign_id: UUID) -> CampaignSnapshot | None:
    """Freeze the campaign and try everything that would fail for all its mails alike. None: there is nothing to do."""
    try:
        snapshot = campaign_begin(campaign_id=campaign_id)
        _check_sendable(snapshot)
    except (IllegalTransition, ChangedMeanwhile):
        return None
    except DomainError as problem:
        if not DeliveryBatch.objects.filter(campaign_id=campaign_id).exists():
            campaign_failed(campaign_id=campaign_id, problem=str(problem))
        else:
            campaign_halted(campaign_id=campaign_id, reason=PauseReason.CONNECTION, problem=str(problem))
        return None
    return snapshot


def _check_sendable(snapshot: CampaignSnapshot) -> None:
    """Raises NoConnection, or MailProblem for a sender or header that no mail can carry."""
    if not Connection.objects.filter(organization_id=snapshot.organization_id, is_default=True).exists():
        raise NoConnection(
            "No connection is used for campaigns of this client. Choose one under Connections, then send again."
        )
    for variant in frozen_variants(snapshot.campaign_id):
        MimeSkeleton(campaign_mail(snapshot.campaign_id, variant).content)


def _write_ledger(snapshot: CampaignSnapshot, sender: Connection, deadline: float | None) -> tuple[int, bool]:
    """Write chunk after chunk until nobody is left, the campaign was stopped or the time is over: the number of rows,
    and whether there is nothing left to write."""
    with connection.cursor() as cursor:
        cursor.execute(_CHECKPOINT, {"campaign_id": snapshot.campaign_id})
        next_number, last_contact_id = cursor.fetchone()
    per_batch = sender.batch_size
    chunk = max(CHUNK // per_batch, 1) * per_batch
    lanes = lanes_of(snapshot)
    rows = 0
    while True:
        count, contact_id, number = _write_chunk(snapshot, sender, next_number, last_contact_id, chunk, lanes)
        rows += count
        if count < chunk:
            return rows, True
        if deadline is not None and time.monotonic() > deadline:
            return rows, False
        next_number, last_contact_id = number + 1, contact_id


def _write_chunk(
    snapshot: CampaignSnapshot,
    sender: Connection,
    next_number: int,
    last_contact_id: UUID,
    limit: int,
    lanes: Lanes | None,
) -> tuple[int, UUID, int]:
    """Write and commit one chunk: how many rows, the last contact and the last batch's number of it."""
    organization_id, campaign_id = snapshot.organization_id, snapshot.campaign_id
    require(organization_id)
    audience, parameters = audience_sql(frozen_audience(snapshot))
    chosen: list[Any] = [*parameters, last_contact_id, limit]
    if lanes is None:
        person, variant, due_at = _EVERYBODY_AT_ONCE.format(audience=audience), "0", "now()"
    else:
        divided, chosen = lanes.divide(_CHOSEN.format(audience=audience), chosen, next_number)
        person, variant, due_at = _IN_LANES.format(lanes=divided), "min(variant)", "min(due_at)"
    values: list[Any] = [campaign_id, organization_id, next_number, sender.batch_size, *chosen]
    values += [organization_id, campaign_id, sender.pk, organization_id, campaign_id]
    with connection.cursor() as cursor:
        cursor.execute(_CHUNK.format(person=person, variant=variant, due_at=due_at), values)
        row = cursor.fetchone()
    return row[0], row[1], row[2]


def _start(campaign_id: UUID) -> None:
    """Make the reservation exact and let the campaign go, in one transaction. A stopped campaign stays as it is."""
    campaign = Campaign.objects.get(pk=campaign_id)
    try:
        with transaction.atomic():
            campaign_correct_reservation(campaign_id=campaign_id, emails=sendable_count(campaign_id))
            campaign_started(campaign_id=campaign_id)
    except (LimitReached, NoUsableSubscription) as problem:
        campaign_halted(campaign_id=campaign.pk, reason=PauseReason.QUOTA, problem=str(problem))
    except (IllegalTransition, ChangedMeanwhile):
        return


def sendable_count(campaign_id: UUID) -> int:
    """How many people of the ledger get the mail, from the batches, before anything was sent."""
    batches = DeliveryBatch.objects.filter(campaign_id=campaign_id)
    return batches.aggregate(count=Sum(F("size") - F("suppressed_count")))["count"] or 0


def _status(campaign_id: UUID) -> CampaignStatus:
    return CampaignStatus(Campaign.objects.values_list("status", flat=True).get(pk=campaign_id))
