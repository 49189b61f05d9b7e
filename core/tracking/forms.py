"""The forms of webhooks: whose reports are believed, and where mails come back to."""

import re
from typing import Any

from django import forms
from unfold.widgets import UnfoldAdminPasswordWidget, UnfoldAdminTextareaWidget

from core.delivery.models import Connection
from core.delivery.models.connections import ConnectionKind
from core.delivery.transports.registry import account_of
from core.domains.errors import BadDomain
from core.domains.services import clean_domain
from core.tracking.choices import INBOUND_KINDS, WebhookKind
from core.tracking.inbound.hosts import domain_above
from core.tracking.models import WebhookEndpoint
from core.tracking.webhooks.instructions import SIGNING_PROVIDERS
from core.tracking.webhooks.signature import BadKey, clean_key
from core.tracking.webhooks.sources import SENDGRID, provider_of

KEY_FIELDS = ("key", "second_key")
SECRET_FIELDS = ("secret", "second_secret")
HOST_FIELDS = ("reply_host", "bounce_host")
_NOT_A_KEY = (
    "This is no verification key. In SendGrid it stands under Mail Settings, Event Webhook, Signature Verification."
)
_OWN_SECRET = re.compile(r"[A-Za-z0-9_.~-]{24,200}")
_GIVEN_SECRET = re.compile(r"[!-~]{8,300}")
_REPORTING = frozenset({ConnectionKind.SENDGRID, ConnectionKind.ANYMAIL})


def is_proven_by_key(endpoint: WebhookEndpoint) -> bool:
    """By a public key; else by a secret."""
    if endpoint.kind in INBOUND_KINDS:
        return endpoint.kind == WebhookKind.INBOUND_SENDGRID
    return provider_of(endpoint) == SENDGRID


class WebhookAddForm(forms.ModelForm):
    """Which connection, and what is to come. The rest depends on that and is asked for on the next page."""

    class Meta:
        model = WebhookEndpoint
        fields = ("connection", "kind")
        help_texts = {
            "kind": "Reports: what became of mails. Mails that come back: replies, and bounces of SMTP servers.",
        }

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        connection: Connection | None = cleaned.get("connection")
        if connection is None or cleaned.get("kind") != WebhookKind.EVENTS:
            return cleaned
        if account_of(connection).kind not in _REPORTING:
            self.add_error(
                "kind", "SMTP servers and the sandbox report nothing. SMTP servers send bounces back as mails."
            )
        elif WebhookEndpoint.objects.filter(connection=connection, kind=WebhookKind.EVENTS).exists():
            self.add_error("connection", "This connection has a webhook for reports already.")
        return cleaned


def _secret_field(label: str, help_text: str) -> forms.CharField:
    return forms.CharField(
        label=label,
        required=False,
        max_length=300,
        widget=UnfoldAdminPasswordWidget(render_value=False, attrs={"autocomplete": "new-password"}),
        help_text=help_text,
    )


class WebhookEndpointForm(forms.ModelForm):
    """Public keys are shown again; secrets go in and never come out: an empty field keeps the stored one."""

    secret = _secret_field("Secret", "Stored encrypted and never shown again. Leave it empty to keep the stored one.")
    second_secret = _secret_field(
        "Second secret", "For an exchange: enter the new one here, exchange it at the sender's, then finish below."
    )
    finish_exchange = forms.BooleanField(
        label="The exchange is done",
        required=False,
        help_text="The second secret becomes the only one.",
    )

    class Meta:
        model = WebhookEndpoint
        fields = (*KEY_FIELDS, *SECRET_FIELDS, *HOST_FIELDS)
        widgets = {name: UnfoldAdminTextareaWidget(attrs={"rows": 3, "spellcheck": "false"}) for name in KEY_FIELDS}
        help_texts = {
            "key": "SendGrid shows it when Signature Verification is switched on. It is no secret.",
            "second_key": "For an exchange: enter the new key here first, exchange it in SendGrid, then drop the old.",
            "reply_host": "Such as reply.shop.example. Campaigns ask for replies there, once a mail came that way.",
            "bounce_host": "Such as bounce.shop.example. SMTP servers return bounces to it, once a mail came that way.",
        }

    def clean_key(self) -> str:
        return self._clean_key("key")

    def clean_second_key(self) -> str:
        return self._clean_key("second_key")

    def clean_secret(self) -> str:
        return self._clean_secret("secret")

    def clean_second_secret(self) -> str:
        return self._clean_secret("second_secret")

    def clean_reply_host(self) -> str:
        return self._clean_host("reply_host")

    def clean_bounce_host(self) -> str:
        return self._clean_host("bounce_host")

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if cleaned.get("finish_exchange"):
            if cleaned.get("second_secret"):
                cleaned |= {"secret": cleaned["second_secret"], "second_secret": ""}
            else:
                self.add_error("finish_exchange", "There is no second secret to go on with.")
        hosts = [cleaned.get(name) for name in HOST_FIELDS if cleaned.get(name)]
        if len(hosts) > len(set(hosts)):
            self.add_error("bounce_host", "Take another host than the one of replies.")
        return cleaned

    def _clean_key(self, name: str) -> str:
        if not self.cleaned_data.get(name):
            return ""
        try:
            return clean_key(self.cleaned_data[name])
        except BadKey as error:
            raise forms.ValidationError(_NOT_A_KEY) from error

    def _clean_secret(self, name: str) -> str:
        given = self.cleaned_data.get(name) or ""
        if not given:
            return str(getattr(self.instance, name))
        is_given = self.instance.kind == WebhookKind.EVENTS and provider_of(self.instance) in SIGNING_PROVIDERS
        if is_given and not _GIVEN_SECRET.fullmatch(given):
            raise forms.ValidationError("This is no secret of this provider: copy it from its page of the webhook.")
        if not is_given and not _OWN_SECRET.fullmatch(given):
            raise forms.ValidationError("Take 24 characters or more: letters without accents, digits, and . _ ~ -")
        return str(given)

    def _clean_host(self, name: str) -> str:
        given = self.cleaned_data.get(name) or ""
        if not given:
            return ""
        try:
            host = clean_domain(given)
        except BadDomain as error:
            raise forms.ValidationError(str(error)) from error
        if domain_above(host) is None:
            raise forms.ValidationError("The host has to lie in one of this client's sending domains. Add that first.")
        return host
