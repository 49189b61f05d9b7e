"""What suppressions are found by: one text a thing, its kind first, so that one index answers for all kinds."""

import hashlib
import re
from collections.abc import Iterable
from typing import NamedTuple

from django.conf import settings

from core.contacts.addresses import normalise_address
from core.contacts.choices import SuppressionKind
from core.contacts.errors import BadAddress

HASH_KINDS = {32: SuppressionKind.MD5, 64: SuppressionKind.SHA256}
"""Kinds of hashes that clients' old tools export, by their number of hexadecimal digits."""


def suppression_key(kind: SuppressionKind, value: str) -> str:
    """The key of an email_key, a domain in lower case, or hexadecimal digits."""
    return f"{kind}:{value}"


class Entry(NamedTuple):
    """One thing to suppress. `shown` is the address or domain as people read it, "" for hashes."""

    kind: SuppressionKind
    key: str
    shown: str


_HEXADECIMAL = re.compile(r"[0-9a-fA-F]+\Z")


def read_entry(raw: str) -> Entry:
    """An address, a domain ("shop.example", "@shop.example", "*@shop.example") or a hash (MD5, SHA-256).

    A domain means exactly this one, none below it. Raises BadAddress.
    """
    text = raw.strip()
    if "@" not in text and _HEXADECIMAL.match(text):
        return _hash_entry(text)
    local, at, domain = text.rpartition("@")
    if local in ("", "*") and (at or "." in domain):
        return _domain_entry(text, domain)
    address = normalise_address(text)
    return Entry(SuppressionKind.ADDRESS, suppression_key(SuppressionKind.ADDRESS, address.email_key), address.email)


def _hash_entry(text: str) -> Entry:
    kind = HASH_KINDS.get(len(text))
    if kind is None:
        raise BadAddress(f"“{text[:64]}”: a hash has 32 digits (MD5) or 64 (SHA-256), this one has {len(text)}.")
    return Entry(kind, suppression_key(kind, text.lower()), "")


def _domain_entry(text: str, domain: str) -> Entry:
    try:
        address = normalise_address(f"postmaster@{domain}")
    except BadAddress as error:
        raise BadAddress(f"“{text}” is no address, no domain and no hash.") from error
    domain_key = address.email_key.partition("@")[2]
    return Entry(SuppressionKind.DOMAIN, suppression_key(SuppressionKind.DOMAIN, domain_key), domain_key)


def address_hash(email_key: str) -> str:
    """The keyed hash of an address: 32 hexadecimal digits of BLAKE2b (RFC 7693).

    Tells nobody who it was without ADDRESS_HASH_KEY, but recognises the same address when it comes back.
    """
    return address_hashes([email_key])[0]


def address_hashes(email_keys: Iterable[str]) -> list[str]:
    """`address_hash` of each; the key is taken in once."""
    keyed = hashlib.blake2b(key=settings.ADDRESS_HASH_KEY.encode()[:64], digest_size=16)
    hashes = []
    for email_key in email_keys:
        one = keyed.copy()
        one.update(email_key.encode())
        hashes.append(one.hexdigest())
    return hashes


def keys_of(email_key: str) -> list[str]:
    """Every key that suppresses this address; as `keys_sql`."""
    values = {
        SuppressionKind.ADDRESS: email_key,
        SuppressionKind.DOMAIN: email_key.rpartition("@")[2],
        SuppressionKind.MD5: hashlib.md5(email_key.encode(), usedforsecurity=False).hexdigest(),
        SuppressionKind.SHA256: hashlib.sha256(email_key.encode()).hexdigest(),
        SuppressionKind.ERASED: address_hash(email_key),
    }
    return [suppression_key(kind, value) for kind, value in values.items()]


_KEY_SQL = {
    SuppressionKind.ADDRESS: "'address:' || {0}.email_key",
    SuppressionKind.DOMAIN: "'domain:' || split_part({0}.email_key, '@', 2)",
    SuppressionKind.MD5: "'md5:' || md5({0}.email_key)",
    SuppressionKind.SHA256: "'sha256:' || encode(sha256(convert_to({0}.email_key, 'UTF8')), 'hex')",
    SuppressionKind.ERASED: "'erased:' || {0}.address_hash",
}


def key_sql(kind: SuppressionKind, alias: str) -> str:
    """SQL: the key of this kind that would suppress the row `alias`, which has email_key and address_hash."""
    return f"({_KEY_SQL[kind].format(alias)})"


def keys_sql(alias: str, kinds: Iterable[SuppressionKind] = tuple(SuppressionKind)) -> str:
    """SQL: the array of keys of these kinds that would suppress the row `alias`."""
    return f"ARRAY[{', '.join(key_sql(kind, alias) for kind in kinds)}]"
