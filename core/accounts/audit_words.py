"""The audit log in words people read."""

from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.db import models

from core.accounts.models import AuditEvent


@dataclass(frozen=True)
class ChangeRow:
    """One field of one change, as the history table shows it."""

    field: str
    before: str
    after: str


def action_words(event: AuditEvent) -> str:
    """ "contactgroup.added" → "Group added": the model by the name that people know, else the action's own words."""
    subject, _dot, verb = event.action.partition(".")
    model = _model(event.object_type)
    if model is not None and model._meta.model_name == subject:
        subject = str(model._meta.verbose_name)
    return f"{subject} {verb}".replace("_", " ").strip().capitalize()


def change_rows(event: AuditEvent) -> list[ChangeRow]:
    return [
        ChangeRow(_field_label(event.object_type, name), _shown(before), _shown(after))
        for name, (before, after) in event.changes.items()
    ]


def _model(object_type: str) -> type[models.Model] | None:
    try:
        return apps.get_model(object_type)
    except (LookupError, ValueError):
        return None  # the log outlives models


def _field_label(object_type: str, name: str) -> str:
    """The field's name as forms show it; the stored name when the model or the field is no more."""
    model = _model(object_type)
    field = next((field for field in model._meta.concrete_fields if field.name == name), None) if model else None
    return (str(field.verbose_name) if field else name.replace("_", " ")).capitalize()


def _shown(value: Any) -> str:
    if value is None or value == "":
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(_shown(part) for part in value) or "–"
    if isinstance(value, dict):
        return ", ".join(f"{key}: {_shown(part)}" for key, part in value.items()) or "–"
    return str(value)
