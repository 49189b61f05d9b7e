"""What must hold whatever happened: each query names the rows that break it, and must return none."""

from typing import Any

from django.db import connection

BREAKS: dict[str, str] = {
    "I1 every mail stands in a batch of its own campaign": """
        SELECT message.id FROM delivery_message AS message
          LEFT JOIN delivery_deliverybatch AS batch
            ON batch.id = message.batch_id AND batch.campaign_id = message.campaign_id
         WHERE batch.id IS NULL
    """,
    "I2 one mail for each person and campaign": """
        SELECT campaign_id, contact_id FROM delivery_message GROUP BY 1, 2 HAVING count(*) > 1
    """,
    "I4 accepted means an attempt that said so, or a person who did": """
        SELECT message.id FROM delivery_message AS message
         WHERE message.send_state = 'accepted'
           AND NOT EXISTS (SELECT 1 FROM delivery_sendattempt AS attempt
                            WHERE message.id = ANY (attempt.message_ids) AND attempt.finished_at IS NOT NULL)
    """,
    "I4 no mail was handed over more often than the ledger says": """
        SELECT message.id FROM delivery_message AS message
         WHERE message.attempts > (SELECT count(*) FROM delivery_sendattempt AS attempt
                                    WHERE message.id = ANY (attempt.message_ids))
    """,
    "I5 what was handed over is kept": """
        SELECT message.id FROM delivery_message AS message
          LEFT JOIN delivery_messagevalues AS kept ON kept.message_id = message.id
         WHERE message.send_state IN ('accepted', 'uncertain', 'unresolved') AND kept.message_id IS NULL
    """,
    "I8 the plan is charged with what was accepted or is on its way": """
        SELECT campaign.organization_id, campaign.reserved_month, usage.used, count(message.id)
          FROM campaigns_campaign AS campaign
          JOIN delivery_message AS message
            ON message.campaign_id = campaign.id AND message.send_state NOT IN ('suppressed', 'failed')
          LEFT JOIN subscriptions_usage AS usage
            ON usage.organization_id = campaign.organization_id AND usage.metric = 'emails'
           AND usage.month = campaign.reserved_month
         WHERE campaign.started_at IS NOT NULL
         GROUP BY 1, 2, 3 HAVING usage.used IS DISTINCT FROM count(message.id)
    """,
    "I11 the counts of a batch equal a recount": """
        SELECT batch.id FROM delivery_deliverybatch AS batch
          LEFT JOIN delivery_message AS message ON message.batch_id = batch.id
         GROUP BY batch.id
        HAVING batch.size <> count(message.id)
            OR batch.accepted_count <> count(message.id) FILTER (WHERE message.send_state = 'accepted')
            OR batch.suppressed_count <> count(message.id) FILTER (WHERE message.send_state = 'suppressed')
            OR batch.failed_count <> count(message.id) FILTER (WHERE message.send_state = 'failed')
            OR batch.retry_count <> count(message.id) FILTER (WHERE message.send_state = 'retry_wait')
            OR batch.uncertain_count <> count(message.id) FILTER (WHERE message.send_state = 'uncertain')
            OR batch.unresolved_count <> count(message.id) FILTER (WHERE message.send_state = 'unresolved')
    """,
    "a settled batch has nobody waiting": """
        SELECT batch.id FROM delivery_deliverybatch AS batch
          JOIN delivery_message AS message ON message.batch_id = batch.id AND message.send_state = 'ready'
         WHERE batch.state = 'settled'
    """,
    "a finished campaign has nobody waiting": """
        SELECT campaign.id FROM campaigns_campaign AS campaign
          JOIN delivery_message AS message ON message.campaign_id = campaign.id
         WHERE campaign.status IN ('sent', 'cancelled') AND message.send_state IN ('ready', 'retry_wait')
           AND message.resends = 0
    """,
}


def broken_invariants() -> dict[str, list[dict[str, Any]]]:
    """The invariants that do not hold, with the rows that break them. Looks at all organizations."""
    found = {name: _rows(sql) for name, sql in BREAKS.items()}
    return {name: rows for name, rows in found.items() if rows}


def _rows(sql: str) -> list[dict[str, Any]]:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        names = [column.name for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
