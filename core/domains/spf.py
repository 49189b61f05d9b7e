"""Whether receivers can evaluate an SPF record (RFC 7208), without asking for any particular sender's address."""

import re
from dataclasses import dataclass, field

from core.domains.dns import Resolver
from core.domains.errors import NoSuchRecord

MOST_LOOKUPS = 10
"""RFC 7208 4.6.4: with more, receivers give up."""
_MECHANISM = re.compile(r"([+?~-]?)([a-z][a-z0-9]*)(?:([:=])(\S*?))?(/\S*)?", re.IGNORECASE)
_MECHANISMS = frozenset({"all", "include", "a", "mx", "ptr", "ip4", "ip6", "exists"})
_LOOKED_UP = frozenset({"include", "a", "mx", "ptr", "exists"})


@dataclass
class _Walk:
    """What following a record has found so far."""

    lookups: int = 0
    included: set[str] = field(default_factory=set)
    problem: str = ""


def spf_problem(name: str, record: str, resolver: Resolver, *, must_include: str = "") -> str:
    """What is wrong with the record, as a sentence; "" when nothing is. Raises TemporaryFailure.

    `must_include` is a domain that the record, or one it includes, has to include.
    """
    walk = _Walk()
    _follow(name, record, resolver, walk, {name})
    if not walk.problem and must_include and must_include.lower() not in walk.included:
        return f"It does not let us send: put include:{must_include} into it."
    return walk.problem


def _follow(name: str, record: str, resolver: Resolver, walk: _Walk, path: set[str]) -> None:
    for term in record.split()[1:]:
        if walk.problem:
            return
        match = _MECHANISM.fullmatch(term)
        if match is None:
            walk.problem = f"“{term[:80]}” is no part of an SPF record."
            return
        qualifier, word, separator, value, _length = match.groups()
        word = word.lower()
        if separator == "=" and word == "redirect":
            _look_into(name, value, resolver, walk, path)
        elif separator == "=":
            continue  # exp and unknown modifiers are ignored (RFC 7208 6)
        elif word not in _MECHANISMS:
            walk.problem = f"“{term[:80]}” is no part of an SPF record."
        elif word == "all" and qualifier in ("", "+"):
            walk.problem = "“+all” lets everybody send in this name. Write ~all or -all."
        elif word == "include":
            walk.included.add(value.lower())
            _look_into(name, value, resolver, walk, path)
        elif word in _LOOKED_UP:
            _count(walk)


def _count(walk: _Walk) -> None:
    walk.lookups += 1
    if walk.lookups > MOST_LOOKUPS:
        walk.problem = (
            f"It needs more than {MOST_LOOKUPS} questions to the DNS, so receivers give up. Remove senders that are no "
            "longer used."
        )


def _look_into(name: str, other: str, resolver: Resolver, walk: _Walk, path: set[str]) -> None:
    _count(walk)
    if walk.problem or "%" in other:  # a macro depends on the single mail
        return
    other = other.lower().rstrip(".")
    if not other or other in path:
        walk.problem = f"It includes “{other or name}”, which leads back to itself."
        return
    try:
        records = [text for text in resolver.txt(other) if text.lower().split(" ")[0] == "v=spf1"]
    except NoSuchRecord:
        records = []
    if len(records) != 1:
        walk.problem = f"It includes {other}, which has no valid SPF record."
        return
    _follow(other, records[0], resolver, walk, path | {other})
