"""Wake-ups of the send pipeline. What is due stands in the rows; a task that is lost is sent again by the sweep."""

import os
import socket
from typing import Any
from uuid import UUID

from celery.signals import worker_process_shutdown
from django.conf import settings

from core.common.db import database_seconds
from core.common.tasks import Summary, agency_task, enqueue, organization_task
from core.delivery.approval_mails import due_approval_clients
from core.delivery.approval_mails import send_approval_mails as send_links
from core.delivery.dispatch import work
from core.delivery.ledger_checks import ledger_check_begin_nightly, ledger_check_continue
from core.delivery.mail_tests import send_mail_tests
from core.delivery.materialise import materialise_campaign
from core.delivery.rehearsal.runner import rehearse
from core.delivery.rehearsal.services import stalled_rehearsals
from core.delivery.sweeper import sweep
from core.delivery.transactional import due_organizations, send_confirmations
from core.delivery.transports.registry import transports

WORK_SECONDS = 5.0
"""How long a sending job goes on before it makes room for other jobs."""
CHECK_SECONDS = 20.0
"""How long one piece of a ledger check takes at most, the statements of its last campaign aside."""
MATERIALISE_SECONDS = 5.0
"""How long one campaign is prepared before another one has its turn: half a million people take several of them."""
EXPIRES_SECONDS = 20
"""A sending job that found no free worker for so long is dropped; the next sweep sends another.

By the database's clock, at both ends. Celery's own `expires` is written by the clock of the machine that swept and
judged by that of the worker: workers more than that ahead would drop every job, and nothing would ever be sent.
"""


@agency_task(name="delivery.sweep")
def sweep_due_work() -> Summary:
    """Heal, close and hand out what is due."""
    swept = sweep(ready_limit=settings.DELIVERY_WORKERS)
    for organization_id, campaign_id in swept.campaigns_due:
        enqueue(materialise, organization_id=organization_id, campaign_id=campaign_id)
    asked_at = database_seconds() if swept.batches_ready else 0
    for slot in range(swept.batches_ready):
        enqueue(send_batches, slot=slot, asked_at=asked_at)
    return swept.summary()


@organization_task(name="delivery.materialise")
def materialise(*, organization_id: str, campaign_id: str) -> Summary:
    """Bring one due campaign into the ledger, or a part of it: the sweep comes back for the rest."""
    done = materialise_campaign(campaign_id=UUID(campaign_id), seconds=MATERIALISE_SECONDS)
    enqueue(sweep_due_work)
    return {"status": done.status.value, "rows": done.rows}


@agency_task(name="delivery.work", per="slot")
def send_batches(*, slot: str, asked_at: str = "") -> Summary:
    """Send due batches for a while. Slots bound how many such jobs run at once; one slot never runs twice.

    Dropped when it was `asked_at` (seconds of the database's clock) too long ago.
    """
    if asked_at and database_seconds() - float(asked_at) > EXPIRES_SECONDS:
        return {}
    worker = f"{socket.gethostname()}:{os.getpid()}"
    tally = work(worker=worker, seconds=WORK_SECONDS, is_patient=slot == "0")
    if tally["batches"]:
        enqueue(sweep_due_work)
    return dict(tally)


@agency_task(name="delivery.check_ledger")
def check_ledger() -> Summary:
    """Begin the nightly look at the ledgers when it is time, and go on with the one under way, a while at a time."""
    ledger_check_begin_nightly()
    done = ledger_check_continue(seconds=CHECK_SECONDS)
    if not done.is_finished:
        enqueue(check_ledger)
    return {"campaigns": done.campaigns, "broken": done.broken}


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


@agency_task(name="delivery.find_approval_mails")
def find_approval_mails() -> Summary:
    """Wake the clients with links for approval to send: first tries, retries, and what a dead worker left."""
    organizations = due_approval_clients()
    for organization_id in organizations:
        enqueue(send_approval_mails, organization_id=organization_id)
    return {"clients": len(organizations)}


@organization_task(name="delivery.send_approval_mails")
def send_approval_mails(*, organization_id: str) -> Summary:
    """Send one client's due links for approval."""
    return dict(send_links(organization_id=UUID(organization_id)))


@organization_task(name="delivery.send_mail_tests")
def send_tests(*, organization_id: str, run: str) -> Summary:
    """Send the test mails of one request."""
    return {"sent": send_mail_tests(organization_id=UUID(organization_id), run=UUID(run))}


@organization_task(name="delivery.rehearse")
def run_rehearsal(*, organization_id: str, rehearsal_id: str) -> Summary:
    """Go on with one rehearsal for a while, then make room for other jobs."""
    done = rehearse(rehearsal_id=UUID(rehearsal_id), seconds=WORK_SECONDS)
    if not done["is_over"]:
        enqueue(run_rehearsal, organization_id=organization_id, rehearsal_id=rehearsal_id)
    return {"people": done.get("people", 0)}


@agency_task(name="delivery.find_rehearsals")
def find_rehearsals() -> Summary:
    """Wake the rehearsals whose worker died."""
    stalled = stalled_rehearsals()
    for organization_id, rehearsal_id in stalled:
        enqueue(run_rehearsal, organization_id=organization_id, rehearsal_id=rehearsal_id)
    return {"resumed": len(stalled)}


@worker_process_shutdown.connect
def _close_transports(**_: Any) -> None:
    transports.close()
