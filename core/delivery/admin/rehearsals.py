"""Rehearsals in the admin: asked for from the campaign's page, watched and read on one of their own."""

from typing import Any
from uuid import UUID

from django.contrib.admin import register
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from unfold.decorators import display

from core.accounts.model_admins import Confirmation, OrganizationModelAdmin
from core.accounts.model_admins.rights import access_of
from core.accounts.permissions import Permission
from core.campaigns.models import Campaign
from core.common.moments import shown_moment
from core.common.tenancy import organization_scope
from core.delivery.models import Rehearsal, SandboxMail
from core.delivery.models.rehearsals import REHEARSAL_UNDER_WAY
from core.delivery.rehearsal.runner import SAMPLES
from core.delivery.rehearsal.services import rehearsal_start, rehearsal_stop
from core.delivery.rehearsal.shown import progress, shown

STATE_COLORS = {"queued": "info", "running": "warning", "done": "success", "stopped": "info", "failed": "danger"}


def page_of(rehearsal: Rehearsal) -> str:
    return reverse("admin:delivery_rehearsal_change", args=[rehearsal.pk])


@register(Rehearsal)
class RehearsalAdmin(OrganizationModelAdmin):
    """Written by the worker. Who may edit campaigns may rehearse them; who sees them sees what came of it."""

    view_permission = Permission.CAMPAIGNS_VIEW
    list_display = ("shown_campaign", "shown_state", "people_done", "shown_when")
    list_select_related = ("campaign",)
    empty_title = "No rehearsals yet"
    empty_text = "A rehearsal builds every mail of a campaign and sends none. It is started on the campaign's page."
    empty_icon = "theater_comedy"

    @display(description="campaign")
    def shown_campaign(self, obj: Rehearsal) -> str:
        return str(obj.campaign)

    @display(description="state", ordering="state", label=STATE_COLORS)
    def shown_state(self, obj: Rehearsal) -> tuple[str, str]:
        return obj.state, obj.get_state_display()

    @display(description="asked", ordering="created_at")
    def shown_when(self, obj: Rehearsal) -> Any:
        return shown_moment(obj.created_at)

    def get_custom_urls(self) -> Any:
        # Unfold hands itself to these views; ours are methods of this class.
        def plain(view: Any) -> Any:
            return lambda request, model_admin, **arguments: view(request, **arguments)

        return (
            ("start/<uuid:campaign_id>/", "delivery_rehearsal_start", plain(self.start)),
            ("<uuid:rehearsal_id>/progress/", "delivery_rehearsal_progress", plain(self.progress)),
            ("<uuid:rehearsal_id>/stop/", "delivery_rehearsal_stop", plain(self.stop)),
        )

    def start(self, request: HttpRequest, campaign_id: UUID) -> HttpResponse:
        """Asks once; one that is under way is shown at once."""
        campaign = Campaign.objects.select_related("organization").filter(pk=campaign_id).first()
        if campaign is None:
            raise Http404
        access_of(request).require(Permission.CAMPAIGNS_MANAGE, campaign.organization_id)
        with organization_scope(campaign.organization_id):
            last = Rehearsal.objects.filter(campaign=campaign).first()
            if last is not None and last.state in REHEARSAL_UNDER_WAY:
                return HttpResponseRedirect(page_of(last))
            started: list[Rehearsal] = []

            def perform() -> str:
                started.append(rehearsal_start(campaign_id=campaign.pk))
                return f"“{campaign}” is being rehearsed. Nothing is sent."

            back_url = reverse("admin:campaigns_campaign_change", args=[campaign.pk])
            response = self.confirmed(request, _question(campaign, last, back_url), perform=perform, done_url=back_url)
            return HttpResponseRedirect(page_of(started[0])) if started else response

    def progress(self, request: HttpRequest, rehearsal_id: UUID) -> JsonResponse:
        return JsonResponse(progress(self._found(request, rehearsal_id)))

    def stop(self, request: HttpRequest, rehearsal_id: UUID) -> HttpResponse:
        rehearsal = self._found(request, rehearsal_id)
        access_of(request).require(Permission.CAMPAIGNS_MANAGE, rehearsal.organization_id)

        def perform() -> str:
            with organization_scope(rehearsal.organization_id):
                rehearsal_stop(rehearsal_id=rehearsal.pk)
            return "The rehearsal is stopped. What it found so far stays."

        question = Confirmation(
            title=f"Stop the rehearsal of “{rehearsal.campaign}”",
            submit_label="Stop it",
            back_url=page_of(rehearsal),
            sentences=(f"{rehearsal.people_done:,} people were gone through. What was found so far stays.",),
        )
        return self.confirmed(request, question, perform=perform, done_url=page_of(rehearsal))

    def _found(self, request: HttpRequest, rehearsal_id: UUID) -> Rehearsal:
        rehearsal = Rehearsal.objects.select_related("campaign").filter(pk=rehearsal_id).first()
        if rehearsal is None:
            raise Http404
        access_of(request).require(Permission.CAMPAIGNS_VIEW, rehearsal.organization_id)
        return rehearsal

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> Any:
        rehearsal = self.get_object(request, object_id) if object_id else None
        if rehearsal is None:
            return self._unknown_object(request, object_id or "")
        if not self.has_view_permission(request, rehearsal):
            raise PermissionDenied
        with organization_scope(rehearsal.organization_id):
            return TemplateResponse(request, "delivery/rehearsal.html", self._context(request, rehearsal)).render()

    def _context(self, request: HttpRequest, rehearsal: Rehearsal) -> dict[str, Any]:
        campaign = Campaign.objects.select_related("organization", "template").get(pk=rehearsal.campaign_id)
        live = progress(rehearsal)
        can = access_of(request).can
        may_manage = can(Permission.CAMPAIGNS_MANAGE, rehearsal.organization_id)
        samples = SandboxMail.objects.filter(rehearsal=rehearsal).order_by("id").defer("raw")
        return {
            **self.admin_site.each_context(request),
            "title": f"Rehearsal of “{campaign}”",
            "opts": self.opts,
            "rehearsal": rehearsal,
            "campaign": campaign,
            "state_color": STATE_COLORS[rehearsal.state],
            "live": live,
            "shown": None if live["is_moving"] else shown(rehearsal, campaign),
            "samples": list(samples) if can(Permission.SENDING_VIEW, rehearsal.organization_id) else [],
            "progress_url": reverse("admin:delivery_rehearsal_progress", args=[rehearsal.pk]),
            "stop_url": reverse("admin:delivery_rehearsal_stop", args=[rehearsal.pk]) if may_manage else "",
            "again_url": reverse("admin:delivery_rehearsal_start", args=[campaign.pk]) if may_manage else "",
            "campaign_url": reverse("admin:campaigns_campaign_change", args=[campaign.pk]),
        }


def _question(campaign: Campaign, last: Rehearsal | None, back_url: str) -> Confirmation:
    facts: tuple[tuple[str, str], ...] = ()
    if last is not None:
        facts = (("Last rehearsal", f"{last.get_state_display().lower()}, {last.people_done:,} people"),)
    return Confirmation(
        title=f"Rehearse “{campaign}”",
        submit_label="Rehearse",
        back_url=back_url,
        sentences=(
            "Every mail of the whole audience is built as it would be sent, and none is sent. It shows who would be "
            "skipped and why, what cannot be built, what is missing, and how long sending takes.",
        ),
        facts=facts,
        notes=(f"{SAMPLES} of the mails stay in the sandbox inbox to look at. It does not count against the plan.",),
    )
