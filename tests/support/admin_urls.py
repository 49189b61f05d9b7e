"""Every URL of the admin, found by walking its URL patterns: a new page is covered the day it is written."""

from collections.abc import Iterator
from dataclasses import dataclass

from django.contrib import admin
from django.db import models
from django.urls import URLPattern, URLResolver, reverse


@dataclass(frozen=True)
class AdminUrl:
    """A named pattern; `parameters` are the names of what its route wants, `model` the model whose admin owns it."""

    name: str
    parameters: tuple[str, ...]
    model: type[models.Model] | None

    def address(self, value: str) -> str:
        return reverse(f"admin:{self.name}", kwargs=dict.fromkeys(self.parameters, value))


def admin_urls() -> list[AdminUrl]:
    patterns, _app, _namespace = admin.site.urls
    by_prefix = {f"{model._meta.app_label}_{model._meta.model_name}_": model for model in admin.site._registry}
    found = {}
    for pattern in _flat(patterns):
        if pattern.name:
            model = next((by_prefix[prefix] for prefix in by_prefix if pattern.name.startswith(prefix)), None)
            found[pattern.name] = AdminUrl(pattern.name, tuple(pattern.pattern.converters), model)
    return sorted(found.values(), key=lambda url: url.name)


def _flat(patterns: list[URLPattern | URLResolver]) -> Iterator[URLPattern]:
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            yield from _flat(pattern.url_patterns)
        else:
            yield pattern
