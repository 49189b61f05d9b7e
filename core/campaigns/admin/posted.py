"""Numbers that pages carry along in their forms and addresses: whoever writes them anew writes anything."""

UNKNOWN_VERSION = -1
"""No campaign has it: who did not say what they saw is asked again, as after somebody else's change."""
_LONGEST = 9
"""Digits that every integer column takes."""


def posted_number(text: str) -> int | None:
    """The number, or None for what is none."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= _LONGEST else None


def posted_version(text: str) -> int:
    """The version of a campaign that somebody saw before they decided."""
    number = posted_number(text)
    return UNKNOWN_VERSION if number is None else number
