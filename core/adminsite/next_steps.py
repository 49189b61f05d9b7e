"""What is wrong at a client, and the one thing to do next. Pure rules over facts that were read before."""

import enum
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

from django.conf import settings
from django.urls import reverse

from core.accounts.access import Access
from core.accounts.permissions import Permission
from core.adminsite.home.facts import ClientFacts
from core.adminsite.home.health import Health
from core.adminsite.navigation import link_or_none
from core.campaigns.models import Approval, Campaign
from core.campaigns.states import PauseReason
from core.subscriptions.choices import USABLE
from core.subscriptions.queries import UsageOf


class ProblemKind(enum.StrEnum):
    """What a problem is about: the cockpit counts and filters by it."""

    CAMPAIGN = "campaign"
    SENDER = "sender"
    PLAN = "plan"
    SETTINGS = "settings"


@dataclass(frozen=True)
class Step:
    """A button: what it says, where it leads, and the sentence beside it."""

    label: str
    url: str
    why: str = ""


@dataclass(frozen=True)
class Problem:
    """Something in the way, in a sentence, with the page that mends it ("" when this person may not). `short` names it
    in two words, for a count of many."""

    sentence: str
    url: str = ""
    is_stopping: bool = True
    kind: ProblemKind = ProblemKind.SETTINGS
    short: str = ""


P = Permission


def problems_of(facts: ClientFacts, access: Access, health: Health) -> list[Problem]:
    """What stops something first."""
    found = [
        *_sending_problems(facts, access),
        *_campaign_problems(facts, access),
        *_refused(facts, access, health),
        *_settings_problems(facts, access),
        *_plan_problems(facts, access),
    ]
    return sorted(found, key=lambda problem: not problem.is_stopping)


def _sending_problems(facts: ClientFacts, access: Access) -> Iterator[Problem]:
    connection, kind = facts.connection, ProblemKind.SENDER
    if connection is None:
        url = _url(access, facts, P.SENDING_MANAGE, "delivery_connection_add")
        sentence = "No connection carries the campaigns yet, so nothing can be sent."
        yield Problem(sentence, url, kind=kind, short="no connection")
    elif connection.paused_at:
        url = _url(access, facts, P.SENDING_VIEW, "delivery_connection_change", connection.pk)
        why = connection.problem if access.can(P.SENDING_VIEW, facts.client.pk) else ""
        sentence = f"The connection “{connection.name}” is paused{f': {_ended(why)}' if why else '.'}"
        yield Problem(sentence, url, kind=kind, short="connection paused")
    for domain in facts.troubled_domains:
        url = _url(access, facts, P.SENDING_VIEW, "domains_sendingdomain_change", domain.pk)
        if domain.paused_at:
            yield Problem(f"All sending from {domain} was stopped by a person.", url, kind=kind, short="domain stopped")
            continue
        sentence = f"The sending domain {domain} is broken: its mails go out unsigned."
        yield Problem(sentence, url, is_stopping=settings.DOMAINS_REQUIRED, kind=kind, short="domain broken")


def _refused(facts: ClientFacts, access: Access, health: Health) -> Iterator[Problem]:
    """What mail servers hold against the sender: it harms every further mail, but stops none by itself."""
    if health.concern:
        url = _url(access, facts, P.RESULTS_VIEW, "deliverability")
        yield Problem(health.concern, url, is_stopping=False, kind=ProblemKind.SENDER, short=health.words)
    for alert in facts.alerts:
        url = _url(access, facts, P.RESULTS_VIEW, "tracking_sendingalert_change", alert.pk)
        yield Problem(_ended(alert.title), url, is_stopping=False, kind=ProblemKind.SENDER, short="refused")


def _campaign_problems(facts: ClientFacts, access: Access) -> Iterator[Problem]:
    for campaign in facts.paused:
        url = _campaign_url(access, facts, campaign)
        yield Problem(
            f"“{campaign.name}” is paused{_why_paused(facts, campaign)}", url, kind=ProblemKind.CAMPAIGN, short="paused"
        )
    for campaign in facts.failed:
        sentence = f"“{campaign.name}” could not start: {_ended(campaign.problem or 'see its page')}"
        url = _campaign_url(access, facts, campaign)
        yield Problem(sentence, url, kind=ProblemKind.CAMPAIGN, short="failed")


def _settings_problems(facts: ClientFacts, access: Access) -> Iterator[Problem]:
    if not facts.client.postal_address:
        url = _url(access, facts, P.ORGANIZATION_MANAGE, "accounts_organization_change", facts.client.pk)
        yield Problem("The postal address is missing. The law asks for one in every mail.", url, short="no address")


def _plan_problems(facts: ClientFacts, access: Access) -> Iterator[Problem]:
    url, kind = _url(access, facts, P.PLAN_VIEW, "plan_and_usage"), ProblemKind.PLAN
    subscription = facts.usage.subscription
    if subscription is None:
        yield Problem("This client is on no plan, so no work can start.", url, kind=kind, short="no plan")
        return
    if subscription.status not in USABLE:
        state = subscription.get_status_display().lower()
        yield Problem(f"The subscription is {state}, so no work can start.", url, kind=kind, short=state)
    for usage in facts.usage.metrics.values():
        if usage.is_full:
            sentence = f"All {usage.limit:,} {usage.label} of the {subscription.plan} plan are used."
            yield Problem(sentence, url, kind=kind, short="plan used up")
        elif usage.is_near or usage.runs_out_on:
            yield Problem(_limit_sentence(usage), url, is_stopping=False, kind=kind, short="limit near")


def _limit_sentence(usage: UsageOf) -> str:
    """3,600 of 4,000 emails per month are used (90 %); at this month's pace they run out about 27 November."""
    sentence = f"{usage.used:,} of {usage.limit:,} {usage.label} are used ({usage.percent} %)"
    day = usage.runs_out_on
    return f"{sentence}; at this month's pace they run out about {day.day} {day:%B}." if day else f"{sentence}."


def next_step(facts: ClientFacts, access: Access, health: Health, approvals: Sequence[Approval] = ()) -> Step:
    """The first step that is due and that this person may take; looking at the campaigns when there is none.

    `approvals`: this client's requests that wait for this very person.
    """
    due = (_mending(facts, access), _looking(facts, access, health), _deciding(facts, access, approvals))
    for step in chain(*due, _going_on(facts, access)):
        if step.url:
            return step
    return Step("Open campaigns", _url(access, facts, P.CAMPAIGNS_VIEW, "campaigns_campaign_changelist"))


def _mending(facts: ClientFacts, access: Access) -> Iterator[Step]:
    """What stands still, the cause before what it stopped."""
    connection = facts.connection
    if connection is None:
        yield Step("Add a connection", _url(access, facts, P.SENDING_MANAGE, "delivery_connection_add"))
    elif connection.paused_at:
        url = _url(access, facts, P.SENDING_MANAGE, "delivery_connection_change", connection.pk)
        yield Step("Mend the connection", url, f"{connection.name} is paused")
    for domain in facts.troubled_domains[:1]:
        url = _url(access, facts, P.SENDING_MANAGE, "domains_sendingdomain_change", domain.pk)
        yield Step("Mend the domain", url, str(domain))
    for campaign in facts.paused[:1]:
        yield Step("Look at the pause", _report_url(access, facts, campaign), campaign.name)
    for campaign in facts.failed[:1]:
        yield Step("See what failed", _campaign_url(access, facts, campaign), campaign.name)
    if facts.usage.subscription is None or facts.usage.is_full:
        yield Step("See the plan", _url(access, facts, P.PLAN_VIEW, "plan_and_usage"))


def _looking(facts: ClientFacts, access: Access, health: Health) -> Iterator[Step]:
    for alert in facts.alerts[:1]:
        url = _url(access, facts, P.RESULTS_VIEW, "tracking_sendingalert_change", alert.pk)
        yield Step("See who refuses", url, alert.title)
    if health.concern:
        yield Step("See deliverability", _url(access, facts, P.RESULTS_VIEW, "deliverability"), health.concern)


def _deciding(facts: ClientFacts, access: Access, approvals: Sequence[Approval]) -> Iterator[Step]:
    for approval in approvals[:1]:
        url = _url(access, facts, P.CAMPAIGNS_SEND, "campaigns_approval_change", approval.pk)
        yield Step("Review it", url, f"{approval.campaign.name} waits for your approval")
    for campaign in facts.running[:1]:
        yield Step("Watch it go out", _report_url(access, facts, campaign), campaign.name)


def _going_on(facts: ClientFacts, access: Access) -> Iterator[Step]:
    client = facts.client
    if not client.postal_address:
        url = _url(access, facts, P.ORGANIZATION_MANAGE, "accounts_organization_change", client.pk)
        yield Step("Add the postal address", url)
    if not facts.contacts.used:
        url = _url(access, facts, P.CONTACTS_IMPORT, "contacts_contactimport_import")
        yield Step("Import contacts", url, "There is nobody to write to yet.")
    if not facts.has_template:
        yield Step("Write a template", _url(access, facts, P.TEMPLATES_MANAGE, "email_templates_emailtemplate_add"))
    for campaign in facts.approved[:1]:
        url = _url(access, facts, P.CAMPAIGNS_SEND, "campaigns_campaign_change", campaign.pk)
        yield Step("Send or plan it", url, f"{campaign.name} is approved")
    if facts.draft:
        url = _url(access, facts, P.CAMPAIGNS_SEND, "campaigns_campaign_change", facts.draft.pk)
        yield Step("Review and send", url, facts.draft.name)
    yield Step("New campaign", _url(access, facts, P.CAMPAIGNS_MANAGE, "campaigns_campaign_add"))
    if facts.last:
        url = _url(access, facts, P.RESULTS_VIEW, "campaign_report", facts.last.pk)
        yield Step("Read the report", url, facts.last.name)


def _campaign_url(access: Access, facts: ClientFacts, campaign: Campaign) -> str:
    return _url(access, facts, P.CAMPAIGNS_VIEW, "campaigns_campaign_change", campaign.pk)


def _report_url(access: Access, facts: ClientFacts, campaign: Campaign) -> str:
    return _url(access, facts, P.RESULTS_VIEW, "campaign_report", campaign.pk)


def _url(access: Access, facts: ClientFacts, permission: Permission, name: str, *arguments: Any) -> str:
    """The page's address, or "" when this person may not open it at this client."""
    if not access.can(permission, facts.client.pk):
        return ""
    return link_or_none(lambda: reverse(f"admin:{name}", args=arguments)) or ""


def _why_paused(facts: ClientFacts, campaign: Campaign) -> str:
    """The connection's own problem is told once, with the connection."""
    waits = campaign.pause_reason == PauseReason.CONNECTION and facts.connection and facts.connection.paused_at
    if waits:
        return " until the connection works again."
    by_a_person = PauseReason.MANUAL.label.removeprefix("Paused")
    if not campaign.problem and campaign.pause_reason in ("", PauseReason.MANUAL):
        return _ended(by_a_person)
    return _ended(f": {campaign.problem or campaign.get_pause_reason_display()}")


def _ended(words: str) -> str:
    """With one full stop at the end, whatever wrote them."""
    return f"{words.rstrip().rstrip('.')}."
