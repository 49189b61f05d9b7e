from collections.abc import Iterable
from typing import Any, ClassVar

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.decorators import action, display

from core.accounts.model_admins import Confirmation, OrganizationModelAdmin
from core.accounts.model_admins.rights import access_of
from core.accounts.models import Organization
from core.accounts.permissions import Permission
from core.tracking.admin.event_filters import (
    BehindFilter,
    ClockFilter,
    DomainFilter,
    GroupFilter,
    ProviderFilter,
    SpanFilter,
)
from core.tracking.choices import Verdict
from core.tracking.models import AnalyticsEvent
from core.tracking.queries.recounts import Rebuild, last_rebuilds
from core.tracking.services import counters_rebuild_request
from core.tracking.verdicts.explained import NETWORK_KINDS, VERDICTS
from core.tracking.verdicts.mails import HITS
from core.tracking.verdicts.networks import list_date, listed_owners
from core.tracking.verdicts.scans import scan_notes
from core.tracking.verdicts.wording import reason_words, why

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
    list_display = ("occurred_at", "type", "shown_verdict", "shown_why", "contact", "campaign", "shown_link")
    list_filter = (
        ("type", ChoicesDropdownFilter),
        BehindFilter,
        ("verdict", ChoicesDropdownFilter),
        ("device", ChoicesDropdownFilter),
        ("bounce_class", ChoicesDropdownFilter),
        ProviderFilter,
        DomainFilter,
        GroupFilter,
        ClockFilter,
        SpanFilter,
    )
    list_select_related = ("contact", "campaign", "link")
    fields = (
        "type",
        "occurred_at",
        "received_at",
        "verdict",
        "shown_reasons",
        "contact",
        "campaign",
        "shown_link",
        "shown_agent",
        "shown_network",
    )
    readonly_fields = fields
    actions_list = ("people_and_machines", "recount_figures")
    timed_by = "occurred_at"
    empty_title = "Nothing has happened yet"
    empty_text = "Opens, clicks and unsubscribes appear here as soon as recipients get a campaign."
    empty_icon = "timeline"

    class Media:
        css: ClassVar[dict[str, Any]] = {"all": ("tracking/tracking.css",)}

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """Links from a campaign's report, a contact and a message lead here."""
        allowed = {"campaign__id__exact", "contact__id__exact", "message__id__exact", "link__id__exact"}
        return lookup in allowed or super().lookup_allowed(lookup, value, request)

    def get_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        """By when it happened among the events of one type of a campaign, millions maybe, which an index has in this
        order; otherwise as they came in."""
        is_of_type = request.GET.get("campaign__id__exact") and request.GET.get("type__exact")
        return (f"-{self.timed_by}", "-id") if is_of_type else ("-id",)

    @display(description="behind it", label=_VERDICT_COLORS)
    def shown_verdict(self, event: AnalyticsEvent) -> tuple[str, str]:
        """Of opens and clicks only: nobody asks who is behind a bounce."""
        return (event.verdict, event.get_verdict_display()) if event.type in HITS else ("", "")

    @display(description="why")
    def shown_why(self, event: AnalyticsEvent) -> str:
        return why(event.reasons) if event.type in HITS else "-"

    @display(description="why")
    def shown_reasons(self, event: AnalyticsEvent) -> Any:
        """The deciding reason first, in numbers where there are any."""
        if not event.reasons:
            return "-"
        first, *others = reason_words(event.reasons)
        note = scan_notes([event]).get(event.pk)
        lines = [first if not note else f"{event.get_verdict_display()}: {note}", *others]
        shown = format_html_join("", "<li>{}</li>", ((line,) for line in lines))
        url = reverse("admin:tracking_analyticsevent_people_and_machines")
        link = "How people and machines are told apart"
        return format_html('<ul class="tr-why">{}</ul><a class="ex-link" href="{}">{}</a>', shown, url, link)

    @action(
        description="How people and machines are told apart", permissions=["view"], icon="help", url_path="verdicts"
    )
    def people_and_machines(self, request: HttpRequest) -> HttpResponse:
        owners = listed_owners()
        context = {
            **self.admin_site.each_context(request),
            "title": "How people and machines are told apart",
            "opts": self.model._meta,
            "verdicts": VERDICTS,
            "networks_date": list_date(),
            "blocks": sum(count for _, count in owners),
            "networks": [
                (label, rule, [owner.name for owner, _ in owners if owner.kind is kind])
                for kind, label, rule in NETWORK_KINDS
            ],
        }
        return TemplateResponse(request, "tracking/people_and_machines.html", context)

    @action(description="Recount the figures", permissions=["agency"], icon="calculate", url_path="recount")
    def recount_figures(self, request: HttpRequest) -> HttpResponse:
        """For superusers, should the figures of a client ever be in doubt."""
        clients = access_of(request).in_reach
        back_url = reverse("admin:tracking_analyticsevent_changelist")

        def perform() -> str:
            for client in clients:
                counters_rebuild_request(organization_id=client.pk)
            return "The figures are being recounted. What came of it appears here, client by client."

        confirmation = Confirmation(
            title="Recount the figures",
            submit_label="Recount",
            back_url=back_url,
            sentences=("All figures are counted anew from the events and the mails. Sending goes on meanwhile.",),
            facts=(("Clients", f"{len(clients):,}"), *recount_facts(clients)),
        )
        return self.confirmed(request, confirmation, perform=perform, done_url=request.path)

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


def recount_facts(clients: Iterable[Organization]) -> tuple[tuple[str, str], ...]:
    """What came of the last recount, by client; none where nobody ever asked."""
    found = last_rebuilds(client.pk for client in clients)
    return tuple((str(client), _rebuild_words(found[client.pk])) for client in clients if client.pk in found)


def _rebuild_words(last: Rebuild) -> str:
    asked = timezone.localtime(last.asked_at)
    if last.done_at is None:
        return f"Under way since {asked:%H:%M} on {asked.day} {asked:%B}. Load this page again for the result."
    done = timezone.localtime(last.done_at)
    found = f"{last.wrong:,} figures were wrong and are right now" if last.wrong else "every figure was right"
    counted = f"{last.campaigns:,} {'campaign' if last.campaigns == 1 else 'campaigns'}"
    return f"Done at {done:%H:%M} on {done.day} {done:%B}: {counted}, {found}."
