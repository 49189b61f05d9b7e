"""Cells that a spreadsheet would run as a formula, made harmless."""

_STARTERS = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")
_PHONE = frozenset("0123456789 ()./-")


def formula_safe(value: str) -> str:
    """The cell as text: an apostrophe goes before what would start a formula (OWASP, CSV injection).

    A telephone number such as "+44 20 7946 0000" computes nothing and stays as it is, so that it survives the way back.
    """
    bare = value.lstrip(" \"'")
    if not bare.startswith(_STARTERS):
        return value
    if bare[0] == "+" and len(bare) > 1 and set(bare[1:]) <= _PHONE and value == bare:
        return value
    return "'" + value
