"""The editor's form."""

from typing import Any, ClassVar
from uuid import UUID

from django import forms
from unfold.widgets import UnfoldAdminTextareaWidget

from core.accounts.forms import refusal_of
from core.email_templates.errors import TemplateChangedMeanwhile
from core.email_templates.models import EmailTemplate, Markup, StarterTemplate, TemplateBlock
from core.email_templates.preview import MailSource
from core.email_templates.queries import inspect_block, inspect_written
from core.email_templates.services import block_hold, block_save, template_hold

CODE_ATTRIBUTES = {
    "class": "ex-code",
    "spellcheck": "false",
    "autocapitalize": "off",
    "autocomplete": "off",
    "wrap": "off",
}


CODE_FIELDS = {"html": 26, "text": 8}
"""Fields shown as code, with their height in rows."""
BLOCK_ROWS = 16


def _with_line_feeds(source: str) -> str:
    """Browsers send what is typed with CRLF (HTML, form submission): that alone makes no other version."""
    return source.replace("\r\n", "\n").replace("\r", "\n")


class TemplateContentForm(forms.ModelForm):
    """Refuses what could not be sent, beside the field and with the line it stands in.

    `client_id` is set by the admin: whose blocks can be used, None for the agency's starters.
    """

    client_id: ClassVar[UUID | None] = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # A read-only page has no fields.
        for name, rows in CODE_FIELDS.items():
            if name in self.fields:
                self.fields[name].widget = UnfoldAdminTextareaWidget(attrs={**CODE_ATTRIBUTES, "rows": rows})
        if "markup" in self.fields:
            self.fields["markup"].required = False  # what says nothing is HTML

    def clean_html(self) -> str:
        return _with_line_feeds(self.cleaned_data["html"])

    def clean_text(self) -> str:
        return _with_line_feeds(self.cleaned_data["text"])

    def clean_markup(self) -> str:
        return self.cleaned_data.get("markup") or Markup.HTML

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        source = MailSource(*(cleaned.get(name, "") for name in ("subject", "preheader", "html", "text")))
        markup = cleaned.get("markup") or Markup.HTML
        for finding in inspect_written(source, markup=markup, organization_id=self.client_id).errors:
            place = f"Line {finding.line}: " if finding.line and finding.field in ("html", "text") else ""
            if finding.field in self.fields:
                self.add_error(finding.field, f"{place}{finding.message}")
        return cleaned


class EmailTemplateForm(TemplateContentForm):
    """`seen_version` is the one the person has before her eyes: what another saved since then is not overwritten."""

    seen_version = forms.IntegerField(widget=forms.HiddenInput, required=False)

    class Meta:
        model = EmailTemplate
        fields = ("name", "category", "subject", "preheader", "markup", "html", "text")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not self.instance._state.adding:
            self.initial["seen_version"] = self.instance.version

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        version = cleaned.get("seen_version")
        if not self.instance._state.adding and version is not None:
            try:
                template_hold(template_id=self.instance.pk, version=version)
            except TemplateChangedMeanwhile as error:
                self._show_next_version(error.version)
                self.add_error(None, str(error))
        return cleaned

    def _show_next_version(self, version: int) -> None:
        """The page that comes back knows of the other's version: saved again, it is the next one."""
        self.data = {**self.data.dict(), self.add_prefix("seen_version"): str(version)}  # type: ignore[attr-defined]


class BlockForm(forms.ModelForm):
    """`client_id` is set by the admin: a block may hold the client's other blocks."""

    client_id: ClassVar[UUID | None] = None
    seen_version = forms.IntegerField(widget=forms.HiddenInput, required=False)

    class Meta:
        model = TemplateBlock
        fields = ("name", "key", "category", "html")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "html" in self.fields:
            self.fields["html"].widget = UnfoldAdminTextareaWidget(
                attrs={**CODE_ATTRIBUTES, "wrap": "soft", "rows": BLOCK_ROWS}
            )
        if not self.instance._state.adding:
            self.initial["seen_version"] = self.instance.version

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if self.client_id is not None and "html" in cleaned and "key" in cleaned:
            for finding in inspect_block(cleaned["key"], cleaned["html"], organization_id=self.client_id):
                self.add_error("html", f"Line {finding.line}: {finding.message}" if finding.line else finding.message)
        if not self.errors:
            self._try_to_save(cleaned)
        return cleaned

    def _try_to_save(self, cleaned: dict[str, Any]) -> None:
        """What others saved meanwhile, and the templates that use the block, have a say."""
        try:
            if not self.instance._state.adding and cleaned.get("seen_version") is not None:
                block_hold(block_id=self.instance.pk, version=cleaned["seen_version"])
        except TemplateChangedMeanwhile as error:
            newest = {self.add_prefix("seen_version"): str(error.version)}
            self.data = {**self.data.dict(), **newest}  # type: ignore[attr-defined]
            self.add_error(None, str(error))
            return
        if not self.instance._state.adding and (refusal := refusal_of(lambda: self._save_as_typed(cleaned))):
            self.add_error(None, refusal)

    def _save_as_typed(self, cleaned: dict[str, Any]) -> None:
        block = TemplateBlock.objects.get(pk=self.instance.pk)
        block.key, block.html = cleaned.get("key", block.key), cleaned["html"]
        block_save(block=block)


class StarterTemplateForm(TemplateContentForm):
    class Meta:
        model = StarterTemplate
        fields = ("name", "slug", "description", "category", "subject", "preheader", "markup", "html", "text")
