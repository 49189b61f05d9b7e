"""The form of an event webhook: whose reports are believed."""

from typing import Any

from django import forms
from django.db.models import Q
from unfold.widgets import UnfoldAdminTextareaWidget

from core.delivery.models import Connection
from core.delivery.models.connections import ConnectionKind
from core.tracking.models import WebhookEndpoint
from core.tracking.webhooks.signature import BadKey, clean_key

_NOT_A_KEY = (
    "This is no verification key. In SendGrid it stands under Mail Settings, Event Webhook, Signature Verification."
)


class WebhookEndpointForm(forms.ModelForm):
    """Keys are public ones: they are shown again."""

    class Meta:
        model = WebhookEndpoint
        fields = ("connection", "key", "second_key")
        widgets = {
            "key": UnfoldAdminTextareaWidget(attrs={"rows": 3, "spellcheck": "false"}),
            "second_key": UnfoldAdminTextareaWidget(attrs={"rows": 3, "spellcheck": "false"}),
        }
        help_texts = {
            "key": "SendGrid shows it when Signature Verification is switched on for the webhook. It is no secret.",
            "second_key": "For an exchange: enter the new key here first, exchange it in SendGrid, then drop the old.",
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "connection" in self.fields:
            field: Any = self.fields["connection"]
            own = Q(kind=ConnectionKind.SENDGRID, account=None)
            lent = Q(account__kind=ConnectionKind.SENDGRID)
            field.queryset = Connection.objects.filter(own | lent, webhook_endpoint=None)
            field.help_text = "A SendGrid connection without a webhook yet."

    def clean_key(self) -> str:
        return self._cleaned("key")

    def clean_second_key(self) -> str:
        return self._cleaned("second_key") if self.cleaned_data.get("second_key") else ""

    def _cleaned(self, name: str) -> str:
        try:
            return clean_key(self.cleaned_data[name])
        except BadKey as error:
            raise forms.ValidationError(_NOT_A_KEY) from error
