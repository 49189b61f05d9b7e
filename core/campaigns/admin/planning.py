"""Planning a campaign for later from the admin, and taking that back."""

import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils import timezone
from unfold.decorators import action
from unfold.widgets import INPUT_CLASSES

from core.accounts.model_admins import OrganizationModelAdmin
from core.accounts.model_admins.rights import access_of
from core.campaigns import presentation as words
from core.campaigns import services
from core.campaigns.admin.addresses import change_url
from core.campaigns.admin.posted import posted_version
from core.campaigns.models import Campaign
from core.campaigns.preflight import Case, SendPreview, checklist, send_preview
from core.campaigns.schedule import Planned, plan_time
from core.campaigns.shown_checks import shown_checklist
from core.campaigns.states import SENDABLE, CampaignStatus, ScheduleZone
from core.common.errors import DomainError

VERSION = "_version"
NOTED = "_noted"
_ZONES = (
    (ScheduleZone.CLIENT, "The client's time zone: everybody gets it at the same moment."),
    (ScheduleZone.RECIPIENT, "Each recipient's time zone: it arrives at this hour wherever people live."),
)


class ScheduleForm(forms.Form):
    """A wall-clock time, and whose."""

    day = forms.DateField(label="Day", widget=forms.DateInput({"type": "date", "class": " ".join(INPUT_CLASSES)}))
    time = forms.TimeField(label="Time", widget=forms.TimeInput({"type": "time", "class": " ".join(INPUT_CLASSES)}))
    zone = forms.ChoiceField(
        label="Whose clock", choices=_ZONES, widget=forms.RadioSelect, initial=ScheduleZone.CLIENT.value
    )

    @property
    def at(self) -> datetime.datetime:
        return datetime.datetime.combine(self.cleaned_data["day"], self.cleaned_data["time"])

    @property
    def whose(self) -> ScheduleZone:
        return ScheduleZone(self.cleaned_data["zone"])


class PlanningActions(OrganizationModelAdmin):
    """*Schedule* and *Back to draft*, for CampaignAdmin."""

    @action(description="Schedule", url_path="schedule", icon="schedule_send", permissions=["campaigns_send"])
    def schedule(self, request: HttpRequest, object_id: str) -> HttpResponse:
        campaign = self.campaign_of(request, object_id)
        if campaign is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        if campaign.status not in SENDABLE:
            messages.info(
                request, f"“{campaign}” is {campaign.get_status_display().lower()}: it cannot be planned now."
            )
            return HttpResponseRedirect(change_url(campaign))
        form = ScheduleForm(request.POST if request.method == "POST" else None, initial=_suggested(campaign))
        planned = _planned(campaign, form) if form.is_bound and form.is_valid() else None
        if planned is not None and (not planned.note or request.POST.get(NOTED) == _mark(form)):
            return self._scheduled(request, campaign, form)
        return self._schedule_page(request, campaign, form, planned)

    def _scheduled(self, request: HttpRequest, campaign: Campaign, form: ScheduleForm) -> HttpResponse:
        """Plan it and lead back; a refusal becomes a message and leaves the draft as it was."""
        try:
            done = services.campaign_schedule(
                campaign_id=campaign.pk,
                version=posted_version(request.POST.get(VERSION, "")),
                at=form.at,
                zone=form.whose,
            )
        except DomainError as error:
            messages.error(request, str(error))
            return HttpResponseRedirect(change_url(campaign))
        messages.success(request, f"“{done}” is scheduled. {words.planned_words(done)}")
        return HttpResponseRedirect(change_url(campaign))

    def _schedule_page(
        self, request: HttpRequest, campaign: Campaign, form: ScheduleForm, planned: Planned | None
    ) -> HttpResponse:
        begins_at = planned.begins_at if planned else None
        preview = send_preview(campaign, begins_at)
        can = access_of(request).can
        context = {
            **self.admin_site.each_context(request),
            "title": f"Schedule “{campaign}”",
            "opts": self.opts,
            "campaign": campaign,
            "form": form,
            "preview": preview,
            "checks": shown_checklist(
                checklist(Case(campaign, preview.audience, begins_at)),
                campaign,
                lambda permission: can(permission, campaign.organization_id),
            ),
            "sentences": _sentences(campaign, preview),
            "facts": words.sending_facts(campaign, preview, begins_at),
            "now": words.local_now(campaign),
            "noted": planned,
            "mark": _mark(form) if planned else "",
            "back_url": change_url(campaign),
        }
        return TemplateResponse(request, "campaigns/schedule.html", context)

    @action(description="Back to draft", url_path="back-to-draft", icon="edit_calendar", permissions=["campaigns_send"])
    def back_to_draft(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._confirm_move(
            request,
            object_id,
            verb="Back to draft",
            sentence="“{campaign}” does not go out at its time and can be edited again.",
            service=services.campaign_unschedule,
            done="“{campaign}” is a draft again.",
        )


def can_go_back(campaign: Campaign) -> bool:
    return campaign.status in (CampaignStatus.SCHEDULED, CampaignStatus.FAILED)


def _planned(campaign: Campaign, form: ScheduleForm) -> Planned:
    zone = ZoneInfo(campaign.organization.time_zone)
    return plan_time(form.at, whose=form.whose, zone=zone, now=timezone.now())


def _mark(form: ScheduleForm) -> str:
    """What the person has read the note about: another time asks again."""
    return f"{form.at.isoformat()} {form.whose.value}" if form.is_valid() else ""


def _suggested(campaign: Campaign) -> dict[str, Any]:
    """Tomorrow at nine, by the client's clock."""
    tomorrow = timezone.now().astimezone(ZoneInfo(campaign.organization.time_zone)) + datetime.timedelta(days=1)
    return {"day": tomorrow.date(), "time": datetime.time(9)}


def _sentences(campaign: Campaign, preview: SendPreview) -> tuple[str, ...]:
    if preview.problems:
        return ()
    return tuple(filter(None, (words.who_will_get_it(campaign, preview), words.who_is_skipped(preview.audience))))
