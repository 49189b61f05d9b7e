"""Verdicts of the past derived again, for superusers: counted first, written when the numbers make sense."""

import datetime
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.contrib.admin import register
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminSingleDateWidget

from core.accounts.model_admins import AgencyModelAdmin, Confirmation
from core.accounts.model_admins.rights import access_of
from core.campaigns.models import Campaign
from core.common.errors import DomainError
from core.common.moments import shown_moment
from core.tracking.models import VerdictRun
from core.tracking.verdicts.recompute import verdict_run_begin
from core.tracking.verdicts.wording import change_rows

_OFFERED_CAMPAIGNS = 100
_LIST = "admin:tracking_verdictrun_changelist"


class VerdictRunForm(forms.ModelForm):
    """Which mails are looked at: one campaign, or all from a day on."""

    campaign_id = forms.ChoiceField(
        label="One campaign",
        required=False,
        widget=UnfoldAdminSelectWidget,
        help_text=f"The newest {_OFFERED_CAMPAIGNS}. Leave it empty to look at all campaigns from a day on.",
    )
    since = forms.DateField(
        label="All campaigns that began on or after",
        required=False,
        widget=UnfoldAdminSingleDateWidget,
    )

    class Meta:
        model = VerdictRun
        fields = ("campaign_id", "since")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        begun = Campaign.objects.filter(started_at__isnull=False).select_related("organization")
        newest = begun.order_by("-started_at")[:_OFFERED_CAMPAIGNS]
        choices = [(str(campaign.pk), f"{campaign.organization} · {campaign}") for campaign in newest]
        self.fields["campaign_id"].choices = [("", "All from a day on"), *choices]  # type: ignore[attr-defined]
        self.fields["since"].initial = timezone.localdate() - datetime.timedelta(days=90)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        cleaned["campaign_id"] = UUID(cleaned["campaign_id"]) if cleaned.get("campaign_id") else None
        if cleaned["campaign_id"]:
            cleaned["since"] = None
        elif not cleaned.get("since") and "since" not in self.errors:
            self.add_error("since", "Choose a campaign, or the day from which on campaigns are looked at.")
        if VerdictRun.objects.filter(finished_at=None).exists():
            raise forms.ValidationError("A check is under way already. Wait until it is finished.")
        return cleaned


@register(VerdictRun)
class VerdictRunAdmin(AgencyModelAdmin):
    """Adding one only counts; its page offers to write what it has found."""

    form = VerdictRunForm
    delete_permission = None
    change_permission = None
    list_display = ("shown_when", "shown_result", "shown_scope", "shown_changes", "shown_events", "asked_by")
    list_display_links = ("shown_when",)
    list_select_related = ("asked_by",)
    list_before_template = "tracking/verdict_runs.html"
    change_form_before_template = "tracking/verdict_run.html"
    fields = (("shown_when", "shown_end"), ("shown_scope", "networks_date"), ("shown_events", "asked_by"))
    readonly_fields = ("shown_when", "shown_end", "shown_scope", "shown_events")
    add_fieldsets = (
        (
            None,
            {
                "fields": ("campaign_id", "since"),
                "description": "A worker derives the verdict on every open and click again, by today's rules, and "
                "counts how many would be others. Nothing is written until you say so.",
            },
        ),
    )
    actions_detail = ("write_verdicts",)
    empty_title = "Verdicts stand as they were found"
    empty_text = "After an update that knows more scanners, count here what past campaigns would look like."
    empty_icon = "rule"

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.add_fieldsets if obj is None else super().get_fieldsets(request, obj)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return () if obj is None else super().get_readonly_fields(request, obj)

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        if obj is None:
            kwargs["fields"] = ("campaign_id", "since")
        return super().get_form(request, obj, change=change, **kwargs)

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        context = {
            "title": "Count what today’s rules would change",
            "show_save_and_add_another": False,
            "show_save_and_continue": False,
        }
        try:
            return super().add_view(request, form_url, {**(extra_context or {}), **context})
        except DomainError as error:
            # Somebody else began one between the form's check and the start.
            messages.error(request, str(error))
            return HttpResponseRedirect(reverse(_LIST))

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        scope = {name: form.cleaned_data[name] for name in ("campaign_id", "since")}
        run = verdict_run_begin(asked_by_id=access_of(request).user.pk, writes=False, **scope)
        obj.pk, obj.started_at = run.pk, run.started_at

    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: Any = None) -> HttpResponse:
        return HttpResponseRedirect(reverse("admin:tracking_verdictrun_change", args=[obj.pk]))

    @display(description="started", ordering="started_at")
    def shown_when(self, run: VerdictRun) -> Any:
        return shown_moment(run.started_at)

    @display(description="finished")
    def shown_end(self, run: VerdictRun) -> Any:
        return shown_moment(run.finished_at) if run.finished_at else "Under way"

    @display(description="what", label={"open": "info", "counted": "warning", "written": "success"})
    def shown_result(self, run: VerdictRun) -> tuple[str, str]:
        if run.finished_at is None:
            return "open", "Writing" if run.writes else "Counting"
        return ("written", "Written") if run.writes else ("counted", "Counted only")

    @display(description="looked at")
    def shown_scope(self, run: VerdictRun) -> str:
        return scope_words(run)

    @display(description="other verdicts")
    def shown_changes(self, run: VerdictRun) -> str:
        return f"{run.changed:,}"

    @display(description="opens and clicks")
    def shown_events(self, run: VerdictRun) -> str:
        return f"{run.events:,} of {run.mails:,} mails"

    def change_view(self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None) -> Any:
        run = self.get_object(request, object_id)
        panel = {"run": run, "rows": change_rows(run.changes), "scope": scope_words(run)} if run else {}
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **panel})

    @action(description="Write these verdicts", url_path="write", permissions=["agency"], icon="edit_note")
    def write_verdicts(self, request: HttpRequest, object_id: str) -> HttpResponse:
        run = self.get_object(request, object_id)
        if run is None:
            return HttpResponseRedirect(reverse(_LIST))
        page = reverse("admin:tracking_verdictrun_change", args=[run.pk])
        confirmation = Confirmation(
            title="Write these verdicts",
            submit_label="Write them",
            back_url=page,
            sentences=(
                f"{run.changed:,} of {run.events:,} opens and clicks get another verdict: {scope_words(run)}.",
                "Reports, links, and the last open and click of contacts follow. Mails and consent stay as they are.",
            ),
            facts=tuple((f"{row.before} → {row.after}", f"{row.count:,}") for row in change_rows(run.changes)),
            problem="" if run.finished_at else "The numbers are not complete yet. Wait until the check is finished.",
        )
        started: list[VerdictRun] = []

        def perform() -> str:
            if not run.finished_at:
                raise DomainError(confirmation.problem)
            user_id = access_of(request).user.pk
            scope = {"campaign_id": run.campaign_id, "since": run.since}
            started.append(verdict_run_begin(asked_by_id=user_id, writes=True, **scope))
            return "A worker writes the verdicts. What it has changed appears here."

        def begun() -> str:
            return reverse("admin:tracking_verdictrun_change", args=[started[0].pk])

        return self.confirmed(request, confirmation, perform=perform, done_url=begun)


def scope_words(run: VerdictRun) -> str:
    if run.since:
        return f"campaigns that began on {run.since:%d %B %Y} or later"
    campaigns = Campaign.objects.filter(pk=run.campaign_id) if run.campaign_id else Campaign.objects.none()
    campaign = campaigns.select_related("organization").first()
    return f"{campaign.organization} · {campaign}" if campaign else "a campaign that is gone"
