"""A/B tests: every variant is a mail that could be sent, no two are the same, the sample is large enough to tell."""

import copy
from collections.abc import Iterator

from core.campaigns.ab.queries import FEWEST_VARIANTS, ab_test_of, variants_of
from core.campaigns.models import Campaign, CampaignVariant
from core.campaigns.preflight.case import Case
from core.campaigns.preflight.registry import Found, Level, Needs, Problem, check, checks
from core.campaigns.preflight.sources import content_problems
from core.campaigns.snapshot import mail_source
from core.campaigns.states import ScheduleZone

FEW_PEOPLE = 200
"""Below so many a variant, only huge differences show: of 200 people, 95 % intervals of a rate of 20 % are 11 points
wide."""


@check(code="ab_test", title="A/B test", where="ab", fine="Every variant can be sent, or there is no test.")
def variants_can_be_sent(case: Case) -> Iterator[Found]:
    if ab_test_of(case.campaign) is None:
        return
    variants = variants_of(case.campaign)
    if len(variants) < FEWEST_VARIANTS:
        yield Found("The A/B test needs two variants at least. Add one, or remove the test.", "ab_variants")
    if case.campaign.schedule_zone == ScheduleZone.RECIPIENT:
        yield Found("A test compares people who get their mail at the same time: choose the client's time zone.")
    yield from _twins(case.campaign, variants)
    for variant in variants:
        for problem in variant_problems(case.campaign, variant):
            yield Found(f"{variant}: {problem.message}", problem.code)


@check(
    code="ab_sample",
    title="The sample is large enough",
    where="ab",
    level=Level.WARNING,
    needs=Needs.COUNTS,
    fine="The sample is large enough for differences to show, or there is no test.",
)
def sample_is_large_enough(case: Case) -> Iterator[Found]:
    test = ab_test_of(case.campaign)
    if test is None or case.audience is None:
        return
    count = len(variants_of(case.campaign)) or FEWEST_VARIANTS
    each = round(case.audience.sendable * test.sample_percent / 100) // count
    if each == 0:
        yield Found("The sample is too small to give each variant one person. Raise its share.", level=Level.STOP)
    elif each < FEW_PEOPLE:
        yield Found(
            f"Each variant goes to about {each:,} {'person' if each == 1 else 'people'}. With fewer than {FEW_PEOPLE} "
            "only large differences show: the result may be chance. Raise the share of the sample if you can."
        )


def variant_problems(campaign: Campaign, variant: CampaignVariant) -> list[Problem]:
    """What keeps this variant from being sent: its content, and a sender of its own."""
    problems = content_problems(campaign, mail_source(campaign, variant))
    if variant.from_email and variant.from_email != campaign.from_email:
        varied = copy.copy(campaign)
        varied.from_email = variant.from_email
        looks = [one for one in checks(up_to=Needs.DRAFT) if one.where == "from"]
        found = [problem for one in looks for problem in one.problems(Case(varied))]
        problems += [problem for problem in found if problem.level == Level.STOP]
    return problems


def _twins(campaign: Campaign, variants: list[CampaignVariant]) -> Iterator[Found]:
    seen: dict[object, CampaignVariant] = {}
    for variant in variants:
        sender = (variant.from_name or campaign.from_name, variant.from_email or campaign.from_email)
        twin = seen.setdefault((mail_source(campaign, variant), sender), variant)
        if twin is not variant:
            yield Found(f"{twin} and {variant} are the same, so there is nothing to compare. Change one.", "ab_twins")
