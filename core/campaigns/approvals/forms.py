"""What is asked when somebody asks for approval, or for changes."""

from typing import Any

from django import forms
from unfold.widgets import (
    UnfoldAdminEmailInputWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from core.accounts.models import Organization
from core.campaigns.approvals.queries import last_language
from core.campaigns.approvals.services import LINK_DAYS, LONGEST_LINK_DAYS, LONGEST_TEXT, Asked
from core.campaigns.approvals.standing import stages_of
from core.campaigns.approvals.wording import LANGUAGE_CHOICES
from core.campaigns.states import ApprovalStage
from core.common.validators import validate_one_line


class AskForm(forms.Form):
    """A note for whoever looks at it; where the client agrees as well, to whom the link goes."""

    note = forms.CharField(
        label="Note",
        max_length=500,
        required=False,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
        help_text="What should they look at? Everybody who is asked reads it.",
    )
    approver_name = forms.CharField(
        label="Client's approver",
        max_length=100,
        required=False,
        widget=UnfoldAdminTextInputWidget(),
        validators=[validate_one_line],
    )
    approver_email = forms.EmailField(
        label="Address for the link",
        required=False,
        widget=UnfoldAdminEmailInputWidget(),
        help_text="The link is mailed there when the team has agreed. Empty: you copy the link and hand it over.",
    )
    language = forms.ChoiceField(
        label="Language of mail and page", choices=LANGUAGE_CHOICES, widget=UnfoldAdminSelectWidget()
    )
    link_days = forms.IntegerField(
        label="Days the link works", min_value=1, max_value=LONGEST_LINK_DAYS, widget=UnfoldAdminIntegerFieldWidget()
    )

    def __init__(self, organization: Organization, data: Any = None) -> None:
        initial = {
            "approver_name": organization.approver_name,
            "approver_email": organization.approver_email,
            "language": last_language(organization),
            "link_days": LINK_DAYS,
        }
        super().__init__(data, initial=initial)
        if ApprovalStage.CLIENT not in stages_of(organization):
            for name in initial:
                del self.fields[name]

    def asked(self) -> Asked:
        return Asked(**self.cleaned_data)


class ChangesForm(forms.Form):
    text = forms.CharField(
        label="What should change",
        max_length=LONGEST_TEXT,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 5}),
        help_text="The author sees it above the draft, together with the comments.",
    )
