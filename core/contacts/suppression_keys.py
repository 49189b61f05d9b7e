"""What suppressions are found by: one text a thing, its kind first, so that one index answers for all kinds."""

import hashlib

from django.conf import settings

from core.contacts.choices import SuppressionKind

HASH_KINDS = {32: SuppressionKind.MD5, 64: SuppressionKind.SHA256}
"""Kinds of hashes that clients' old tools export, by their number of hexadecimal digits."""


def suppression_key(kind: SuppressionKind, value: str) -> str:
    """The key of an email_key, a domain in lower case, or hexadecimal digits."""
    return f"{kind}:{value}"


def address_hash(email_key: str) -> str:
    """The keyed hash of an address: 32 hexadecimal digits of BLAKE2b (RFC 7693).

    Tells nobody who it was without ADDRESS_HASH_KEY, but recognises the same address when it comes back.
    """
    return hashlib.blake2b(email_key.encode(), key=settings.ADDRESS_HASH_KEY.encode()[:64], digest_size=16).hexdigest()


def keys_sql(alias: str) -> str:
    """SQL: the array of keys that would suppress the row `alias`, which has email_key and address_hash."""
    return f"""ARRAY[
        'address:' || {alias}.email_key, 'domain:' || split_part({alias}.email_key, '@', 2),
        'erased:' || {alias}.address_hash, 'md5:' || md5({alias}.email_key),
        'sha256:' || encode(sha256(convert_to({alias}.email_key, 'UTF8')), 'hex')
    ]"""
