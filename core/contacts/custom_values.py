"""Values of custom fields: from what people type, or files hold, to what is stored, or a sentence why not.

- Numbers: 1234.50, 1,234.50, 1.234,50, 1 234,50, € 12, -3; up to 15 digits, as much as JSON carries exactly. Where one
  mark could stand for either ("1,234"), it is for thousands, a lone dot for decimals ("1.234"), unless the hints of a
  column say that the comma is its decimal mark.
- Dates: ISO 8601 first; 31/12/2026, 31.12.2026, 31-12-2026 with the day first, as nearly everywhere, unless the hints
  of a column say that its months come first; 31 Dec 2026, 31 de diciembre de 2026, December 31, 2026. Times are left
  out.
- Yes or no: in English and Spanish, true and false, 1 and 0.
- Choices: one of the list, in whatever case.
"""

import datetime
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from core.contacts.choices import FieldKind
from core.contacts.errors import BadValue

MAX_TEXT_CHARACTERS = 2_000
MAX_DIGITS = 15
_SHOWN_CHARACTERS = 60
_YES = frozenset(["yes", "y", "true", "t", "1", "on", "x", "si", "sí", "s", "verdadero", "cierto", "v", "✓", "✔", "☑"])
_NO = frozenset(["no", "n", "false", "f", "0", "off", "falso", "✗", "✘", "☐", "-"])
_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "jan january ene enero",
            "feb february febrero",
            "mar march marzo",
            "apr april abr abril",
            "may mayo",
            "jun june junio",
            "jul july julio",
            "aug august ago agosto",
            "sep sept september septiembre setiembre",
            "oct october octubre",
            "nov november noviembre",
            "dec december dic diciembre",
        ),
        start=1,
    )
    for name in names.split()
}
# Digits in groups of three, apart by a space or an apostrophe, or whatever dots and commas there are.
_NUMBER = re.compile(
    r"([+-]?)([0-9]{1,3}(?:[ '\u00a0\u202f\u2019][0-9]{3})+(?:[.,][0-9]*)?|[0-9][0-9.,]*|[.,][0-9]+)", re.ASCII
)
_SPACES = re.compile("[ '\u00a0\u202f\u2019]")
_CURRENCY = re.compile(r"^([+-]?)\s*(?:[€$£¥]|eur|usd|gbp|mxn)\s*|\s*(?:[€$£¥]|eur|usd|gbp|mxn)$", re.IGNORECASE)
_GROUPED = {mark: re.compile(rf"[0-9]{{1,3}}(?:\{mark}[0-9]{{3}})+") for mark in ".,"}
_TIME = (
    r"(?:[T ,]+[0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]{1,9})?)?\s*(?:[ap]\.?m\.?)?\s*"
    r"(?:Z|UTC|[+-][0-9:]{2,5})?)?"
)
_YEAR_FIRST = re.compile(rf"([0-9]{{4}})([-/.]?)([0-9]{{1,2}})\2([0-9]{{1,2}}){_TIME}", re.IGNORECASE)
_YEAR_LAST = re.compile(rf"([0-9]{{1,2}})([-/. ])([0-9]{{1,2}})\2([0-9]{{4}}|[0-9]{{2}}){_TIME}", re.IGNORECASE)
_DAY_MONTH = re.compile(
    rf"([0-9]{{1,2}})(?:st|nd|rd|th|o)?[ .-]+(?:de )?([a-z]+)[ .,-]+(?:de |del )?([0-9]{{4}}){_TIME}"
)
_MONTH_DAY = re.compile(rf"([a-z]+)[ .-]+([0-9]{{1,2}})(?:st|nd|rd|th)?,?[ ]+([0-9]{{4}}){_TIME}")


class Field(Protocol):
    """What is needed of a custom field: a ContactField, or a FieldDefinition for one that does not exist yet."""

    @property
    def key(self) -> str: ...

    @property
    def label(self) -> str: ...

    @property
    def kind(self) -> str: ...

    @property
    def choices(self) -> Sequence[str]: ...


@dataclass(frozen=True)
class FieldDefinition:
    """A custom field apart from the database."""

    key: str
    label: str
    kind: str = FieldKind.TEXT
    choices: Sequence[str] = field(default_factory=tuple)


@dataclass(frozen=True)
class Hints:
    """How a whole column is written, found out from many of its values at once."""

    month_first: bool = False
    decimal_comma: bool = False


NO_HINTS = Hints()


def parse_value(definition: Field, text: str, hints: Hints = NO_HINTS) -> Any:
    """The value to store, typed as FieldKind says; None for an empty text. Raises BadValue."""
    text = text.strip()
    if not text:
        return None
    return _PARSERS[FieldKind(definition.kind)](definition, text, hints)


def guess_kind(values: Sequence[str]) -> FieldKind:
    """The type that fits all of these values of one column; text when there are none.

    Numbers that begin with a zero, or are long, are codes: text.
    """
    distinct = {value for value in values if value}
    if not distinct:
        return FieldKind.TEXT
    if len(distinct) <= 2 and not distinct <= {"0", "1"} and _all(FieldKind.BOOLEAN, distinct, NO_HINTS):
        return FieldKind.BOOLEAN
    hints = guess_hints(values)
    if not any(_is_code(value) for value in distinct) and _all(FieldKind.NUMBER, distinct, hints):
        return FieldKind.NUMBER
    return FieldKind.DATE if _all(FieldKind.DATE, distinct, hints) else FieldKind.TEXT


def guess_hints(values: Sequence[str]) -> Hints:
    """How the dates and numbers of one column are written. Without evidence: days first, dots for decimals."""
    dates = [match for value in values if (match := _YEAR_LAST.fullmatch(value))]
    month_first = any(int(date[3]) > 12 for date in dates) and not any(int(date[1]) > 12 for date in dates)
    marks = [_surely_decimal(value) for value in values if _NUMBER.fullmatch(value)]
    return Hints(month_first=month_first, decimal_comma="," in marks and "." not in marks)


def _all(kind: FieldKind, values: set[str], hints: Hints) -> bool:
    definition = FieldDefinition("", "", kind)
    try:
        for value in values:
            parse_value(definition, value, hints)
    except BadValue:
        return False
    return True


def _is_code(value: str) -> bool:
    return (len(value) > 1 and value[0] == "0" and value[1].isdigit()) or sum(map(str.isdigit, value)) > 11


def _surely_decimal(value: str) -> str:
    """The mark of decimals, where it cannot be one of thousands; "" where it could."""
    last = max(value.rfind("."), value.rfind(","))
    if last < 0:
        return ""
    mark = value[last]
    other = "." if mark == "," else ","
    if value.count(mark) > 1:
        return other if _GROUPED[mark].fullmatch(value) else ""
    is_group = len(value) - last - 1 == 3 and other not in value and not value.startswith(("0" + mark, mark))
    return "" if is_group else mark


def _text(definition: Field, text: str, hints: Hints) -> str:
    if len(text) > MAX_TEXT_CHARACTERS:
        raise BadValue(f"{definition.label} is longer than {MAX_TEXT_CHARACTERS:,} characters.")
    return text


def _number(definition: Field, text: str, hints: Hints) -> int | float:
    plain = _plain_number(_CURRENCY.sub(r"\1", text), hints.decimal_comma)
    if plain is None:
        raise BadValue(f"“{_shown(text)}” is no number: {definition.label} takes numbers like 1234.50.")
    digits = sum(map(str.isdigit, plain.lstrip("-0.")))
    if digits > MAX_DIGITS:
        raise BadValue(
            f"“{_shown(text)}” has {digits} digits: {definition.label} takes numbers of up to {MAX_DIGITS}. "
            "Codes and account numbers belong into a field of the type text."
        )
    number = float(plain)
    return int(number) if number.is_integer() else number


def _plain_number(text: str, decimal_comma: bool) -> str | None:
    """The number as Python reads it: digits, and at most one dot."""
    if text.isascii() and text.isdigit():
        return text
    match = _NUMBER.fullmatch(text)
    if match is None:
        return None
    sign, digits = match[1].replace("+", ""), _SPACES.sub("", match[2])
    decimal = _surely_decimal(digits) or ("," if decimal_comma else ".")
    thousands = "." if decimal == "," else ","
    whole, _, fraction = digits.partition(decimal)
    if thousands in whole:
        if not _GROUPED[thousands].fullmatch(whole):
            return None
        whole = whole.replace(thousands, "")
    if not (fraction or "0").isdigit() or not (whole or "0").isdigit() or not whole + fraction:
        return None
    return f"{sign}{whole or '0'}.{fraction or '0'}"


def _date(definition: Field, text: str, hints: Hints) -> str:
    found = _parsed_date(text, hints.month_first)
    if found is None:
        usual = "12/31/2026" if hints.month_first else "31/12/2026"
        raise BadValue(f"“{_shown(text)}” is no date: {definition.label} takes dates like 2026-12-31 or {usual}.")
    return found.isoformat()


def _parsed_date(text: str, month_first: bool) -> datetime.date | None:
    if match := _YEAR_FIRST.fullmatch(text):
        is_ambiguous = not match[2] and len(match[3] + match[4]) < 4
        return None if is_ambiguous else _day(match[1], match[3], match[4])
    if match := _YEAR_LAST.fullmatch(text):
        day, month = (match[3], match[1]) if month_first else (match[1], match[3])
        return _day(_full_year(match[4]), month, day)
    plain = _without_accents(text)
    if match := _DAY_MONTH.fullmatch(plain):
        return _day(match[3], _MONTHS.get(match[2], 0), match[1])
    if match := _MONTH_DAY.fullmatch(plain):
        return _day(match[3], _MONTHS.get(match[1], 0), match[2])
    return None


def _full_year(year: str) -> str:
    """Two digits as POSIX reads them: 69 to 99 are of the last century."""
    if len(year) == 4:
        return year
    return ("19" if int(year) >= 69 else "20") + year


def _day(year: str, month: str | int, day: str) -> datetime.date | None:
    try:
        return datetime.date(int(year), int(month), int(day))
    except ValueError:
        return None


def _boolean(definition: Field, text: str, hints: Hints) -> bool:
    plain = text.casefold()
    if plain in _YES:
        return True
    if plain in _NO:
        return False
    raise BadValue(f"“{_shown(text)}” is neither yes nor no: {definition.label} takes yes or no.")


def _choice(definition: Field, text: str, hints: Hints) -> str:
    folded = text.casefold()
    for choice in definition.choices:
        if choice.casefold() == folded:
            return str(choice)
    offered = ", ".join(list(definition.choices)[:8]) + (" and others" if len(definition.choices) > 8 else "")
    raise BadValue(f"“{_shown(text)}” is not on the list of {definition.label}: {offered}.")


def _without_accents(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(character for character in decomposed if not unicodedata.combining(character))


def _shown(text: str) -> str:
    return text if len(text) <= _SHOWN_CHARACTERS else text[: _SHOWN_CHARACTERS - 1] + "…"


_PARSERS = {
    FieldKind.TEXT: _text,
    FieldKind.NUMBER: _number,
    FieldKind.DATE: _date,
    FieldKind.BOOLEAN: _boolean,
    FieldKind.CHOICE: _choice,
}
