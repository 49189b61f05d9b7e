"""The approval chain on a campaign's page: ask, take back, remind, and the way to the review."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from unfold.decorators import action
from unfold.enums import ActionVariant

from core.accounts.model_admins import Confirmation
from core.accounts.model_admins.rights import access_of
from core.accounts.permissions import Permission
from core.campaigns import presentation as words
from core.campaigns.admin.addresses import change_url
from core.campaigns.admin.posted import posted_version
from core.campaigns.approvals import presentation as approval_words
from core.campaigns.approvals import services
from core.campaigns.approvals.forms import AskForm
from core.campaigns.approvals.people import reviewers_of, why_not
from core.campaigns.approvals.queries import open_request
from core.campaigns.approvals.standing import WHO, approval_gap, stages_of
from core.campaigns.models import Approval, Campaign
from core.campaigns.queries import quick_campaign_audience
from core.campaigns.states import ApprovalStage, CampaignStatus
from core.common.errors import DomainError
from core.subscriptions.features import CLIENT_APPROVAL
from core.subscriptions.queries import feature_lock

VERSION = "_version"
_NAMED_REVIEWERS = 5


def review_url(approval: Approval) -> str:
    return reverse("admin:campaigns_approval_change", args=[approval.pk])


def approval_panel(request: HttpRequest, campaign: Campaign) -> dict[str, Any]:
    """What the campaign's page shows of the chain: the timeline, and what this person may do with the open request."""
    stages = stages_of(campaign.organization)
    entries = approval_words.timeline(campaign)
    if not stages and not entries:
        return {}
    can_manage = access_of(request).can(Permission.CAMPAIGNS_MANAGE, campaign.organization_id)
    return {
        "approval_rule": WHO.get(campaign.organization.approval_policy, ""),
        "approval_timeline": entries,
        "approval_may_share": can_manage,
        "approval_ends_by_edit": campaign.status in (CampaignStatus.IN_REVIEW, CampaignStatus.APPROVED),
    }


class ApprovalActions:
    """For CampaignAdmin, which asks `fitting_approval_actions` what the state and the person allow."""

    def fitting_approval_actions(self, request: HttpRequest, campaign: Campaign) -> dict[str, bool]:
        status = CampaignStatus(campaign.status)
        waiting = open_request(campaign) if status == CampaignStatus.IN_REVIEW else None
        user = access_of(request).user
        is_with_client = waiting is not None and waiting.stage == ApprovalStage.CLIENT
        return {
            "ask_for_approval": status == CampaignStatus.DRAFT and bool(approval_gap(campaign)),
            "open_review": waiting is not None and not is_with_client and not why_not(user, waiting, campaign),
            "remind_approver": is_with_client and waiting is not None and bool(waiting.approver_email),
            "withdraw_approval": status in (CampaignStatus.IN_REVIEW, CampaignStatus.APPROVED),
        }

    @action(
        description="Ask for approval",
        url_path="ask-for-approval",
        icon="how_to_reg",
        permissions=["campaigns_manage"],
        variant=ActionVariant.PRIMARY,
    )
    def ask_for_approval(self, request: HttpRequest, object_id: str) -> HttpResponse:
        campaign = self.campaign_of(request, object_id)  # type: ignore[attr-defined]
        if campaign is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)  # type: ignore[attr-defined]
        form = AskForm(campaign.organization, request.POST or None)
        if request.method == "POST" and form.is_valid():
            return self._ask(request, campaign, form)
        context = {
            **self.admin_site.each_context(request),  # type: ignore[attr-defined]
            **ask_context(request, campaign),
            "title": f"Ask for approval of “{campaign}”",
            "opts": self.opts,  # type: ignore[attr-defined]
            "form": form,
            "back_url": change_url(campaign),
        }
        return TemplateResponse(request, "approvals/ask.html", context)

    def _ask(self, request: HttpRequest, campaign: Campaign, form: AskForm) -> HttpResponse:
        try:
            asked = services.approval_request(
                campaign_id=campaign.pk,
                version=posted_version(request.POST.get(VERSION, "")),
                by=access_of(request).user,
                asked=form.asked(),
            )
            waiting = approval_words.waiting_words(asked)
            messages.success(request, f"“{campaign}” is in review and {waiting}.")
        except DomainError as error:
            messages.error(request, str(error) or "The checks say what is missing.")
        return HttpResponseRedirect(change_url(campaign))

    @action(
        description="Review and approve",
        url_path="open-review",
        icon="rate_review",
        permissions=["campaigns_send"],
        variant=ActionVariant.PRIMARY,
    )
    def open_review(self, request: HttpRequest, object_id: str) -> HttpResponse:
        campaign = self.campaign_of(request, object_id)  # type: ignore[attr-defined]
        waiting = open_request(campaign) if campaign is not None else None
        if waiting is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)  # type: ignore[attr-defined]
        return HttpResponseRedirect(review_url(waiting))

    @action(
        description="Remind the client", url_path="remind", icon="notification_add", permissions=["campaigns_manage"]
    )
    def remind_approver(self, request: HttpRequest, object_id: str) -> HttpResponse:
        campaign = self.campaign_of(request, object_id)  # type: ignore[attr-defined]
        waiting = open_request(campaign) if campaign is not None else None
        if waiting is None or waiting.stage != ApprovalStage.CLIENT:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)  # type: ignore[attr-defined]
        who = waiting.approver_name or waiting.approver_email
        confirmation = Confirmation(
            title=f"Remind {who}",
            submit_label="Send the link again",
            back_url=change_url(campaign),
            sentences=(
                f"{who} gets one more mail at {waiting.approver_email} with a link to “{campaign}”. "
                f"It works for {waiting.link_days} days from now on.",
            ),
            problem="" if waiting.approver_email else "There is no address to remind. Copy the link instead.",
        )

        def perform() -> str:
            services.approval_remind(approval_id=waiting.pk, by=access_of(request).user)
            return f"{who} gets the link again."

        return self.confirmed(request, confirmation, perform=perform, done_url=change_url(campaign))  # type: ignore[attr-defined]

    @action(description="Withdraw", url_path="withdraw-approval", icon="undo", permissions=["campaigns_manage"])
    def withdraw_approval(self, request: HttpRequest, object_id: str) -> HttpResponse:
        campaign = self.campaign_of(request, object_id)  # type: ignore[attr-defined]
        if campaign is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)  # type: ignore[attr-defined]
        confirmation = Confirmation(
            title=f"Withdraw “{campaign}”",
            submit_label="Withdraw",
            back_url=change_url(campaign),
            sentences=(
                f"“{campaign}” becomes a draft again. Whoever was asked finds that it was taken back, and what was "
                "agreed to counts no more.",
            ),
        )

        def perform() -> str:
            services.approval_withdraw(campaign_id=campaign.pk, by=access_of(request).user)
            return f"“{campaign}” is a draft again."

        return self.confirmed(request, confirmation, perform=perform, done_url=change_url(campaign))  # type: ignore[attr-defined]


def ask_context(request: HttpRequest, campaign: Campaign) -> dict[str, Any]:
    """Whom it concerns, in numbers, and who may answer."""
    counts = quick_campaign_audience(campaign)
    who = words.people(counts.sendable) if counts else "The people chosen under Who"
    reviewers = reviewers_of(campaign.organization, without=(access_of(request).user.pk, campaign.created_by_id))
    named = ", ".join(str(one) for one in reviewers[:_NAMED_REVIEWERS])
    others = len(reviewers) - _NAMED_REVIEWERS
    stages = stages_of(campaign.organization)
    return {
        "campaign": campaign,
        "version": campaign.version,
        "sentence": f"{who} of {campaign.organization} are to get “{campaign}” from {campaign.from_email}."
        if not counts or counts.sendable != 1
        else f"1 person of {campaign.organization} is to get “{campaign}” from {campaign.from_email}.",
        "reviewers": f"{named} and {others} more" if others > 0 else named,
        "asks_client": ApprovalStage.CLIENT in stages,
        "problem": _ask_problem(campaign, stages),
    }


def _ask_problem(campaign: Campaign, stages: tuple[ApprovalStage, ...]) -> str:
    if not stages:
        return f"{campaign.organization} asks for no approval. It can be sent as it is."
    return feature_lock(campaign.organization_id, CLIENT_APPROVAL) if ApprovalStage.CLIENT in stages else ""
