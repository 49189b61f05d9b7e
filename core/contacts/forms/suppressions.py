"""Forms of the suppression lists."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from unfold.widgets import UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from core.contacts.choices import SuppressionReason
from core.contacts.errors import BadAddress
from core.contacts.models import AgencySuppression, Suppression
from core.contacts.suppression_keys import read_entry

_WHAT = (
    "An address, or a whole domain such as shop.example: exactly this domain, none below it. MD5 and SHA-256 of an "
    "address are taken as well."
)
_BY_HAND = (SuppressionReason.MANUAL, SuppressionReason.UNSUBSCRIBED, SuppressionReason.BOUNCED)


class AgencySuppressionForm(forms.ModelForm):
    """Complaints come from providers and erasures from the erasure itself: neither is written by hand."""

    email = forms.CharField(
        label="Address or domain", max_length=320, help_text=_WHAT, widget=UnfoldAdminTextInputWidget
    )

    class Meta:
        model = AgencySuppression
        fields = ("email", "reason", "note")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "reason" in self.fields:
            reasons = [(reason.value, reason.label) for reason in (*_BY_HAND, SuppressionReason.COMPLAINED)]
            self.fields["reason"].choices = reasons  # type: ignore[attr-defined]
        if "note" in self.fields:
            self.fields["note"].help_text = "Why, for whoever looks here next year."

    def clean_email(self) -> str:
        try:
            read_entry(self.cleaned_data["email"])
        except BadAddress as error:
            raise ValidationError(str(error)) from error
        return str(self.cleaned_data["email"])

    def _get_validation_exclusions(self) -> set[str]:
        """Twice the same is refused by the service, which knows the key."""
        return super()._get_validation_exclusions() | {"key", "email"}  # type: ignore[misc]


class SuppressionForm(AgencySuppressionForm):
    class Meta:
        model = Suppression
        fields = ("email", "reason", "note", "group")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "group" in self.fields:
            self.fields[
                "group"
            ].help_text = "Empty: no mail at all. With a group, mail that comes through another group still goes out."


class RemovalForm(forms.Form):
    """Why somebody may be written to again; required where the person complained."""

    why = forms.CharField(
        label="Why",
        max_length=200,
        required=False,
        help_text="Stays in the history.",
        widget=UnfoldAdminTextInputWidget,
    )

    def __init__(self, *args: Any, is_complaint: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["why"].required = is_complaint
        self.fields["why"].error_messages["required"] = "Say in words why mail is right again."


class LiftForm(forms.Form):
    """Why a day's refusals were wrong."""

    why = forms.CharField(
        label="Why were they wrong?",
        max_length=200,
        help_text="Stays in the history, with each of the contacts.",
        widget=UnfoldAdminTextInputWidget,
        error_messages={"required": "Say in words why these refusals were wrong."},
    )


class ListForm(forms.Form):
    """A do-not-mail list: a file, or pasted lines."""

    file = forms.FileField(
        required=False,
        help_text="CSV or text: one address, domain or hash a line, or in one of the columns.",
        widget=forms.FileInput(attrs={"accept": ".csv,.tsv,.txt,text/csv,text/plain"}),
    )
    lines = forms.CharField(
        label="Or paste the lines",
        required=False,
        max_length=2_000_000,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 6, "spellcheck": "false"}),
    )
    note = forms.CharField(
        max_length=200,
        required=False,
        help_text="Where the list comes from. Each entry carries it.",
        widget=UnfoldAdminTextInputWidget,
    )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if not self.errors and not cleaned.get("file") and not cleaned.get("lines", "").strip():
            raise ValidationError("Choose a file or paste some lines first.")
        return cleaned
