"""A typed reader of environment variables. A value that cannot be used stops the start and names its variable."""

import os
from collections.abc import Callable
from typing import TypeVar
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

T = TypeVar("T")
_TRUE = {"1", "true", "yes", "on"}
_FALSE = {"0", "false", "no", "off"}


def _read(name: str, default: T | None, convert: Callable[[str], T], expected: str) -> T:
    raw = os.environ.get(name, "").strip()
    if not raw:
        if default is None:
            raise ImproperlyConfigured(f"The environment variable {name} is not set. Expected: {expected}.")
        return default
    try:
        return convert(raw)
    except ValueError as error:
        raise ImproperlyConfigured(
            f"The environment variable {name} cannot be used: {error}. Expected: {expected}."
        ) from error


def text(name: str, default: str | None = None, *, expected: str = "a text") -> str:
    """The variable's text. Without a default it is required. Raises ImproperlyConfigured, as all readers here do."""
    return _read(name, default, str, expected)


def choice(name: str, default: str | None = None, *, choices: tuple[str, ...]) -> str:
    def convert(raw: str) -> str:
        if raw not in choices:
            raise ValueError(f"“{raw}” is none of {', '.join(choices)}")
        return raw

    return _read(name, default, convert, " or ".join(choices))


def flag(name: str, default: bool | None = None) -> bool:
    def convert(raw: str) -> bool:
        if raw.lower() not in _TRUE | _FALSE:
            raise ValueError(f"“{raw}” is neither yes nor no")
        return raw.lower() in _TRUE

    return _read(name, default, convert, "1 or 0")


def integer(name: str, default: int | None = None, *, minimum: int = 0) -> int:
    def convert(raw: str) -> int:
        number = int(raw)
        if number < minimum:
            raise ValueError(f"{number} is less than {minimum}")
        return number

    return _read(name, default, convert, f"a whole number from {minimum}")


def words(name: str, default: list[str] | None = None, *, expected: str = "a comma-separated list") -> list[str]:
    return _read(name, default, lambda raw: [word.strip() for word in raw.split(",") if word.strip()], expected)


def url(name: str, default: str | None = None, *, schemes: tuple[str, ...]) -> str:
    def convert(raw: str) -> str:
        if urlsplit(raw).scheme not in schemes:
            raise ValueError(f"it does not begin with {' or '.join(f'{scheme}://' for scheme in schemes)}")
        return raw

    return _read(name, default, convert, f"a URL ({', '.join(schemes)})")


def numbered_keys(name: str, default: dict[int, str] | None = None) -> dict[int, str]:
    """Read "1:secret,2:secret" as {1: "secret", 2: "secret"}; numbers are 0 to 255."""

    def convert(raw: str) -> dict[int, str]:
        keys = {}
        for part in raw.split(","):
            number, _, secret = part.strip().partition(":")
            if not number.isdigit() or int(number) > 255 or len(secret) < 32:
                raise ValueError("each part is a number from 0 to 255, a colon and a secret of 32 characters or more")
            keys[int(number)] = secret
        return keys

    return _read(name, default, convert, "numbered secrets, such as 1:<secret>,2:<secret>")
