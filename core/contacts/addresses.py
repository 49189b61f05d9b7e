"""Email addresses: what counts as one, how it is kept, and which two are the same.

The syntax is email-validator's (RFC 5321, RFC 6531 and IDNA 2008, without comments, quotes and IP literals). Plain
ASCII addresses, nearly all of any list, take regular expressions that accept a subset of what the library accepts:
about a million a second against 45 thousand.
"""

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from email_validator import SPECIAL_USE_DOMAIN_NAMES, EmailNotValidError, validate_email

from core.contacts.errors import BadAddress

MAX_CHARACTERS = 254
"""RFC 5321, section 4.5.3.1.3: a path has 256 octets, two of them the angle brackets."""
MAX_LOCAL_CHARACTERS = 64

_LOCAL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
# A text of several lines in which none of these is found holds a local part in each line.
_NO_LOCAL = re.compile(r"[^A-Za-z0-9!#$%&'*+/=?^_`{|}~.\n-]|\.\.|^\.|\.$|^$", re.MULTILINE)
_DOMAIN = re.compile(
    # Labels with hyphens in the third and fourth place are IDNA's own ("xn--"): left to the library.
    r"(?:(?!..--)[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+([A-Za-z]{2,63})"
)
_SPECIAL_ENDINGS = frozenset(name.rpartition(".")[2] for name in SPECIAL_USE_DOMAIN_NAMES)
_WITHOUT_WIDTH = dict.fromkeys(map(ord, "\u200b\u200c\u200d\u200e\u200f\u2060\u2066\u2067\u2068\u2069\u00ad\ufeff"))
_NAMED = re.compile(r"[^<>]*<\s*([^<>\s]+)\s*>")
_WRAPPED = "\"'<>()[],;:"


class Address(NamedTuple):
    """`email` as typed with its domain in lower case; `email_key` is equal for two spellings of one address."""

    email: str
    email_key: str


def normalise_address(raw: str) -> Address:
    """The address that `raw` holds. Spaces around it are dropped; dots and plus tags in it mean what they say.

    Raises BadAddress with what is wrong in plain words.
    """
    text = raw.strip()
    local, _, domain = text.rpartition("@")
    plain = plain_domain(domain)
    if plain and len(text) <= MAX_CHARACTERS and len(local) <= MAX_LOCAL_CHARACTERS and _LOCAL.fullmatch(local):
        email = f"{local}@{plain}"
        return Address(email, email.lower())
    return _by_library(text)


def plain_addresses(texts: Sequence[str]) -> list[str]:
    """Of many texts at once those that surely are addresses, their domains in lower case; "" for the others.

    The key of such an address is the same in lower case.
    """
    halves = [text.rpartition("@") for text in texts]
    domain_of = {domain: plain_domain(domain) for domain in {half[2] for half in halves}}
    locals_ = [half[0] for half in halves]
    if _NO_LOCAL.search("\n".join(locals_)) or max(map(len, locals_), default=0) > MAX_LOCAL_CHARACTERS:
        locals_ = [local if len(local) <= MAX_LOCAL_CHARACTERS and _LOCAL.fullmatch(local) else "" for local in locals_]
    emails = [
        f"{local}@{domain_of[half[2]]}" if local and domain_of[half[2]] else ""
        for local, half in zip(locals_, halves, strict=True)
    ]
    if max(map(len, emails), default=0) > MAX_CHARACTERS:
        return [email if len(email) <= MAX_CHARACTERS else "" for email in emails]
    return emails


def address_in(cell: str) -> Address:
    """The address in a cell of a file, freed from what surrounds addresses there: "mailto:", "Anna <a@b.example>",
    quotation marks, commas and dots at its ends, characters without width. Raises BadAddress."""
    try:
        return normalise_address(cell)
    except BadAddress as error:
        freed = _freed(cell)
        if freed == cell.strip():
            raise
        try:
            return normalise_address(freed)
        except BadAddress:
            raise error from None


def _freed(cell: str) -> str:
    text = cell.translate(_WITHOUT_WIDTH).strip().rstrip(" ,;.")
    named = _NAMED.fullmatch(text)
    text = (named[1] if named else text).strip(_WRAPPED + " ")
    if text[:7].lower() == "mailto:":
        text = text[7:].partition("?")[0]
    return text.strip(" .")


@lru_cache(maxsize=50_000)
def plain_domain(domain: str) -> str:
    """The domain in lower case; "" when the library must decide about it."""
    match = _DOMAIN.fullmatch(domain)
    if match is None or match.group(1).lower() in _SPECIAL_ENDINGS:
        return ""
    return domain.lower()


def email_key_of(email: str) -> str:
    """What decides whether two addresses are the same: NFC and case-folded, nothing else."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", email).casefold())


def email_keys_of(emails: Sequence[str]) -> list[str]:
    """`email_key_of` of many addresses."""
    if "".join(emails).isascii():
        return list(map(str.lower, emails))
    return list(map(email_key_of, emails))


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
    if "." not in domain or len(domain.rpartition(".")[2]) == 1:
        return f"“{text}”: “{domain}” is no full domain, such as shop.example."
    if ".." in text:
        return f"“{text}”: there are two dots in a row."
    return ""


def _softened(message: str) -> str:
    """The library's sentence, to be read after a colon."""
    return message[:1].lower() + message[1:]
