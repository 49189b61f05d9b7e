"""A/B tests: no two variants are the same, the sample is large enough to tell.

What each variant says is read by the checks of content and sender, as any mail is.
"""

from collections.abc import Iterator

from core.campaigns.ab.queries import FEWEST_VARIANTS
from core.campaigns.models import Campaign, CampaignVariant
from core.campaigns.preflight.case import Case, variant_case
from core.campaigns.preflight.registry import Found, Level, Needs, Problem, Reads, check, checks
from core.campaigns.states import ScheduleZone
from core.subscriptions.features import AB_TESTING
from core.subscriptions.queries import feature_lock

FEW_PEOPLE = 200
"""Below so many a variant, only huge differences show: of 200 people, 95 % intervals of a rate of 20 % are 11 points
wide."""


@check(code="ab_test", title="A/B test", where="ab", fine="Every variant can be sent, or there is no test.")
def variants_can_be_sent(case: Case) -> Iterator[Found]:
    if case.ab_test is None:
        return
    if lock := feature_lock(case.organization_id, AB_TESTING):
        yield Found(f"{lock} Until then, remove the test to send the campaign.", "ab_locked")
    if len(case.variants) < FEWEST_VARIANTS:
        yield Found("The A/B test needs two variants at least. Add one, or remove the test.", "ab_variants")
    if case.campaign.schedule_zone == ScheduleZone.RECIPIENT:
        yield Found("A test compares people who get their mail at the same time: choose the client's time zone.")
    yield from _twins(case)


@check(
    code="ab_sample",
    title="The sample is large enough",
    where="ab",
    level=Level.WARNING,
    needs=Needs.COUNTS,
    fine="The sample is large enough for differences to show, or there is no test.",
)
def sample_is_large_enough(case: Case) -> Iterator[Found]:
    test = case.ab_test
    if test is None or case.audience is None:
        return
    count = len(case.variants) or FEWEST_VARIANTS
    each = round(case.audience.sendable * test.sample_percent / 100) // count
    if each == 0:
        yield Found("The sample is too small to give each variant one person. Raise its share.", level=Level.STOP)
    elif each < FEW_PEOPLE:
        yield Found(
            f"Each variant goes to about {each:,} {'person' if each == 1 else 'people'}. With fewer than {FEW_PEOPLE} "
            "only large differences show: the result may be chance. Raise the share of the sample if you can."
        )


def variant_problems(campaign: Campaign, variant: CampaignVariant) -> list[Problem]:
    """What keeps this variant from being sent: its content or its sender."""
    case = variant_case(Case(campaign), variant)
    looks = [one for one in checks(up_to=Needs.DRAFT) if one.reads is not Reads.NOTHING]
    return [problem for one in looks for problem in one.problems(case) if problem.level == Level.STOP]


def _twins(case: Case) -> Iterator[Found]:
    seen: dict[object, CampaignVariant] = {}
    for mail in case.mails:
        if mail.variant is None:
            continue
        twin = seen.setdefault((mail.source, mail.sender), mail.variant)
        if twin is not mail.variant:
            yield Found(
                f"{twin} and {mail.variant} are the same, so there is nothing to compare. Change one.", "ab_twins"
            )
