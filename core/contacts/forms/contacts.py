"""Forms of contacts and suppressions."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from core.common.errors import DomainError
from core.contacts.addresses import normalise_address
from core.contacts.choices import FieldKind
from core.contacts.custom_values import parse_value
from core.contacts.errors import BadAddress, BadTag
from core.contacts.field_usage import value_text
from core.contacts.models import Contact, ContactField, ContactGroup, Suppression
from core.contacts.tags import clean_tags

CUSTOM = "custom_"
"""Begins the names of form fields for custom fields."""
SHOWN_GROUPS = 300
"""More than these nobody ticks in a list; the others are reached from the group's page and the list's actions."""


class AddressForm(forms.ModelForm):
    """Checks the address as every other way in does."""

    def clean_email(self) -> str:
        try:
            return normalise_address(self.cleaned_data["email"]).email
        except BadAddress as error:
            raise ValidationError(str(error)) from error


class TagsWidget(UnfoldAdminTextInputWidget):
    """Words with commas between them; the page's script shows them one by one, with the client's tags to choose."""

    template_name = "contacts/tags_widget.html"
    suggestions: Sequence[str] = ()

    def format_value(self, value: Any) -> str:
        return value if isinstance(value, str) else ", ".join(value or ())

    def get_context(self, name: str, value: Any, attrs: Any) -> dict[str, Any]:
        context = super().get_context(name, value, attrs)
        return {**context, "suggestions": self.suggestions}


class TagsField(forms.CharField):
    """Text with commas in, a list of tags out."""

    widget = TagsWidget

    def clean(self, value: Any) -> Any:
        text = super().clean(value)
        try:
            return clean_tags((text or "").split(","))
        except BadTag as error:
            raise ValidationError(str(error)) from error

    def has_changed(self, initial: Any, data: Any) -> bool:
        return [tag.strip() for tag in (data or "").split(",") if tag.strip()] != list(initial or ())


class CustomValueField(forms.Field):
    """The input of a custom field. A stored value that does not fit the field's type is shown as it is, and stays until
    somebody changes it."""

    def __init__(self, field: ContactField, stored: Any = None) -> None:
        self.custom = field
        text = value_text(stored)
        misfit = bool(text) and not _fits(field, text)
        super().__init__(
            label=field.label,
            required=False,
            initial=text,
            widget=_widget(field, text, misfit),
            help_text=f"“{text[:40]}” does not fit the type {field.get_kind_display().lower()}." if misfit else "",
        )

    def clean(self, value: Any) -> Any:
        text = str(value or "")
        if not self.has_changed(self.initial, text):
            return text
        if "\0" in text:
            raise ValidationError("This holds a character that cannot be stored.")
        try:
            return parse_value(self.custom, text)
        except DomainError as error:
            raise ValidationError(str(error)) from error

    def has_changed(self, initial: Any, data: Any) -> bool:
        return str(initial or "").strip() != str(data or "").strip()


def _fits(field: ContactField, text: str) -> bool:
    try:
        parse_value(field, text)
    except DomainError:
        return False
    return True


def _widget(field: ContactField, text: str, misfit: bool) -> forms.Widget:
    if field.kind == FieldKind.CHOICE:
        kept = [(text, f"{text} (not in the list any more)")] if misfit else []
        return UnfoldAdminSelectWidget(choices=[("", "–"), *((choice, choice) for choice in field.choices), *kept])
    if field.kind == FieldKind.BOOLEAN and not misfit:
        return UnfoldAdminSelectWidget(choices=[("", "–"), ("yes", "Yes"), ("no", "No")])
    if field.kind == FieldKind.DATE and not misfit:
        return UnfoldAdminTextInputWidget(attrs={"type": "date"})
    return UnfoldAdminTextInputWidget(attrs={"inputmode": "decimal"} if field.kind == FieldKind.NUMBER else None)


class ContactForm(AddressForm):
    """Made for one client's fields by `contact_form`."""

    tags = TagsField(
        required=False, label="Tags", help_text="Type a tag and press Enter or a comma. A new one is added to the list."
    )
    groups = forms.ModelMultipleChoiceField(
        ContactGroup.objects.all(), required=False, label="Groups", widget=forms.CheckboxSelectMultiple
    )

    class Meta:
        model = Contact
        fields = ("email", "first_name", "last_name", "phone", "company", "time_zone", "language", "tags")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        member_of = self._member_of()
        if "groups" in self.fields:
            self.fields["groups"].initial = member_of
            field: Any = self.fields["groups"]
            field.widget.choices = _group_choices(member_of)
        for name, stored in self._custom_values().items():
            custom: Any = self.fields[name]
            self.fields[name] = CustomValueField(custom.custom, stored)

    def _member_of(self) -> list[Any]:
        if self.instance._state.adding:
            return []
        return list(self.instance.group_memberships.values_list("group_id", flat=True))

    def _custom_values(self) -> dict[str, Any]:
        names = [name for name in self.fields if name.startswith(CUSTOM)]
        return {name: self.instance.attributes.get(name.removeprefix(CUSTOM)) for name in names}

    @property
    def changed_attributes(self) -> dict[str, Any]:
        """What was changed of the custom fields; None where a value is to go."""
        changed = [name for name in self.changed_data if name.startswith(CUSTOM)]
        return {name.removeprefix(CUSTOM): self.cleaned_data[name] for name in changed}


def _group_choices(member_of: Sequence[Any]) -> list[tuple[Any, str]]:
    groups = list(ContactGroup.objects.order_by("name").values_list("pk", "name")[:SHOWN_GROUPS])
    shown = {pk for pk, _name in groups}
    missing = [pk for pk in member_of if pk not in shown]
    return [*groups, *(ContactGroup.objects.filter(pk__in=missing).values_list("pk", "name") if missing else ())]


def contact_form(fields: Sequence[ContactField], tags: Sequence[str]) -> type[ContactForm]:
    """The form with an input for each of the client's custom fields, and its tags to choose from."""
    declared: dict[str, Any] = {f"{CUSTOM}{field.key}": CustomValueField(field) for field in fields}
    widget = TagsWidget()
    widget.suggestions = tags
    declared["tags"] = TagsField(
        required=False, label="Tags", help_text=ContactForm.base_fields["tags"].help_text, widget=widget
    )
    return type("ContactForm", (ContactForm,), declared)


class SuppressionForm(AddressForm):
    class Meta:
        model = Suppression
        fields = ("email", "reason", "note")
