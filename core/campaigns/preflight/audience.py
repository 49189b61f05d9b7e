"""Who: somebody has to get it, about as many people as usual, and with all that the mail says about them."""

from collections.abc import Iterator
from statistics import median

from core.campaigns.missing_values import missing_values
from core.campaigns.models import Campaign
from core.campaigns.preflight.case import Case
from core.campaigns.preflight.registry import Found, Level, Needs, check
from core.campaigns.states import CampaignStatus
from core.contacts.errors import TookTooLong

SKIPPED_SHARE = 0.2
JUMP_SHARE = 0.5
JUMP_PEOPLE = 500
_LAST_SENT = 3


def _sendable_words(case: Case) -> str:
    if case.audience is None:
        return "Groups or segments are chosen."
    return f"{case.audience.sendable:,} {'person gets' if case.audience.sendable == 1 else 'people get'} it."


@check(code="audience", title="Somebody gets it", where="who", fine=_sendable_words)
def audience_is_there(case: Case) -> Iterator[Found]:
    if case.definition.is_empty:
        yield Found("No group or segment is chosen. Choose under Who which of them get this mail.", "no_group")
    elif case.audience is None:
        return
    elif case.audience.total == 0:
        message = "Nobody is in the chosen groups and segments. Import contacts into a group, or choose others"
        yield Found(f"{message} under Who.", "audience_empty")
    elif case.audience.sendable == 0:
        message = f"All {case.audience.total:,} people who were chosen are skipped, so nobody would get this mail."
        yield Found(f"{message} Choose other groups or segments under Who.", "audience_skipped")


@check(
    code="audience_jump",
    title="About as many people as usual",
    where="who",
    level=Level.WARNING,
    needs=Needs.COUNTS,
    fine="The audience is about as large as in the last campaigns, or there are none to compare with.",
)
def audience_is_as_usual(case: Case) -> Iterator[Found]:
    """Against the median of the last three that were sent: one odd mailing does not move it."""
    sent = Campaign.objects.filter(organization_id=case.organization_id, status=CampaignStatus.SENT)
    last = list(sent.order_by("-finished_at").values_list("emails_reserved", flat=True)[:_LAST_SENT])
    if not last or case.audience is None or not case.audience.sendable:
        return
    usual, now = int(median(last)), case.audience.sendable
    difference = abs(now - usual)
    if difference > JUMP_PEOPLE and difference > JUMP_SHARE * usual:
        word = "more" if now > usual else "fewer"
        last_words = "the last campaign" if len(last) == 1 else f"the last {len(last)} campaigns"
        yield Found(
            f"{now:,} people get it, {difference:,} {word} than usual ({usual:,} in {last_words}). "
            "Look at the groups and segments under Who."
        )


@check(
    code="skipped_share",
    title="Few are skipped",
    where="who",
    level=Level.WARNING,
    needs=Needs.COUNTS,
    fine="At most one in five of the chosen people is skipped.",
)
def few_are_skipped(case: Case) -> Iterator[Found]:
    if case.audience is None or not case.audience.sendable:
        return
    skipped = case.audience.total - case.audience.sendable
    if skipped > SKIPPED_SHARE * case.audience.total:
        yield Found(
            f"{skipped:,} of {case.audience.total:,} chosen people are skipped "
            f"({100 * skipped / case.audience.total:.0f} %). A list with that many is often an old one."
        )


@check(
    code="missing_values",
    title="Everybody has what the mail says",
    where="what",
    level=Level.WARNING,
    needs=Needs.PEOPLE,
    fine="Every merge tag has a value for everybody, or a fallback.",
)
def values_are_there(case: Case) -> Iterator[Found]:
    try:
        missing = missing_values(case.definition, [mail.source for mail in case.mails])
    except TookTooLong:
        yield Found("It takes too long to look through everybody for missing values. A rehearsal does.")
        return
    for one in missing:
        yield Found(
            f"{case.said_of(one.sources)}{one.count:,} {'person has' if one.count == 1 else 'people have'} no "
            f"{one.label}, and {one.tag} has no "
            f'fallback, so nothing stands there. Write one: {one.tag[:-3]} | default: "…" }}}}.',
            people=one.people,
            template_id=case.mails[one.sources[0]].campaign.template_id,
        )
