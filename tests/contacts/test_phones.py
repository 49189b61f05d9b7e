"""Phones: the fast path gives what libphonenumber gives, or leaves the number to it."""

import phonenumbers
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.contacts import phones
from core.contacts.phones import country_choices, phone_e164, phones_e164

_REGIONS = st.sampled_from(
    ["ES", "MX", "US", "GB", "DE", "FR", "IT", "AR", "BR", "PT", "CO", "CL", "RU", "AU", "KZ", "SM"]
)
_EXAMPLES = [
    (phonenumbers.format_number(number, style), region)
    for region in sorted(phonenumbers.SUPPORTED_REGIONS)
    for kind in (0, 1, 2, 3, 4, 6, 7)
    if (number := phonenumbers.example_number_for_type(region, kind))
    for style in (phonenumbers.PhoneNumberFormat.INTERNATIONAL, phonenumbers.PhoneNumberFormat.NATIONAL)
]


def _by_library(typed: str, region: str) -> str:
    try:
        number = phonenumbers.parse(typed, region or None)
    except phonenumbers.NumberParseException:
        return ""
    is_valid = phonenumbers.is_valid_number(number)
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164) if is_valid else ""


def test_phone_e164_example_numbers_of_all_countries_agree_with_the_library() -> None:
    assert len(_EXAMPLES) > 2_000
    for typed, region in _EXAMPLES:
        assert phone_e164(typed, region) == _by_library(typed, region), (typed, region)


@settings(max_examples=400, deadline=None)
@given(
    st.sampled_from(
        ["+", "+1 ", "+34 ", "+44", "+49 (0)", "+39 0", "+52 1 ", "+7", "+54 9 ", "", "0", "00", "00 34 ", "011 "]
    ),
    st.text("0123456789 -().", min_size=3, max_size=14),
    _REGIONS,
)
def test_phone_e164_any_number_agrees_with_the_library(beginning: str, rest: str, region: str) -> None:
    typed = (beginning + rest).strip()
    assert phone_e164(typed, region) == _by_library(typed, region)


def test_phone_e164_numbers_in_the_usual_spelling_do_not_need_the_library() -> None:
    quick = [phones._usual(typed, typed.translate(phones._NOT_DIGITS), region) for typed, region in _EXAMPLES]
    assert sum(map(bool, quick)) > len(quick) * 0.7


@pytest.mark.parametrize(
    ("typed", "region", "expected"),
    [
        ("+34 600 12 34 56", "", "+34600123456"),
        ("600 12 34 56", "ES", "+34600123456"),
        ("600 12 34 56", "", ""),
        ("0034 600 12 34 56", "ES", "+34600123456"),
        ("34600123456", "ES", "+34600123456"),
        ("+44 (0)20 7946 0018", "", "+442079460018"),
        ("+39 06 1234 5678", "", "+390612345678"),
        ("+1 800 FLOWERS", "", "+18003569377"),
        ("ask Ana", "ES", ""),
        ("123", "ES", ""),
        ("", "ES", ""),
        ("+" + "3" * 60, "ES", ""),
        ("600 12 34 56", "ZZ", ""),
    ],
)
def test_phone_e164_as_typed(typed: str, region: str, expected: str) -> None:
    assert phone_e164(typed, region) == expected


def test_phones_e164_many_stay_in_order_whatever_is_in_them() -> None:
    typed = ["+34 600 12 34 56", "", "a\nb", "+34 600\n12 34 57"]
    assert phones_e164(typed) == ["+34600123456", "", "", "+34600123457"]


def test_country_choices_are_countries_with_their_codes() -> None:
    choices = dict(country_choices())
    assert choices["ES"] == "Spain +34"
    assert list(choices.values()) == sorted(choices.values())
