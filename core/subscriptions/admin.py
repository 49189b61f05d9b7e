"""Plans, who is on which, and what was used."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from unfold.decorators import display

from core.accounts import audit
from core.accounts.model_admins import AgencyModelAdmin, OrganizationModelAdmin
from core.accounts.permissions import Permission
from core.subscriptions.choices import SUBSCRIPTION_STATUS_COLORS
from core.subscriptions.forms import PlanForm
from core.subscriptions.models import Plan, Subscription, Usage

_PLAN_COLUMNS = ["monthly_price_minor", "yearly_price_minor", "features"]
"""Set by the form from other fields, so the base class does not see them change."""


@admin.register(Plan)
class PlanAdmin(AgencyModelAdmin):
    form = PlanForm
    list_display = ("name", "shown_price", "shown_contacts", "shown_emails", "shown_members", "is_public")
    prepopulated_fields = {"slug": ("name",)}
    fieldsets = (
        (None, {"fields": ("name", "slug", ("is_public", "position"))}),
        ("Price", {"fields": (("monthly_price", "yearly_price", "currency"),)}),
        ("Limits", {"fields": (("max_contacts", "max_emails"), ("max_campaigns", "max_members"))}),
        ("Features", {"fields": ("chosen_features",)}),
    )
    empty_title = "No plans yet"
    empty_text = "A plan says what a client may use: contacts, mails a month, members and features."
    empty_icon = "sell"

    def save_model(self, request: HttpRequest, obj: Plan, form: Any, change: bool) -> None:
        before = audit.field_values(Plan.objects.get(pk=obj.pk), _PLAN_COLUMNS) if change else {}
        super().save_model(request, obj, form, change)
        changes = audit.changed_fields(before, audit.field_values(obj, _PLAN_COLUMNS))
        if changes and change:
            audit.record(action="plan.changed", obj=obj, changes=changes)

    @display(description="price", ordering="monthly_price_minor")
    def shown_price(self, plan: Plan) -> str:
        if not plan.monthly_price_minor:
            return "free"
        return f"{plan.monthly_price_minor / 100:,.2f} {plan.currency} a month"

    @display(description="contacts", ordering="max_contacts")
    def shown_contacts(self, plan: Plan) -> str:
        return _limit(plan.max_contacts)

    @display(description="mails a month", ordering="max_emails")
    def shown_emails(self, plan: Plan) -> str:
        return _limit(plan.max_emails)

    @display(description="members", ordering="max_members")
    def shown_members(self, plan: Plan) -> str:
        return _limit(plan.max_members)


@admin.register(Subscription)
class SubscriptionAdmin(OrganizationModelAdmin):
    """One per client. Only superusers: a client's own people see it on "Plan and usage"."""

    view_permission = Permission.AGENCY
    add_permission = Permission.AGENCY
    change_permission = Permission.AGENCY
    list_display = ("client_column", "plan", "shown_status", "billing_frequency", "period_end")
    list_filter = ("status", "plan")
    list_select_related = ("organization", "plan")
    search_fields = ("organization__name__istartswith",)
    fields = ("plan", "status", "billing_frequency", ("period_start", "period_end"), "trial_end")
    empty_title = "No subscriptions yet"
    empty_text = "Every new client is put on a plan when it is added under Clients."
    empty_icon = "card_membership"

    def get_list_filter(self, request: HttpRequest) -> list[Any]:
        """One client's single row needs no filter."""
        return [] if request.access.current else super().get_list_filter(request)  # type: ignore[attr-defined]

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """For a client that has none yet; a second one is refused by the database."""
        current = request.access.current  # type: ignore[attr-defined]
        if current and Subscription.objects.filter(organization_id=current.pk).exists():
            return False
        return super().has_add_permission(request, obj)

    @display(description="status", ordering="status", label=SUBSCRIPTION_STATUS_COLORS)
    def shown_status(self, subscription: Subscription) -> tuple[str, str]:
        return subscription.status, subscription.get_status_display()


@admin.register(Usage)
class UsageAdmin(OrganizationModelAdmin):
    """The counters themselves, month by month. Written by `usage.reserve` and `usage.release` alone."""

    view_permission = Permission.PLAN_VIEW
    list_display = ("metric", "shown_month", "used", "updated_at")
    list_filter = ("metric",)
    list_display_links = None
    fields = ("metric", "month", "used", "updated_at")
    readonly_fields = fields
    empty_title = "Nothing has been used yet"
    empty_text = "Contacts, mails, campaigns and members are counted here as soon as there are any."
    empty_icon = "speed"

    @display(description="month", ordering="month")
    def shown_month(self, usage: Usage) -> str:
        return "now" if usage.month.year == 1970 else f"{usage.month:%B %Y}"


def _limit(value: int | None) -> str:
    return "no limit" if value is None else f"{value:,}"
