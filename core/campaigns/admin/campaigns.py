"""The list of campaigns and the page of one: what can be done depends on its state."""

from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.admin import register
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.timezone import localtime
from unfold.decorators import action, display
from unfold.enums import ActionVariant

from core.accounts.model_admins import Confirmation, OrganizationModelAdmin
from core.accounts.model_admins.rights import access_of
from core.accounts.permissions import Permission
from core.campaigns import presentation as words
from core.campaigns import services, views
from core.campaigns.admin.sending import SendingActions, change_url, report_url
from core.campaigns.forms import CampaignForm
from core.campaigns.models import Campaign
from core.campaigns.preflight import campaign_warnings, known_problems
from core.campaigns.queries import audience_of, quick_campaign_audience, segments_of
from core.campaigns.resources import CampaignResource
from core.campaigns.states import EDITABLE, FROZEN, RUNNING, STATUS_COLORS, CampaignStatus, is_legal
from core.exports.admin import ExportableAdmin

S = CampaignStatus


def _audience_query(campaign: Campaign) -> str:
    """What the page's script asks for numbers that take their time, as `views.audience_view` reads it."""
    names = ("include", "exclude", "include_segment", "exclude_segment")
    ids = zip(names, (*audience_of(campaign), *segments_of(campaign)), strict=True)
    pairs = [(name, str(pk)) for name, chosen in ids for pk in chosen]
    return urlencode([("client", str(campaign.organization_id)), *pairs])


@register(Campaign)
class CampaignAdmin(SendingActions, ExportableAdmin, OrganizationModelAdmin):
    """Only a draft is edited; every later state shows the page read-only with the actions of that state."""

    form = CampaignForm
    change_form_template = "campaigns/campaign_form.html"
    compressed_fields = False
    export_permission = Permission.RESULTS_EXPORT
    resource_classes = [CampaignResource]
    actions_list = ("stop_all", "export_list")
    view_permission = Permission.CAMPAIGNS_VIEW
    add_permission = Permission.CAMPAIGNS_MANAGE
    change_permission = Permission.CAMPAIGNS_MANAGE
    delete_permission = Permission.CAMPAIGNS_MANAGE

    list_display = ("name", "status_label", "audience_groups", "when", "report_link")
    list_filter = ("status",)
    search_fields = ("name", "subject")
    list_select_related = ("organization",)
    fieldsets = (
        (None, {"fields": ("name",)}),
        ("Who", {"fields": ("include_groups", "include_segments", "exclude_groups", "exclude_segments")}),
        ("What", {"fields": ("template", "subject", "preheader")}),
        ("From", {"fields": (("from_name", "from_email"), "reply_to")}),
    )
    actions = ("send_now_selected",)
    actions_detail = ("review_and_send", "pause", "resume", "report", "duplicate", "follow_up", "cancel")
    empty_title = "No campaigns yet"
    empty_text = (
        "A campaign sends one template to groups and segments. Make the first one: nothing is sent before you confirm."
    )
    empty_icon = "campaign"

    # The list

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).prefetch_related("campaign_groups__group", "campaign_segments__segment")

    @display(description="status", ordering="status", label=dict(STATUS_COLORS))
    def status_label(self, obj: Campaign) -> tuple[str, str]:
        return obj.status, obj.get_status_display()

    @display(description="sent to")
    def audience_groups(self, obj: Campaign) -> str:
        return words.audience_names(obj) or "Nobody yet"

    @display(description="when", ordering="scheduled_at")
    def when(self, obj: Campaign) -> str:
        at = obj.finished_at or obj.started_at or obj.scheduled_at or obj.created_at
        verb = "sent" if obj.status == S.SENT else "since" if obj.status != S.DRAFT else "made"
        local = localtime(at)
        return format_html(
            '<time datetime="{}" title="{}">{} {}</time>',
            at.isoformat(),
            local.strftime("%c %Z"),
            verb,
            f"{local:%d %b %Y, %H:%M}",
        )

    @display(description="report")
    def report_link(self, obj: Campaign) -> str:
        if obj.status not in FROZEN:
            return "–"
        return format_html('<a class="ex-link" href="{}">Open</a>', report_url(obj))

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Campaigns are deleted one by one and only as drafts: what was sent has to be provable."""
        actions = super().get_actions(request)
        actions.pop("delete_selected", None)
        return actions

    # Rights by state

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        is_editable = obj is None or not isinstance(obj, Campaign) or obj.status in EDITABLE
        return is_editable and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        is_editable = obj is None or not isinstance(obj, Campaign) or obj.status in EDITABLE
        return is_editable and super().has_delete_permission(request, obj)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._may(request, self.view_permission, obj)

    # The page

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        client = access_of(request).current
        initial = (
            {"from_name": client.default_from_name or client.name, "from_email": client.default_from_email}
            if client
            else {}
        )
        return {**initial, **super().get_changeform_initial_data(request)}

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> Any:
        campaign = self.campaign_of(request, object_id) if object_id else None
        client = campaign.organization if campaign else access_of(request).current
        context: dict[str, Any] = {
            "campaign": campaign,
            "steps": words.steps(campaign) if campaign else (),
            "preview_config": self._preview_config(campaign, client),
            "audience_url": reverse("admin:campaigns_campaign_audience"),
            "show_save_and_add_another": False,
        }
        if campaign and campaign.status not in FROZEN:
            counts = quick_campaign_audience(campaign)
            problems = known_problems(campaign, counts)
            has_groups = all(item.code != "no_group" for item in problems)
            context["audience"] = words.audience_parts(counts, has_groups) if counts else {}
            context["audience_pending"] = "" if counts else _audience_query(campaign)
            context["problems"] = problems
            context["warnings"] = campaign_warnings(campaign)
        return super().changeform_view(request, object_id, form_url, {**(extra_context or {}), **context})

    def _preview_config(self, campaign: Campaign | None, client: Any) -> dict[str, Any]:
        fixed = {}
        if campaign is not None:
            fixed = {"template": str(campaign.template_id), "name": campaign.name}
            fixed |= {"subject": campaign.subject, "preheader": campaign.preheader}
        return {
            "url": reverse("admin:campaigns_campaign_preview"),
            "people_url": reverse("admin:campaigns_campaign_preview_people"),
            "fields": ["name", "template", "subject", "preheader"],
            "fixed": fixed,
            "extra": {
                "client": str(client.pk) if client else "",
                "campaign": str(campaign.pk) if campaign and campaign.status in FROZEN else "",
            },
        }

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        if not change:
            obj.created_by = request.user
        super().save_model(request, obj, form, change)

    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: str | None = None) -> HttpResponse:
        """On to the draft's own page, which says what is still missing and offers *Review and send*."""
        messages.success(request, f"“{obj}” is a draft now. Nothing is sent before you confirm it.")
        return HttpResponseRedirect(change_url(obj))

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        services.campaign_set_groups(
            campaign=form.instance,
            include_ids=[group.pk for group in form.cleaned_data["include_groups"]],
            exclude_ids=[group.pk for group in form.cleaned_data["exclude_groups"]],
        )
        services.campaign_set_segments(
            campaign=form.instance,
            include_ids=[segment.pk for segment in form.cleaned_data["include_segments"]],
            exclude_ids=[segment.pk for segment in form.cleaned_data["exclude_segments"]],
        )

    @display(description="Send to groups")
    def include_groups(self, obj: Campaign) -> str:
        """Stands in for the form's field on read-only pages."""
        return words.group_names(obj) or "–"

    @display(description="Send to segments")
    def include_segments(self, obj: Campaign) -> str:
        return words.segment_names(obj) or "–"

    @display(description="Leave out groups")
    def exclude_groups(self, obj: Campaign) -> str:
        return words.group_names(obj, excluded=True) or "–"

    @display(description="Leave out segments")
    def exclude_segments(self, obj: Campaign) -> str:
        return words.segment_names(obj, excluded=True) or "–"

    def get_custom_urls(self) -> Any:
        # Unfold hands itself to these views; ours are plain functions of the request.
        def plain(view: Any) -> Any:
            return lambda request, model_admin, **arguments: view(request, **arguments)

        return (
            ("preview/", "campaigns_campaign_preview", plain(views.preview_view)),
            ("preview/people/", "campaigns_campaign_preview_people", plain(views.people_view)),
            ("audience/", "campaigns_campaign_audience", plain(views.audience_view)),
        )

    # Actions of the page

    def campaign_of(self, request: HttpRequest, object_id: str) -> Campaign | None:
        return self.get_object(request, object_id)

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        """The actions that the campaign's state allows; one of them is the primary one."""
        campaign = self.campaign_of(request, str(object_id))
        if campaign is None:
            return []
        status = S(campaign.status)
        fitting = {
            "review_and_send": status in EDITABLE,
            "pause": status in RUNNING,
            "resume": status == S.PAUSED,
            "report": status in FROZEN,
            "duplicate": True,
            "follow_up": status == S.SENT,
            "cancel": is_legal(status, S.CANCELLING) or status in (S.IN_REVIEW, S.APPROVED, S.SCHEDULED),
        }
        prefix = f"{self.opts.app_label}_{self.opts.model_name}_"
        allowed = super().get_actions_detail(request, object_id)
        return [item for item in allowed if fitting[item.action_name.removeprefix(prefix)]]

    @action(
        description="Pause",
        url_path="pause",
        icon="pause",
        permissions=["campaigns_send"],
        variant=ActionVariant.PRIMARY,
    )
    def pause(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._confirm_move(
            request,
            object_id,
            verb="Pause",
            sentence="No further batch of “{campaign}” starts. What is being handed over now still goes out.",
            service=services.campaign_pause,
            done="“{campaign}” is paused.",
        )

    @action(
        description="Resume",
        url_path="resume",
        icon="play_arrow",
        permissions=["campaigns_send"],
        variant=ActionVariant.PRIMARY,
    )
    def resume(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._confirm_move(
            request,
            object_id,
            verb="Resume",
            sentence="“{campaign}” goes on with those who have not had it. Nobody gets it twice.",
            service=services.campaign_resume,
            done="“{campaign}” goes on.",
        )

    @action(
        description="Cancel campaign",
        url_path="cancel",
        icon="cancel",
        permissions=["campaigns_send"],
    )
    def cancel(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._confirm_move(
            request,
            object_id,
            verb="Cancel campaign",
            sentence="“{campaign}” ends for good: nobody else gets it. It can be duplicated afterwards.",
            service=services.campaign_cancel,
            done="“{campaign}” is called off.",
            is_danger=True,
        )

    @action(description="Open report", url_path="open-report", icon="monitoring", permissions=["results_view"])
    def report(self, request: HttpRequest, object_id: str) -> HttpResponse:
        campaign = self.campaign_of(request, object_id)
        if campaign is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        return HttpResponseRedirect(report_url(campaign))

    @action(description="Duplicate", url_path="duplicate", icon="content_copy", permissions=["campaigns_manage"])
    def duplicate(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._confirm_move(
            request,
            object_id,
            verb="Duplicate",
            sentence="{client} gets a new draft with the content, sender and audience of “{campaign}”.",
            service=services.campaign_duplicate,
            done="“{campaign}” is a new draft.",
        )

    @action(
        description="Send once more to who did not open",
        url_path="follow-up",
        icon="forward_to_inbox",
        permissions=["campaigns_manage"],
    )
    def follow_up(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._confirm_move(
            request,
            object_id,
            verb="Make the draft",
            sentence="You get a draft with the content of “{campaign}” for everybody who got it and neither opened nor "
            "clicked it. Give it another subject; whoever opens the first one meanwhile is left out. Some people read "
            "with images off and count as not having opened.",
            service=services.campaign_follow_up,
            done="“{campaign}” is a new draft. Nothing is sent before you confirm it.",
        )

    def _confirm_move(
        self,
        request: HttpRequest,
        object_id: str,
        *,
        verb: str,
        sentence: str,
        service: Any,
        done: str,
        is_danger: bool = False,
    ) -> HttpResponse:
        """Ask once, then call a service with the campaign's id and go to the page of the campaign it returns."""
        campaign = self.campaign_of(request, object_id)
        if campaign is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        confirmation = Confirmation(
            title=f"{verb}: “{campaign}”",
            submit_label=verb,
            back_url=change_url(campaign),
            sentences=(
                sentence.format(campaign=campaign, client=campaign.organization),
                *_reserved_words(campaign, verb),
            ),
            is_danger=is_danger,
        )
        results: list[Campaign] = []

        def perform() -> str:
            results.append(service(campaign_id=campaign.pk))
            return done.format(campaign=results[0])

        response = self.confirmed(request, confirmation, perform=perform, done_url=change_url(campaign))
        return HttpResponseRedirect(change_url(results[0])) if results else response


def _reserved_words(campaign: Campaign, verb: str) -> tuple[str, ...]:
    if not verb.startswith("Cancel") or campaign.status != S.SCHEDULED:
        return ()
    return (f"{words.mails(campaign.emails_reserved)} go back to this month's plan.",)
