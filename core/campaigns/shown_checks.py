"""The checklist as the page shows it: sentences with the way to the fix."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from itertools import pairwise

from django.urls import reverse

from core.accounts.permissions import Permission
from core.campaigns.models import Campaign
from core.campaigns.preflight import ChecklistItem, Problem, State
from core.campaigns.states import CampaignStatus

ICONS = {State.STOP: "error", State.WARNING: "warning", State.FINE: "check_circle", State.WAITING: "hourglass_empty"}
STATE_WORDS = {State.STOP: "Stop", State.WARNING: "Warning", State.FINE: "Fine", State.WAITING: "Being looked at"}
_ON_THE_FORM = {
    "who": "#id_include_groups",
    "what": "#id_subject",
    "from": "#id_from_email",
    "when": "#id_window_from",
}
_IN_THE_INBOX_ROW = ("no_subject", "subject", "preheader")
"""Beginnings of codes about what the campaign itself may say in place of its template."""
_PAGES = {
    "client": ("accounts_organization_change", Permission.ORGANIZATION_VIEW, "Open the settings"),
    "plan": ("plan_and_usage", Permission.PLAN_VIEW, "Open the plan"),
    "domain": ("domains_sendingdomain_changelist", Permission.SENDING_VIEW, "Open the domains"),
    "connection": ("delivery_connection_changelist", Permission.SENDING_VIEW, "Open the connections"),
}


@dataclass(frozen=True, slots=True)
class ShownPerson:
    address: str
    url: str


@dataclass(frozen=True, slots=True)
class ShownLine:
    """One finding. `fix_url` is "" where nothing leads to the fix."""

    message: str
    fix_url: str = ""
    fix_label: str = ""
    people: tuple[ShownPerson, ...] = ()


@dataclass(frozen=True, slots=True)
class ShownCheck:
    """One check: `state` is a State, `state_words` says it to those who see no colour."""

    title: str
    state: State
    state_words: str
    icon: str
    lines: tuple[ShownLine, ...]


@dataclass(frozen=True, slots=True)
class ShownChecklist:
    """`open` are stops and warnings, `fine` the others; `headline` sums them up."""

    headline: str
    state: State
    open: tuple[ShownCheck, ...]
    fine: tuple[ShownCheck, ...]
    is_waiting: bool


def shown_checklist(
    items: Iterable[ChecklistItem], campaign: Campaign, can: Callable[[Permission], bool]
) -> ShownChecklist:
    """`can` says what the person may do for this client: no link leads to a page that refuses her."""
    items = list(items)
    shown = [_shown(item, campaign, can) for item in items if item.state != State.WAITING]
    stops = sum(one.state == State.STOP for one in shown)
    warnings = sum(one.state == State.WARNING for one in shown)
    state = State.STOP if stops else State.WARNING if warnings else State.FINE
    return ShownChecklist(
        headline=_headline(stops, warnings),
        state=state,
        open=tuple(one for one in shown if one.state != State.FINE),
        fine=tuple(one for one in shown if one.state == State.FINE),
        is_waiting=any(item.state == State.WAITING for item in items),
    )


def _headline(stops: int, warnings: int) -> str:
    if stops:
        return "One thing keeps it from being sent" if stops == 1 else f"{stops} things keep it from being sent"
    if warnings:
        noun = "One thing is" if warnings == 1 else f"{warnings} things are"
        return f"Nothing stands in the way. {noun} worth a look"
    return "Nothing stands in the way"


def _shown(item: ChecklistItem, campaign: Campaign, can: Callable[[Permission], bool]) -> ShownCheck:
    lines = [_line(problem, campaign, can) for problem in item.problems] or [ShownLine(item.fine)]
    # One way to the fix behind the last of several sentences that all lead there.
    shown = [
        replace(line, fix_url="") if line.fix_url == following.fix_url else line for line, following in pairwise(lines)
    ]
    return ShownCheck(item.check.title, item.state, STATE_WORDS[item.state], ICONS[item.state], (*shown, lines[-1]))


def _line(problem: Problem, campaign: Campaign, can: Callable[[Permission], bool]) -> ShownLine:
    url, label = _fix(problem, campaign, can)
    people = tuple(
        ShownPerson(person.address, reverse("admin:contacts_contact_change", args=[person.contact_id]))
        for person in problem.people
    )
    return ShownLine(problem.message, url, label, people if can(Permission.CONTACTS_VIEW) else ())


def _fix(problem: Problem, campaign: Campaign, can: Callable[[Permission], bool]) -> tuple[str, str]:
    in_the_campaign = problem.where == "from" or problem.code.startswith(_IN_THE_INBOX_ROW)
    if problem.where == "ab" or (problem.is_variants and in_the_campaign):
        page = reverse("admin:campaigns_campaign_ab_test", args=[campaign.pk])
        return (page, "Open the A/B test") if can(Permission.CAMPAIGNS_MANAGE) else ("", "")
    if problem.where == "what" and not problem.code.startswith(_IN_THE_INBOX_ROW):
        if not can(Permission.TEMPLATES_VIEW):
            return "", ""
        page = reverse("admin:email_templates_emailtemplate_change", args=[problem.template_id or campaign.template_id])
        return page, "Open the template"
    if problem.where == "approval":
        page = reverse("admin:campaigns_campaign_ask_for_approval", args=[campaign.pk])
        may_ask = campaign.status == CampaignStatus.DRAFT and can(Permission.CAMPAIGNS_MANAGE)
        return (page, "Ask for approval") if may_ask else ("", "")
    if problem.where in _PAGES:
        name, permission, label = _PAGES[problem.where]
        arguments = [campaign.organization_id] if problem.where == "client" else []
        return (reverse(f"admin:{name}", args=arguments), label) if can(permission) else ("", "")
    if problem.where in _ON_THE_FORM:
        page = reverse("admin:campaigns_campaign_change", args=[campaign.pk])
        return page + _ON_THE_FORM[problem.where], "Go there"
    return "", ""
