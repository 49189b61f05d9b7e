"""The list of campaigns and the page of one: what can be done depends on its state."""

from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.admin import register
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.timezone import localtime
from unfold.decorators import display
from unfold.widgets import UnfoldAdminTimeWidget

from core.accounts.model_admins import OrganizationModelAdmin
from core.accounts.model_admins.rights import access_of
from core.accounts.permissions import Permission
from core.campaigns import presentation as words
from core.campaigns import services, views
from core.campaigns.admin.addresses import change_url, report_url
from core.campaigns.admin.after_freezing import FrozenActions
from core.campaigns.admin.approving import ApprovalActions, approval_panel
from core.campaigns.admin.copying import CopyActions
from core.campaigns.admin.lifecycle import LifecycleActions
from core.campaigns.admin.planning import PlanningActions, can_go_back
from core.campaigns.admin.sending import SendingActions
from core.campaigns.approvals.hashing import part_words
from core.campaigns.approvals.services import approval_recheck
from core.campaigns.forms import CampaignForm, PreheaderWidget, SubjectWidget
from core.campaigns.models import Campaign
from core.campaigns.naming import new_name
from core.campaigns.preflight import Case, Needs, checklist
from core.campaigns.queries import audience_of, drafted_audience, quick_campaign_audience, segments_of
from core.campaigns.resources import CampaignResource
from core.campaigns.shown_checks import shown_checklist
from core.campaigns.states import EDITABLE, FROZEN, RUNNING, SENDABLE, STATUS_COLORS, CampaignStatus, is_legal
from core.exports.admin import ExportableAdmin

S = CampaignStatus


def _audience_query(campaign: Campaign) -> str:
    """What the page's script asks for numbers that take their time, as `views.audience_view` reads it."""
    names = ("include", "exclude", "include_segment", "exclude_segment")
    ids = zip(names, (*audience_of(campaign), *segments_of(campaign)), strict=True)
    pairs = [(name, str(pk)) for name, chosen in ids for pk in chosen]
    return urlencode([("client", str(campaign.organization_id)), *pairs])


@register(Campaign)
class CampaignAdmin(
    ApprovalActions,
    SendingActions,
    PlanningActions,
    FrozenActions,
    LifecycleActions,
    CopyActions,
    ExportableAdmin,
    OrganizationModelAdmin,
):
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
        (
            "From and when",
            {
                "fields": (
                    ("from_name", "from_email"),
                    "reply_to",
                    ("window_from", "window_until"),
                    "window_days",
                    "throttle_per_hour",
                    "utm_campaign",
                ),
                "description": "The day itself is chosen with Schedule, once everything is ready.",
            },
        ),
    )
    actions = ("send_now_selected",)
    actions_detail = (
        "ask_for_approval",
        "open_review",
        "review_and_send",
        "schedule",
        "ab_test",
        "back_to_draft",
        "pause",
        "resume",
        "fix_and_continue",
        "report",
        "rehearse",
        "send_test",
        {
            "title": "More",
            "icon": "more_horiz",
            "items": [
                "remind_approver",
                "withdraw_approval",
                "duplicate",
                "copy_to_clients",
                "follow_up",
                "cancel",
            ],
        },
    )
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
        verbs = {S.SENT: "sent", S.DRAFT: "made", S.SCHEDULED: "goes out"}
        verb = verbs.get(S(obj.status), "since")
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

    # Fields

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Where nothing can be edited, one line says what the fields of hours and limits come to."""
        fieldsets = super().get_fieldsets(request, obj)
        if obj is None or self.has_change_permission(request, obj):
            return fieldsets
        fields = (("from_name", "from_email"), "reply_to", "leaves", "utm_campaign")
        return (*fieldsets[:-1], ("From and when", {"fields": fields}))

    @display(description="Mails leave")
    def leaves(self, obj: Campaign) -> str:
        return words.pace_words(obj) or "At any hour, as fast as they are taken"

    # Rights by state

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        is_editable = obj is None or not isinstance(obj, Campaign) or obj.status in EDITABLE
        return is_editable and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        is_draft = obj is None or not isinstance(obj, Campaign) or obj.status == S.DRAFT
        return is_draft and super().has_delete_permission(request, obj)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._may(request, self.view_permission, obj)

    # The page

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        client = access_of(request).current
        initial = (
            {
                "name": new_name(client),
                "from_name": client.default_from_name or client.name,
                "from_email": client.default_from_email,
            }
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
            "hints_url": reverse("admin:campaigns_campaign_hints"),
            "planned": words.planned_words(campaign) if campaign and campaign.status == S.SCHEDULED else "",
            "is_read_only": campaign is not None and campaign.status not in EDITABLE,
            "show_save_and_add_another": False,
        }
        if campaign:
            context |= approval_panel(request, campaign)
            context |= self.frozen_panel(request, campaign)
        if campaign and campaign.status not in FROZEN:
            context |= self._before_sending(request, campaign)
        return super().changeform_view(request, object_id, form_url, {**(extra_context or {}), **context})

    def _before_sending(self, request: HttpRequest, campaign: Campaign) -> dict[str, Any]:
        """Numbers and checks of a campaign that has not begun. What takes its time, the page's script asks for."""
        counts = quick_campaign_audience(campaign)
        items = checklist(Case(campaign, counts), up_to=Needs.COUNTS)
        can = access_of(request).can
        return {
            "audience": words.audience_parts(counts, not drafted_audience(campaign).is_empty) if counts else {},
            "audience_query": _audience_query(campaign),
            "audience_pending": counts is None,
            "checks": shown_checklist(items, campaign, lambda permission: can(permission, campaign.organization_id)),
            "checks_url": f"{reverse('admin:campaigns_campaign_checks')}?campaign={campaign.pk}",
        }

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
        if change and (parts := approval_recheck(campaign_id=form.instance.pk)):
            messages.warning(request, f"The approval was ended by this edit: {part_words(parts)}. Ask for it again.")

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

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        widgets = {"subject": SubjectWidget, "preheader": PreheaderWidget}
        if db_field.name in widgets:
            kwargs["widget"] = widgets[db_field.name]()
        if db_field.name in ("window_from", "window_until"):
            kwargs["widget"] = UnfoldAdminTimeWidget(format="%H:%M")
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    def get_custom_urls(self) -> Any:
        # Unfold hands itself to these views; ours are plain functions of the request.
        def plain(view: Any) -> Any:
            return lambda request, model_admin, **arguments: view(request, **arguments)

        return (
            ("preview/", "campaigns_campaign_preview", plain(views.preview_view)),
            ("preview/people/", "campaigns_campaign_preview_people", plain(views.people_view)),
            ("audience/", "campaigns_campaign_audience", plain(views.audience_view)),
            ("checks/", "campaigns_campaign_checks", plain(views.checks_view)),
            ("hints/", "campaigns_campaign_hints", plain(views.hints_view)),
            ("copied/<str:key>/", "campaigns_campaign_copied", plain(self.copy_result)),
            *self.frozen_urls(),
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
        approval = self.fitting_approval_actions(request, campaign)
        may_send = status in SENDABLE and not approval["ask_for_approval"]
        fitting = {
            **approval,
            **self.fitting_frozen_actions(campaign),
            "review_and_send": may_send,
            "schedule": may_send,
            "back_to_draft": can_go_back(campaign),
            "pause": status in RUNNING,
            "resume": status == S.PAUSED,
            "report": status in FROZEN,
            "rehearse": status in EDITABLE or status == S.SCHEDULED,
            "send_test": True,
            "duplicate": True,
            "copy_to_clients": True,
            "follow_up": status == S.SENT,
            "cancel": is_legal(status, S.CANCELLING) or status in (S.IN_REVIEW, S.APPROVED, S.SCHEDULED),
        }
        prefix = f"{self.opts.app_label}_{self.opts.model_name}_"
        allowed = super().get_actions_detail(request, object_id)
        return [item for item in allowed if fitting[item.action_name.removeprefix(prefix)]]
