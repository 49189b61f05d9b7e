"""From the rows of a part to the values of contacts, or the reasons why not: the one validation of every import.

It works in columns: a regular expression, a cache or a comprehension for all values of a column at once, because a loop
over rows with an object for each would cost several times as much.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import compress
from typing import Any, NamedTuple, TypeVar

from core.common.validators import time_zone_names
from core.contacts.address_kinds import is_disposable, is_role
from core.contacts.addresses import address_in, email_keys_of, plain_addresses
from core.contacts.choices import FieldKind
from core.contacts.custom_values import NO_HINTS, Field, FieldDefinition, Hints, parse_value
from core.contacts.errors import BadAddress, BadValue
from core.contacts.imports.columns import ATTRIBUTE, FIELD_LABELS, Column
from core.contacts.imports.files import readable
from core.contacts.imports.parts import KEPT_CELL_CHARACTERS, Part, without_collecting
from core.contacts.models import Contact
from core.contacts.phones import phones_e164
from core.contacts.suppression_keys import address_hashes

T = TypeVar("T")

TEXT_FIELDS = tuple(name for name in FIELD_LABELS if name != "email")
MAX_CACHED_VALUES = 50_000
"""Of each column, so that memory stays flat however long the file is."""
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8})*")
_UNTIDY = re.compile("[\x00-\x1f\x7f-\xa0\u2028\u2029]|  ")
_CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")


class Refused(NamedTuple):
    """A row that is not taken: its cells as they can be shown, and a sentence for whoever mends it."""

    row_number: int
    cells: list[str]
    reason: str


@dataclass(frozen=True)
class ParsedPart:
    """The valid rows of a part as parallel lists, in the order of the file, and the refused ones.

    `texts` holds a list for every text field that has a column, "" where the file says nothing; `attributes` holds
    typed values of custom fields, without those that are empty. The same address may be there more than once.
    """

    row_numbers: list[int] = field(default_factory=list)
    emails: list[str] = field(default_factory=list)
    email_keys: list[str] = field(default_factory=list)
    address_hashes: list[str] = field(default_factory=list)
    is_role: list[bool] = field(default_factory=list)
    is_disposable: list[bool] = field(default_factory=list)
    texts: dict[str, list[str]] = field(default_factory=dict)
    phone_e164: list[str] = field(default_factory=list)
    attributes: list[dict[str, Any]] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.row_numbers)


class RowParser:
    """Validates the parts of one file. `fields` are the client's custom fields; what a column names beyond them
    is a field that will be made, of the column's own kind. `phone_region`: see phones.py."""

    def __init__(self, columns: Sequence[Column], *, fields: Iterable[Field] = (), phone_region: str = "") -> None:
        known = {custom.key: custom for custom in fields}
        positions = {column["field"]: position for position, column in enumerate(columns) if column["field"]}
        self._email = positions["email"]
        self._email_header = columns[self._email]["header"].casefold()
        self.text_fields = tuple(name for name in TEXT_FIELDS if name in positions)
        self._texts = [_TextColumn(name, positions[name]) for name in self.text_fields]
        self._attributes = [
            _AttributeColumn(position, _definition(columns[position], known), _hints(columns[position]))
            for name, position in positions.items()
            if name.startswith(ATTRIBUTE)
        ]
        self.attribute_keys = tuple(column.key for column in self._attributes)
        self._phone_region = phone_region

    def parse(self, part: Part) -> ParsedPart:
        """The contacts in these rows, and why others hold none. Never raises for what a file may hold."""
        with without_collecting():
            return self._parsed(part)

    def _parsed(self, part: Part) -> ParsedPart:
        reasons = dict(part.problems)
        rows, indexes = _readable_rows(part)
        columns = list(zip(*rows, strict=True))
        if not columns:
            return ParsedPart(refused=_refused(part, reasons))
        bad: dict[int, str] = {}
        emails = self._addresses(columns[self._email], bad)
        texts = {column.name: column.values(columns[column.position], bad) for column in self._texts}
        typed = [column.values(columns[column.position], bad) for column in self._attributes]
        phones = phones_e164(texts["phone"], self._phone_region) if "phone" in texts else [""] * len(rows)
        attributes = _dictionaries(self.attribute_keys, typed, len(rows))
        keep = _Keep(len(rows), bad)
        for index, reason in bad.items():
            reasons[indexes[index]] = reason
        emails = keep.of(emails)
        email_keys = email_keys_of(emails)
        halves = [key.rpartition("@") for key in email_keys]
        return ParsedPart(
            row_numbers=keep.of(part.numbers if rows is part.rows else [part.numbers[index] for index in indexes]),
            emails=emails,
            email_keys=email_keys,
            address_hashes=address_hashes(email_keys),
            is_role=[is_role(half[0]) for half in halves],
            is_disposable=[is_disposable(half[2]) for half in halves],
            texts={name: keep.of(values) for name, values in texts.items()},
            phone_e164=keep.of(phones),
            attributes=keep.of(attributes),
            refused=_refused(part, reasons) if reasons else [],
        )

    def _addresses(self, cells: Sequence[str], bad: dict[int, str]) -> list[str]:
        """The address in each cell; "" for those in `bad`."""
        emails = plain_addresses(cells)
        for index in [index for index, email in enumerate(emails) if not email]:
            try:
                emails[index] = address_in(cells[index]).email
            except BadAddress as error:
                repeated = cells[index].casefold() == self._email_header
                bad[index] = "The row repeats the header." if repeated else str(error)
        return emails


class _Cached:
    """A function of one text, whose results for the values of a column are kept up to a number."""

    def __init__(self, function: Callable[[str], Any]) -> None:
        self._function = function
        self._results: dict[str, Any] = {"": function("")}

    def of(self, values: Sequence[str]) -> list[Any]:
        results = self._results
        new = set(values).difference(results)
        if new:
            if len(results) > MAX_CACHED_VALUES:
                kept = {value: results[value] for value in set(values).intersection(results)}
                results.clear()
                results.update(kept)
            for value in new:
                results[value] = self._function(value)
        return [results[value] for value in values]


class _Problem(str):
    """The reason that a cached check found, told from a good value by its type."""


class _TextColumn:
    """A column that goes to one of the contact's own fields."""

    def __init__(self, name: str, position: int) -> None:
        self.name, self.position = name, position
        self._max_length: int = Contact._meta.get_field(name).max_length  # type: ignore[union-attr, assignment]
        check = {"time_zone": _time_zone, "language": _language}.get(name)
        self._checked = _Cached(check) if check else None

    def values(self, cells: Sequence[str], bad: dict[int, str]) -> list[str]:
        if _UNTIDY.search("\ue000".join(cells)):
            cells = [_one_line(cell) for cell in cells]
        if max(map(len, cells)) > self._max_length:
            reason = f"{FIELD_LABELS[self.name]} is longer than {self._max_length} characters."
            for index, cell in enumerate(cells):
                if len(cell) > self._max_length:
                    bad.setdefault(index, reason)
        if self._checked is None:
            return list(cells)
        return _without_problems(self._checked.of(cells), bad)


class _AttributeColumn:
    """A column that goes to a custom field."""

    def __init__(self, position: int, definition: Field, hints: Hints) -> None:
        self.key, self.position = definition.key, position
        self._definition, self._hints = definition, hints
        self._is_text = definition.kind == FieldKind.TEXT
        self._checked = _Cached(self._value)

    def values(self, cells: Sequence[str], bad: dict[int, str]) -> list[Any]:
        if self._is_text:
            if _CONTROLS.search("\ue000".join(cells)):
                cells = [_CONTROLS.sub("", cell).strip() for cell in cells]
            if max(map(len, cells)) <= 100:
                return list(cells)
        return _without_problems(self._checked.of(cells), bad)

    def _value(self, cell: str) -> Any:
        try:
            value = parse_value(self._definition, cell, self._hints)
        except BadValue as error:
            return _Problem(error)
        return "" if value is None else value


class _Keep:
    """Leaves out the values of refused rows."""

    def __init__(self, size: int, bad: Mapping[int, str]) -> None:
        self._mask = [index not in bad for index in range(size)] if bad else None

    def of(self, values: list[T]) -> list[T]:
        return values if self._mask is None else list(compress(values, self._mask))


def _without_problems(values: list[Any], bad: dict[int, str]) -> list[Any]:
    if _Problem in set(map(type, values)):
        for index, value in enumerate(values):
            if type(value) is _Problem:
                bad.setdefault(index, str(value))
    return values


def _readable_rows(part: Part) -> tuple[list[list[str]], Sequence[int]]:
    """The rows without a problem, and their indexes in the part."""
    if not part.problems:
        return part.rows, range(len(part.rows))
    indexes = [index for index in range(len(part.rows)) if index not in part.problems]
    return [part.rows[index] for index in indexes], indexes


def _dictionaries(keys: Sequence[str], columns: list[list[Any]], size: int) -> list[dict[str, Any]]:
    """A dictionary for each row, without its empty values."""
    if not keys:
        return [{} for _ in range(size)]
    if any("" in column for column in columns):
        return [
            {key: value for key, value in zip(keys, values, strict=True) if value != ""}
            for values in zip(*columns, strict=True)
        ]
    if len(keys) == 1:
        return [{keys[0]: value} for value in columns[0]]
    if len(keys) == 2:
        one, other = keys
        return [{one: value, other: second} for value, second in zip(*columns, strict=True)]
    return [dict(zip(keys, values)) for values in zip(*columns, strict=True)]  # noqa: B905 - as many as keys


def _refused(part: Part, reasons: Mapping[int, str]) -> list[Refused]:
    return [
        Refused(
            part.numbers[index],
            [readable(cell[:KEPT_CELL_CHARACTERS]) for cell in part.rows[index]],
            _short(reasons[index]),
        )
        for index in sorted(reasons)
    ]


def _definition(column: Column, known: Mapping[str, Field]) -> Field:
    key = column["field"].removeprefix(ATTRIBUTE)
    return known.get(key) or FieldDefinition(key, column["header"], column.get("kind") or FieldKind.TEXT)


def _hints(column: Column) -> Hints:
    written = column.get("hints", "")
    return Hints("month_first" in written, "decimal_comma" in written) if written else NO_HINTS


def _time_zone(value: str) -> str:
    if value and value not in time_zone_names():
        return _Problem(f"“{value}” is no time zone. Write it like Europe/Madrid.")
    return value


def _language(value: str) -> str:
    code = value.replace("_", "-")
    if code and not _LANGUAGE.fullmatch(code):
        return _Problem(f"“{value}” is no language code. Write it like es or es-MX.")
    return code


def _one_line(cell: str) -> str:
    return " ".join(_CONTROLS.sub("", cell).split())


def _short(reason: str) -> str:
    """As much as RefusedRow keeps, without characters that cannot be stored."""
    reason = readable(reason)
    return reason if len(reason) <= 300 else reason[:299] + "…"
