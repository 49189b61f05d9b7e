"""What is done with a campaign as a whole: pause, resume, call off, copy."""

from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from unfold.decorators import action
from unfold.enums import ActionVariant

from core.accounts.model_admins import Confirmation, OrganizationModelAdmin
from core.campaigns import presentation as words
from core.campaigns import services
from core.campaigns.admin.addresses import change_url, report_url
from core.campaigns.models import Campaign
from core.campaigns.states import CampaignStatus
from core.campaigns.versions import waiting_correction


class LifecycleActions(OrganizationModelAdmin):
    """Actions that ask once and then call one service, for CampaignAdmin. `_confirm_move` serves other mixins too."""

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

    @action(description="Send test", url_path="send-test", icon="forward_to_inbox", permissions=["campaigns_manage"])
    def send_test(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Delivery has the page: it knows the ways out."""
        campaign = self.campaign_of(request, object_id)
        if campaign is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        return HttpResponseRedirect(f"{reverse('admin:delivery_mailtest_send')}?campaign={campaign.pk}")

    @action(description="Rehearse", url_path="rehearse", icon="theater_comedy", permissions=["campaigns_manage"])
    def rehearse(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Delivery has the page: it builds the mails."""
        campaign = self.campaign_of(request, object_id)
        if campaign is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        return HttpResponseRedirect(reverse("admin:delivery_rehearsal_start", args=[campaign.pk]))

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
                *_waiting_words(campaign, verb),
            ),
            is_danger=is_danger,
        )
        results: list[Campaign] = []

        def perform() -> str:
            results.append(service(campaign_id=campaign.pk))
            return done.format(campaign=results[0])

        done_url = change_url(campaign)
        response = self.confirmed(request, confirmation, perform=perform, done_url=done_url)
        return HttpResponseRedirect(change_url(results[0])) if results else response


def _reserved_words(campaign: Campaign, verb: str) -> tuple[str, ...]:
    if not verb.startswith(("Cancel", "Back")) or campaign.status != CampaignStatus.SCHEDULED:
        return ()
    count = campaign.emails_reserved
    return (f"{words.mails(count)} {'goes' if count == 1 else 'go'} back to the plan.",)


def _waiting_words(campaign: Campaign, verb: str) -> tuple[str, ...]:
    if verb != "Resume" or waiting_correction(campaign) is None:
        return ()
    return (
        "A correction waits, and they do not get it: they get the version that went out before. Whoever was asked "
        "about the correction finds that it was taken back.",
    )
