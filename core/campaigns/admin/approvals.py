"""Requests for approval: what waits for whom, and the page on which a second member looks and answers."""

from typing import Any

from django.contrib import messages
from django.contrib.admin import register
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.timesince import timesince
from unfold.contrib.filters.admin import DropdownFilter
from unfold.decorators import action, display

from core.accounts.model_admins import Confirmation, OrganizationModelAdmin
from core.accounts.model_admins.rights import access_of
from core.accounts.permissions import Permission
from core.campaigns import presentation as words
from core.campaigns.admin.addresses import change_url
from core.campaigns.admin.approving import review_url
from core.campaigns.approvals import services
from core.campaigns.approvals.forms import ChangesForm
from core.campaigns.approvals.hashing import asked_fingerprint, part_words
from core.campaigns.approvals.presentation import APPROVAL_COLORS, hurdle, outcome_words, timeline
from core.campaigns.approvals.previews import asked_previews
from core.campaigns.approvals.queries import LIVE, comments_of, is_live
from core.campaigns.approvals.services import LONGEST_TEXT, MOST_COMMENTS, Decider
from core.campaigns.approvals.standing import parts_changed_since
from core.campaigns.approvals.views import spot_of
from core.campaigns.models import Approval, Campaign
from core.campaigns.preflight import Case, Needs, State, checklist
from core.campaigns.preflight.approval import NEEDS_APPROVAL
from core.campaigns.queries import quick_campaign_audience
from core.campaigns.shown_checks import shown_checklist
from core.campaigns.states import FROZEN, ApprovalState, CampaignStatus
from core.common.errors import DomainError
from core.common.network import client_ip
from core.common.tenancy import organization_scope
from core.email_templates.views import keep_frame

_ALL = "all"


class StateFilter(DropdownFilter):
    """What waits is shown unless something else is asked for."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(_ALL, "All"), *ApprovalState.choices]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        if self.value() == _ALL:
            return queryset
        if self.value() in ApprovalState.values and self.value() != ApprovalState.OPEN:
            return queryset.filter(state=self.value())
        return queryset.filter(LIVE, state=ApprovalState.OPEN)


@register(Approval)
class ApprovalAdmin(OrganizationModelAdmin):
    """Nobody adds, changes or deletes a request here: the campaign's page asks, this one answers."""

    view_permission = Permission.CAMPAIGNS_VIEW
    list_display = ("shown_campaign", "stage", "shown_state", "shown_asker", "waiting_since")
    list_display_links = None
    list_filter = (StateFilter,)
    list_select_related = ("campaign", "asked_by")
    search_fields = ("campaign__name__istartswith",)
    search_help_text = "The beginning of the campaign's name"
    ordering = ("-id",)
    actions_detail = ("approve", "ask_changes", "comment")
    empty_title = "Nothing waits for approval"
    empty_text = "Campaigns of clients whose rule asks for it wait here until a second member or the client has agreed."
    empty_icon = "how_to_reg"

    # The list

    @display(description="campaign", ordering="campaign__name")
    def shown_campaign(self, approval: Approval) -> str:
        return format_html('<a class="ex-link" href="{}">{}</a>', review_url(approval), approval.campaign.name)

    @display(description="state", label={state.value: color for state, color in APPROVAL_COLORS.items()})
    def shown_state(self, approval: Approval) -> tuple[str, str]:
        label = approval.get_state_display()
        if approval.state == ApprovalState.REVOKED:
            label = f"Revoked by an edit: {part_words(approval.changed)}"
        return approval.state, label

    @display(description="asked by", ordering="asked_by__full_name")
    def shown_asker(self, approval: Approval) -> str:
        return str(approval.asked_by or "–")

    @display(description="waiting since", ordering="asked_at")
    def waiting_since(self, approval: Approval) -> str:
        age = timesince(approval.asked_at, timezone.now(), depth=1)
        local = timezone.localtime(approval.asked_at)
        return format_html(
            '<time datetime="{}" title="{}">{}</time>', approval.asked_at.isoformat(), f"{local:%d %b %Y, %H:%M}", age
        )

    # The review

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> Any:
        """The review in place of a form."""
        approval = self.get_object(request, object_id) if object_id else None
        if approval is None:
            return self._unknown_object(request, object_id or "")
        if not self.has_view_permission(request, approval):
            raise PermissionDenied
        with organization_scope(approval.organization_id):
            response = TemplateResponse(request, "approvals/review.html", self._review(request, approval))
            response.render()
            return response

    def _review(self, request: HttpRequest, approval: Approval) -> dict[str, Any]:
        campaign: Campaign = approval.campaign
        is_open = is_live(approval, campaign)
        changed: list[str] = []
        if is_open:
            fingerprint = asked_fingerprint(campaign, approval)
            if fingerprint.whole != approval.content_hash:
                changed = parts_changed_since(approval, fingerprint.parts)
        comments = comments_of(approval)
        return {
            **self.admin_site.each_context(request),
            **_looks(request, approval),
            "title": f"Approval of “{campaign}”",
            "opts": self.opts,
            "approval": approval,
            "campaign": campaign,
            "campaign_url": change_url(campaign),
            "outcome": outcome_words(approval),
            "changed": part_words(changed),
            "hurdle": "" if changed else hurdle(access_of(request).user, approval, campaign),
            "may_answer": is_open and not changed and not hurdle(access_of(request).user, approval, campaign),
            "may_comment": is_open and len(comments) < MOST_COMMENTS and self._may_comment(request, approval),
            "comments": comments,
            "timeline": timeline(campaign),
            "approve_url": self._url("approve", approval),
            "changes_url": self._url("ask_changes", approval),
            "comment_url": self._url("comment", approval),
            "longest_text": LONGEST_TEXT,
        }

    def _may_comment(self, request: HttpRequest, approval: Approval) -> bool:
        return access_of(request).can(Permission.CAMPAIGNS_MANAGE, approval.organization_id)

    def _url(self, name: str, approval: Approval) -> str:
        return reverse(f"admin:campaigns_approval_{name}", args=[approval.pk])

    @action(description="Approve", url_path="approve", icon="check", permissions=["campaigns_send"])
    def approve(self, request: HttpRequest, object_id: str) -> HttpResponse:
        approval = self.get_object(request, object_id)
        if approval is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        confirmation = approve_confirmation(request, approval)

        def perform() -> str:
            services.approval_approve(approval_id=approval.pk, decider=_decider(request))
            approval.campaign.refresh_from_db()
            following = (
                "It can be sent now." if approval.campaign.status == CampaignStatus.APPROVED else "The client is asked."
            )
            return f"You approved “{approval.campaign}”. {following}"

        return self.confirmed(request, confirmation, perform=perform, done_url=change_url(approval.campaign))

    @action(description="Ask for changes", url_path="changes", icon="edit_note", permissions=["campaigns_send"])
    def ask_changes(self, request: HttpRequest, object_id: str) -> HttpResponse:
        approval = self.get_object(request, object_id)
        if approval is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        form = ChangesForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            try:
                services.approval_ask_changes(
                    approval_id=approval.pk, decider=_decider(request), text=form.cleaned_data["text"]
                )
            except DomainError as error:
                messages.error(request, str(error))
                return HttpResponseRedirect(review_url(approval))
            messages.success(request, f"“{approval.campaign}” is a draft again and says what you asked for.")
            return HttpResponseRedirect(change_url(approval.campaign))
        context = {
            **self.admin_site.each_context(request),
            "title": f"Ask for changes of “{approval.campaign}”",
            "opts": self.opts,
            "form": form,
            "problem": hurdle(access_of(request).user, approval, approval.campaign),
            "back_url": review_url(approval),
        }
        return TemplateResponse(request, "approvals/changes.html", context)

    @action(description="Comment", url_path="comment", icon="add_comment", permissions=["campaigns_manage"])
    def comment(self, request: HttpRequest, object_id: str) -> HttpResponse:
        approval = self.get_object(request, object_id)
        if approval is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        if request.method == "POST":
            text = request.POST.get("text", "")
            try:
                services.approval_comment(
                    approval_id=approval.pk, decider=_decider(request), text=text, spot=spot_of(request)
                )
            except DomainError as error:
                messages.error(request, str(error))
        return HttpResponseRedirect(f"{review_url(approval)}#comments")


def approve_confirmation(request: HttpRequest, approval: Approval) -> Confirmation:
    """What is being agreed to, in numbers."""
    campaign = approval.campaign
    counts = quick_campaign_audience(campaign)
    who = words.people(counts.sendable) if counts else "The people chosen under Who"
    facts = [
        ("Subject", campaign.subject or campaign.template.subject),
        ("From", f"{campaign.from_name} <{campaign.from_email}>"),
        ("Sent to", words.audience_names(campaign)),
    ]
    if excluded := words.audience_names(campaign, excluded=True):
        facts.append(("Left out", excluded))
    return Confirmation(
        title=f"Approve “{campaign}”",
        submit_label="Approve",
        back_url=review_url(approval),
        sentences=(
            f"You agree that “{campaign}” goes out exactly as it is now. {who} of {campaign.organization} would get it "
            "today.",
        ),
        facts=tuple(facts),
        notes=("Any edit of content, audience or sender ends the approval.",),
        problem=hurdle(access_of(request).user, approval, campaign),
    )


def _decider(request: HttpRequest) -> Decider:
    return Decider(access_of(request).user, ip_address=client_ip(request))


def _looks(request: HttpRequest, approval: Approval) -> dict[str, Any]:
    """The mails as they stand, and the checks. What has started shows its report instead, and a correction itself."""
    campaign: Campaign = approval.campaign
    organization = campaign.organization
    try:
        mails = asked_previews(approval) if approval.revision or campaign.status not in FROZEN else []
    except DomainError:
        mails = []
    previews = [(one, keep_frame(request, organization, one.html)) for one in mails]
    if campaign.status in FROZEN:
        return {"previews": previews, "checks": None}
    counts = quick_campaign_audience(campaign)
    items = checklist(Case(campaign, counts), up_to=Needs.COUNTS)
    access = access_of(request)
    return {
        "previews": previews,
        "people": words.people(counts.sendable) if counts else "",
        "sent_to": words.audience_names(campaign),
        "left_out": words.audience_names(campaign, excluded=True),
        "checks": shown_checklist(
            [item for item in items if item.check.code != NEEDS_APPROVAL and item.state != State.WAITING],
            campaign,
            lambda permission: access.can(permission, campaign.organization_id),
        ),
    }
