"""Verdicts and their reasons in sentences for people."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from core.tracking.choices import PEOPLE, Verdict, VerdictReason

_LABELS = dict(VerdictReason.choices)


@dataclass(frozen=True, slots=True)
class ChangeRow:
    """How many events change from one verdict to another, in words. `crosses`: between people and machines."""

    before: str
    after: str
    count: int
    crosses: bool


def change_rows(changes: Mapping[str, int]) -> list[ChangeRow]:
    """The counts of a VerdictRun, the largest first."""
    rows = []
    for key, count in changes.items():
        before, after = (Verdict(value) for value in key.split(">"))
        rows.append(ChangeRow(str(before.label), str(after.label), count, (before in PEOPLE) != (after in PEOPLE)))
    return sorted(rows, key=lambda row: (-row.count, row.before, row.after))


def reason_words(reasons: Sequence[str]) -> list[str]:
    """Every reason in words; codes of older versions as they are."""
    return [str(_LABELS.get(reason, reason)) for reason in reasons]


def why(reasons: Sequence[str]) -> str:
    """The deciding reason in words, or ""."""
    return reason_words(reasons[:1])[0] if reasons else ""


def lower_first(words: str) -> str:
    """To go on with in a sentence; names like "Apple Mail" keep their capital."""
    return words if words.startswith(("Apple", "Gmail")) else words[:1].lower() + words[1:]
