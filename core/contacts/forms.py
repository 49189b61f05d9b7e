"""Forms of the audience's pages."""

import json
from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.forms.fields import InvalidJSONInput
from unfold.contrib.import_export.forms import ImportForm
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from core.contacts.addresses import normalise_address
from core.contacts.errors import BadAddress
from core.contacts.imports.columns import FIELD_LABELS, LEFT_OUT, attribute_field, field_label
from core.contacts.imports.rows import MAX_ATTRIBUTE_CHARACTERS
from core.contacts.models import Contact, ContactGroup, ContactImport, Suppression

_WRITE_ATTRIBUTES = 'Write custom fields as names and plain values: {"city": "Vigo"}.'


class UploadForm(ImportForm):
    """The first step of an import: the file."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["import_file"]
        field.label = "File"
        field.widget.attrs["accept"] = ".csv,.tsv,.txt,text/csv"
        field.help_text = f"CSV, up to {settings.IMPORT_MAX_BYTES // 1024**2} MB. Encoding and separator are found out."

    def clean_import_file(self) -> UploadedFile:
        upload: UploadedFile = self.cleaned_data["import_file"]
        if upload.size and upload.size > settings.IMPORT_MAX_BYTES:
            raise ValidationError(
                f"{upload.name} is larger than {settings.IMPORT_MAX_BYTES // 1024**2} MB. Split it into several files."
            )
        return upload


class ColumnsForm(forms.Form):
    """The second step: a field for every column, and the group the contacts go to."""

    group = forms.ModelChoiceField(
        ContactGroup.objects.all(),
        required=False,
        label="Put them into the group",
        empty_label="No group",
        widget=UnfoldAdminSelectWidget(),
    )
    new_group = forms.CharField(
        required=False, max_length=120, label="or into a new group named", widget=UnfoldAdminTextInputWidget()
    )

    def __init__(self, *args: Any, contact_import: ContactImport, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["group"].initial = contact_import.group_id
        self.fields["group"].queryset = ContactGroup.objects.filter(  # type: ignore[attr-defined]
            organization_id=contact_import.organization_id
        )
        self._positions = range(len(contact_import.columns))
        for position, column in zip(self._positions, contact_import.columns, strict=True):
            own = attribute_field(column["header"])
            choices = [(LEFT_OUT, "Leave out"), *FIELD_LABELS.items(), (own, field_label(own))]
            if column["field"] not in dict(choices):
                choices.append((column["field"], field_label(column["field"])))
            self.fields[f"column_{position}"] = forms.ChoiceField(
                choices=choices,
                required=False,
                initial=column["field"],
                label=column["header"],
                widget=UnfoldAdminSelectWidget(attrs={"aria-label": f"Field of column {column['header']}"}),
            )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if cleaned.get("group") and cleaned.get("new_group", "").strip():
            self.add_error("new_group", "Choose a group or name a new one, not both.")
        return cleaned

    @property
    def column_fields(self) -> list[Any]:
        """The bound select of each column, in the order of the file."""
        return [self[f"column_{position}"] for position in self._positions]

    @property
    def chosen(self) -> list[str]:
        return [self.cleaned_data[f"column_{position}"] for position in self._positions]


class AddressForm(forms.ModelForm):
    """Checks the address as every other way in does."""

    def clean_email(self) -> str:
        try:
            return normalise_address(self.cleaned_data["email"]).email
        except BadAddress as error:
            raise ValidationError(str(error)) from error


class AttributesField(forms.JSONField):
    """JSON as a person may type it: whatever Python cannot read (nested too deep, a number of thousands of digits) or
    PostgreSQL cannot store (NUL, half a character, NaN) is refused in words."""

    def to_python(self, value: Any) -> Any:
        try:
            return _storable(super().to_python(value))
        except (ValueError, RecursionError) as error:
            raise ValidationError(_WRITE_ATTRIBUTES) from error

    def bound_data(self, data: Any, initial: Any) -> Any:
        """What was typed is shown again, also when it cannot be read."""
        try:
            return _storable(super().bound_data(data, initial))
        except (ValueError, RecursionError):
            return InvalidJSONInput(data)


def _storable(document: Any) -> Any:
    """The document itself. Raises ValueError or RecursionError for one that UTF-8 or JSON (RFC 8259) cannot carry."""
    json.dumps(document, ensure_ascii=False, allow_nan=False).encode()
    return document


class ContactForm(AddressForm):
    class Meta:
        model = Contact
        fields = ("email", "first_name", "last_name", "phone", "company", "time_zone", "language", "attributes")
        field_classes = {"attributes": AttributesField}

    def clean_attributes(self) -> dict[str, Any]:
        attributes = self.cleaned_data["attributes"] or {}
        if not isinstance(attributes, dict) or any(isinstance(value, (dict, list)) for value in attributes.values()):
            raise ValidationError(_WRITE_ATTRIBUTES)
        for name, value in attributes.items():
            if "\0" in name or "\0" in str(value):
                raise ValidationError(f"Custom field “{name.replace(chr(0), '')}” holds a character no mail can carry.")
            if len(str(value)) > MAX_ATTRIBUTE_CHARACTERS:
                raise ValidationError(f"Custom field “{name}” is longer than {MAX_ATTRIBUTE_CHARACTERS:,} characters.")
        return attributes


class SuppressionForm(AddressForm):
    class Meta:
        model = Suppression
        fields = ("email", "reason", "note")
