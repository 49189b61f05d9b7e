"""Conditions in a mail: what `{{ if … }}` can ask, and the words that frame the two branches."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

_WORD = re.compile(r"\s*(?:(?P<if>if)(?:\s.*)?|(?P<else>else)|(?P<end>end))\s*", re.IGNORECASE | re.DOTALL)
_QUESTION = re.compile(
    r"\s*if\s+(?P<key>[^\s|:=\"'“”]+)"
    r"(?:\s+is(?P<negation>\s+not)?\s*(?:\"(?P<double>[^\"]*)\"|'(?P<single>[^']*)'|“(?P<curly>[^“”]*)”))?\s*",
    re.IGNORECASE,
)
_FOREIGN = re.compile(
    r"\s*(?P<word>else\s*if|elif|elsif|end\s*if|fi|unless|for|end\s*for|end\s*unless)\b", re.IGNORECASE
)
_END_WORDS = frozenset({"endif", "fi", "endunless", "endfor"})


@dataclass(frozen=True, slots=True)
class Condition:
    """A question about one value: is there one (`wanted` None), or is it (not) `wanted`, as `folded` writes it?"""

    key: str
    wanted: str | None = None
    is_negated: bool = False

    def holds(self, values: Mapping[str, str]) -> bool:
        """The answer for one recipient. A missing value is an empty one."""
        value = values.get(self.key) or ""
        if self.wanted is None:
            return bool(value.strip())
        return (folded(value) == self.wanted) is not self.is_negated


def folded(value: str) -> str:
    """`value` as it is compared: upper and lower case and the number of spaces make no difference."""
    return " ".join(value.split()).casefold()


def control_word(body: str) -> str:
    """ "if", "else" or "end" when the inside of a tag belongs to a condition, else ""."""
    match = _WORD.fullmatch(body)
    return match.lastgroup or "" if match else ""


def read_condition(body: str) -> Condition | None:
    """The condition of an `if` tag's inside; None when it is none."""
    match = _QUESTION.fullmatch(body)
    if match is None:
        return None
    written = [text for text in match.group("double", "single", "curly") if text is not None]
    return Condition(match["key"], folded(written[0]) if written else None, match["negation"] is not None)


def foreign_word(body: str) -> str:
    """What to write in place of a word that other languages have here; "" for anything else."""
    match = _FOREIGN.match(body)
    if match is None:
        return ""
    if "".join(match["word"].lower().split()) in _END_WORDS:
        return "The end of a condition is written {{ end }}."
    return "A condition is written {{ if contact.company }} … {{ else }} … {{ end }}; one can stand inside another."
