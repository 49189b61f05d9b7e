from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html
from unfold.decorators import display

from core.accounts.model_admins import OrganizationModelAdmin
from core.accounts.permissions import Permission
from core.tracking.choices import Verdict, VerdictReason
from core.tracking.models import AnalyticsEvent

_VERDICT_COLORS = {
    Verdict.HUMAN: "success",
    Verdict.PROXY: "success",
    Verdict.UNKNOWN: "info",
    Verdict.PREFETCH: "warning",
    Verdict.SCANNER: "warning",
}


@admin.register(AnalyticsEvent)
class AnalyticsEventAdmin(OrganizationModelAdmin):
    """Events as they came in, for looking only. Reached from a campaign or a contact; pages of figures read rollups."""

    view_permission = Permission.RESULTS_VIEW
    list_display = ("occurred_at", "type", "shown_verdict", "contact", "campaign", "shown_link")
    list_filter = ("type", "verdict")
    list_select_related = ("contact", "campaign", "link")
    fields = (
        "type",
        "occurred_at",
        "received_at",
        "shown_verdict",
        "shown_reasons",
        "contact",
        "campaign",
        "shown_link",
        "shown_agent",
        "shown_network",
    )
    readonly_fields = fields
    empty_title = "Nothing has happened yet"
    empty_text = "Opens, clicks and unsubscribes appear here as soon as recipients get a campaign."
    empty_icon = "timeline"

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """Links from a campaign's report, a contact and a message lead here."""
        allowed = {"campaign__id__exact", "contact__id__exact", "message__id__exact", "link__id__exact"}
        return lookup in allowed or super().lookup_allowed(lookup, value, request)

    @display(description="behind it", label=_VERDICT_COLORS)
    def shown_verdict(self, event: AnalyticsEvent) -> tuple[str, str]:
        return event.verdict, event.get_verdict_display()

    @display(description="why")
    def shown_reasons(self, event: AnalyticsEvent) -> str:
        labels = dict(VerdictReason.choices)
        return "; ".join(str(labels.get(reason, reason)) for reason in event.reasons) or "-"

    @display(description="link")
    def shown_link(self, event: AnalyticsEvent) -> str:
        if event.link is None:
            return "-"
        return format_html('<span title="{}">{}</span>', event.link.url, event.link.url[:60])

    @display(description="called itself")
    def shown_agent(self, event: AnalyticsEvent) -> str:
        return event.seen.get("user_agent") or "-"

    @display(description="from the network")
    def shown_network(self, event: AnalyticsEvent) -> str:
        return event.seen.get("network") or "-"
