"""Whether the people who have to agree did, to exactly this content, audience and sender."""

from collections.abc import Iterator

from core.campaigns.approvals.standing import approval_gap, stages_of
from core.campaigns.preflight.case import Case
from core.campaigns.preflight.registry import Found, check

NEEDS_APPROVAL = "needs_approval"


def _agreed(case: Case) -> str:
    return "Approved as it stands." if stages_of(case.organization) else "This client asks for no approval."


@check(code=NEEDS_APPROVAL, title="Approval", where="approval", fine=_agreed)
def approval(case: Case) -> Iterator[Found]:
    if gap := approval_gap(case.campaign):
        yield Found(gap)
