"""New batches for messages that are due again."""

from typing import Any
from uuid import UUID

from django.db import connection

from core.common.ids import new_id
from core.common.tenancy import require

HELD_UNTIL = "9000-01-01 00:00:00+00"
"""Due time of batches that wait for the winner of an A/B test. Not infinity, which no datetime can hold."""

# Size and counts start at nothing: `outcomes.write` adds the messages as it moves them here.
_NEW_BATCH = """
    INSERT INTO delivery_deliverybatch
           (id, organization_id, campaign_id, connection_id, variant, number, state, size, due_at, fencing_token,
            worker, accepted_count, suppressed_count, failed_count, retry_count, uncertain_count, unresolved_count)
    SELECT %(id)s, %(organization_id)s, %(campaign_id)s, %(connection_id)s, %(variant)s,
           coalesce(max(number), 0) + 1, 'ready', 0, now(), 0, '', 0, 0, 0, 0, 0, 0
      FROM delivery_deliverybatch WHERE campaign_id = %(campaign_id)s
"""


def new_batch(*, organization_id: UUID, campaign_id: UUID, connection_id: UUID, variant: int) -> UUID:
    """Append an empty, ready batch to a campaign, inside the caller's transaction; its id.

    `variant` is that of the batch its messages come from: nobody changes sides in an A/B test.

    Numbers are given out one transaction at a time, by a lock on the campaign's number that ends with the commit.
    """
    require(organization_id)
    batch_id = new_id()
    parameters: dict[str, Any] = {
        "id": batch_id,
        "organization_id": organization_id,
        "campaign_id": campaign_id,
        "connection_id": connection_id,
        "variant": variant,
    }
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"batches of {campaign_id}"])
        cursor.execute(_NEW_BATCH, parameters)
    return batch_id
