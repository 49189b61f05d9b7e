"""Phone numbers: as typed, and in international form (E.164) where they are one.

What is a number is decided by libphonenumber's metadata (`phonenumbers.is_valid_number`), whose parser manages some
20,000 a second. Numbers in the usual spelling are checked against the same metadata directly, which accepts a subset of
what the library accepts.
"""

import re
from collections.abc import Sequence
from functools import cache
from importlib import resources
from typing import Any

import phonenumbers
from phonenumbers import PhoneMetadata

MAX_CHARACTERS = 40
_TYPES = (
    "fixed_line",
    "mobile",
    "toll_free",
    "premium_rate",
    "shared_cost",
    "voip",
    "personal_number",
    "pager",
    "uan",
    "voicemail",
)
_USUAL = re.compile(r"\+?[0-9][0-9 ().\-/]{4,30}[0-9]")
_NOT_DIGITS = str.maketrans("", "", " ().-/+")


def phone_e164(typed: str, region: str = "") -> str:
    """The number in E.164, such as "+34600123456"; "" when it is none. `region` (ISO 3166, "ES") is the country of
    numbers that are written without +; without a region those stay as they are typed."""
    return phones_e164([typed], region)[0]


def phones_e164(typed: Sequence[str], region: str = "") -> list[str]:
    """`phone_e164` of each."""
    together = "\n".join(typed).translate(_NOT_DIGITS).split("\n")
    if len(together) != len(typed):
        return [phone_e164(number.replace("\n", " "), region) for number in typed]
    return [
        (_usual(number, digits, region) or _by_library(number, region)) if digits else ""
        for number, digits in zip(typed, together, strict=True)
    ]


def _usual(typed: str, digits: str, region: str) -> str:
    """The number in the usual spelling, when it is surely one: nothing in it that the library would take away."""
    if not digits.isascii() or not digits.isdigit() or not _USUAL.fullmatch(typed):
        return ""
    if typed[0] != "+":
        return _national(digits, region) if region else ""
    length, prefix, pattern = _by_beginning(digits[:3])
    if pattern is None or not pattern.fullmatch(digits, length) or (prefix and prefix.match(digits, length)):
        return ""
    return "+" + digits


@cache
def country_choices() -> list[tuple[str, str]]:
    """Countries that have phone numbers: code and name with the calling code, by name."""
    table = resources.files("tzdata").joinpath("zoneinfo/iso3166.tab").read_text(encoding="utf-8")
    names = dict(line.split("\t") for line in table.splitlines() if line and not line.startswith("#"))
    regions = [region for region in phonenumbers.SUPPORTED_REGIONS if region in names]
    choices = [(region, f"{names[region]} +{phonenumbers.country_code_for_region(region)}") for region in regions]
    return sorted(choices, key=lambda choice: choice[1])


def _by_library(typed: str, region: str) -> str:
    if len(typed) > MAX_CHARACTERS or not (region or "+" in typed or "\uff0b" in typed):
        return ""
    try:
        number = phonenumbers.parse(typed, region or None)
    except phonenumbers.NumberParseException:
        return ""
    if not phonenumbers.is_valid_number(number):
        return ""
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _national(digits: str, region: str) -> str:
    known = _region(region)
    if known is None or known.abroad.match(digits):
        return ""
    prefix, pattern = _numbers_of_code(known.code)
    if known.trunk and digits.startswith(known.trunk):
        digits = digits[len(known.trunk) :]
    is_one = pattern.fullmatch(digits) and not (prefix and prefix.match(digits))
    return f"+{known.code}{digits}" if is_one else ""


@cache
def _by_beginning(three_digits: str) -> tuple[int, re.Pattern[str] | None, re.Pattern[str] | None]:
    """The length of the calling code that a number begins with, and what `_numbers_of_code` says."""
    for length in (1, 2, 3):
        if three_digits[:length] in _calling_codes():
            return length, *_numbers_of_code(int(three_digits[:length]))
    return 0, None, None


class _Region:
    """What the numbers of a country begin with: calling code, trunk prefix ("0"), prefix for calls abroad."""

    def __init__(self, metadata: Any) -> None:
        self.code: int = metadata.country_code
        prefix = metadata.national_prefix_for_parsing or ""
        plain = prefix.isdigit() and not metadata.national_prefix_transform_rule
        self.trunk: str = prefix if plain else ""
        self.abroad = re.compile(metadata.international_prefix or "(?!)")


@cache
def _region(region: str) -> _Region | None:
    metadata = PhoneMetadata.metadata_for_region(region, None)
    return _Region(metadata) if metadata is not None else None


@cache
def _calling_codes() -> frozenset[str]:
    return frozenset(map(str, phonenumbers.COUNTRY_CODE_TO_REGION_CODE))


@cache
def _numbers_of_code(code: int) -> tuple[re.Pattern[str] | None, re.Pattern[str]]:
    """What the library would take away in front of a number, and the numbers of the regions that share a code."""
    regions = [_metadata(code, region) for region in phonenumbers.COUNTRY_CODE_TO_REGION_CODE[code]]
    prefix = regions[0].national_prefix_for_parsing
    kinds = [(region, getattr(region, kind)) for region in regions for kind in _TYPES]
    patterns = [
        _number_pattern(region, description)
        for region, description in kinds
        if description is not None and description.national_number_pattern
    ]
    return re.compile(prefix) if prefix else None, re.compile("|".join(dict.fromkeys(patterns)))


def _metadata(code: int, region: str) -> Any:
    if region == "001":
        return PhoneMetadata.metadata_for_nongeo_region(code, None)
    return PhoneMetadata.metadata_for_region(region, None)


def _number_pattern(region: Any, description: Any) -> str:
    lengths = description.possible_length or region.general_desc.possible_length
    allowed = "|".join(f".{{{length}}}" for length in lengths if length > 0)
    of_region = f"(?={region.leading_digits})" if region.leading_digits else ""
    return rf"(?=(?:{allowed})\Z){of_region}(?:{description.national_number_pattern})"
