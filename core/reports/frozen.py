"""Frozen dataclasses as JSON documents and back: what a report says is kept as it was."""

import datetime
import types
from dataclasses import fields, is_dataclass
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

T = TypeVar("T")


def as_document(value: Any) -> Any:
    """Dataclasses, tuples, dates and plain values as what JSON can hold."""
    if is_dataclass(value):
        return {field.name: as_document(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, (tuple, list)):
        return [as_document(part) for part in value]
    return value.isoformat() if isinstance(value, (datetime.date, datetime.datetime)) else value


def from_document(kind: type[T], document: dict[str, Any]) -> T:
    """The dataclass that `as_document` wrote; fields that came later have their defaults."""
    hints = get_type_hints(kind)
    return kind(**{name: _read(hints[name], value) for name, value in document.items() if name in hints})


def _read(hint: Any, value: Any) -> Any:
    if get_origin(hint) is types.UnionType:
        hint = next(part for part in get_args(hint) if part is not type(None))
    if value is None:
        return None
    if get_origin(hint) is tuple:
        return tuple(_read(get_args(hint)[0], part) for part in value)
    if is_dataclass(hint):
        return from_document(hint, value)  # type: ignore[arg-type]
    if hint in (datetime.date, datetime.datetime):
        return hint.fromisoformat(value)
    return value
