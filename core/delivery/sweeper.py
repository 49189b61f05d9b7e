"""One look at all that is due: PostgreSQL knows it, so a lost wake-up costs seconds and nothing else.

Every step is safe to run twice and at the same time as itself: rows in another's hands are skipped, moves are
compare-and-set.
"""

from dataclasses import asdict, dataclass
from uuid import UUID

from django.db import connection

from core.campaigns.ab.services import decide_due_tests
from core.campaigns.queries import due_campaign_ids
from core.delivery.completion import cancel_called_off_campaigns, complete_finished_campaigns
from core.delivery.domain_stops import halt_campaigns_of_stopped_domains
from core.delivery.recovery import give_up_on_proof, recover_expired_batches, requeue_due_retries

# The index of ready batches answers it; counting stops early.
_READY = """
    SELECT count(*) FROM (
        SELECT 1 FROM delivery_deliverybatch AS batch
          JOIN campaigns_campaign AS campaign ON campaign.id = batch.campaign_id
          JOIN delivery_connection AS connection ON connection.id = batch.connection_id
         WHERE batch.state = 'ready' AND batch.due_at <= now()
           AND campaign.status IN ('sending', 'sent') AND connection.paused_at IS NULL
         LIMIT %s) AS ready
"""


@dataclass(frozen=True)
class Swept:
    """What a sweep did. `campaigns_due` have to be materialised, `batches_ready` (capped) to be worked on."""

    recovered: int
    requeued: int
    unresolved: int
    cancelled: int
    completed: int
    halted: int
    decided: int
    campaigns_due: list[tuple[UUID, UUID]]
    batches_ready: int

    def summary(self) -> dict[str, int]:
        """The figures alone."""
        return {**asdict(self), "campaigns_due": len(self.campaigns_due)}


def sweep(*, ready_limit: int) -> Swept:
    """Heal, requeue and close what is due, and say what work there is. Needs the scope of all organizations."""
    return Swept(
        recovered=recover_expired_batches(),
        requeued=requeue_due_retries(),
        unresolved=give_up_on_proof(),
        cancelled=cancel_called_off_campaigns(),
        completed=complete_finished_campaigns(),
        halted=halt_campaigns_of_stopped_domains(),
        decided=decide_due_tests(),
        campaigns_due=due_campaign_ids(),
        batches_ready=ready_batches(ready_limit),
    )


def ready_batches(limit: int) -> int:
    """How many batches could be claimed now, `limit` at most."""
    with connection.cursor() as cursor:
        cursor.execute(_READY, [limit])
        return int(cursor.fetchone()[0])
