"""What clients have used of their plans, for any number of clients in two queries."""

import datetime
from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from django.utils import timezone

from core.subscriptions.choices import MONTHLY, Metric
from core.subscriptions.errors import FeatureLocked
from core.subscriptions.features import FEATURES
from core.subscriptions.models import Plan, Subscription, Usage
from core.subscriptions.usage import LEVEL_MONTH, month_of

WARN_AT_PERCENT = 90


@dataclass(frozen=True)
class UsageOf:
    """One metric of one client. `limit` None means unlimited, or no plan."""

    metric: Metric
    used: int
    limit: int | None

    @property
    def percent(self) -> int:
        """Whole percent of the limit, rounded down, never above 100; 0 when unlimited."""
        if self.limit is None:
            return 0
        return 100 if self.used >= self.limit else self.used * 100 // self.limit

    @property
    def left(self) -> int | None:
        return None if self.limit is None else max(self.limit - self.used, 0)

    @property
    def is_near(self) -> bool:
        return WARN_AT_PERCENT <= self.percent < 100

    @property
    def is_full(self) -> bool:
        return self.limit is not None and self.used >= self.limit

    @property
    def label(self) -> str:
        return str(self.metric.label)

    @property
    def runs_out_on(self) -> datetime.date | None:
        """The day the month's limit is reached if the rest of the month goes on as it has; None if it is not."""
        if self.metric not in MONTHLY or self.limit is None or not self.used or self.is_full:
            return None
        today = timezone.now().astimezone(datetime.UTC).date()
        days = (self.limit - self.used) * today.day // self.used
        if days > 31:
            return None
        day = today + datetime.timedelta(days=days)
        return day if (day.year, day.month) == (today.year, today.month) else None


@dataclass(frozen=True)
class PlanUsage:
    """The plan of one client and everything counted against it."""

    organization_id: UUID
    subscription: Subscription | None
    metrics: dict[Metric, UsageOf]

    @property
    def plan(self) -> Plan | None:
        return self.subscription.plan if self.subscription else None

    @property
    def is_full(self) -> bool:
        return any(usage.is_full for usage in self.metrics.values())

    @property
    def is_near(self) -> bool:
        return any(usage.is_near for usage in self.metrics.values())


def plan_usage(organization_ids: Iterable[UUID]) -> dict[UUID, PlanUsage]:
    """Plan and usage of each of these clients: two queries, whatever their number."""
    ids = list(organization_ids)
    subscriptions = {
        subscription.organization_id: subscription
        for subscription in Subscription.objects.filter(organization_id__in=ids).select_related("plan")
    }
    rows = Usage.objects.filter(organization_id__in=ids, month__in=[LEVEL_MONTH, month_of(Metric.EMAILS)])
    used = {(row.organization_id, row.metric): row.used for row in rows}
    return {pk: _of(pk, subscriptions.get(pk), used) for pk in ids}


def _of(pk: UUID, subscription: Subscription | None, used: dict[tuple[UUID, str], int]) -> PlanUsage:
    metrics = {
        metric: UsageOf(
            metric, used.get((pk, metric.value), 0), subscription.plan.limit(metric) if subscription else None
        )
        for metric in Metric
    }
    return PlanUsage(pk, subscription, metrics)


def feature_lock(organization_id: UUID, feature: str) -> str:
    """Why the client cannot use this feature (a path of FEATURES), and which plans have it; "" when it can.

    One query, two when it is locked.
    """
    return feature_locks(organization_id, [feature]).get(feature, "")


def feature_locks(organization_id: UUID, features: Iterable[str]) -> dict[str, str]:
    """`feature_lock` of each of these that the client cannot use. As many queries as for one."""
    subscription = Subscription.objects.filter(organization_id=organization_id).select_related("plan").first()
    locked = [feature for feature in features if subscription is None or not subscription.plan.has_feature(feature)]
    if not locked:
        return {}
    whose = f"The plan {subscription.plan} does" if subscription is not None else "A client without a plan does"
    offered = plans_with(locked)
    return {feature: _lock(whose, feature, offered[feature]) for feature in locked}


def plans_with(features: Iterable[str]) -> dict[str, list[str]]:
    """The names of the plans on offer that include each of these (1 query)."""
    plans = list(Plan.objects.filter(is_public=True))
    return {feature: [plan.name for plan in plans if plan.has_feature(feature)] for feature in features}


def _lock(whose: str, feature: str, offered: list[str]) -> str:
    which = f" {listed(offered)} {'does' if len(offered) == 1 else 'do'}." if offered else ""
    return f"{whose} not include “{FEATURES[feature]}”.{which} A superuser can change the plan under Subscriptions."


def listed(names: list[str]) -> str:
    """ "Pro and Agency"; "" for none."""
    return " and ".join(filter(None, (", ".join(names[:-1]), "".join(names[-1:]))))


def require_feature(organization_id: UUID, feature: str) -> None:
    """Raises FeatureLocked with the sentence of `feature_lock`."""
    if lock := feature_lock(organization_id, feature):
        raise FeatureLocked(lock, feature=feature)
