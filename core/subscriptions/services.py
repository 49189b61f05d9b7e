"""Members who take a seat of the plan, and the plan a client is on. One transaction each, audit row inside."""

from uuid import UUID

from django.db import transaction

from core.accounts import audit
from core.accounts.models import OrganizationMembership, User
from core.accounts.services import membership_add, membership_change, membership_remove
from core.subscriptions.choices import Metric
from core.subscriptions.models import Plan, Subscription
from core.subscriptions.usage import release, reserve


@transaction.atomic
def member_add(*, organization_id: UUID, user: User, role: str, by: User | None) -> OrganizationMembership:
    """Make the user a member and take a seat. Raises MembershipRefused, LimitReached or NoUsableSubscription."""
    membership = membership_add(organization_id=organization_id, user=user, role=role, by=by)
    reserve(organization_id=organization_id, metric=Metric.MEMBERS, amount=1)
    return membership


@transaction.atomic
def member_change(*, membership_id: UUID, role: str, is_active: bool, by: User | None) -> OrganizationMembership:
    """Set role and activity; an inactive member frees the seat, an active one takes it. Raises as `member_add`."""
    before, after = membership_change(membership_id=membership_id, role=role, is_active=is_active, by=by)
    if before.is_active and not after.is_active:
        release(organization_id=after.organization_id, metric=Metric.MEMBERS, amount=1)
    elif after.is_active and not before.is_active:
        reserve(organization_id=after.organization_id, metric=Metric.MEMBERS, amount=1)
    return after


@transaction.atomic
def member_remove(*, membership_id: UUID, by: User | None) -> None:
    """End the membership and free the seat. Raises MembershipRefused."""
    membership = membership_remove(membership_id=membership_id, by=by)
    if membership.is_active:
        release(organization_id=membership.organization_id, metric=Metric.MEMBERS, amount=1)


@transaction.atomic
def subscription_start(*, organization_id: UUID, plan: Plan) -> Subscription:
    """Put a client that has none on a plan. The database refuses a second subscription of one client."""
    subscription = Subscription.objects.create(organization_id=organization_id, plan=plan)
    audit.record(action="subscription.started", obj=subscription, changes={"plan": [None, plan.name]})
    return subscription
