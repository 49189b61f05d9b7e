"""A client that has nearly outgrown its plan, so that the demo shows how a limit is told before it is reached."""

from django.db import transaction

from core.accounts.models import Organization
from core.subscriptions.choices import Metric
from core.subscriptions.models import Plan, Subscription
from core.subscriptions.queries import plan_usage

_SLUG = "pilot-demo"
_ROOM = 4


@transaction.atomic
def story_limits(organization: Organization) -> None:
    """Once: put the client on a plan of its own, as the one it is on but with room for a handful of contacts more."""
    subscription = Subscription.objects.select_related("plan").get(organization_id=organization.pk)
    if subscription.plan.slug == _SLUG:
        return
    used = plan_usage([organization.pk])[organization.pk].metrics[Metric.CONTACTS].used
    plan = subscription.plan
    subscription.plan = Plan.objects.create(
        name="Pilot (demo)",
        slug=_SLUG,
        max_contacts=used + _ROOM,
        max_emails=plan.max_emails,
        max_campaigns=plan.max_campaigns,
        max_members=plan.max_members,
        features=plan.features,
        is_public=False,
    )
    subscription.save()
