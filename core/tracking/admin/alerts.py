"""Sending problems: what mail servers hold against a client's mails, to be looked at and acknowledged."""

from typing import Any
from uuid import UUID

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.decorators import action, display

from core.accounts.model_admins import Confirmation, OrganizationModelAdmin
from core.accounts.model_admins.rights import access_of
from core.accounts.permissions import Permission
from core.common.moments import shown_moment
from core.domains.models import SendingDomain
from core.tracking.alerts import alert_acknowledge
from core.tracking.choices import AlertKind
from core.tracking.models import SendingAlert

_MOST_AT_ONCE = 500
_LIST = "admin:tracking_sendingalert_changelist"
_WHAT_TO_DO = {
    AlertKind.AUTH: "Look at the domain under Domains: its SPF, DKIM or DMARC record does not fit what is sent.",
    AlertKind.REPUTATION: "Send less for some days, to those who open, and look whether the sender is on a block list.",
    AlertKind.POLICY: "Some recipients' servers take no such mail. Few of these are ordinary; many on one day are not.",
    AlertKind.RATE: "Send more slowly: set a limit an hour for the domain or the campaign, or begin a warm-up.",
    AlertKind.CONTENT: "Look at the mail with a spam check: subject, links and the share of pictures.",
}


def _way(alert: Any) -> tuple[str, str]:
    """The page on which something can be done about it, by its title."""
    if alert.kind == AlertKind.CONTENT:
        return "Open the campaign", reverse("admin:campaigns_campaign_change", args=[alert.campaign_id])
    domain = SendingDomain.objects.filter(organization_id=alert.organization_id, name=alert.domain).first()
    if alert.kind in (AlertKind.AUTH, AlertKind.RATE) and domain is not None and alert.may_open_domain:
        return "Open the domain", reverse("admin:domains_sendingdomain_change", args=[domain.pk])
    return "See deliverability", reverse("admin:deliverability")


class StateFilter(admin.SimpleListFilter):
    """Open ones first, as they are the reason to come here."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: object) -> list[tuple[str, str]]:
        return [("open", "Open"), ("done", "Acknowledged")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[SendingAlert]) -> QuerySet[SendingAlert]:
        if self.value() not in ("open", "done"):
            return queryset
        return queryset.filter(acknowledged_at__isnull=self.value() == "open")


@admin.register(SendingAlert)
class SendingAlertAdmin(OrganizationModelAdmin):
    """For looking and acknowledging; written by the events alone."""

    view_permission = Permission.RESULTS_VIEW
    list_display = ("shown_title", "domain", "shown_count", "shown_last", "shown_state")
    list_filter = (StateFilter, "kind")
    list_select_related = ("acknowledged_by",)
    fields = (
        "shown_title",
        "shown_advice",
        "domain",
        "shown_count",
        "words",
        "shown_campaign",
        "shown_first",
        "shown_last",
        "shown_words",
    )
    readonly_fields = fields
    actions = ("acknowledge_selected",)
    actions_detail = ("acknowledge",)
    empty_title = "No sending problem"
    empty_text = "When mail servers refuse mails for who sends them, and not for whom they are to, it is told here."
    empty_icon = "task_alt"

    def get_object(self, request: HttpRequest, *arguments: Any, **named: Any) -> SendingAlert | None:
        """With whether this person may open the pages of domains."""
        alert = super().get_object(request, *arguments, **named)
        if alert is not None:
            alert.may_open_domain = access_of(request).can(Permission.SENDING_VIEW, alert.organization_id)
        return alert

    @display(description="what")
    def shown_title(self, alert: SendingAlert) -> str:
        return str(alert.get_kind_display())

    @display(description="what to do")
    def shown_advice(self, alert: Any) -> SafeString:
        title, url = _way(alert)
        advice = f"{_WHAT_TO_DO[AlertKind(alert.kind)]} No contact was stopped for it."
        return format_html('{} <a class="ex-link" href="{}">{}</a>', advice, url, title)

    @display(description="mails", ordering="count")
    def shown_count(self, alert: SendingAlert) -> str:
        return f"{alert.count:,}"

    @display(description="first")
    def shown_first(self, alert: SendingAlert) -> str:
        return shown_moment(alert.first_seen)

    @display(description="last", ordering="last_seen")
    def shown_last(self, alert: SendingAlert) -> str:
        return shown_moment(alert.last_seen)

    @display(description="first campaign")
    def shown_campaign(self, alert: SendingAlert) -> SafeString:
        url = reverse("admin:campaigns_campaign_change", args=[alert.campaign_id])
        return format_html('<a class="ex-link" href="{}">{}</a>', url, alert.campaign)

    @display(description="state", label={"open": "warning", "done": "success"})
    def shown_state(self, alert: SendingAlert) -> tuple[str, str]:
        return ("open", "Open") if alert.acknowledged_at is None else ("done", "Acknowledged")

    @display(description="state")
    def shown_words(self, alert: SendingAlert) -> str:
        if alert.acknowledged_at is None:
            return "Open"
        return f"Acknowledged by {alert.acknowledged_by or 'somebody who left'}"

    @action(description="Acknowledge", url_path="acknowledge", permissions=["campaigns_send"], icon="done")
    def acknowledge(self, request: HttpRequest, object_id: UUID) -> HttpResponse:
        alert = SendingAlert.objects.get(pk=object_id)
        confirmation = Confirmation(
            title="Acknowledge this problem",
            submit_label="Acknowledge",
            back_url=reverse("admin:tracking_sendingalert_change", args=[alert.pk]),
            sentences=(
                f"{alert.count:,} {'mail was' if alert.count == 1 else 'mails were'} refused on {alert.day:%d %B %Y}. "
                "It leaves the list of problems; what is refused on another day is told anew.",
            ),
            facts=(("What", str(alert.get_kind_display())), ("Sender's domain", alert.domain)),
        )

        def perform() -> str:
            alert_acknowledge(alert_id=alert.pk, user=access_of(request).user)
            return "The problem is acknowledged."

        return self.confirmed(request, confirmation, perform=perform, done_url=reverse(_LIST))

    @action(description="Acknowledge", permissions=["campaigns_send"])
    def acknowledge_selected(self, request: HttpRequest, queryset: QuerySet[SendingAlert]) -> HttpResponse:
        ids = list(queryset.values_list("pk", flat=True)[:_MOST_AT_ONCE])

        def perform() -> str:
            done = sum(alert_acknowledge(alert_id=pk, user=access_of(request).user) for pk in ids)
            return f"{done:,} {'problem is' if done == 1 else 'problems are'} acknowledged."

        confirmation = Confirmation(
            title=f"Acknowledge {len(ids):,} {'problem' if len(ids) == 1 else 'problems'}",
            submit_label="Acknowledge",
            back_url=reverse(_LIST),
            sentences=("They leave the list of problems; what is refused on another day is told anew.",),
            hidden=(
                ("action", "acknowledge_selected"),
                ("confirmed", "1"),
                *(("_selected_action", str(pk)) for pk in ids),
            ),
        )
        is_confirmed = request.POST.get("confirmed") == "1"
        return self.confirmed(
            request, confirmation, perform=perform, done_url=reverse(_LIST), is_confirmed=is_confirmed
        )
