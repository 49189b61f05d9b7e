"""Writes of A/B tests: what is tried, and who gets the winner.

The decision and the release of the rest are one transaction that locks the campaign's row first: a pause, a cancel or
a decision by a person at the same moment comes before or after it, never in between.
"""

import datetime
import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models.functions import Now

from core.accounts import audit
from core.campaigns.ab.queries import FEWEST_VARIANTS, variants_of
from core.campaigns.ab.statistics import LOSS_THRESHOLD, Comparison, compare
from core.campaigns.approvals.services import approval_recheck
from core.campaigns.errors import ABDecided, BadTest
from core.campaigns.ledger import SampleState, VariantResult, ledger
from core.campaigns.models import ABTest, Campaign, CampaignVariant
from core.campaigns.models.ab_tests import MOST_VARIANTS
from core.campaigns.services import campaign_hold_draft
from core.campaigns.services.moves import SWEEP
from core.campaigns.states import ABMetric, CampaignStatus
from core.common.errors import DomainError
from core.common.request_context import current_context
from core.common.tasks import wake
from core.subscriptions.features import AB_TESTING
from core.subscriptions.queries import require_feature

logger = logging.getLogger(__name__)

_OPEN = (CampaignStatus.SENDING, CampaignStatus.SENT)


@dataclass(frozen=True, slots=True)
class ABPlan:
    """How a test goes: `sample_percent` of the audience, `wait_minutes` from when the sample is out."""

    metric: ABMetric
    sample_percent: int
    wait_minutes: int


@dataclass(frozen=True, slots=True)
class VariantDraft:
    """One thing to try; what is empty is as in the campaign."""

    subject: str = ""
    preheader: str = ""
    from_name: str = ""
    from_email: str = ""
    template_id: UUID | None = None


@transaction.atomic
def ab_test_set(*, campaign_id: UUID, version: int, plan: ABPlan, variants: Sequence[VariantDraft]) -> ABTest:
    """Say what a draft tries; the variants take the place of those before, A first.

    Raises BadTest for a number of variants that is no test, FeatureLocked when the client's plan has no tests,
    IllegalTransition when the campaign is no draft any more, ChangedMeanwhile when it was edited since `version` was
    read.
    """
    if not FEWEST_VARIANTS <= len(variants) <= MOST_VARIANTS:
        raise BadTest(f"A test compares {FEWEST_VARIANTS} to {MOST_VARIANTS} variants. This one has {len(variants)}.")
    campaign_hold_draft(campaign_id=campaign_id, version=version)
    campaign = Campaign.objects.get(pk=campaign_id)
    require_feature(campaign.organization_id, AB_TESTING)
    before = [str(variant) for variant in variants_of(campaign)]
    test, _ = ABTest.objects.update_or_create(
        campaign=campaign, defaults={"organization_id": campaign.organization_id, **asdict(plan)}
    )
    CampaignVariant.objects.filter(campaign=campaign).delete()
    rows = [
        CampaignVariant(organization_id=campaign.organization_id, campaign=campaign, number=number, **asdict(draft))
        for number, draft in enumerate(variants, start=1)
    ]
    for row in rows:
        row.save(force_insert=True)
    after = [f"{row}: {row.subject or row.from_name or row.template or 'as the campaign'}" for row in rows]
    audit.record(action="campaign.changed", obj=campaign, changes={"A/B test": [before, after]})
    approval_recheck(campaign_id=campaign_id)
    return test


@transaction.atomic
def ab_test_remove(*, campaign_id: UUID, version: int) -> None:
    """Make a plain campaign of a draft with a test. Raises as `ab_test_set`."""
    campaign_hold_draft(campaign_id=campaign_id, version=version)
    campaign = Campaign.objects.get(pk=campaign_id)
    before = [str(variant) for variant in variants_of(campaign)]
    CampaignVariant.objects.filter(campaign=campaign).delete()
    ABTest.objects.filter(campaign=campaign).delete()
    audit.record(action="campaign.changed", obj=campaign, changes={"A/B test": [before, []]})
    approval_recheck(campaign_id=campaign_id)


def decide_due_tests() -> int:
    """Decide the tests whose waiting time is over, each in its own transaction; how many."""
    waiting = ABTest.objects.filter(decided_at=None, is_held=False, campaign__status__in=_OPEN)
    return sum(_decided(campaign_id) for campaign_id in waiting.values_list("campaign_id", flat=True))


def _decided(campaign_id: UUID) -> bool:
    try:
        return ab_test_decide(campaign_id=campaign_id) is not None
    except DomainError as error:
        # Paused, cancelled or decided by a person since the list was read: the next sweep looks again.
        logger.info("The test of campaign %s was not decided: %s", campaign_id, error)
        return False


@transaction.atomic
def ab_test_decide(*, campaign_id: UUID) -> ABTest | None:
    """Choose by the rule and send the winner to the rest, once the waiting time is over; None before that.

    A sample that reached nobody decides nothing: the test then waits for a person. Raises ABDecided.
    """
    campaign, test = _locked(campaign_id)
    if campaign.status not in _OPEN or test.is_held:
        raise ABDecided(f"The test of “{campaign}” does not run now.")
    sample = ledger().sample(campaign)
    if not is_over(test, sample):
        return None
    if not sample.accepted:
        _hold(campaign, test, is_held=True)
        return None
    results = ledger().results(campaign, None, None)
    comparison = compare([figures(test, result) for result in results])
    return _send(campaign, test, results[comparison.leader].variant, results, comparison, by="rule")


@transaction.atomic
def ab_test_send(*, campaign_id: UUID, variant: int) -> ABTest:
    """Send this variant to the rest now, because a person says so, whatever the figures are.

    Raises ABDecided when it is decided already, or the campaign is over or has not begun.
    """
    campaign, test = _locked(campaign_id)
    if campaign.started_at is None or campaign.status not in (*_OPEN, CampaignStatus.PAUSED):
        raise ABDecided(f"“{campaign}” is {campaign.get_status_display().lower()}: nothing waits for a winner.")
    if variant not in [one.number for one in variants_of(campaign)]:
        raise BadTest("There is no such variant.")
    results = ledger().results(campaign, None, None)
    comparison = compare([figures(test, result) for result in results]) if len(results) >= FEWEST_VARIANTS else None
    return _send(campaign, test, variant, results, comparison, by="person")


@transaction.atomic
def ab_test_hold(*, campaign_id: UUID, is_held: bool) -> ABTest:
    """Let the test wait for a person, or for its rule again. Raises ABDecided."""
    campaign, test = _locked(campaign_id)
    return _hold(campaign, test, is_held=is_held)


def is_over(test: ABTest, sample: SampleState) -> bool:
    """Whether the waiting time is over."""
    return sample.out_since is not None and sample.now >= sample.out_since + datetime.timedelta(
        minutes=test.wait_minutes
    )


def figures(test: ABTest, result: VariantResult) -> tuple[int, int]:
    """(mails, successes) by what the test decides."""
    return result.accepted, result.opened if test.metric == ABMetric.OPENS else result.clicked


def _locked(campaign_id: UUID) -> tuple[Campaign, ABTest]:
    """Campaign and undecided test, the campaign's row locked until the end of the transaction."""
    campaign = Campaign.objects.select_for_update(of=("self",)).select_related("organization").get(pk=campaign_id)
    test = ABTest.objects.filter(campaign=campaign).first()
    if test is None:
        raise ABDecided(f"“{campaign}” has no A/B test.")
    if test.decided_at is not None:
        raise ABDecided(f"The test of “{campaign}” was decided before: variant {letter(test.winner)}.")
    return campaign, test


def _hold(campaign: Campaign, test: ABTest, *, is_held: bool) -> ABTest:
    if test.is_held != is_held:
        ABTest.objects.filter(pk=test.pk).update(is_held=is_held)
        audit.record(action="campaign.test_held", obj=campaign, changes={"held": [test.is_held, is_held]})
        test.is_held = is_held
    return test


def _send(
    campaign: Campaign,
    test: ABTest,
    variant: int,
    results: Sequence[VariantResult],
    comparison: Comparison | None,
    *,
    by: str,
) -> ABTest:
    """Write the decision with its figures and release the rest."""
    held = ledger().sample(campaign).held
    test.winner, test.decided_by_id = variant, current_context().actor_id if by == "person" else None
    test.decision = decision_document(test, results, comparison) | {"by": by, "released": held}
    ABTest.objects.filter(pk=test.pk).update(
        winner=variant, decided_by_id=test.decided_by_id, decided_at=Now(), decision=test.decision, is_held=False
    )
    ledger().release(campaign, variant)
    audit.record(
        action="campaign.test_decided", obj=campaign, changes={"winner": [None, letter(variant)], "by": [None, by]}
    )
    wake(SWEEP)
    test.refresh_from_db()
    return test


def decision_document(test: ABTest, results: Sequence[VariantResult], comparison: Comparison | None) -> dict[str, Any]:
    """The figures as they were, with what the rule made of them."""
    estimates = [asdict(estimate) for estimate in comparison.estimates] if comparison else [{} for _ in results]
    return {
        "metric": test.metric,
        "threshold": LOSS_THRESHOLD,
        "leader": results[comparison.leader].variant if comparison else None,
        "is_clear": bool(comparison and comparison.is_clear),
        "variants": [asdict(result) | estimate for result, estimate in zip(results, estimates, strict=True)],
    }


def letter(variant: int | None) -> str:
    return "ABCDE"[variant - 1] if variant else "–"
