"""Forms of the import's steps: the file, and what its columns and people are."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.utils import timezone
from unfold.contrib.import_export.forms import ImportForm
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from core.contacts import presentation as words
from core.contacts.choices import ConsentBasis, FieldKind, ImportMode
from core.contacts.countries import country_choices, country_of_zone
from core.contacts.imports.columns import ATTRIBUTE, FIELD_LABELS, LEFT_OUT, attribute_field
from core.contacts.models import ContactField, ContactGroup, ContactImport, ContactTag

NEW = "new:"
NEW_KINDS = (FieldKind.TEXT, FieldKind.NUMBER, FieldKind.DATE, FieldKind.BOOLEAN)
"""A field that is one of a list is made under Custom fields: its list is no guess."""
MAX_SUGGESTED_TAGS = 60
MAX_SHOWN_GROUPS = 300


class UploadForm(ImportForm):
    """The file, before anything is known about it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        upload = self.fields["import_file"]
        upload.label = "File"
        upload.error_messages |= {"required": "Choose a file first.", "empty": "The file is empty."}
        # Unfold's widget draws a disabled text field beside the real one, which a drop zone has no use for.
        upload.widget = forms.FileInput(
            attrs={
                "accept": words.ACCEPTED_FILES,
                "class": "ct-drop-input",
                "data-max-bytes": settings.IMPORT_MAX_BYTES,
                "aria-describedby": "id_import_file_helptext",
            }
        )
        upload.help_text = words.upload_limits(settings.IMPORT_MAX_BYTES)

    def clean_import_file(self) -> UploadedFile:
        upload: UploadedFile = self.cleaned_data["import_file"]
        if upload.size and upload.size > settings.IMPORT_MAX_BYTES:
            raise ValidationError(
                f"{upload.name} is larger than {settings.IMPORT_MAX_BYTES // 1024**2} MB. Split it into several files."
            )
        return upload


@dataclass(frozen=True)
class Option:
    """One of a few, with what choosing it means."""

    value: str
    label: str
    help: str


class OptionsField(forms.ChoiceField):
    """A choice among few `options` that are all shown."""

    def __init__(self, options: Sequence[Option], **kwargs: Any) -> None:
        super().__init__(choices=[(option.value, option.label) for option in options], **kwargs)
        self.options = options


@dataclass
class ColumnRow:
    """A column of the file as the page shows it: `chosen` is the value of its select, `name` that of a new field."""

    position: int
    header: str
    samples: Sequence[str]
    chosen: str
    name: str
    origin: str = ""
    origin_icon: str = ""
    errors: list[str] = field(default_factory=list)


class ColumnsForm(forms.Form):
    """A field for every column, and the choices for everybody in the file.

    The columns' own inputs are read and drawn by hand: a file may have hundreds, and a form field and widget for each
    would take seconds. `samples` holds values of each column.
    """

    new_group_label = "New custom field"
    select_class = UnfoldAdminSelectWidget().attrs["class"]
    input_class = UnfoldAdminTextInputWidget().attrs["class"]

    consent_basis = OptionsField(
        [Option(basis.value, basis.label, words.CONSENT_HELP[basis]) for basis in ConsentBasis],
        label="Legal basis",
        error_messages={"required": "Choose why you may write to these people."},
    )
    consent_source = forms.CharField(
        required=False,
        max_length=200,
        label="Where it came from",
        help_text="Such as: newsletter form of the shop, stand at the spring fair.",
        widget=UnfoldAdminTextInputWidget(),
    )
    consent_on = forms.DateField(
        required=False,
        label="When it was given",
        help_text="Leave it empty when it differs from person to person or is not known.",
        widget=forms.DateInput(attrs={"type": "date", "class": input_class}, format="%Y-%m-%d"),
    )
    groups = forms.MultipleChoiceField(required=False, label="Put them into groups")
    new_group = forms.CharField(
        required=False, max_length=120, label="And into a new group named", widget=UnfoldAdminTextInputWidget()
    )
    tags = forms.MultipleChoiceField(required=False, label="Give them tags")
    new_tags = forms.CharField(
        required=False,
        max_length=2_000,
        label="And new tags",
        help_text="Separated by commas.",
        widget=UnfoldAdminTextInputWidget(),
    )
    mode = OptionsField(
        [Option(mode.value, *words.MODE_WORDS[mode]) for mode in ImportMode], label="What happens to them"
    )
    phone_region = forms.ChoiceField(
        required=False,
        label="Country of the phone numbers",
        help_text="For numbers that are written without + and country code.",
        widget=UnfoldAdminSelectWidget(),
    )

    def __init__(
        self, data: Any = None, *, contact_import: ContactImport, samples: Sequence[Sequence[str]] = ()
    ) -> None:
        super().__init__(data, initial=_initial(contact_import))
        self._import = contact_import
        self._custom = {custom.key: custom for custom in _of_client(ContactField, contact_import)}
        self.rows = [self._row(position, samples) for position in range(len(contact_import.columns))]
        self.fields["groups"].choices = _group_choices(contact_import)  # type: ignore[attr-defined]
        self.fields["tags"].choices = _tag_choices(contact_import)  # type: ignore[attr-defined]
        self.fields["phone_region"].choices = [("", "No country"), *country_choices()]  # type: ignore[attr-defined]
        self.fields["consent_on"].widget.attrs["max"] = timezone.localdate().isoformat()

    @property
    def field_choices(self) -> list[tuple[str, list[tuple[str, str]]]]:
        """What a column may become, in groups."""
        return [
            ("", [(LEFT_OUT, "Leave out")]),
            ("Contact", list(FIELD_LABELS.items())),
            *([("Custom fields", self._custom_choices())] if self._custom else []),
            (self.new_group_label, [(NEW + kind, f"New field: {kind.label.lower()}") for kind in NEW_KINDS]),
        ]

    @property
    def chosen_fields(self) -> list[str]:
        """The field of each column, in the order of the file."""
        return [_field_of(row) for row in self.rows]

    @property
    def chosen_kinds(self) -> dict[str, FieldKind]:
        """The type of each field that is new."""
        return {
            _field_of(row): FieldKind(row.chosen.removeprefix(NEW)) for row in self.rows if row.chosen.startswith(NEW)
        }

    @property
    def chosen_groups(self) -> list[UUID]:
        return [UUID(pk) for pk in self.cleaned_data["groups"]]

    @property
    def chosen_tags(self) -> list[str]:
        typed = [tag.strip() for tag in self.cleaned_data["new_tags"].split(",") if tag.strip()]
        return [*self.cleaned_data["tags"], *typed]

    def clean_consent_on(self) -> Any:
        given_on = self.cleaned_data["consent_on"]
        if given_on and given_on > timezone.localdate():
            raise ValidationError("This day has not come yet.")
        return given_on

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        first_row_by_field: dict[str, ColumnRow] = {}
        for row in self.rows:
            if problem := self._problem(row, first_row_by_field):
                row.errors.append(problem)
        if any(row.errors for row in self.rows):
            self.add_error(None, "Some columns need another field: see the marked ones.")
        return cleaned

    def _problem(self, row: ColumnRow, first_row_by_field: dict[str, ColumnRow]) -> str:
        if row.chosen not in {value for _group, choices in self.field_choices for value, _label in choices}:
            return "Choose a field from the list."
        if row.chosen == LEFT_OUT:
            return ""
        if row.chosen.startswith(NEW) and (problem := self._name_problem(row)):
            return problem
        first = first_row_by_field.setdefault(_field_of(row), row)
        return "" if first is row else f"“{first.header}” goes to this field already. Leave one of them out."

    def _name_problem(self, row: ColumnRow) -> str:
        if not row.name.strip():
            return "Name the new field."
        key = attribute_field(row.name).removeprefix(ATTRIBUTE)
        if key in self._custom:
            return f"The custom field “{self._custom[key].label}” is there already: choose it from the list."
        return ""

    def _custom_choices(self) -> list[tuple[str, str]]:
        return [(ATTRIBUTE + key, f"{custom.label} ({_kind(custom)})") for key, custom in self._custom.items()]

    def _row(self, position: int, samples: Sequence[Sequence[str]]) -> ColumnRow:
        column = self._import.columns[position]
        chosen, name = self._stored(column)
        if self.is_bound:
            chosen = str(self.data.get(f"column_{position}", chosen))
            name = str(self.data.get(f"name_{position}", name))[:80]
        row = ColumnRow(position, column["header"], samples[position] if samples else (), chosen, name)
        if not self.is_bound and not self._import.consent_basis:
            row.origin, row.origin_icon = words.column_origin(column)
        return row

    def _stored(self, column: dict[str, Any]) -> tuple[str, str]:
        """The select's value, and the name a new field would have."""
        chosen, header = column["field"], column["header"]
        key = chosen.removeprefix(ATTRIBUTE)
        if not chosen.startswith(ATTRIBUTE) or key in self._custom:
            return chosen, header
        kind = column.get("kind") or FieldKind.TEXT.value
        return NEW + kind, header if attribute_field(header) == chosen else key.replace("_", " ")


def _field_of(row: ColumnRow) -> str:
    return attribute_field(row.name) if row.chosen.startswith(NEW) else row.chosen


def _kind(custom: ContactField) -> str:
    return FieldKind(custom.kind).label.lower()


def _initial(contact_import: ContactImport) -> dict[str, Any]:
    return {
        "groups": [str(pk) for pk in contact_import.group_ids],
        "tags": contact_import.tags,
        "mode": contact_import.mode,
        "consent_basis": contact_import.consent_basis,
        "consent_source": contact_import.consent_source,
        "consent_on": contact_import.consent_on,
        "phone_region": _phone_region(contact_import),
    }


def _phone_region(contact_import: ContactImport) -> str:
    """What was chosen; before anything was, the country of the client's time zone."""
    if contact_import.consent_basis:
        return contact_import.phone_region
    return country_of_zone(contact_import.organization.time_zone)


def _of_client(model: Any, contact_import: ContactImport) -> Any:
    return model.objects.filter(organization_id=contact_import.organization_id)


def _group_choices(contact_import: ContactImport) -> list[tuple[str, str]]:
    groups = _of_client(ContactGroup, contact_import).values_list("pk", "name")
    shown = dict(groups[:MAX_SHOWN_GROUPS]) | dict(groups.filter(pk__in=contact_import.group_ids))
    return [(str(pk), name) for pk, name in shown.items()]


def _tag_choices(contact_import: ContactImport) -> list[tuple[str, str]]:
    names = _of_client(ContactTag, contact_import).values_list("name", flat=True)[:MAX_SUGGESTED_TAGS]
    return [(name, name) for name in dict.fromkeys([*contact_import.tags, *names])]
