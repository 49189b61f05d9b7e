"""The pages that copy a campaign to other clients: which ones, once more in words, and what came of it."""

from dataclasses import asdict
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.crypto import get_random_string
from unfold.decorators import action

from core.accounts.model_admins import Confirmation, OrganizationModelAdmin
from core.accounts.model_admins.rights import access_of
from core.accounts.models import Organization
from core.accounts.permissions import Permission
from core.campaigns.admin.addresses import change_url
from core.campaigns.copying import campaign_copy_to
from core.campaigns.models import Campaign
from core.common.kept import keep, recall
from core.common.tenancy import organization_scope

RESULT_SECONDS = 24 * 3600
MOST_CLIENTS = 50
_CONFIRMED, _CLIENT = "confirmed", "client"
_NEEDED = (Permission.CAMPAIGNS_MANAGE, Permission.TEMPLATES_MANAGE)


class CopyActions(OrganizationModelAdmin):
    """*Copy to other clients*, for CampaignAdmin, which routes `copy_result`."""

    @action(
        description="Copy to other clients", url_path="copy-to-clients", icon="move_up", permissions=["campaigns_view"]
    )
    def copy_to_clients(self, request: HttpRequest, object_id: str) -> HttpResponse:
        campaign = self.campaign_of(request, object_id)
        if campaign is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        targets = _targets(request, campaign)
        wanted = set(request.POST.getlist(_CLIENT))
        chosen = [client for client in targets if str(client.pk) in wanted][:MOST_CLIENTS]
        if request.method == "POST" and chosen:
            return self._copy(request, campaign, chosen)
        if request.method == "POST":
            messages.error(request, "Tick at least one client.")
        context = {
            **self.admin_site.each_context(request),
            "title": f"Copy “{campaign}” to other clients",
            "opts": self.opts,
            "campaign": campaign,
            "targets": targets,
            "back_url": change_url(campaign),
        }
        return TemplateResponse(request, "campaigns/copy_choose.html", context)

    def _copy(self, request: HttpRequest, campaign: Campaign, chosen: list[Organization]) -> HttpResponse:
        key = get_random_string(22)
        done_url = reverse("admin:campaigns_campaign_copied", args=[key])

        def perform() -> str:
            nonlocal done_url
            with organization_scope(campaign.organization_id, *chosen):
                copies = campaign_copy_to(campaign_id=campaign.pk, clients=chosen)
            kept = {"campaign": str(campaign), "copies": [asdict(copy) for copy in copies]}
            done = f"“{campaign}” is a draft in {_clients(len(copies))} now. Nothing is sent."
            if keep(_result_key(request, key), kept, RESULT_SECONDS):
                return done
            done_url = change_url(campaign)
            return f"{done} What to look at in each cannot be listed for a moment: open the drafts before sending."

        return self.confirmed(
            request,
            _confirmation(campaign, chosen),
            perform=perform,
            done_url=lambda: done_url,
            is_confirmed=_CONFIRMED in request.POST,
        )

    def copy_result(self, request: HttpRequest, key: str) -> HttpResponse:
        """What to look at in each client. Only who copied can open it, for a day."""
        access_of(request).require(Permission.CAMPAIGNS_VIEW)
        found = recall(_result_key(request, key))
        if found is None:
            raise Http404
        context: dict[str, Any] = {
            **self.admin_site.each_context(request),
            "title": f"“{found['campaign']}” is copied",
            "opts": self.opts,
            **found,
        }
        return TemplateResponse(request, "campaigns/copy_result.html", context)


def _targets(request: HttpRequest, campaign: Campaign) -> list[Organization]:
    """The other clients in which this person may manage campaigns and templates."""
    access = access_of(request)
    return [
        client
        for client in access.organizations
        if client.pk != campaign.organization_id and all(access.can(needed, client.pk) for needed in _NEEDED)
    ]


def _confirmation(campaign: Campaign, chosen: list[Organization]) -> Confirmation:
    names = ", ".join(str(client) for client in chosen)
    return Confirmation(
        title=f"Copy “{campaign}” to {_clients(len(chosen))}",
        submit_label=f"Copy to {_clients(len(chosen))}",
        back_url=change_url(campaign),
        sentences=(
            f"{_clients(len(chosen))}: {names}. Each gets a draft of “{campaign}” with a template of its own, in its "
            "own brand, from its own default sender.",
        ),
        notes=("Groups and segments are not copied: the people of one client are not those of another.",),
        hidden=((_CONFIRMED, "1"), *((_CLIENT, str(client.pk)) for client in chosen)),
    )


def _clients(count: int) -> str:
    return f"{count:,} client{'' if count == 1 else 's'}"


def _result_key(request: HttpRequest, key: str) -> str:
    return f"campaign-copy:{access_of(request).user.pk}:{key}"
