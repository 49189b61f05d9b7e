"""The form by which staff makes a signup form."""

from typing import Any

from django import forms
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
)

from core.contacts.models import ContactField, ContactGroup, SignupForm
from core.contacts.public.validation import CONTACT_FIELDS
from core.contacts.public.wording import FIELD_LABELS, LANGUAGE_NAMES
from core.contacts.services.signups import ATTRIBUTE


def asked_choices() -> list[tuple[str, str]]:
    """What a form of the client in scope may ask for besides the address: fields of contacts, then its own fields."""
    own = [(ATTRIBUTE + row.key, row.label) for row in ContactField.objects.all()]
    return [*((key, FIELD_LABELS["en"][key]) for key in CONTACT_FIELDS), *own]


class SignupFormForm(forms.ModelForm):
    """Groups are a field here and rows in the database."""

    asked_fields = forms.MultipleChoiceField(
        required=False,
        label="Also ask for",
        widget=UnfoldAdminCheckboxSelectMultipleWidget(),
        help_text="The email address is always asked. The fewer questions, the more people answer; none is required.",
    )
    groups = forms.ModelMultipleChoiceField(
        ContactGroup.objects.all(),
        required=False,
        label="Put people into",
        widget=UnfoldAdminCheckboxSelectMultipleWidget(),
        help_text="Whoever confirms comes into these groups.",
    )
    language = forms.ChoiceField(choices=list(LANGUAGE_NAMES.items()), widget=UnfoldAdminSelectWidget())

    class Meta:
        model = SignupForm
        fields = (
            "name", "title", "introduction", "button", "consent_text", "asked_fields", "language", "is_active",
        )  # fmt: skip
        widgets = {
            "introduction": UnfoldAdminTextareaWidget(attrs={"rows": 3}),
            "consent_text": UnfoldAdminTextareaWidget(attrs={"rows": 3}),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "asked_fields" in self.fields:
            self.fields["asked_fields"].choices = asked_choices()  # type: ignore[attr-defined]
        if "groups" in self.fields and not self.instance._state.adding:
            self.initial["groups"] = list(self.instance.form_groups.values_list("group_id", flat=True))
