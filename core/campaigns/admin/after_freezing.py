"""What the page of a frozen campaign shows and offers: who had it, its versions, its A/B test."""

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse

from core.accounts.model_admins.rights import access_of
from core.accounts.permissions import Permission
from core.campaigns.ab.presentation import sample_words, shown_test
from core.campaigns.ab.queries import ab_test_of, variants_of
from core.campaigns.admin.ab_test import ABTestActions
from core.campaigns.admin.addresses import change_url
from core.campaigns.admin.versions import VersionActions
from core.campaigns.ledger import ledger
from core.campaigns.models import Campaign, CampaignSnapshot
from core.campaigns.shown_versions import (
    held_words,
    messages_url,
    shares,
    shown_versions,
    shown_waiting,
    version_name,
    versions_sentence,
)
from core.campaigns.states import EDITABLE, FROZEN, CampaignStatus, PauseReason

S = CampaignStatus


class FrozenActions(VersionActions, ABTestActions):
    """The mixin of CampaignAdmin for both."""

    def frozen_urls(self) -> tuple[tuple[str, str, Any], ...]:
        """Pages below one campaign that no button of the action bar leads to."""

        def own(name: str) -> Any:
            return lambda request, model_admin, **arguments: getattr(self, name)(request, **arguments)

        one = "<uuid:object_id>"
        return (
            (f"{one}/versions/<uuid:snapshot_id>/", "campaigns_campaign_version", own("look_at_version")),
            (
                f"{one}/versions/<uuid:snapshot_id>/release/",
                "campaigns_campaign_release_correction",
                own("release_correction"),
            ),
            (
                f"{one}/versions/<uuid:snapshot_id>/withdraw/",
                "campaigns_campaign_withdraw_correction",
                own("withdraw_correction"),
            ),
            (f"{one}/ab-test/send/<str:number>/", "campaigns_campaign_send_variant", own("send_variant")),
            (f"{one}/ab-test/hold/", "campaigns_campaign_hold_test", own("hold_test")),
        )

    def fitting_frozen_actions(self, campaign: Campaign) -> dict[str, bool]:
        return {"fix_and_continue": campaign.status == S.PAUSED, "ab_test": campaign.status in EDITABLE}

    def frozen_panel(self, request: HttpRequest, campaign: Campaign) -> dict[str, Any]:
        """Context of `campaigns/standing.html`; of a draft only what its test is."""
        if campaign.status not in FROZEN:
            return {"test_note": _test_note(campaign)}
        standing = ledger().standing(campaign)
        versions = shown_versions(campaign)
        is_running = campaign.status == S.SENDING
        is_stopped = campaign.status == S.PAUSED and campaign.pause_reason == PauseReason.AUTO
        return {
            "stop": ledger().stop(campaign) if is_stopped else None,
            "bad_url": messages_url(campaign, standing="failed"),
            "waiting": shown_waiting(campaign, request.user.pk),
            "shares": shares(campaign, standing) if campaign.status != S.MATERIALISING else (),
            "versions": versions,
            "versions_sentence": versions_sentence(versions),
            "test": shown_test(campaign),
            "next_due": ledger().next_due_at(campaign) if is_running and standing.waiting else None,
            "may_send": access_of(request).can(Permission.CAMPAIGNS_SEND, campaign.organization_id),
        }

    def look_at_version(self, request: HttpRequest, object_id: Any, snapshot_id: Any) -> HttpResponse:
        """One version as people got it, or will get it."""
        campaign: Campaign | None = self.campaign_of(request, str(object_id))  # type: ignore[attr-defined]
        snapshot = CampaignSnapshot.objects.filter(campaign=campaign, pk=snapshot_id).first() if campaign else None
        if campaign is None or snapshot is None:
            raise Http404
        access_of(request).require(Permission.CAMPAIGNS_VIEW, campaign.organization_id)
        context = {
            **self.admin_site.each_context(request),  # type: ignore[attr-defined]
            "opts": self.model._meta,  # type: ignore[attr-defined]
            "title": f"{version_name(snapshot)}: “{campaign}”",
            "sentence": _look_sentence(campaign, snapshot),
            "back_url": change_url(campaign),
            "preview_config": {
                "url": reverse("admin:campaigns_campaign_preview"),
                "people_url": reverse("admin:campaigns_campaign_preview_people"),
                "fields": [],
                "fixed": {"from_name": snapshot.from_name},
                "extra": {
                    "client": str(campaign.organization_id),
                    "campaign": str(campaign.pk),
                    "version": str(snapshot.pk),
                },
            },
        }
        return TemplateResponse(request, "campaigns/version.html", context)


def _look_sentence(campaign: Campaign, snapshot: CampaignSnapshot) -> str:
    if snapshot.revision > campaign.content_revision:
        return f"Nobody has had this version. It goes out {held_words(campaign)}."
    return f"This is what people of {version_name(snapshot).lower()} got, from {snapshot.from_email}."


def _test_note(campaign: Campaign) -> str:
    test = ab_test_of(campaign)
    return sample_words(campaign, test, len(variants_of(campaign)), None) if test else ""
