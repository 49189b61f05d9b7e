"""The editor's form."""

from typing import Any

from django import forms
from unfold.widgets import UnfoldAdminTextareaWidget

from core.email_templates.inspection import inspect_mail
from core.email_templates.models import EmailTemplate, StarterTemplate
from core.email_templates.preview import MailSource

CODE_ATTRIBUTES = {
    "class": "ex-code",
    "spellcheck": "false",
    "autocapitalize": "off",
    "autocomplete": "off",
    "wrap": "off",
}


CODE_FIELDS = {"html": 26, "text": 8}
"""Fields shown as code, with their height in rows."""


class TemplateContentForm(forms.ModelForm):
    """Refuses what could not be sent, beside the field and with the line it stands in."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # A read-only page has no fields.
        for name, rows in CODE_FIELDS.items():
            if name in self.fields:
                self.fields[name].widget = UnfoldAdminTextareaWidget(attrs={**CODE_ATTRIBUTES, "rows": rows})

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        source = MailSource(*(cleaned.get(name, "") for name in ("subject", "preheader", "html", "text")))
        for finding in inspect_mail(source).errors:
            place = f"Line {finding.line}: " if finding.line and finding.field in ("html", "text") else ""
            if finding.field in self.fields:
                self.add_error(finding.field, f"{place}{finding.message}")
        return cleaned


class EmailTemplateForm(TemplateContentForm):
    class Meta:
        model = EmailTemplate
        fields = ("name", "category", "subject", "preheader", "html", "text")


class StarterTemplateForm(TemplateContentForm):
    class Meta:
        model = StarterTemplate
        fields = ("name", "slug", "description", "category", "subject", "preheader", "html", "text")
