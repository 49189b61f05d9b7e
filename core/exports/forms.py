from collections.abc import Sequence
from typing import Any

from django import forms
from unfold.widgets import UnfoldAdminRadioSelectWidget

from core.exports.choices import ExportFormat
from core.exports.lists import Column


class ExportForm(forms.Form):
    """Format and columns; all columns are chosen at first."""

    file_format = forms.ChoiceField(
        label="Format", choices=ExportFormat.choices, initial=ExportFormat.CSV, widget=UnfoldAdminRadioSelectWidget()
    )
    columns = forms.MultipleChoiceField(
        label="Columns",
        widget=forms.CheckboxSelectMultiple(),
        error_messages={"required": "Choose at least one column."},
    )

    def __init__(self, *args: Any, available: Sequence[Column], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["columns"].choices = [(column.key, column.header) for column in available]  # type: ignore[attr-defined]
        self.initial["columns"] = [column.key for column in available]
