"""Values of custom fields: typed, or refused in a sentence."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.contacts.choices import FieldKind
from core.contacts.custom_values import (
    MAX_TEXT_CHARACTERS,
    FieldDefinition,
    Hints,
    guess_hints,
    guess_kind,
    parse_value,
)
from core.contacts.errors import BadValue

# These tests are about results: how long a busy machine takes to make the examples says nothing.
_UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
FIELDS = {kind: FieldDefinition("key", "Lifetime value", kind, ["Rose", "Tulip"]) for kind in FieldKind}


def parsed(kind: FieldKind, text: str, hints: Hints | None = None) -> Any:
    return parse_value(FIELDS[kind], text, hints or Hints())


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("34", 34),
        ("1234.50", 1234.5),
        ("1,234.50", 1234.5),
        ("1.234,50", 1234.5),
        ("1234,5", 1234.5),
        ("1,234", 1234),
        ("1.234", 1.234),
        ("1,234,567", 1234567),
        ("1.234.567", 1234567),
        ("1 234 567,8", 1234567.8),
        ("1’234.5", 1234.5),
        ("-3", -3),
        ("+3", 3),
        ("€ 12,50", 12.5),
        ("-€5", -5),
        ("12 EUR", 12),
        (".5", 0.5),
        ("0,125", 0.125),
        ("007", 7),
    ],
)
def test_parse_value_number_as_people_write_it(text: str, number: float) -> None:
    value = parsed(FieldKind.NUMBER, text)
    assert (value, type(value)) == (number, type(number))


def test_parse_value_number_hint_decides_what_could_be_either() -> None:
    comma = Hints(decimal_comma=True)
    assert [parsed(FieldKind.NUMBER, text, comma) for text in ("1.234", "1,234", "1234.5")] == [1234, 1.234, 1234.5]


@pytest.mark.parametrize(
    "text",
    [
        "abc",
        "1,23,456",
        "1.2.3",
        "12a",
        "1 2",
        "1, 2",
        "1e5",
        "nan",
        "inf",
        "--5",
        "€",
        ".",
        ",",
        "-",
        "١٢٣",
        "0x10",
        "1_000",
    ],
)
def test_parse_value_what_is_no_number_is_refused_by_name(text: str) -> None:
    with pytest.raises(BadValue, match=r"is no number: Lifetime value takes numbers like 1234\.50\."):
        parsed(FieldKind.NUMBER, text)


def test_parse_value_number_of_many_digits_is_refused() -> None:
    with pytest.raises(BadValue, match="16 digits"):
        parsed(FieldKind.NUMBER, "4000000000000002")


@pytest.mark.parametrize(
    ("text", "date"),
    [
        ("2026-12-31", "2026-12-31"),
        ("2026-12-31T23:59:59.123Z", "2026-12-31"),
        ("2026-12-31 10:00", "2026-12-31"),
        ("20261231", "2026-12-31"),
        ("2026/1/2", "2026-01-02"),
        ("31/12/2026", "2026-12-31"),
        ("1.2.2026", "2026-02-01"),
        ("3-4-75", "1975-04-03"),
        ("03/04/26 10:15 PM", "2026-04-03"),
        ("31 Dec 2026", "2026-12-31"),
        ("December 31, 2026", "2026-12-31"),
        ("31 de diciembre de 2026", "2026-12-31"),
        ("1st May 2026", "2026-05-01"),
    ],
)
def test_parse_value_date_becomes_iso(text: str, date: str) -> None:
    assert parsed(FieldKind.DATE, text) == date


@pytest.mark.parametrize(
    "text", ["12/31/2026", "2026-02-30", "31/02/2026", "tomorrow", "2026", "202612", "1/2", "0000-01-01"]
)
def test_parse_value_what_is_no_date_is_refused_with_examples(text: str) -> None:
    with pytest.raises(BadValue, match="takes dates like 2026-12-31 or 31/12/2026"):
        parsed(FieldKind.DATE, text)


def test_parse_value_date_hint_puts_the_month_first() -> None:
    hints = Hints(month_first=True)
    assert parsed(FieldKind.DATE, "12/31/2026", hints) == "2026-12-31"
    assert parsed(FieldKind.DATE, "03/04/2026", hints) == "2026-03-04"
    with pytest.raises(BadValue, match="12/31/2026"):
        parsed(FieldKind.DATE, "31/12/2026", hints)


def test_parse_value_yes_and_no_in_two_languages() -> None:
    assert all(parsed(FieldKind.BOOLEAN, text) is True for text in ("yes", "Sí", "SI", "true", "1", "Y", "verdadero"))
    assert all(parsed(FieldKind.BOOLEAN, text) is False for text in ("no", "NO", "false", "0", "falso"))
    with pytest.raises(BadValue, match="“maybe” is neither yes nor no"):
        parsed(FieldKind.BOOLEAN, "maybe")


def test_parse_value_choice_is_one_of_the_list_in_its_spelling() -> None:
    assert parsed(FieldKind.CHOICE, " rose ") == "Rose"
    with pytest.raises(BadValue, match="“Lily” is not on the list of Lifetime value: Rose, Tulip"):
        parsed(FieldKind.CHOICE, "Lily")


def test_parse_value_long_text_is_refused_and_empty_is_none() -> None:
    assert parsed(FieldKind.TEXT, "x" * MAX_TEXT_CHARACTERS)
    with pytest.raises(BadValue, match="longer than 2,000"):
        parsed(FieldKind.TEXT, "x" * (MAX_TEXT_CHARACTERS + 1))
    assert [parsed(kind, "  ") for kind in FieldKind] == [None] * len(FieldKind)


@_UNHURRIED
@given(st.sampled_from(list(FieldKind)), st.text(max_size=40), st.booleans())
def test_parse_value_any_text_gives_a_value_or_a_sentence(kind: FieldKind, text: str, hint: bool) -> None:
    try:
        parsed(kind, text, Hints(hint, hint))
    except BadValue as error:
        assert "Lifetime value" in str(error)


@_UNHURRIED
@given(st.decimals(min_value=-(10**9), max_value=10**9, places=2))
def test_parse_value_number_in_every_notation_is_the_same(number: Any) -> None:
    english = f"{number:,.2f}"
    spanish = english.translate(str.maketrans(",.", ".,"))
    french = english.replace(",", "\u202f").replace(".", ",")
    assert {parsed(FieldKind.NUMBER, text) for text in (str(number), english, spanish, french)} == {float(number)}


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["1", "2", ""], FieldKind.NUMBER),
        (["1", "0"], FieldKind.NUMBER),
        (["yes", "no", "yes"], FieldKind.BOOLEAN),
        (["2026-01-01", "31/12/2026"], FieldKind.DATE),
        (["08001", "28001"], FieldKind.TEXT),
        (["34600123456789"], FieldKind.TEXT),
        (["1", "two"], FieldKind.TEXT),
        ([], FieldKind.TEXT),
    ],
)
def test_guess_kind_fits_all_values(values: list[str], kind: FieldKind) -> None:
    assert guess_kind(values) == kind


def test_guess_hints_contradicting_values_leave_the_usual() -> None:
    assert guess_hints(["12/31/2026", "01/02/2026"]) == Hints(month_first=True)
    assert guess_hints(["12/31/2026", "31/12/2026"]) == Hints()
    assert guess_hints(["1,5", "1.234"]) == Hints(decimal_comma=True)
    assert guess_hints(["1,5", "1.5"]) == Hints()
