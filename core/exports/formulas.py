"""Cells that a spreadsheet would run as a formula, made harmless."""

import re

_STARTERS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
_HARMLESS = re.compile(r"\+[0-9 ()./-]+|-?[0-9]+(?:\.[0-9]+)?")


def formula_safe(value: str) -> str:
    """The cell as text: an apostrophe goes before what would start a formula (OWASP, CSV injection).

    A telephone number such as "+44 20 7946 0000" and a plain number such as "-5.5" compute nothing and stay as they
    are, so that they survive the way back.
    """
    if not value or value[0] not in _RISKY:
        return value
    if not value.lstrip(" \"'").startswith(_STARTERS) or _HARMLESS.fullmatch(value):
        return value
    return "'" + value


_RISKY = frozenset("".join(_STARTERS) + " \"'")
