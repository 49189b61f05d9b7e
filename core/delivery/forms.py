"""The form of a connection: the password goes in and never comes out."""

from typing import Any

from django import forms
from unfold.widgets import UnfoldAdminPasswordWidget

from core.delivery.models import Connection
from core.delivery.models.connections import ConnectionKind

PLACE_OF_PASSWORD = frozenset({"host", "port", "security", "username"})


class ConnectionForm(forms.ModelForm):
    """An empty password keeps the stored one, but only for the server it was entered for.

    Otherwise somebody could point the connection at a server of their own and read the password there.
    """

    password = forms.CharField(
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
        if cleaned.get("kind") == ConnectionKind.SMTP and not cleaned.get("host"):
            self.add_error("host", "An SMTP connection needs the name of its server, such as smtp.example.com.")
        if cleaned.get("kind") != ConnectionKind.SMTP or cleaned.get("password") or not self.instance.password:
            return cleaned
        if PLACE_OF_PASSWORD & set(self.changed_data):
            self.add_error(
                "password", "Type the password again: the stored one is kept only for the server it was entered for."
            )
        else:
            cleaned["password"] = self.instance.password
        return cleaned
