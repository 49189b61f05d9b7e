"""What takes several packages at once, and so stands above them."""

from dataclasses import dataclass

from django.db import transaction

from core.accounts import audit
from core.accounts.choices import Role
from core.accounts.models import Organization, User
from core.common.tenancy import all_organizations
from core.delivery.models import Connection
from core.delivery.models.connections import ConnectionKind
from core.subscriptions.models import Plan
from core.subscriptions.services import member_add, subscription_start


@dataclass(frozen=True)
class NewClient:
    """What a superuser fills in for a new client. Without an owner only superusers reach it."""

    name: str
    slug: str
    plan: Plan
    time_zone: str = "UTC"
    color: str = "#4f46e5"
    owner: User | None = None


@transaction.atomic
def client_add(*, client: NewClient, by: User | None) -> Organization:
    """Create the client with its subscription, its owner's seat, and a sandbox that carries its campaigns, so that
    nothing leaves the house before somebody sets up a real connection.

    Opens the scope of all organizations: the new one is in nobody's scope yet. Raises LimitReached when the plan has
    no seat for the owner.
    """
    with all_organizations(reason="a new client is in no scope yet"):
        organization = Organization.objects.create(
            name=client.name, slug=client.slug, time_zone=client.time_zone, color=client.color, owner=client.owner
        )
        audit.record(action="organization.added", obj=organization, changes={"name": [None, client.name]})
        subscription_start(organization_id=organization.pk, plan=client.plan)
        if client.owner:
            member_add(organization_id=organization.pk, user=client.owner, role=Role.OWNER, by=by)
        Connection.objects.create(
            organization=organization, name="Sandbox", kind=ConnectionKind.SANDBOX, is_default=True
        )
    return organization
