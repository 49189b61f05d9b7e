"""What is wrong at a client, and the one thing to do next. Pure rules over facts that were read before."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.urls import reverse

from core.accounts.access import Access
from core.accounts.permissions import Permission
from core.adminsite.home_facts import ClientFacts
from core.adminsite.navigation import link_or_none
from core.subscriptions.choices import USABLE


@dataclass(frozen=True)
class Step:
    """A button: what it says, where it leads, and the sentence beside it."""

    label: str
    url: str
    why: str = ""


@dataclass(frozen=True)
class Problem:
    """Something in the way, in a sentence, with the page that mends it ("" when this person may not)."""

    sentence: str
    url: str = ""
    is_stopping: bool = True


P = Permission


def problems_of(facts: ClientFacts, access: Access) -> list[Problem]:
    return [*_sending_problems(facts, access), *_plan_problems(facts, access)]


def _sending_problems(facts: ClientFacts, access: Access) -> Iterator[Problem]:
    client, connection = facts.client, facts.connection
    if connection is None:
        url = _url(access, facts, P.SENDING_MANAGE, "delivery_connection_add")
        yield Problem("No connection carries the campaigns yet, so nothing can be sent.", url)
    elif connection.paused_at:
        url = _url(access, facts, P.SENDING_VIEW, "delivery_connection_change", connection.pk)
        yield Problem(f"The connection “{connection.name}” is paused: {connection.problem or 'by a person'}.", url)
    for domain in facts.broken_domains:
        url = _url(access, facts, P.SENDING_VIEW, "domains_sendingdomain_change", domain.pk)
        sentence = f"The sending domain {domain} is broken: its mails go out unsigned."
        yield Problem(sentence, url, is_stopping=settings.DOMAINS_REQUIRED)
    if not client.postal_address:
        url = _url(access, facts, P.ORGANIZATION_MANAGE, "accounts_organization_change", client.pk)
        yield Problem("The postal address is missing. The law asks for one in every mail.", url)
    for campaign in facts.paused:
        url = _url(access, facts, P.CAMPAIGNS_VIEW, "campaigns_campaign_change", campaign.pk)
        reason = campaign.problem or campaign.get_pause_reason_display() or "by a person"
        yield Problem(f"“{campaign.name}” is paused: {reason}", url)


def _plan_problems(facts: ClientFacts, access: Access) -> Iterator[Problem]:
    url = _url(access, facts, P.PLAN_VIEW, "plan_and_usage")
    subscription = facts.usage.subscription
    if subscription is None:
        yield Problem("This client is on no plan, so no work can start.", url)
        return
    if subscription.status not in USABLE:
        yield Problem(f"The subscription is {subscription.get_status_display().lower()}, so no work can start.", url)
    for usage in facts.usage.metrics.values():
        if usage.is_full:
            yield Problem(f"All {usage.limit:,} {usage.label} of the {subscription.plan} plan are used.", url)
        elif usage.is_near:
            sentence = f"{usage.used:,} of {usage.limit:,} {usage.label} are used ({usage.percent} %)."
            yield Problem(sentence, url, is_stopping=False)


def next_step(facts: ClientFacts, access: Access) -> Step:
    """The first step that is due and that this person may take; looking at the campaigns when there is none."""
    for step in _steps(facts, access):
        if step.url:
            return step
    return Step("Open campaigns", _url(access, facts, P.CAMPAIGNS_VIEW, "campaigns_campaign_changelist"))


def _steps(facts: ClientFacts, access: Access) -> Iterator[Step]:
    def to(permission: Permission, name: str, *arguments: Any) -> str:
        return _url(access, facts, permission, name, *arguments)

    client = facts.client
    for campaign in facts.running[:1]:
        yield Step("Watch it go out", to(P.RESULTS_VIEW, "campaign_report", campaign.pk), campaign.name)
    for campaign in facts.paused[:1]:
        yield Step("Look at the pause", to(P.RESULTS_VIEW, "campaign_report", campaign.pk), campaign.name)
    if facts.connection is None:
        yield Step("Add a connection", to(P.SENDING_MANAGE, "delivery_connection_add"))
    elif facts.connection.paused_at:
        yield Step("Mend the connection", to(P.SENDING_MANAGE, "delivery_connection_change", facts.connection.pk))
    if not client.postal_address:
        yield Step("Add the postal address", to(P.ORGANIZATION_MANAGE, "accounts_organization_change", client.pk))
    if not facts.contacts.used:
        yield Step(
            "Import contacts",
            to(P.CONTACTS_IMPORT, "contacts_contactimport_import"),
            "There is nobody to write to yet.",
        )
    if not facts.has_template:
        yield Step("Write a template", to(P.TEMPLATES_MANAGE, "email_templates_emailtemplate_add"))
    if facts.draft:
        yield Step(
            "Review and send", to(P.CAMPAIGNS_SEND, "campaigns_campaign_change", facts.draft.pk), facts.draft.name
        )
    yield Step("New campaign", to(P.CAMPAIGNS_MANAGE, "campaigns_campaign_add"))
    if facts.last:
        yield Step(
            "Read the report", to(P.RESULTS_VIEW, "campaign_report", facts.last.campaign.pk), facts.last.campaign.name
        )


def _url(access: Access, facts: ClientFacts, permission: Permission, name: str, *arguments: Any) -> str:
    """The page's address, or "" when this person may not open it at this client."""
    if not access.can(permission, facts.client.pk):
        return ""
    return link_or_none(lambda: reverse(f"admin:{name}", args=arguments)) or ""
