"""Killing workers at random moments of a real send, and the reckoning afterwards."""

import random
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from core.accounts.models import Organization
from core.campaigns.models import Campaign
from core.common.tenancy import all_organizations, organization_scope
from core.delivery.models import Connection, Message
from core.delivery.models.connections import ConnectionKind, SmtpSecurity
from core.delivery.states import SendState
from core.delivery.transports.smtp_session import SmtpSettings
from tests.concurrency.processes import received, smtp_sink, start_worker
from tests.delivery.invariants import broken_invariants
from tests.delivery.ledger import sending_campaign, states

WORKERS = 2
SLICE = SmtpSettings(host="").slice_size
PATIENCE_SECONDS = 300


@dataclass(frozen=True)
class Reckoning:
    """What became of everybody. `duplicates` are mails the sink took beyond one a person and the ledger's resends."""

    recipients: int
    kills: int
    states: dict[str, int]
    status: str
    received: int
    duplicates: list[str]
    taken_but_not_said: list[str]
    broken: dict[str, list[dict[str, object]]]
    seconds: float

    @property
    def unresolved(self) -> int:
        return self.states.get(SendState.UNRESOLVED.value, 0)

    @property
    def in_flight_at_kills(self) -> int:
        """The most mails that the kills may have left in doubt: one slice each."""
        return self.kills * SLICE

    @property
    def forgotten(self) -> int:
        """How many have no final answer."""
        final = {SendState.ACCEPTED, SendState.SUPPRESSED, SendState.FAILED, SendState.UNRESOLVED}
        return self.recipients - sum(count for state, count in self.states.items() if state in final)


def run_chaos(
    organization: Organization, directory: Path, *, recipients: int, kills: int, delay_ms: float
) -> Reckoning:
    """Send to so many people over a server that takes its time, with `kill -9` of random workers under way."""
    store = directory / "taken.jsonl"
    store.touch()
    with smtp_sink("--store", str(store), "--delay-ms", str(delay_ms)) as (port, _process):
        with organization_scope(organization):
            _send_over(organization, port)
            campaign = sending_campaign(organization, recipients)
        began = time.monotonic()
        done = _send_with_kills(campaign, kills)
        seconds = time.monotonic() - began
    return _reckoning(campaign, store, recipients, done, seconds)


def _send_over(organization: Organization, port: int) -> None:
    Connection.objects.filter(organization=organization).update(
        kind=ConnectionKind.SMTP, host="127.0.0.1", port=port, security=SmtpSecurity.NONE
    )


def _send_with_kills(campaign: Campaign, kills: int) -> int:
    """Keep the workers running, kill one after the other while mails are left; how many were killed."""
    done = 0
    with _workers() as workers:
        while done < kills and _is_open(campaign):
            time.sleep(random.uniform(0.1, 0.6))
            victim = random.choice(workers)
            if victim.poll() is None:
                victim.kill()
                done += 1
            victim.wait()
            _close(victim)
            workers.remove(victim)
            workers.append(_start())
        deadline = time.monotonic() + PATIENCE_SECONDS
        for worker in workers:
            worker.wait(max(deadline - time.monotonic(), 1))
    return done


@contextmanager
def _workers() -> Iterator[list[subprocess.Popen[str]]]:
    workers = [_start() for _ in range(WORKERS)]
    try:
        yield workers
    finally:
        for worker in workers:
            worker.kill()
            worker.wait()
            _close(worker)


def _start() -> subprocess.Popen[str]:
    return start_worker(DELIVERY_LEASE_SECONDS=1, DELIVERY_DOUBT_SECONDS=1)


def _close(process: subprocess.Popen[str]) -> None:
    if process.stdout is not None:
        process.stdout.close()


def _is_open(campaign: Campaign) -> bool:
    return SendState.READY.value in states(campaign)


def _reckoning(campaign: Campaign, store: Path, recipients: int, kills: int, seconds: float) -> Reckoning:
    taken = Counter(received(store))
    with all_organizations(reason="the reckoning"):
        rows = Message.objects.filter(campaign_id=campaign.pk).values_list("contact__email", "send_state", "resends")
        by_address = {address: (state, resends) for address, state, resends in rows}
        status = Campaign.objects.get(pk=campaign.pk).status
        known = (SendState.ACCEPTED.value, SendState.UNRESOLVED.value)
        return Reckoning(
            recipients=recipients,
            kills=kills,
            states=states(campaign),
            status=status,
            received=sum(taken.values()),
            duplicates=[address for address, count in taken.items() if count > 1 + by_address[address][1]],
            taken_but_not_said=[address for address in taken if by_address[address][0] not in known],
            broken=broken_invariants(),
            seconds=seconds,
        )
