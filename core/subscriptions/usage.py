"""Counting work against the plan: exact, also when two transactions do it at once.

`reserve` runs in the transaction of the work. The row lock of the counter makes the second of two concurrent callers
wait for the first to commit or roll back, so that both cannot slip under the limit, and work that fails gives its
share back by rolling back.
"""

import datetime
from typing import Any
from uuid import UUID

from django.db import connection
from django.utils import timezone

from core.common.ids import new_id
from core.common.tenancy import require
from core.subscriptions.choices import MONTHLY, USABLE, Metric
from core.subscriptions.errors import LimitReached, NoUsableSubscription
from core.subscriptions.models import Plan, Subscription, Usage

LEVEL_MONTH = datetime.date(1970, 1, 1)

# The counter and the check are one statement. An existing row is locked before its WHERE is looked at again, so the
# figure compared is the committed one.
_RESERVE = """
    INSERT INTO subscriptions_usage AS usage (id, organization_id, metric, month, used, updated_at)
    SELECT %(id)s, %(organization_id)s, %(metric)s, %(month)s, %(amount)s, now()
     WHERE %(limit)s::bigint IS NULL OR %(amount)s <= %(limit)s::bigint
    ON CONFLICT (organization_id, metric, month)
    DO UPDATE SET used = usage.used + excluded.used, updated_at = now()
     WHERE %(limit)s::bigint IS NULL OR usage.used + excluded.used <= %(limit)s::bigint
    RETURNING used
"""


def month_of(metric: Metric, moment: datetime.datetime | None = None) -> datetime.date:
    """The month a metric is counted in now (UTC), or the constant one of levels."""
    if metric not in MONTHLY:
        return LEVEL_MONTH
    return (moment or timezone.now()).astimezone(datetime.UTC).date().replace(day=1)


def usable_plan(organization_id: UUID) -> Plan:
    """The plan that limits this client's work. Raises NoUsableSubscription."""
    subscription = Subscription.objects.filter(organization_id=organization_id).select_related("plan").first()
    if subscription is None:
        raise NoUsableSubscription("This client is on no plan yet. A superuser can choose one under Subscriptions.")
    if subscription.status not in USABLE:
        raise NoUsableSubscription(
            f"This client's subscription is {subscription.get_status_display().lower()}, so no new work can start. "
            "A superuser can reactivate it under Subscriptions."
        )
    return subscription.plan


def reserve(*, organization_id: UUID, metric: Metric, amount: int, month: datetime.date | None = None) -> int:
    """Count `amount` against the plan, inside the caller's transaction. Returns the new total.

    `month` is the one that work already counted belongs to; without it, the present one. Raises LimitReached (nothing
    counted) or NoUsableSubscription.
    """
    require(organization_id)
    plan = usable_plan(organization_id)
    if amount <= 0:
        return used(organization_id=organization_id, metric=metric, month=month)
    limit = plan.limit(metric)
    parameters: dict[str, Any] = {
        "id": new_id(),
        "organization_id": organization_id,
        "metric": metric.value,
        "month": month or month_of(metric),
        "amount": amount,
        "limit": limit,
    }
    with connection.cursor() as cursor:
        cursor.execute(_RESERVE, parameters)
        row = cursor.fetchone()
    if row is None:
        assert limit is not None
        used_now = used(organization_id=organization_id, metric=metric, month=month)
        raise _limit_reached(plan, metric, limit, used_now, amount)
    return int(row[0])


def release(*, organization_id: UUID, metric: Metric, amount: int, month: datetime.date | None = None) -> None:
    """Give back what was reserved and not used, in the month it was reserved in."""
    require(organization_id)
    if amount <= 0:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE subscriptions_usage SET used = greatest(used - %s, 0), updated_at = now()"
            " WHERE organization_id = %s AND metric = %s AND month = %s",
            [amount, organization_id, metric.value, month or month_of(metric)],
        )


def used(*, organization_id: UUID, metric: Metric, month: datetime.date | None = None) -> int:
    month = month or month_of(metric)
    row = Usage.objects.filter(organization_id=organization_id, metric=metric, month=month).first()
    return row.used if row else 0


def _limit_reached(plan: Plan, metric: Metric, limit: int, used_now: int, wanted: int) -> LimitReached:
    left = max(limit - used_now, 0)
    return LimitReached(
        f"This needs {wanted:,} {metric.label}, but the {plan.name} plan has {left:,} left "
        f"({used_now:,} of {limit:,} used). Choose a larger plan under Plan and usage, or make the work smaller.",
        metric=metric.value,
        limit=limit,
        used=used_now,
        wanted=wanted,
        plan=plan.name,
    )
