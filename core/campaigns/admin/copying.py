"""The pages that copy a campaign to other clients."""

from django.http import HttpRequest, HttpResponse
from unfold.decorators import action

from core.accounts.model_admins import OrganizationModelAdmin
from core.accounts.model_admins.copying import Copying, CopyPages
from core.accounts.permissions import Permission
from core.campaigns.admin.addresses import change_url
from core.campaigns.copying import campaign_copy_to
from core.campaigns.models import Campaign


class CopyActions(CopyPages, OrganizationModelAdmin):
    """*Copy to other clients*, for CampaignAdmin, which routes `copy_result`."""

    copy_needs = (Permission.CAMPAIGNS_MANAGE, Permission.TEMPLATES_MANAGE)
    copied_url_name = "admin:campaigns_campaign_copied"
    copied_template = "campaigns/copy_result.html"

    @action(
        description="Copy to other clients", url_path="copy-to-clients", icon="move_up", permissions=["campaigns_view"]
    )
    def copy_to_clients(self, request: HttpRequest, object_id: str) -> HttpResponse:
        campaign = self.campaign_of(request, object_id)
        if campaign is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        return self.copy_pages(request, _copying(campaign))


def _copying(campaign: Campaign) -> Copying:
    return Copying(
        title=str(campaign),
        organization=campaign.organization,
        nouns="campaigns",
        lead="Each one gets a draft of its own: the content in its brand, its default sender, nobody in it yet.",
        back_url=change_url(campaign),
        sentences=(
            f"Each gets a draft of “{campaign}” with a template of its own, in its own brand, from its own default "
            "sender.",
        ),
        notes=("Groups and segments are not copied: the people of one client are not those of another.",),
        copy=lambda chosen: campaign_copy_to(campaign_id=campaign.pk, clients=chosen),
        done=lambda clients: f"“{campaign}” is a draft in {clients} now. Nothing is sent.",
        not_listed="What to look at in each cannot be listed for a moment: open the drafts before sending.",
    )
