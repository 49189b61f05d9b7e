"""Lists of words and of sites in a form: one a line."""

import re
from typing import Any

from django import forms
from unfold.widgets import UnfoldAdminTextareaWidget

MOST_LINES = 100
_HOST = re.compile(r"(?=.{4,253}\Z)(?:[^\W_](?:[\w-]{0,61}[^\W_])?\.)+[^\W\d_][\w-]{1,62}")


class LinesField(forms.CharField):
    """A list of texts, one a line; empty lines and repetitions go."""

    def __init__(self, *, longest: int, **kwargs: Any) -> None:
        self.longest = longest
        super().__init__(required=False, widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}), **kwargs)

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(value) if isinstance(value, list | tuple) else value

    def clean(self, value: Any) -> list[str]:
        """Raises ValidationError that names the line."""
        lines = [self.read(line.strip()) for line in super().clean(value).splitlines() if line.strip()]
        if len(lines) > MOST_LINES:
            raise forms.ValidationError(f"These are {len(lines):,} lines; {MOST_LINES} are the most.")
        return list(dict.fromkeys(lines))

    def read(self, line: str) -> str:
        if len(line) > self.longest:
            raise forms.ValidationError(f"“{line[:40]}…” is longer than {self.longest} characters.")
        return line

    def has_changed(self, initial: Any, data: Any) -> bool:
        return super().has_changed(self.prepare_value(initial), data)


class HostsField(LinesField):
    """Sites by their host. A whole address is cut down to it."""

    def read(self, line: str) -> str:
        host = re.sub(r"^[a-z][a-z0-9+.-]*://", "", line.lower()).split("/")[0].split(":")[0].removeprefix("www.")
        if not _HOST.fullmatch(host):
            raise forms.ValidationError(f"“{line[:60]}” is no site. Write it like shop.example, one a line.")
        return host
