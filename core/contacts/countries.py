"""Countries by ISO 3166 code, from the tables that come with the time zones."""

from functools import cache
from importlib.resources import files


@cache
def country_choices() -> tuple[tuple[str, str], ...]:
    """(code, name) of every country, by name in English."""
    return tuple(sorted(((code, name) for code, name in _lines("iso3166.tab")), key=lambda choice: choice[1]))


def country_of_zone(time_zone: str) -> str:
    """The country that a time zone such as "Europe/Madrid" lies in; "" for one like UTC."""
    return _country_by_zone().get(time_zone, "")


@cache
def _country_by_zone() -> dict[str, str]:
    return {zone: code for code, _coordinates, zone, *_comment in _lines("zone.tab")}


def _lines(name: str) -> list[list[str]]:
    text = (files("tzdata") / "zoneinfo" / name).read_text(encoding="utf-8")
    return [line.split("\t") for line in text.splitlines() if line and not line.startswith("#")]
