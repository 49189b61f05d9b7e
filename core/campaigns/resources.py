"""Columns of the exported list of campaigns."""

from import_export.fields import Field
from import_export.resources import ModelResource

from core.campaigns.models import Campaign
from core.campaigns.presentation import audience_names


class CampaignResource(ModelResource):
    """Campaigns with their dates; what came of them stands in the exports of the results."""

    status = Field(column_name="status", attribute="get_status_display", readonly=True)
    sent_to = Field(column_name="sent_to", readonly=True)
    template = Field(column_name="template", attribute="template__name", readonly=True)

    class Meta:
        model = Campaign
        fields = export_order = (
            "name",
            "status",
            "sent_to",
            "template",
            "subject",
            "from_name",
            "from_email",
            "created_at",
            "scheduled_at",
            "started_at",
            "finished_at",
        )
        name = "Campaigns"

    def dehydrate_sent_to(self, campaign: Campaign) -> str:
        return audience_names(campaign)
