"""The forms of connections and of the agency's accounts: secrets go in and never come out."""

from typing import Any

from django import forms
from unfold.widgets import UnfoldAdminPasswordWidget

from core.delivery.models import AgencyAccount, Connection
from core.delivery.models.kinds import AnymailProvider, ConnectionKind, SmtpSecurity
from core.delivery.transports.anymail import APIS

PLACE_OF_PASSWORD = frozenset({"kind", "provider", "host", "port", "security", "username"})
SENDGRID_HOSTS = ("api.sendgrid.com", "api.eu.sendgrid.com")
HTTPS_PORT = 443
API_KINDS = frozenset({ConnectionKind.SENDGRID, ConnectionKind.ANYMAIL})
PLACE_FIELDS = ("kind", "provider", "host", "port", "security", "username", "password", "secret")


def _secret_field(label: str, help_text: str) -> forms.CharField:
    return forms.CharField(
        label=label,
        required=False,
        strip=False,
        max_length=1000,
        widget=UnfoldAdminPasswordWidget(render_value=False, attrs={"autocomplete": "new-password"}),
        help_text=help_text,
    )


class AccountForm(forms.ModelForm):
    """Where mail is handed over, and with which secret.

    An empty password keeps the stored one, but only for the server it was entered for. Otherwise somebody could point
    the connection at a server of their own and read the password there.
    """

    password = _secret_field(
        "Password or API key", "Stored encrypted and never shown again. Leave it empty to keep the stored one."
    )
    secret = _secret_field("Secret key", "Mailjet has two keys; this is the second one.")

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        kind = cleaned.get("kind")
        if kind == ConnectionKind.SMTP and not cleaned.get("host"):
            self.add_error("host", "An SMTP connection needs the name of its server, such as smtp.example.com.")
        if kind == ConnectionKind.SENDGRID:
            self._complete_api(cleaned, "SendGrid", SENDGRID_HOSTS)
        if kind == ConnectionKind.ANYMAIL:
            self._complete_provider(cleaned)
        else:
            cleaned["provider"] = ""
        for name in ("password", "secret"):
            if kind != ConnectionKind.SANDBOX and not cleaned.get(name) and getattr(self.instance, name):
                self._keep(cleaned, name)
        if kind in API_KINDS and not (cleaned.get("password") or self.errors):
            right = " with the right “Mail Send”" if kind == ConnectionKind.SENDGRID else ""
            self.add_error("password", f"It needs an API key{right}.")
        return cleaned

    def _complete_provider(self, cleaned: dict[str, Any]) -> None:
        api = APIS.get(cleaned.get("provider") or "")
        if api is None:
            self.add_error("provider", "Choose the provider.")
            return
        self._complete_api(cleaned, AnymailProvider(cleaned["provider"]).label, api.hosts)
        if api.second_key and not (cleaned.get("secret") or self.instance.secret):
            self.add_error("secret", f"{AnymailProvider(cleaned['provider']).label} needs both keys.")

    def _complete_api(self, cleaned: dict[str, Any], whose: str, hosts: tuple[str, ...]) -> None:
        """A provider's servers are known, and a key goes to no other one."""
        is_moved = any(cleaned.get(name) != getattr(self.instance, name) for name in ("kind", "provider"))
        typed = (cleaned.get("host") or "").strip().casefold()
        host = typed if typed and not (is_moved and typed == self.instance.host) else hosts[0]
        if host not in hosts and host != self.instance.host:
            self.add_error("host", f"{whose} has {'these servers' if len(hosts) > 1 else 'this server'}: "
                           f"{' and '.join(hosts)}.")  # fmt: skip
        if host in hosts:
            cleaned |= {"host": host, "port": HTTPS_PORT, "security": SmtpSecurity.TLS, "username": ""}

    def _keep(self, cleaned: dict[str, Any], name: str) -> None:
        if any(cleaned.get(one) != getattr(self.instance, one) for one in PLACE_OF_PASSWORD if one in self.fields):
            self.add_error(name, "Type it again: the stored one is kept only for the server it was entered for.")
        else:
            cleaned[name] = getattr(self.instance, name)


class ConnectionForm(AccountForm):
    """With an account of the agency nothing of the place is asked for."""

    class Meta:
        model = Connection
        fields = (
            "name",
            "account",
            *PLACE_FIELDS,
            "on_behalf_of",
            "batch_size",
            "mails_per_second",
            "mails_per_hour",
            "mails_per_day",
            "warmup_start",
            "warmup_growth",
            "warmup_target",
        )
        help_texts = {
            "account": "Its key stays with the agency: it is exchanged in one place and shown to nobody.",
            "on_behalf_of": "SendGrid's name of the subuser in whose name the account sends. Usually empty.",
            "host": "Of an API: leave it empty, or name its server in the EU.",
            "batch_size": "How many mails a worker takes at once.",
            "mails_per_second": "Empty: as fast as the provider takes them.",
            "mails_per_day": "A day of the client's time zone.",
            "warmup_start": "For a new address of the sender's: begin with so many mails. Empty: no warm-up.",
            "warmup_target": "From this volume on the warm-up is over.",
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "warmup_growth" in self.fields:
            self.fields["warmup_growth"].required = False

    def clean(self) -> dict[str, Any]:
        account = self.cleaned_data.get("account") or (self.instance.account if "account" not in self.fields else None)
        if account is not None:
            cleaned: dict[str, Any] = forms.ModelForm.clean(self) or self.cleaned_data
            for name in PLACE_FIELDS:
                self.errors.pop(name, None)
            blank = {"kind": account.kind, "provider": account.provider, "host": "", "username": ""}
            cleaned |= {**blank, "password": "", "secret": "", "port": 587, "security": SmtpSecurity.STARTTLS}
        else:
            cleaned = super().clean()
        check_warmup(self, cleaned)
        return cleaned


class AgencyAccountForm(AccountForm):
    kind = forms.TypedChoiceField(
        choices=[choice for choice in ConnectionKind.choices if choice[0] != ConnectionKind.SANDBOX]
    )

    class Meta:
        model = AgencyAccount
        fields = ("name", *PLACE_FIELDS, "mails_per_second", "mails_per_hour")
        help_texts = {
            "host": "Of an API: leave it empty, or name its server in the EU.",
            "mails_per_second": "For all clients together. Empty: as fast as the provider takes them.",
        }


def check_warmup(form: Any, cleaned: dict[str, Any]) -> None:
    """Both ends of a ramp or none, and the end above the beginning; a growth left empty is the usual one."""
    if cleaned.get("warmup_growth") is None and "warmup_growth" not in form.errors:
        cleaned["warmup_growth"] = form.instance._meta.get_field("warmup_growth").default
    start, target = cleaned.get("warmup_start"), cleaned.get("warmup_target")
    if bool(start) != bool(target) and not {"warmup_start", "warmup_target"} & set(form.errors):
        form.add_error("warmup_target" if start else "warmup_start", "A warm-up needs both a beginning and an end.")
    elif start and target and target <= start:
        form.add_error("warmup_target", "The end has to be above the first day's mails.")
