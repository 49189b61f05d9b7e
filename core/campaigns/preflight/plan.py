"""The plan: room for all its mails in the month of sending."""

import datetime
from collections.abc import Iterator
from dataclasses import dataclass

from core.campaigns.models import Campaign
from core.campaigns.preflight.case import Case
from core.campaigns.preflight.registry import Found, Needs, check
from core.subscriptions import usage
from core.subscriptions.choices import Metric
from core.subscriptions.errors import NoUsableSubscription


@dataclass(frozen=True, slots=True)
class PlanUse:
    """Mails of the month: `used` before, `after` with this campaign; `limit` None means unlimited."""

    used: int
    after: int
    limit: int | None


@check(code="plan_usable", title="The plan is in force", where="plan", fine="The client's plan allows new work.")
def plan_is_usable(case: Case) -> Iterator[Found]:
    try:
        usage.usable_plan(case.organization_id)
    except NoUsableSubscription as error:
        yield Found(str(error), error.code)


def _left_words(case: Case) -> str:
    return "There is room for all these mails and for one more campaign."


@check(code="plan", title="Room in the plan", where="plan", needs=Needs.COUNTS, fine=_left_words)
def plan_has_room(case: Case) -> Iterator[Found]:
    if case.audience is None:
        return
    try:
        plan = usage.usable_plan(case.organization_id)
    except NoUsableSubscription:
        return  # said by the check above
    month = usage.month_of(Metric.EMAILS, case.at)
    for metric, wanted in ((Metric.EMAILS, case.audience.sendable), (Metric.CAMPAIGNS, 1)):
        used, limit = usage.used(organization_id=case.organization_id, metric=metric, month=month), plan.limit(metric)
        if limit is not None and used + wanted > limit:
            message = (
                f"This needs {wanted:,} {metric.label}, but the {plan.name} plan has {max(limit - used, 0):,} left "
                f"({used:,} of {limit:,} used). Choose a larger plan under Plan and usage, or a smaller audience."
            )
            yield Found(message, "limit_reached")


def plan_use(campaign: Campaign, emails: int, at: datetime.datetime | None = None) -> PlanUse:
    """The mails of the month of `at` (None: now) with this campaign. Raises NoUsableSubscription."""
    plan = usage.usable_plan(campaign.organization_id)
    month = usage.month_of(Metric.EMAILS, at)
    used = usage.used(organization_id=campaign.organization_id, metric=Metric.EMAILS, month=month)
    return PlanUse(used=used, after=used + emails, limit=plan.limit(Metric.EMAILS))
