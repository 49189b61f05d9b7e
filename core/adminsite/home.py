"""The first page: one client's overview, or the cockpit over all clients. A fixed number of queries for either."""

from typing import Any

from django.http import HttpRequest

from core.accounts.access import Access
from core.accounts.permissions import Permission
from core.adminsite.home_facts import ClientFacts, campaign_rows, client_facts
from core.adminsite.next_steps import next_step, problems_of
from core.campaigns.approvals.queries import in_review_count, open_for, waiting_for_client

APPROVALS_SHOWN = 5


def home_context(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Called by unfold with the context of the index page."""
    access: Access = request.access  # type: ignore[attr-defined]
    if access.current:
        return {**context, **_one_client(access)}
    return {**context, **_all_clients(access)}


def _one_client(access: Access) -> dict[str, Any]:
    client = access.current
    assert client is not None
    facts = client_facts([client])[0]
    problems = problems_of(facts, access)
    return {
        "title": "Home",
        "facts": facts,
        "rows": campaign_rows(client),
        "problems": problems,
        "is_stopped": any(problem.is_stopping for problem in problems),
        "step": next_step(facts, access),
        "may_see_plan": access.can(Permission.PLAN_VIEW),
        "may_see_campaigns": access.can(Permission.CAMPAIGNS_VIEW),
        "approvals": list(open_for(access).select_related("campaign", "asked_by").order_by("id")[:APPROVALS_SHOWN]),
        "waiting_for_client": waiting_for_client([client.pk]).get(client.pk, 0),
        "usage_bars": [usage for usage in facts.usage.metrics.values() if usage.limit is not None],
    }


def _all_clients(access: Access) -> dict[str, Any]:
    """One row per client: those where something stands still first, then warnings, those sending, and by name."""
    rows: list[dict[str, Any]] = [
        {"facts": facts, "problems": problems_of(facts, access), "step": next_step(facts, access)}
        for facts in client_facts(access.organizations)
    ]
    rows.sort(key=_need)
    return {
        "title": "Home",
        "client_rows": rows,
        "totals": {
            **_totals([row["facts"] for row in rows], sum(bool(row["problems"]) for row in rows)),
            "in_review": in_review_count([client.pk for client in access.organizations]),
        },
    }


def _need(row: dict[str, Any]) -> tuple[bool, bool, bool, str]:
    stops = any(problem.is_stopping for problem in row["problems"])
    return (not stops, not row["problems"], not row["facts"].running, row["facts"].client.name.lower())


def _totals(facts: list[ClientFacts], needing: int) -> dict[str, int]:
    return {
        "clients": len(facts),
        "emails": sum(one.emails.used for one in facts),
        "running": sum(len(one.running) for one in facts),
        "paused": sum(len(one.paused) for one in facts),
        "near_limit": sum(one.usage.is_near or one.usage.is_full for one in facts),
        "needing": needing,
    }
