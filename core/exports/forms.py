from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django import forms
from unfold.widgets import UnfoldAdminRadioSelectWidget

from core.exports.choices import ExportFormat
from core.exports.lists import Column


class ExportForm(forms.Form):
    """Format and columns; all columns are chosen at first."""

    file_format = forms.ChoiceField(label="Format", choices=ExportFormat.choices, widget=UnfoldAdminRadioSelectWidget())
    columns = forms.MultipleChoiceField(
        label="Columns",
        widget=forms.CheckboxSelectMultiple(),
        error_messages={"required": "Choose at least one column."},
    )

    def __init__(
        self, *args: Any, available: Sequence[Column], locks: Mapping[ExportFormat, str], **kwargs: Any
    ) -> None:
        """`locks` says of formats the plan lacks why they cannot be chosen."""
        super().__init__(*args, **kwargs)
        self._locks = locks
        self.initial["file_format"] = next((one for one in ExportFormat if one not in locks), "")
        self.fields["columns"].choices = [(column.key, column.header) for column in available]  # type: ignore[attr-defined]
        self.initial["columns"] = [column.key for column in available]

    @property
    def formats(self) -> Iterator[tuple[Any, str]]:
        """Each radio button with what locks it ("" where nothing does)."""
        for radio in self["file_format"]:
            lock = self._locks.get(ExportFormat(radio.data["value"]), "")
            if lock:
                radio.data["attrs"]["disabled"] = True
            yield radio, lock

    @property
    def locks(self) -> list[str]:
        """What is locked, in sentences, each once."""
        return list(dict.fromkeys(self._locks.values()))

    @property
    def is_locked(self) -> bool:
        """The plan has none of the formats."""
        return len(self._locks) == len(ExportFormat)

    def clean_file_format(self) -> ExportFormat:
        chosen = ExportFormat(self.cleaned_data["file_format"])
        if lock := self._locks.get(chosen):
            raise forms.ValidationError(lock)
        return chosen
