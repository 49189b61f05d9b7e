"""Email addresses: what counts as one, how it is kept, and which two are the same.

The syntax is email-validator's (RFC 5321, RFC 6531 and IDNA 2008, without comments, quotes and IP literals). Plain
ASCII addresses, nearly all of any list, take a regular expression that accepts a subset of what the library accepts:
about a million a second against 45 thousand.
"""

import re
import unicodedata
from typing import NamedTuple

from email_validator import SPECIAL_USE_DOMAIN_NAMES, EmailNotValidError, validate_email

from core.contacts.errors import BadAddress

MAX_CHARACTERS = 254
"""RFC 5321, section 4.5.3.1.3: a path has 256 octets, two of them the angle brackets."""

_PLAIN = re.compile(
    r"(?=.{3,254}\Z)(?=[^@]{1,64}@)"
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
    # Labels with hyphens in the third and fourth place are IDNA's own ("xn--"): left to the library.
    r"@(?:(?!..--)[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+"
    r"([A-Za-z]{2,63})"
)
_SPECIAL_ENDINGS = frozenset(name.rpartition(".")[2] for name in SPECIAL_USE_DOMAIN_NAMES)


class Address(NamedTuple):
    """`email` as typed with its domain in lower case; `email_key` is equal for two spellings of one address."""

    email: str
    email_key: str


def normalise_address(raw: str) -> Address:
    """The address that `raw` holds. Spaces around it are dropped; dots and plus tags in it mean what they say.

    Raises BadAddress with what is wrong in plain words.
    """
    text = raw.strip()
    plain = _PLAIN.fullmatch(text)
    if plain is None or plain.group(1).lower() in _SPECIAL_ENDINGS:
        return _by_library(text)
    local, _, domain = text.rpartition("@")
    email = f"{local}@{domain.lower()}"
    return Address(email, email.lower())


def email_key_of(email: str) -> str:
    """What decides whether two addresses are the same: NFC and case-folded, nothing else."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", email).casefold())


def _by_library(text: str) -> Address:
    problem = _problem_in_plain_words(text)
    if problem:
        raise BadAddress(problem)
    try:
        checked = validate_email(text, check_deliverability=False, strict=True)
    except EmailNotValidError as error:
        raise BadAddress(f"“{text}” is not an email address: {_softened(str(error))}") from error
    return Address(checked.normalized, email_key_of(checked.normalized))


def _problem_in_plain_words(text: str) -> str:
    """The usual mistakes, said shortly; "" leaves the rest to the library."""
    if not text:
        return "The address is empty."
    if len(text) > MAX_CHARACTERS:
        return f"The address is longer than {MAX_CHARACTERS} characters."
    if "@" not in text:
        return f"“{text}”: the address is missing an @."
    if any(character.isspace() for character in text):
        return f"“{text}”: there is a space inside the address."
    local, _, domain = text.rpartition("@")
    if not local:
        return f"“{text}”: nothing stands before the @."
    if "@" in local:
        return f"“{text}”: there is more than one @."
    if not domain:
        return f"“{text}”: nothing stands after the @."
    if "." not in domain:
        return f"“{text}”: “{domain}” is no full domain, such as shop.example."
    if ".." in text:
        return f"“{text}”: there are two dots in a row."
    return ""


def _softened(message: str) -> str:
    """The library's sentence, to be read after a colon."""
    return message[:1].lower() + message[1:]
