"""Sending from the admin: one draft from its page, or several from the list, after the same look at the numbers."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from unfold.decorators import action
from unfold.enums import ActionVariant

from core.accounts.model_admins import Confirmation, OrganizationModelAdmin
from core.accounts.model_admins.rights import access_of
from core.accounts.permissions import Permission
from core.campaigns import presentation as words
from core.campaigns import services
from core.campaigns.admin.addresses import change_url, report_url
from core.campaigns.admin.posted import posted_version
from core.campaigns.errors import ChangedMeanwhile, IllegalTransition
from core.campaigns.models import Campaign
from core.campaigns.preflight import SendPreview, send_preview
from core.campaigns.queries import expected_seconds
from core.campaigns.states import RUNNING, SENDABLE, STOPPABLE, CampaignStatus
from core.common.errors import DomainError
from core.common.tenancy import organization_scope

CONFIRMED = "_confirmed"
VERSION = "_version"
MOST_AT_ONCE = 25
STOPPED_SHOWN = 50


class SendingActions(OrganizationModelAdmin):
    """*Review and send* of one campaign and *Send now* of the ticked ones, for CampaignAdmin."""

    @action(
        description="Review and send",
        url_path="review",
        icon="send",
        permissions=["campaigns_send"],
        variant=ActionVariant.PRIMARY,
    )
    def review_and_send(self, request: HttpRequest, object_id: str) -> HttpResponse:
        campaign = self.campaign_of(request, object_id)
        if campaign is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        if campaign.status not in SENDABLE:
            label = campaign.get_status_display().lower()
            messages.info(request, f"“{campaign}” is {label}, so there is nothing to send again.")
            return HttpResponseRedirect(report_url(campaign))
        confirmed_version = posted_version(request.POST.get(VERSION, ""))

        def perform() -> str:
            try:
                sent = services.campaign_send_now(campaign_id=campaign.pk, version=confirmed_version)
            except (ChangedMeanwhile, IllegalTransition):
                # Two clicks at once: the first one sent it.
                sent = Campaign.objects.get(pk=campaign.pk)
                if not _is_on_its_way(sent):
                    raise
            return f"“{sent}” is on its way to {words.people(sent.emails_reserved)}."

        # What is sent is checked by the service: counting for a page that is not shown would double the wait.
        is_asked = request.method != "POST"
        return self.confirmed(
            request,
            send_confirmation(campaign, send_preview(campaign)) if is_asked else _empty(change_url(campaign)),
            perform=perform,
            done_url=report_url(campaign),
        )

    @action(description="Stop all sending", url_path="stop", icon="front_hand", permissions=["campaigns_send"])
    def stop_all(self, request: HttpRequest) -> HttpResponse:
        """The emergency stop: everything of the client, or of all clients in reach."""
        queryset = Campaign.objects.filter(status__in=STOPPABLE).select_related("organization").order_by("name")
        if access_of(request).current is None:
            queryset = self._where_allowed(request, queryset, Permission.CAMPAIGNS_SEND)
        campaigns = list(queryset)
        list_url = reverse("admin:campaigns_campaign_changelist")
        return self.confirmed(
            request,
            stop_confirmation(campaigns, list_url),
            perform=lambda: _stopped(request, campaigns),
            done_url=list_url,
        )

    @action(description="Send now", permissions=["campaigns_send"])
    def send_now_selected(self, request: HttpRequest, queryset: Any) -> HttpResponse | None:
        campaigns = list(queryset.select_related("template", "organization").order_by("name")[: MOST_AT_ONCE + 1])
        if len(campaigns) > MOST_AT_ONCE:
            messages.error(request, f"At most {MOST_AT_ONCE} campaigns can be sent at once. Tick fewer of them.")
            return None
        for campaign in campaigns:
            access_of(request).require(Permission.CAMPAIGNS_SEND, campaign.organization_id)
        list_url = reverse("admin:campaigns_campaign_changelist")
        is_confirmed = CONFIRMED in request.POST
        confirmation = bulk_confirmation(campaigns, list_url) if not is_confirmed else _empty(list_url)
        return self.confirmed(
            request,
            confirmation,
            perform=lambda: _send_confirmed(request, campaigns),
            done_url=report_url(campaigns[0]) if len(campaigns) == 1 else list_url,
            is_confirmed=is_confirmed,
        )


def send_confirmation(campaign: Campaign, preview: SendPreview) -> Confirmation:
    """The numbers of one campaign, or what keeps it from being sent."""
    skipped = words.who_is_skipped(preview.audience)
    title, back_url = f"Send “{campaign}”", change_url(campaign)
    if preview.problems:
        *others, last = [problem.message for problem in preview.problems]
        return Confirmation(
            title=title,
            submit_label="Send now",
            back_url=back_url,
            sentences=(f"{'One thing keeps' if not others else f'{len(others) + 1} things keep'} it from being sent.",),
            notes=(*others, last) if others else (),
            problem="It can be sent when these are put right." if others else last,
        )
    seconds = expected_seconds(campaign, preview.audience.sendable)
    return Confirmation(
        title=title,
        submit_label=f"Send to {words.people(preview.audience.sendable)}",
        back_url=back_url,
        sentences=tuple(filter(None, (words.who_gets_it(campaign, preview, seconds), skipped))),
        facts=words.sending_facts(campaign, preview),
        notes=(
            *(warning.message for warning in preview.warnings),
            "Content, sender and audience are frozen when it starts. It can be paused at any time.",
        ),
        hidden=((VERSION, str(campaign.version)),),
    )


def bulk_confirmation(campaigns: Sequence[Campaign], back_url: str) -> Confirmation:
    """The same numbers for each of several; those that cannot be sent say why and are left out."""
    ready: list[tuple[Campaign, SendPreview]] = []
    notes: list[str] = []
    for campaign in campaigns:
        if campaign.status not in SENDABLE:
            notes.append(f"“{campaign}” is left out: it is {campaign.get_status_display().lower()} already.")
            continue
        preview = send_preview(campaign)
        if preview.problems:
            reasons = " ".join(problem.message for problem in preview.problems)
            notes.append(f"“{campaign}” is left out. {reasons}")
        else:
            ready.append((campaign, preview))
    total = sum(preview.audience.sendable for _campaign, preview in ready)
    return Confirmation(
        title="Send now",
        submit_label=f"Send {words.mails(total)}",
        back_url=back_url,
        sentences=tuple(_sentences(ready)),
        facts=tuple((str(campaign), words.plan_after(preview.plan_use)) for campaign, preview in ready),
        notes=tuple(notes),
        problem="" if ready else "None of the ticked campaigns can be sent now.",
        hidden=(
            ("action", "send_now_selected"),
            (CONFIRMED, "1"),
            *((ACTION_CHECKBOX_NAME, str(campaign.pk)) for campaign, _preview in ready),
            *((VERSION, f"{campaign.pk}:{campaign.version}") for campaign, _preview in ready),
        ),
    )


def _sentences(ready: list[tuple[Campaign, SendPreview]]) -> list[str]:
    sentences = []
    for campaign, preview in ready:
        seconds = expected_seconds(campaign, preview.audience.sendable)
        skipped = words.who_is_skipped(preview.audience)
        sentences.append(f"{words.who_gets_it(campaign, preview, seconds)} {skipped}".strip())
    return sentences


def stop_confirmation(campaigns: Sequence[Campaign], back_url: str) -> Confirmation:
    """Which campaigns would stand still, and for whom."""
    count = len(campaigns)
    noun = "campaign" if count == 1 else "campaigns"
    return Confirmation(
        title="Stop all sending",
        submit_label=f"Stop {count:,} {noun}",
        back_url=back_url,
        sentences=(
            f"{count:,} {noun} {'stands' if count == 1 else 'stand'} still at once: no further batch starts. What is "
            "being handed over at this moment still goes out.",
        ),
        facts=tuple(
            (str(one), f"{one.organization} · {one.get_status_display().lower()}") for one in campaigns[:STOPPED_SHOWN]
        ),
        notes=("Each can be resumed on its page; nobody gets a mail twice. What had not begun becomes a draft again.",),
        problem="" if campaigns else "Nothing is going out.",
        is_danger=True,
    )


def _stopped(request: HttpRequest, campaigns: Sequence[Campaign]) -> str:
    """Stop each in its own transaction: one that has ended meanwhile does not hold back the others."""
    stopped = 0
    for campaign in campaigns:
        try:
            with organization_scope(campaign.organization_id):
                services.campaign_stop(campaign_id=campaign.pk)
            stopped += 1
        except DomainError as error:
            messages.warning(request, str(error))
    return f"{stopped:,} {'campaign stands' if stopped == 1 else 'campaigns stand'} still."


def _empty(back_url: str) -> Confirmation:
    """On the confirmed POST nothing is shown any more; only the way back after a refusal counts."""
    return Confirmation(title="Send now", submit_label="Send now", back_url=back_url)


def _send_confirmed(request: HttpRequest, campaigns: Sequence[Campaign]) -> str:
    """Send each in its own transaction: one that is refused does not hold back the others."""
    versions = dict(pair.split(":", 1) for pair in request.POST.getlist(VERSION) if ":" in pair)
    sent: list[Campaign] = []
    refusals: list[DomainError] = []
    for campaign in campaigns:
        try:
            sent.append(_send_one(campaign.pk, versions.get(str(campaign.pk), "")))
        except DomainError as error:
            refusals.append(error)
    if refusals and not sent:
        raise DomainError(" ".join(str(refusal) for refusal in refusals))
    for refusal in refusals:
        messages.error(request, str(refusal))
    names = ", ".join(f"“{campaign}”" for campaign in sent)
    total = sum(campaign.emails_reserved for campaign in sent)
    return f"{names} {'is' if len(sent) == 1 else 'are'} on the way to {words.people(total)}."


def _send_one(campaign_id: UUID, version: str) -> Campaign:
    return services.campaign_send_now(campaign_id=campaign_id, version=posted_version(version))


def _is_on_its_way(campaign: Campaign) -> bool:
    """Whether it goes out, or will at the next sweep: not one that is planned, called off or stopped."""
    is_due = campaign.status == CampaignStatus.SCHEDULED and not campaign.scheduled_local
    return is_due or campaign.status in RUNNING | {CampaignStatus.SENT}
