""" "Plan and usage": how much of what is used, what is left, and what to do before it runs out."""

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from core.accounts.access import Access
from core.accounts.permissions import Permission
from core.adminsite.pages import register_page
from core.subscriptions.features import FEATURES
from core.subscriptions.models import Plan
from core.subscriptions.queries import listed, plan_usage, plans_with


@register_page("plan-and-usage/", name="plan_and_usage", permission=Permission.PLAN_VIEW)
def plan_and_usage(request: HttpRequest) -> HttpResponse:
    access: Access = request.access  # type: ignore[attr-defined]
    clients = [client for client in access.in_reach if access.can(Permission.PLAN_VIEW, client.pk)]
    usage = plan_usage(client.pk for client in clients)
    rows = [(client, usage[client.pk]) for client in clients]
    rows.sort(key=lambda row: (not row[1].is_full, not row[1].is_near, row[0].name.lower()))
    plan = rows[0][1].plan if access.current and rows else None
    context = {
        **admin.site.each_context(request),
        "title": "Plan and usage",
        "rows": rows,
        "plan": plan,
        "monthly_price": plan.monthly_price_minor / 100 if plan else 0,
        "features": _features(plan) if plan else [],
    }
    return TemplateResponse(request, "adminsite/plan_and_usage.html", context)


def _features(plan: Plan) -> list[tuple[str, bool, str]]:
    """What the registry knows: its label, whether the plan has it, and else which plans on offer do."""
    offered = plans_with(path for path in FEATURES if not plan.has_feature(path))
    return [(label, path not in offered, listed(offered.get(path, []))) for path, label in FEATURES.items()]
