"""Columns of the exported ledger."""

from import_export.fields import Field
from import_export.resources import ModelResource

from core.delivery.models import Message


class MessageResource(ModelResource):
    """Who got which campaign, who did not, and why."""

    email = Field(column_name="email", attribute="contact__email", readonly=True)
    campaign = Field(column_name="campaign", attribute="campaign__name", readonly=True)
    state = Field(column_name="state", readonly=True)
    why = Field(column_name="why", readonly=True)

    class Meta:
        model = Message
        fields = export_order = (
            "email",
            "campaign",
            "state",
            "why",
            "words",
            "attempts",
            "accepted_at",
            "opened_at",
            "clicked_at",
            "bounced_at",
            "complained_at",
            "unsubscribed_at",
        )
        name = "Messages"

    def dehydrate_state(self, message: Message) -> str:
        return message.get_send_state_display()

    def dehydrate_why(self, message: Message) -> str:
        return message.get_reason_display()
