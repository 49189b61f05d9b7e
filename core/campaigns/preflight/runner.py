"""Running the checks: as hard stops of a service, as numbers of a confirmation, as the list beside the form."""

import datetime
import enum
from dataclasses import dataclass

from core.campaigns.models import Campaign
from core.campaigns.preflight.case import Case
from core.campaigns.preflight.plan import PlanUse, plan_use
from core.campaigns.preflight.registry import Check, Level, Needs, Problem, Reads, checks
from core.campaigns.queries import campaign_audience
from core.contacts.audience import AudienceCounts
from core.subscriptions.errors import NoUsableSubscription

_PLAN_CHECKS = frozenset({"plan", "plan_usable"})


@dataclass(frozen=True, slots=True)
class SendPreview:
    """What sending would do. `plan_use` is None when the client has no plan it can use."""

    audience: AudienceCounts
    problems: tuple[Problem, ...]
    plan_use: PlanUse | None
    warnings: tuple[Problem, ...] = ()


class State(enum.StrEnum):
    STOP = "stop"
    WARNING = "warning"
    FINE = "fine"
    WAITING = "waiting"
    """Not looked at yet: it takes counting."""


@dataclass(frozen=True, slots=True)
class ChecklistItem:
    """One check with its answer: what was found, or the sentence that it is fine."""

    check: Check
    state: State
    problems: tuple[Problem, ...]
    fine: str


def campaign_problems(campaign: Campaign, audience: AudienceCounts | None = None) -> list[Problem]:
    """Everything that keeps the campaign from being sent, all at once. The plan is checked when it is reserved."""
    return known_problems(campaign, audience or campaign_audience(campaign))


def known_problems(campaign: Campaign, audience: AudienceCounts | None) -> list[Problem]:
    """The same without what only counting tells, when the audience is not counted."""
    case = Case(campaign, audience)
    return [problem for problem in _found(case, Needs.COUNTS) if problem.level == Level.STOP]


def due_problems(campaign: Campaign) -> list[Problem]:
    """The stops of a campaign that was planned ahead and begins now, its plan's included. Nobody is counted: that is
    done anyway."""
    case = Case(campaign)
    stops = [problem for problem in _found(case, Needs.DRAFT) if problem.level == Level.STOP]
    return [*stops, *_plan_stops(case)]


def edited_problems(campaign: Campaign) -> list[Problem]:
    """The stops of what can still be edited between *Send now* and the freezing: the template. The rest was confirmed a
    moment ago."""
    looks = [one for one in checks(up_to=Needs.DRAFT) if one.reads in (Reads.CONTENT, Reads.MAIL)]
    case = Case(campaign)
    return [problem for one in looks for problem in one.problems(case) if problem.level == Level.STOP]


def campaign_warnings(campaign: Campaign, audience: AudienceCounts | None = None) -> list[Problem]:
    """What does not keep the campaign from being sent, and should be known before."""
    return [problem for problem in _found(Case(campaign, audience), Needs.COUNTS) if problem.level == Level.WARNING]


def send_preview(campaign: Campaign, at: datetime.datetime | None = None) -> SendPreview:
    """The numbers of the confirmation, with every problem, the plan's in the month of `at` (None: now) included."""
    case = Case(campaign, campaign_audience(campaign), at)
    assert case.audience is not None
    found = _found(case, Needs.PEOPLE)
    problems = [problem for problem in found if problem.level == Level.STOP]
    plan_stops = _plan_stops(case)
    has_plan = not any(problem.code == NoUsableSubscription.code for problem in plan_stops)
    use = plan_use(campaign, case.audience.sendable, at) if has_plan else None
    problems += plan_stops
    warnings = tuple(problem for problem in found if problem.level == Level.WARNING)
    return SendPreview(case.audience, tuple(problems), use, warnings)


def checklist(case: Case, *, up_to: Needs = Needs.PEOPLE) -> list[ChecklistItem]:
    """Every check with its answer, hard stops first. What needs more than `up_to`, or numbers that the case does not
    hold, is waiting."""
    items = [_item(one, case, is_looked_at=_can_look(one, case, up_to)) for one in checks()]
    order = list(State)
    return sorted(items, key=lambda item: order.index(item.state))


def _can_look(one: Check, case: Case, up_to: Needs) -> bool:
    return one.needs <= up_to and (one.needs == Needs.DRAFT or case.audience is not None)


def _item(one: Check, case: Case, *, is_looked_at: bool) -> ChecklistItem:
    if not is_looked_at:
        return ChecklistItem(one, State.WAITING, (), "")
    problems = one.problems(case)
    if not problems:
        return ChecklistItem(one, State.FINE, (), one.fine_words(case))
    is_stop = any(problem.level == Level.STOP for problem in problems)
    return ChecklistItem(one, State.STOP if is_stop else State.WARNING, problems, "")


def _found(case: Case, up_to: Needs) -> list[Problem]:
    """What all checks but the plan's find."""
    wanted = [one for one in checks(up_to=up_to) if one.code not in _PLAN_CHECKS]
    return [problem for one in wanted for problem in one.problems(case)]


def _plan_stops(case: Case) -> list[Problem]:
    return [problem for one in checks() if one.code in _PLAN_CHECKS for problem in one.problems(case)]
