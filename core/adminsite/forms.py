"""Forms of signing in, clients, users and members."""

from typing import Any
from uuid import UUID

from django import forms
from unfold.forms import AuthenticationForm, UserChangeForm, UserCreationForm
from unfold.widgets import (
    UnfoldAdminEmailInputWidget,
    UnfoldAdminFileFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldBooleanSwitchWidget,
)

from core.accounts.choices import ApprovalPolicy, OrganizationStatus, Role
from core.accounts.errors import LogoRefused
from core.accounts.forms import color_widget, refusal_of, time_zone_widget
from core.accounts.logos import MAX_BYTES, Logo, read_logo
from core.accounts.models import Organization, OrganizationMembership, User
from core.accounts.queries import user_by_email
from core.accounts.services import RANKS, rank_in
from core.adminsite.line_lists import HostsField, LinesField
from core.campaigns.models import Campaign
from core.campaigns.states import RUNNING, CampaignStatus
from core.subscriptions.features import CLIENT_APPROVAL
from core.subscriptions.models import Plan
from core.subscriptions.queries import feature_lock
from core.subscriptions.services import member_add, member_change

_CHOSEN_BRAND_FIELDS = ("text_color", "background_color", "mail_font")
BRAND_FIELDS = (
    *_CHOSEN_BRAND_FIELDS,
    "button_color",
    "website",
    "facebook_url",
    "instagram_url",
    "linkedin_url",
    "youtube_url",
    "x_url",
)
_CAMPAIGN_FIELDS = (
    "campaign_name_pattern",
    "utm_source",
    "utm_medium",
    "utm_campaign",
    "web_hosts",
    "watch_words",
    "mails_per_hour",
    "uses_honeypot_link",
)
_APPROVAL_FIELDS = ("approval_policy", "approver_name", "approver_email")
_KEPT_WHEN_EMPTY = (*_CHOSEN_BRAND_FIELDS, "approval_policy")
UNKNOWN_PERSON = "Nobody signs in with this address yet. A superuser adds people under Users."


class LoginForm(AuthenticationForm):
    """Unfold's form, which already has the focus and the browser's autocompletion, for email addresses."""

    error_messages = {
        **AuthenticationForm.error_messages,
        "invalid_login": "No account has this email address and password. Check both; the password's capitals count.",
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["username"].widget.input_type = "email"


def _lock_choice(field: Any, value: str, lock: str) -> None:
    """Show a choice that the plan lacks as what it is, and say which plans have it."""
    field.choices = [(key, f"{label} (not in the plan)" if key == value else label) for key, label in field.choices]
    field.help_text = lock


class OrganizationForm(forms.ModelForm):
    """`logo` is the uploaded file, read and checked by then: a `Logo` in the cleaned data, or None."""

    logo = forms.FileField(
        required=False,
        widget=UnfoldAdminFileFieldWidget(attrs={"accept": "image/png,image/jpeg,image/gif,image/webp"}),
        help_text="PNG, JPEG, GIF or WebP, 2 MB at most. A wide one on a transparent ground looks best.",
    )
    remove_logo = forms.BooleanField(required=False, widget=UnfoldBooleanSwitchWidget, label="No logo in mails")
    web_hosts = HostsField(
        label="Sites of this client",
        longest=253,
        help_text="One a line, such as shop.example. Mails of other clients that link there are stopped; where this "
        "list is not empty, only links to these sites get UTM parameters.",
    )
    watch_words = LinesField(
        label="Words of this client",
        longest=60,
        help_text="One a line: brands and names that no other client's mail may hold.",
    )

    class Meta:
        model = Organization
        fields = (
            "name",
            "time_zone",
            "color",
            "postal_address",
            "default_from_name",
            "default_from_email",
            *BRAND_FIELDS,
            *_APPROVAL_FIELDS,
            *_CAMPAIGN_FIELDS,
        )
        widgets = {
            "time_zone": time_zone_widget(),
            "color": color_widget(),
            "postal_address": UnfoldAdminTextareaWidget(attrs={"rows": 4}),
            **{name: color_widget() for name in ("text_color", "background_color")},
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in _KEPT_WHEN_EMPTY:
            if name in self.fields:
                self.fields[name].required = False  # left empty: as it was
        self._client_lock = feature_lock(self.instance.pk, CLIENT_APPROVAL) if "approval_policy" in self.fields else ""
        if self._client_lock:
            _lock_choice(self.fields["approval_policy"], ApprovalPolicy.CLIENT, self._client_lock)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        for name in _KEPT_WHEN_EMPTY:
            if name in self.fields and not cleaned.get(name):
                cleaned[name] = self.initial.get(name) or getattr(Organization(), name)
        return cleaned

    def clean_approval_policy(self) -> str:
        """A rule that the plan cannot fulfil would keep every campaign back; one that stands may stay."""
        policy: str = self.cleaned_data["approval_policy"]
        is_new = policy == ApprovalPolicy.CLIENT != self.initial.get("approval_policy")
        if is_new and self._client_lock:
            raise forms.ValidationError(self._client_lock)
        return policy

    def clean_logo(self) -> Logo | None:
        upload = self.cleaned_data.get("logo")
        if not upload:
            return None
        if upload.size > MAX_BYTES:
            raise forms.ValidationError("The picture is larger than 2 MB. Use a smaller one.")
        try:
            return read_logo(upload.read())
        except LogoRefused as error:
            raise forms.ValidationError(str(error)) from error

    def clean_status(self) -> str:
        """Only superusers have this field. An archived client is out of everybody's reach, so nothing may go out."""
        status: str = self.cleaned_data["status"]
        under_way = Campaign.objects.filter(
            organization_id=self.instance.pk, status__in=[CampaignStatus.SCHEDULED, *RUNNING]
        )
        if status == OrganizationStatus.ARCHIVED and (names := ", ".join(f"“{campaign}”" for campaign in under_way)):
            raise forms.ValidationError(f"{names}: still going out. Pause or cancel first, then archive the client.")
        return status


class ClientAddForm(forms.ModelForm):
    """A new client: the form collects, the service `client_add` makes it."""

    plan = forms.ModelChoiceField(
        Plan.objects.all(),
        empty_label="Choose a plan",
        widget=UnfoldAdminSelectWidget,
        help_text="Limits and features. Can be changed later.",
    )

    class Meta:
        model = Organization
        fields = ("name", "slug", "time_zone", "color", "owner")
        widgets = {"time_zone": time_zone_widget(), "color": color_widget()}
        help_texts = {
            "slug": "Short name for addresses and files, such as city-museum.",
            "owner": "Runs this client and can add members. Empty: only superusers reach it for now.",
        }


class _RoleForm(forms.ModelForm):
    """Offers the roles the acting person may give. `acting_user` and `organization_id` are set by the admin."""

    acting_user: User
    organization_id: UUID

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "role" in self.fields:
            mine = rank_in(self.organization_id, self.acting_user)
            choices = [(role, role.label) for role in Role if RANKS[role] <= mine or role == self.instance.role]
            self.fields["role"].choices = choices  # type: ignore[attr-defined]
            if self.instance._state.adding:
                self.initial.setdefault("role", Role.VIEWER)


class MemberAddForm(_RoleForm):
    email = forms.EmailField(label="Email address", widget=UnfoldAdminEmailInputWidget)

    class Meta:
        model = OrganizationMembership
        fields = ("role",)

    def clean_email(self) -> str:
        if user_by_email(self.cleaned_data["email"]) is None:
            raise forms.ValidationError(UNKNOWN_PERSON)
        return self.cleaned_data["email"]

    def clean(self) -> Any:
        data = super().clean() or self.cleaned_data
        user = user_by_email(data.get("email", ""))
        if user and data.get("role"):
            refused = refusal_of(
                lambda: member_add(
                    organization_id=self.organization_id, user=user, role=data["role"], by=self.acting_user
                )
            )
            if refused:
                self.add_error(None, refused)
        return data


class MemberChangeForm(_RoleForm):
    class Meta:
        model = OrganizationMembership
        fields = ("role", "is_active")

    def clean(self) -> Any:
        data = super().clean() or self.cleaned_data
        if data.get("role"):
            refused = refusal_of(
                lambda: member_change(
                    membership_id=self.instance.pk,
                    role=data["role"],
                    is_active=data.get("is_active", False),
                    by=self.acting_user,
                )
            )
            if refused:
                self.add_error(None, refused)
        return data


class UserAddForm(UserCreationForm):
    class Meta:
        model = User
        fields = ("email", "full_name")


class UserForm(UserChangeForm):
    """`acting_user` is set by the admin. Nobody locks the own account out."""

    acting_user: User

    class Meta:
        model = User
        fields = "__all__"
        widgets = {"time_zone": time_zone_widget()}
        labels = {"is_superuser": "superuser"}
        help_texts = {"is_superuser": "Reaches every client and the pages of the agency."}

    def clean(self) -> Any:
        data = super().clean() or self.cleaned_data
        if self.instance.pk == self.acting_user.pk:
            for name, words in (("is_superuser", "superuser right"), ("is_active", "right to sign in")):
                if name in data and not data[name]:
                    self.add_error(name, f"You cannot take away your own {words}. Ask another superuser.")
        return data
