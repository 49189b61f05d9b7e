"""What changed between two versions of a template, line by line."""

import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass

from core.email_templates.models import EmailTemplateVersion, TemplateBlockVersion

CONTEXT_LINES = 3
MAX_LINES = 3_000
"""Comparing takes the square of this in the worst case."""
MAX_SHOWN = 2_000
_LONGEST_LINE = 600
_LONG_ON_AVERAGE = 300


@dataclass(frozen=True, slots=True)
class Row:
    """One line: `kind` is "same", "added", "removed" or "gap" (lines left out); numbers count from 1, 0 for none."""

    kind: str
    old_number: int
    new_number: int
    text: str


@dataclass(frozen=True, slots=True)
class ComparedField:
    """One field that differs. `is_cut` when there is more than is shown."""

    label: str
    rows: tuple[Row, ...]
    added: int
    removed: int
    is_cut: bool


def compared_fields(
    older: EmailTemplateVersion | TemplateBlockVersion, newer: EmailTemplateVersion | TemplateBlockVersion
) -> list[ComparedField]:
    """The fields that differ between two versions of one thing, in the order of the form."""
    if isinstance(older, EmailTemplateVersion) and isinstance(newer, EmailTemplateVersion):
        shown = _template_fields(older, newer)
    elif isinstance(older, TemplateBlockVersion) and isinstance(newer, TemplateBlockVersion):
        shown = _block_fields(older, newer)
    else:
        raise TypeError("Versions of two kinds cannot be compared.")
    return [compared(label, before, after) for label, before, after in shown if before != after]


def _block_fields(older: TemplateBlockVersion, newer: TemplateBlockVersion) -> list[tuple[str, str, str]]:
    return [
        ("Name", older.name, newer.name),
        ("Name in templates", older.key, newer.key),
        ("Category", older.get_category_display(), newer.get_category_display()),
        ("HTML", older.html, newer.html),
    ]


def _template_fields(older: EmailTemplateVersion, newer: EmailTemplateVersion) -> list[tuple[str, str, str]]:
    return [
        ("Name", older.name, newer.name),
        ("Category", older.get_category_display(), newer.get_category_display()),
        ("Subject", older.subject, newer.subject),
        ("Preheader", older.preheader, newer.preheader),
        ("Written in", older.get_markup_display(), newer.get_markup_display()),
        (newer.get_markup_display(), older.html, newer.html),
        ("Plain text", older.text, newer.text),
    ]


def compared(label: str, before: str, after: str) -> ComparedField:
    """Two texts line by line. Sources without line ends are split between tags."""
    old, new = _lines(before), _lines(after)
    is_cut = len(old) > MAX_LINES or len(new) > MAX_LINES
    rows = list(_rows(old[:MAX_LINES], new[:MAX_LINES]))
    return ComparedField(
        label=label,
        rows=tuple(rows[:MAX_SHOWN]),
        added=sum(row.kind == "added" for row in rows),
        removed=sum(row.kind == "removed" for row in rows),
        is_cut=is_cut or len(rows) > MAX_SHOWN,
    )


def _lines(text: str) -> list[str]:
    if len(text) > _LONG_ON_AVERAGE * (text.count("\n") + 1):
        text = re.sub(r">(?=<)", ">\n", text)
    return text.splitlines()


def _rows(old: list[str], new: list[str]) -> Iterator[Row]:
    head = _common(old, new)
    tail = _common(old[head:][::-1], new[head:][::-1])
    middle_old, middle_new = old[head : len(old) - tail], new[head : len(new) - tail]
    if head > CONTEXT_LINES:
        yield Row("gap", 0, 0, "")
    start = max(head - CONTEXT_LINES, 0)
    yield from (_row("same", n, n, old[n]) for n in range(start, head))
    matcher = difflib.SequenceMatcher(None, middle_old, middle_new, autojunk=len(middle_old) > MAX_LINES // 6)
    for group in matcher.get_grouped_opcodes(CONTEXT_LINES) if middle_old or middle_new else ():
        if group[0][1] > 0:
            yield Row("gap", 0, 0, "")
        for kind, old_start, old_end, new_start, new_end in group:
            if kind == "equal":
                pairs = zip(range(old_start, old_end), range(new_start, new_end), strict=True)
                yield from (_row("same", head + n, head + m, middle_old[n]) for n, m in pairs)
            else:
                yield from (_row("removed", head + n, -1, middle_old[n]) for n in range(old_start, old_end))
                yield from (_row("added", -1, head + m, middle_new[m]) for m in range(new_start, new_end))
    end = len(old) - tail
    shift = len(new) - len(old)
    yield from (_row("same", n, n + shift, old[n]) for n in range(end, min(end + CONTEXT_LINES, len(old))))
    if tail > CONTEXT_LINES:
        yield Row("gap", 0, 0, "")


def _row(kind: str, old_index: int, new_index: int, text: str) -> Row:
    shown = text if len(text) <= _LONGEST_LINE else f"{text[:_LONGEST_LINE]}…"
    return Row(kind, old_index + 1, new_index + 1, shown)


def _common(one: list[str], two: list[str]) -> int:
    """How many lines at the beginning are the same."""
    count = 0
    for left, right in zip(one, two, strict=False):
        if left != right:
            break
        count += 1
    return count
