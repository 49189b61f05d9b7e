"""Whether the ledgers hold, for superusers: the newest check on top of the list, every check on a page of its own."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib.admin import register
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from unfold.decorators import action, display

from core.accounts.model_admins import AgencyModelAdmin, Confirmation
from core.accounts.model_admins.rights import access_of
from core.common.moments import shown_moment
from core.delivery.invariants import ALL, Invariant, Kind
from core.delivery.ledger_checks import ledger_check_begin
from core.delivery.models import LedgerCheck

_PAGES = {
    Kind.MESSAGE: "admin:delivery_message_change",
    Kind.CAMPAIGN: "admin:campaigns_campaign_change",
    Kind.CONTACT: "admin:contacts_contact_change",
    Kind.CLIENT: "admin:accounts_organization_change",
}


@dataclass(frozen=True)
class Finding:
    """One invariant as the page shows it. `offenders` are (url, words); without any, it held."""

    sentence: str
    count: int
    offenders: list[tuple[str, str]]


def findings_of(check: LedgerCheck) -> list[Finding]:
    """Every invariant in its order, the broken ones first."""
    found = [_finding(invariant, check.findings.get(key)) for key, invariant in ALL.items()]
    return sorted(found, key=lambda finding: not finding.count)


def _finding(invariant: Invariant, broken: Any) -> Finding:
    if broken is None:
        return Finding(invariant.sentence, 0, [])
    offenders = [(_url(invariant, UUID(pk), campaign), detail) for pk, detail, campaign in broken["offenders"]]
    return Finding(invariant.sentence, broken["count"], offenders)


def _url(invariant: Invariant, pk: UUID, campaign_id: str) -> str:
    """The row itself; of a batch, which has no page, its campaign's."""
    if invariant.kind in _PAGES:
        return reverse(_PAGES[invariant.kind], args=[pk])
    return reverse(_PAGES[Kind.CAMPAIGN], args=[campaign_id])


@register(LedgerCheck)
class LedgerCheckAdmin(AgencyModelAdmin):
    """Written by the job."""

    add_permission = None
    change_permission = None
    delete_permission = None
    list_display = ("shown_when", "shown_result", "campaigns", "shown_scope", "asked_by")
    list_display_links = ("shown_when",)
    list_select_related = ("asked_by",)
    list_before_template = "delivery/ledger_check.html"
    change_form_before_template = "delivery/ledger_check.html"
    fields = (("shown_when", "finished_at"), ("campaigns", "shown_scope", "asked_by"))
    readonly_fields = ("shown_when", "shown_scope")
    actions_list = ("run_now",)
    empty_title = "No checks yet"
    empty_text = "Once a day every campaign's ledger is looked through. “Run now” does it at once."
    empty_icon = "verified"

    @display(description="started", ordering="started_at")
    def shown_when(self, check: LedgerCheck) -> Any:
        return shown_moment(check.started_at)

    @display(description="result", label={"sound": "success", "broken": "danger", "open": "info", "partly": "warning"})
    def shown_result(self, check: LedgerCheck) -> tuple[str, str]:
        if check.findings:
            return "broken", f"{len(check.findings)} broken"
        if check.finished_at is None:
            return "open", "Under way"
        return ("partly", "Not everything was looked at") if check.too_large else ("sound", "All hold")

    @display(description="looked at")
    def shown_scope(self, check: LedgerCheck) -> str:
        return "every campaign" if check.covers_all else "campaigns of the last 30 days"

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        return super().changelist_view(request, {**(extra_context or {}), **_panel(LedgerCheck.objects.first())})

    def change_view(self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None) -> Any:
        check = self.get_object(request, object_id)
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **_panel(check)})

    @action(description="Run now", url_path="run-now", permissions=["agency"], icon="play_arrow")
    def run_now(self, request: HttpRequest) -> HttpResponse:
        list_url = reverse("admin:delivery_ledgercheck_changelist")
        confirmation = Confirmation(
            title="Check all ledgers now",
            submit_label="Run now",
            back_url=list_url,
            sentences=(
                "A worker looks through every campaign of every client, one after the other.",
                "It only reads. With some million mails it takes minutes, and sending goes on meanwhile.",
            ),
        )

        def perform() -> str:
            ledger_check_begin(asked_by_id=access_of(request).user.pk, covers_all=True)
            return "The check is handed to the workers. Its result appears here."

        return self.confirmed(request, confirmation, perform=perform, done_url=list_url)


def _panel(check: LedgerCheck | None) -> dict[str, Any]:
    if check is None:
        return {"check": None}
    too_large = [reverse(_PAGES[Kind.CAMPAIGN], args=[pk]) for pk in check.too_large]
    return {"check": check, "findings": findings_of(check), "too_large": too_large}
