"""Campaigns on their way, brought there by the product's own services. Call inside a scope that covers the client."""

from typing import Any
from uuid import UUID

from core.accounts.models import Organization
from core.campaigns.models import Campaign
from core.campaigns.services import campaign_send_now
from core.common.tenancy import all_organizations
from core.delivery.claim import BatchClaim, claim_batch
from core.delivery.dispatch import work
from core.delivery.materialise import materialise_campaign
from core.delivery.models import Connection, Message
from core.delivery.models.connections import ConnectionKind, SmtpSecurity
from core.delivery.sweeper import Swept, sweep
from tests.support import factories


def due_campaign(organization: Organization, people: int = 5, *, name: str = "Spring offer", **fields: Any) -> Campaign:
    """A campaign of so many people for which *Send now* was confirmed."""
    tag = name.lower().replace(" ", "-")
    contacts = [
        factories.make_contact(organization, f"{tag}-{number}@people.example", first_name=f"P{number}")
        for number in range(people)
    ]
    group = factories.make_group(organization, f"People of {name}", contacts)
    campaign = factories.make_campaign(organization, group=group, name=name, **fields)
    return campaign_send_now(campaign_id=campaign.pk)


def sending_campaign(organization: Organization, people: int = 5, **fields: Any) -> Campaign:
    """A campaign whose mails all stand in the ledger, none of them sent."""
    campaign = due_campaign(organization, people, **fields)
    materialise_campaign(campaign_id=campaign.pk)
    campaign.refresh_from_db()
    return campaign


def use_smtp(organization: Organization, port: int, **fields: Any) -> Connection:
    """Let the client's campaigns go out over a server on loopback."""
    Connection.objects.filter(organization=organization, is_default=True).update(is_default=False)
    return Connection.objects.create(
        organization=organization,
        name="Loopback",
        kind=ConnectionKind.SMTP,
        host="127.0.0.1",
        port=port,
        security=SmtpSecurity.NONE,
        is_default=True,
        **fields,
    )


def batches_of(size: int, organization: Organization) -> None:
    Connection.objects.filter(organization=organization, is_default=True).update(batch_size=size)


def claimed(worker: str = "worker", after: UUID | None = None) -> BatchClaim:
    """A claimed batch; fails when there is none."""
    with all_organizations(reason="a worker claims"):
        claim = claim_batch(worker=worker, after=after)
    assert claim is not None
    return claim


def run_work() -> dict[str, int]:
    with all_organizations(reason="a worker works"):
        return dict(work(worker="worker", seconds=60))


def run_sweep() -> Swept:
    with all_organizations(reason="the sweep"):
        return sweep(ready_limit=10)


def states(campaign: Campaign) -> dict[str, int]:
    """How many messages of the campaign are in which state."""
    counts: dict[str, int] = {}
    with all_organizations(reason="a test counts"):
        for state in Message.objects.filter(campaign_id=campaign.pk).values_list("send_state", flat=True):
            counts[state] = counts.get(state, 0) + 1
    return counts
