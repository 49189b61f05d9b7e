# ruff: noqa: S608 - every statement is made of the constants of this module
"""What must hold in the ledger whatever happened: each statement names the rows that break it, and must find none.

The nightly job, the page "Ledger checks" and the tests use these same statements. Each looks at one campaign (or at one
client, for its plan), and sees it at one moment: counts change in the statement that moves a mail, so a campaign on its
way breaks none of them either.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from uuid import UUID

from django.db import connection

from core.common.tenancy import require
from core.delivery.batches import HELD_UNTIL

OFFENDERS_SHOWN = 10


class Kind(StrEnum):
    """What the id of an offender names."""

    MESSAGE = "message"
    BATCH = "batch"
    CAMPAIGN = "campaign"
    CONTACT = "contact"
    CLIENT = "client"


@dataclass(frozen=True)
class Invariant:
    """`sentence` says what holds; `sql` gives (id, detail) of what breaks it, for one campaign or one client."""

    key: str
    sentence: str
    kind: Kind
    sql: str


@dataclass(frozen=True)
class Broken:
    """How many rows break an invariant, and the first of them as (id, detail)."""

    invariant: Invariant
    count: int
    offenders: list[tuple[UUID, str]]


_STATES = "'ready', 'accepted', 'retry_wait', 'suppressed', 'failed', 'uncertain', 'unresolved'"

# The messages that a campaign's attempts name, each once: how often it was about to be handed over, and whether an
# answer to that was ever written down.
_HANDED_OVER = """
    handed AS (
        SELECT named.id, count(*) AS attempts, bool_or(attempt.finished_at IS NOT NULL) AS is_answered
          FROM delivery_deliverybatch AS batch
          JOIN delivery_sendattempt AS attempt ON attempt.batch_id = batch.id
         CROSS JOIN LATERAL unnest(attempt.message_ids) AS named (id)
         WHERE batch.campaign_id = %(campaign_id)s AND batch.organization_id = %(organization_id)s
         GROUP BY named.id
    )
"""

_MESSAGE = "message.campaign_id = %(campaign_id)s AND message.organization_id = %(organization_id)s"
_BATCH = "batch.campaign_id = %(campaign_id)s AND batch.organization_id = %(organization_id)s"

OF_A_CAMPAIGN: tuple[Invariant, ...] = (
    Invariant(
        "one_mail_each",
        "Nobody stands twice in a campaign.",
        Kind.CONTACT,
        f"""
        SELECT message.contact_id AS id, count(*) || ' mails' AS detail FROM delivery_message AS message
         WHERE {_MESSAGE} GROUP BY message.contact_id HAVING count(*) > 1
        """,
    ),
    Invariant(
        "everybody_has_a_row",
        # Who was left out by a group or segment and is not any more leaves no trace: such campaigns prove nothing here.
        "Everybody who was in the groups when the campaign was frozen stands in its ledger, once it started.",
        Kind.CONTACT,
        """
        WITH frozen AS (
            SELECT audience, created_at FROM campaigns_campaignsnapshot
             WHERE campaign_id = %(campaign_id)s AND organization_id = %(organization_id)s
             ORDER BY revision, variant LIMIT 1
        ), groups AS (
            SELECT (jsonb_array_elements(audience -> 'included') ->> 'id')::uuid AS id FROM frozen
        )
        SELECT DISTINCT member.contact_id AS id, 'no row' AS detail
          FROM contacts_contactgroupmembership AS member
         WHERE member.organization_id = %(organization_id)s
           AND member.group_id IN (SELECT id FROM groups)
           AND member.added_at < (SELECT created_at FROM frozen) - interval '1 minute'
           AND EXISTS (SELECT 1 FROM campaigns_campaign AS campaign
                        WHERE campaign.id = %(campaign_id)s AND campaign.started_at IS NOT NULL)
           AND NOT EXISTS (SELECT 1 FROM frozen
                            WHERE jsonb_array_length(audience -> 'excluded') > 0
                               OR jsonb_array_length(audience -> 'excluded_segments') > 0)
           AND NOT EXISTS (SELECT 1 FROM delivery_message AS message
                            WHERE message.campaign_id = %(campaign_id)s AND message.contact_id = member.contact_id)
           AND NOT EXISTS (SELECT 1 FROM contacts_contact AS loser
                            WHERE loser.organization_id = %(organization_id)s
                              AND loser.merged_into_id = member.contact_id)
        """,
    ),
    Invariant(
        "own_batch",
        "Every mail stands in a batch of its own campaign.",
        Kind.MESSAGE,
        f"""
        SELECT message.id, coalesce('batch ' || message.batch_id, 'no batch') AS detail
          FROM delivery_message AS message
          LEFT JOIN delivery_deliverybatch AS batch ON batch.id = message.batch_id AND {_BATCH}
         WHERE {_MESSAGE} AND batch.id IS NULL
        """,
    ),
    Invariant(
        "counts",
        "Size and counts of every batch equal a recount of its mails.",
        Kind.BATCH,
        f"""
        SELECT batch.id, 'says ' || concat_ws('/', batch.size, batch.accepted_count, batch.suppressed_count,
                   batch.failed_count, batch.retry_count, batch.uncertain_count, batch.unresolved_count)
                   || ', counted ' || concat_ws('/', found.size, found.accepted, found.suppressed, found.failed,
                   found.retrying, found.uncertain, found.unresolved) AS detail
          FROM delivery_deliverybatch AS batch
          LEFT JOIN (
            SELECT message.batch_id, count(*) AS size,
                   count(*) FILTER (WHERE message.send_state = 'accepted') AS accepted,
                   count(*) FILTER (WHERE message.send_state = 'suppressed') AS suppressed,
                   count(*) FILTER (WHERE message.send_state = 'failed') AS failed,
                   count(*) FILTER (WHERE message.send_state = 'retry_wait') AS retrying,
                   count(*) FILTER (WHERE message.send_state = 'uncertain') AS uncertain,
                   count(*) FILTER (WHERE message.send_state = 'unresolved') AS unresolved
              FROM delivery_message AS message WHERE {_MESSAGE} GROUP BY message.batch_id) AS found
            ON found.batch_id = batch.id
         WHERE {_BATCH}
           AND (batch.size, batch.accepted_count, batch.suppressed_count, batch.failed_count, batch.retry_count,
                batch.uncertain_count, batch.unresolved_count)
               IS DISTINCT FROM
               (coalesce(found.size, 0), coalesce(found.accepted, 0), coalesce(found.suppressed, 0),
                coalesce(found.failed, 0), coalesce(found.retrying, 0), coalesce(found.uncertain, 0),
                coalesce(found.unresolved, 0))
        """,
    ),
    Invariant(
        "settled",
        "A batch that is done has nobody waiting.",
        Kind.BATCH,
        f"""
        SELECT batch.id, count(*) || ' waiting' AS detail FROM delivery_deliverybatch AS batch
          JOIN delivery_message AS message ON message.batch_id = batch.id AND message.send_state = 'ready'
         WHERE {_BATCH} AND batch.state = 'settled' GROUP BY batch.id
        """,
    ),
    Invariant(
        "states",
        "Every mail is in a state that there is, with the times and the reason that belong to it.",
        Kind.MESSAGE,
        f"""
        SELECT message.id, message.send_state || coalesce(' ' || nullif(message.reason, ''), '') AS detail
          FROM delivery_message AS message
         WHERE {_MESSAGE}
           AND (message.send_state NOT IN ({_STATES})
                OR (message.send_state = 'accepted') <> (message.accepted_at IS NOT NULL)
                OR (message.send_state IN ('retry_wait', 'uncertain') AND message.due_at IS NULL)
                OR (message.send_state IN ('suppressed', 'failed', 'uncertain') AND message.reason = ''))
        """,
    ),
    Invariant(
        "attempts_closed",
        "Every attempt has its outcome, but for those of batches that are going out.",
        Kind.BATCH,
        f"""
        SELECT batch.id, 'attempt ' || attempt.id AS detail
          FROM delivery_deliverybatch AS batch
          JOIN delivery_sendattempt AS attempt ON attempt.batch_id = batch.id AND attempt.finished_at IS NULL
         WHERE {_BATCH}
           AND (batch.state <> 'dispatching' OR attempt.fencing_token <> batch.fencing_token)
        """,
    ),
    Invariant(
        "leases",
        "No batch is held ten minutes after its lease ran out, and none without a lease.",
        Kind.BATCH,
        f"""
        SELECT batch.id, batch.state || ' until ' || coalesce(batch.lease_until::text, 'ever') AS detail
          FROM delivery_deliverybatch AS batch
         WHERE {_BATCH} AND batch.state IN ('leased', 'dispatching')
           AND (batch.lease_until IS NULL OR batch.lease_until < now() - interval '10 minutes')
        """,
    ),
    Invariant(
        "accepted_by_an_attempt",
        "Every accepted mail was handed over by an attempt with an outcome.",
        Kind.MESSAGE,
        f"""
        WITH {_HANDED_OVER}
        SELECT message.id, 'no attempt' AS detail FROM delivery_message AS message
          LEFT JOIN handed ON handed.id = message.id
         WHERE {_MESSAGE} AND message.send_state = 'accepted' AND handed.is_answered IS NOT TRUE
        """,
    ),
    Invariant(
        "attempts_counted",
        "No mail was handed over more often, or less often, than the ledger says.",
        Kind.MESSAGE,
        f"""
        WITH {_HANDED_OVER}
        SELECT message.id, message.attempts || ' said, ' || coalesce(handed.attempts, 0) || ' found' AS detail
          FROM delivery_message AS message LEFT JOIN handed ON handed.id = message.id
         WHERE {_MESSAGE}
           AND (message.attempts > coalesce(handed.attempts, 0)
                OR (message.attempts = 0 AND message.send_state IN ('accepted', 'uncertain', 'unresolved')))
        """,
    ),
    Invariant(
        "skipped_not_sent",
        "Nobody who was skipped is in an attempt that may have gone out.",
        Kind.MESSAGE,
        f"""
        SELECT message.id, message.reason AS detail
          FROM delivery_deliverybatch AS batch
          JOIN delivery_sendattempt AS attempt ON attempt.batch_id = batch.id AND attempt.finished_at IS NULL
          JOIN delivery_message AS message ON message.id = ANY (attempt.message_ids)
         WHERE {_BATCH} AND message.send_state IN ('suppressed', 'failed', 'accepted')
        """,
    ),
    Invariant(
        "values_kept",
        "Of every mail that was or may have been handed over, the values it was made from are kept.",
        Kind.MESSAGE,
        f"""
        SELECT message.id, message.send_state AS detail FROM delivery_message AS message
          LEFT JOIN delivery_messagevalues AS kept ON kept.message_id = message.id
         WHERE {_MESSAGE} AND message.send_state IN ('accepted', 'uncertain', 'unresolved')
           AND kept.message_id IS NULL
        """,
    ),
    Invariant(
        "own_version",
        "Every mail was made from a version of its own campaign, and of its batch's variant.",
        Kind.MESSAGE,
        f"""
        SELECT message.id, 'version ' || kept.snapshot_id AS detail
          FROM delivery_message AS message
          JOIN delivery_messagevalues AS kept ON kept.message_id = message.id
          JOIN delivery_deliverybatch AS batch ON batch.id = message.batch_id
          JOIN campaigns_campaignsnapshot AS snapshot ON snapshot.id = kept.snapshot_id
         WHERE {_MESSAGE}
           AND (snapshot.campaign_id <> message.campaign_id OR snapshot.variant <> batch.variant)
        """,
    ),
    Invariant(
        "frozen_content",
        "Every variant that goes out has frozen content.",
        Kind.BATCH,
        f"""
        SELECT DISTINCT ON (batch.variant) batch.id, 'variant ' || batch.variant AS detail
          FROM delivery_deliverybatch AS batch
         WHERE {_BATCH} AND batch.due_at < '{HELD_UNTIL}'
           AND NOT EXISTS (SELECT 1 FROM campaigns_campaignsnapshot AS snapshot
                            WHERE snapshot.campaign_id = batch.campaign_id AND snapshot.variant = batch.variant)
        """,
    ),
    Invariant(
        "finished",
        "A campaign that is over has nobody waiting, but for the mails a person sent again.",
        Kind.MESSAGE,
        f"""
        SELECT message.id, message.send_state AS detail FROM delivery_message AS message
          JOIN campaigns_campaign AS campaign
            ON campaign.id = message.campaign_id AND campaign.status IN ('sent', 'cancelled')
         WHERE {_MESSAGE} AND message.send_state IN ('ready', 'retry_wait') AND message.resends = 0
        """,
    ),
    Invariant(
        "nothing_before_the_start",
        "Nothing was handed over before everybody stood in the ledger.",
        Kind.CAMPAIGN,
        f"""
        SELECT campaign.id, campaign.status AS detail FROM campaigns_campaign AS campaign
         WHERE campaign.id = %(campaign_id)s AND campaign.organization_id = %(organization_id)s
           AND campaign.started_at IS NULL
           AND EXISTS (SELECT 1 FROM delivery_deliverybatch AS batch
                         JOIN delivery_sendattempt AS attempt ON attempt.batch_id = batch.id WHERE {_BATCH})
        """,
    ),
)

OF_A_CLIENT: tuple[Invariant, ...] = (
    Invariant(
        "plan",
        "The plan is charged with the mails that were accepted or are on their way, month by month.",
        Kind.CLIENT,
        """
        WITH charged AS (
            SELECT campaign.reserved_month AS month,
                   sum(CASE WHEN campaign.started_at IS NULL THEN campaign.emails_reserved
                            ELSE coalesce(sent.mails, 0) END) AS mails
              FROM campaigns_campaign AS campaign
              LEFT JOIN LATERAL (
                SELECT sum(batch.size - batch.suppressed_count - batch.failed_count) AS mails
                  FROM delivery_deliverybatch AS batch WHERE batch.campaign_id = campaign.id) AS sent ON TRUE
             WHERE campaign.organization_id = %(organization_id)s AND campaign.reserved_month IS NOT NULL
             GROUP BY campaign.reserved_month
        )
        SELECT %(organization_id)s::uuid AS id,
               to_char(charged.month, 'YYYY-MM') || ': ' || coalesce(counted.used, 0) || ' counted, '
               || charged.mails || ' accepted or on their way' AS detail
          FROM charged
          LEFT JOIN subscriptions_usage AS counted
            ON counted.organization_id = %(organization_id)s AND counted.metric = 'emails'
           AND counted.month = charged.month
         WHERE coalesce(counted.used, 0) <> charged.mails
        """,
    ),
)

ALL: dict[str, Invariant] = {invariant.key: invariant for invariant in (*OF_A_CAMPAIGN, *OF_A_CLIENT)}


def broken_in_campaign(*, organization_id: UUID, campaign_id: UUID) -> list[Broken]:
    """What does not hold in one campaign. One query each, every one over that campaign's rows only."""
    require(organization_id)
    parameters = {"organization_id": organization_id, "campaign_id": campaign_id}
    return _broken(OF_A_CAMPAIGN, parameters)


def broken_for_client(*, organization_id: UUID) -> list[Broken]:
    """What does not hold between a client's campaigns and its plan."""
    require(organization_id)
    return _broken(OF_A_CLIENT, {"organization_id": organization_id})


def _broken(invariants: tuple[Invariant, ...], parameters: dict[str, Any]) -> list[Broken]:
    found = [_offenders(invariant, parameters) for invariant in invariants]
    return [broken for broken in found if broken.count]


def _offenders(invariant: Invariant, parameters: dict[str, Any]) -> Broken:
    sql = f"SELECT id, detail, count(*) OVER () FROM ({invariant.sql}) AS broken LIMIT {OFFENDERS_SHOWN}"
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        rows = cursor.fetchall()
    return Broken(invariant, rows[0][2] if rows else 0, [(row[0], row[1]) for row in rows])
