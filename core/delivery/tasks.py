"""Wake-ups of the send pipeline. What is due stands in the rows; a task that is lost is sent again by the sweep."""

import os
import socket
from typing import Any
from uuid import UUID

from celery.signals import worker_process_shutdown
from django.conf import settings

from core.common.tasks import Summary, agency_task, enqueue, organization_task
from core.delivery.dispatch import work
from core.delivery.materialise import materialise_campaign
from core.delivery.sweeper import sweep
from core.delivery.transactional import due_organizations, send_confirmations
from core.delivery.transports.registry import transports

WORK_SECONDS = 15.0
"""How long a sending job goes on before it makes room for other jobs."""
EXPIRES_SECONDS = 20
"""A sending job that found no free worker for so long is dropped; the next sweep sends another."""


@agency_task(name="delivery.sweep")
def sweep_due_work() -> Summary:
    """Heal, close and hand out what is due."""
    swept = sweep(ready_limit=settings.DELIVERY_WORKERS)
    for organization_id, campaign_id in swept.campaigns_due:
        enqueue(materialise, organization_id=organization_id, campaign_id=campaign_id)
    for slot in range(swept.batches_ready):
        enqueue(send_batches, slot=slot)
    return swept.summary()


@organization_task(name="delivery.materialise")
def materialise(*, organization_id: str, campaign_id: str) -> Summary:
    """Bring one due campaign into the ledger."""
    done = materialise_campaign(campaign_id=UUID(campaign_id))
    enqueue(sweep_due_work)
    return {"status": done.status.value, "rows": done.rows}


@agency_task(name="delivery.work", per="slot", expires=EXPIRES_SECONDS)
def send_batches(*, slot: str) -> Summary:
    """Send due batches for a while. Slots bound how many such jobs run at once; one slot never runs twice."""
    tally = work(worker=f"{socket.gethostname()}:{os.getpid()}", seconds=WORK_SECONDS)
    if tally["batches"]:
        enqueue(sweep_due_work)
    return dict(tally)


@agency_task(name="delivery.find_confirmations")
def find_confirmations() -> Summary:
    """Wake the clients with confirmations of signups to send: first tries, retries, and what a dead worker left."""
    organizations = due_organizations()
    for organization_id in organizations:
        enqueue(send_due_confirmations, organization_id=organization_id)
    return {"clients": len(organizations)}


@organization_task(name="delivery.send_confirmations")
def send_due_confirmations(*, organization_id: str) -> Summary:
    """Send one client's due confirmations."""
    return dict(send_confirmations(organization_id=UUID(organization_id)))


@worker_process_shutdown.connect
def _close_transports(**_: Any) -> None:
    transports.close()
