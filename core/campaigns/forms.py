"""The form of a draft."""

from typing import Any

from django import forms
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from core.campaigns.models import Campaign
from core.campaigns.queries import audience_of
from core.campaigns.services import campaign_hold_draft
from core.common.errors import DomainError
from core.contacts.models import ContactGroup


class GroupsField(forms.ModelMultipleChoiceField):
    """Groups of the client the form is for: the scope that is open when the form is made and read decides."""

    def __init__(self, **kwargs: Any) -> None:
        widget = UnfoldAdminCheckboxSelectMultipleWidget()
        super().__init__(ContactGroup.objects.all(), widget=widget, required=False, **kwargs)


class CampaignForm(forms.ModelForm):
    """Groups are fields here and rows in the database; `version` is the one the person has before her eyes.

    The draft is claimed once everything is valid, so that *Send now* at the same moment cannot mix with the edit.
    """

    include_groups = GroupsField(label="Send to", help_text="Everybody in any of these groups, each person once.")
    exclude_groups = GroupsField(label="Leave out", help_text="Nobody who is in one of these groups.")
    version = forms.IntegerField(widget=forms.HiddenInput, required=False)

    class Meta:
        model = Campaign
        fields = ("name", "template", "subject", "preheader", "from_name", "from_email", "reply_to")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not self.instance._state.adding:
            self.initial["include_groups"], self.initial["exclude_groups"] = audience_of(self.instance)
            self.initial["version"] = self.instance.version

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        both = set(cleaned.get("include_groups") or ()) & set(cleaned.get("exclude_groups") or ())
        if both:
            names = ", ".join(sorted(f"“{group}”" for group in both))
            self.add_error("exclude_groups", f"{names}: chosen above as well. Take it out of one of the two lists.")
        return cleaned

    def _post_clean(self) -> None:
        super()._post_clean()  # type: ignore[misc]
        if self.errors or self.instance._state.adding:
            return
        version = self.cleaned_data.get("version")
        try:
            self.instance.version = campaign_hold_draft(
                campaign_id=self.instance.pk, version=self.instance.version if version is None else version
            )
        except DomainError as error:
            self.add_error(None, str(error))
