"""The form of a draft."""

from typing import Any

from django import forms
from django.utils import timezone
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget, UnfoldAdminTextInputWidget

from core.campaigns.models import Campaign
from core.campaigns.naming import LONGEST_NAME, filled
from core.campaigns.queries import audience_of, segments_of
from core.campaigns.services import campaign_hold_draft
from core.common.errors import DomainError
from core.contacts.models import ContactGroup, Segment

WEEKDAYS = tuple(enumerate(("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")))


class GroupsField(forms.ModelMultipleChoiceField):
    """Groups of the client the form is for: the scope that is open when the form is made and read decides."""

    def __init__(self, **kwargs: Any) -> None:
        widget = UnfoldAdminCheckboxSelectMultipleWidget()
        super().__init__(ContactGroup.objects.all(), widget=widget, required=False, **kwargs)


class SegmentsField(forms.ModelMultipleChoiceField):
    """Segments of the client the form is for, as with groups."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            Segment.objects.all(), widget=UnfoldAdminCheckboxSelectMultipleWidget(), required=False, **kwargs
        )


class SubjectWidget(UnfoldAdminTextInputWidget):
    """A line of text with its length beneath, counted while somebody types."""

    template_name = "campaigns/subject_widget.html"


class PreheaderWidget(UnfoldAdminTextInputWidget):
    """As the subject, with how both look in an inbox."""

    template_name = "campaigns/preheader_widget.html"


class CampaignForm(forms.ModelForm):
    """Groups and segments are fields here and rows in the database; `version` is the one the person has before her
    eyes.

    The draft is claimed once everything is valid, so that *Send now* at the same moment cannot mix with the edit.
    """

    include_groups = GroupsField(
        label="Send to groups", help_text="Everybody in any of these groups and segments, each person once."
    )
    include_segments = SegmentsField(
        label="Send to segments", help_text="Lists by rule: whoever fits when the campaign starts."
    )
    exclude_groups = GroupsField(label="Leave out groups", help_text="Nobody who is in one of these.")
    exclude_segments = SegmentsField(label="Leave out segments", help_text="Nobody who fits one of these.")
    window_days = forms.TypedMultipleChoiceField(
        label="On",
        choices=WEEKDAYS,
        coerce=int,
        required=False,
        widget=UnfoldAdminCheckboxSelectMultipleWidget(),
        help_text="None ticked: every day.",
    )
    version = forms.IntegerField(widget=forms.HiddenInput, required=False)

    class Meta:
        model = Campaign
        fields = (
            "name",
            "template",
            "subject",
            "preheader",
            "from_name",
            "from_email",
            "reply_to",
            "utm_campaign",
            "window_from",
            "window_until",
            "window_days",
            "throttle_per_hour",
        )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not self.instance._state.adding:
            self.initial["include_groups"], self.initial["exclude_groups"] = audience_of(self.instance)
            self.initial["include_segments"], self.initial["exclude_segments"] = segments_of(self.instance)
            self.initial["version"] = self.instance.version

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        for kind in ("groups", "segments"):
            both = set(cleaned.get(f"include_{kind}") or ()) & set(cleaned.get(f"exclude_{kind}") or ())
            if both:
                names = ", ".join(sorted(f"“{one}”" for one in both))
                message = f"{names}: chosen above as well. Take it out of one of the two lists."
                self.add_error(f"exclude_{kind}", message)
        self._clean_window(cleaned)
        template = cleaned.get("template")
        if template is not None and cleaned.get("name"):
            name = filled(cleaned["name"], template.organization, timezone.now(), template=template.name)
            cleaned["name"] = name[:LONGEST_NAME]
        return cleaned

    def _clean_window(self, cleaned: dict[str, Any]) -> None:
        begins, ends = cleaned.get("window_from"), cleaned.get("window_until")
        if (begins is None) != (ends is None) and not {"window_from", "window_until"} & set(self.errors):
            missing = "window_until" if ends is None else "window_from"
            self.add_error(missing, "Write both times, or none: then mails leave at any hour.")
        elif begins is not None and begins == ends:
            self.add_error("window_until", "It ends when it begins. Leave both empty for any hour.")

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
