"""The form of a connection: the password goes in and never comes out."""

from typing import Any

from django import forms
from unfold.widgets import UnfoldAdminPasswordWidget

from core.delivery.models import Connection
from core.delivery.models.connections import ConnectionKind, SmtpSecurity

PLACE_OF_PASSWORD = frozenset({"kind", "host", "port", "security", "username"})
SENDGRID_HOSTS = ("api.sendgrid.com", "api.eu.sendgrid.com")
HTTPS_PORT = 443


class ConnectionForm(forms.ModelForm):
    """An empty password keeps the stored one, but only for the server it was entered for.

    Otherwise somebody could point the connection at a server of their own and read the password there.
    """

    password = forms.CharField(
        label="Password or API key",
        required=False,
        strip=False,
        max_length=1000,
        widget=UnfoldAdminPasswordWidget(render_value=False, attrs={"autocomplete": "new-password"}),
        help_text="Stored encrypted and never shown again. Leave it empty to keep the stored one.",
    )

    class Meta:
        model = Connection
        fields = ("name", "kind", "host", "port", "security", "username", "password", "batch_size")

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        kind = cleaned.get("kind")
        if kind == ConnectionKind.SMTP and not cleaned.get("host"):
            self.add_error("host", "An SMTP connection needs the name of its server, such as smtp.example.com.")
        if kind == ConnectionKind.SENDGRID:
            self._complete_sendgrid(cleaned)
        if kind != ConnectionKind.SANDBOX and not cleaned.get("password") and self.instance.password:
            self._keep_password(cleaned)
        if kind == ConnectionKind.SENDGRID and not (cleaned.get("password") or self.errors):
            self.add_error("password", "SendGrid needs an API key with the right “Mail Send”.")
        return cleaned

    def _complete_sendgrid(self, cleaned: dict[str, Any]) -> None:
        """Its servers are known, and a key goes to no other one."""
        host = (cleaned.get("host") or SENDGRID_HOSTS[0]).strip().casefold()
        if host not in SENDGRID_HOSTS and host != self.instance.host:
            self.add_error("host", f"SendGrid's servers are {' and '.join(SENDGRID_HOSTS)} (subusers in the EU).")
        if host in SENDGRID_HOSTS:
            cleaned |= {"host": host, "port": HTTPS_PORT, "security": SmtpSecurity.TLS, "username": ""}

    def _keep_password(self, cleaned: dict[str, Any]) -> None:
        if any(cleaned.get(name) != getattr(self.instance, name) for name in PLACE_OF_PASSWORD if name in self.fields):
            self.add_error(
                "password", "Type the password again: the stored one is kept only for the server it was entered for."
            )
        else:
            cleaned["password"] = self.instance.password
