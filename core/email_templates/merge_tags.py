"""Merge tags: the closed language in which authors say where a contact's data goes.

    {{ contact.first_name }}
    {{ contact.first_name | default: "there" }}

Nothing else exists: no conditions, no loops, no attribute access, no calls. A source is parsed once into literal text
and slots; a slot knows how to escape its value for the place where it stands, and a value is never parsed again.

In HTML the place decides: text and quoted attributes escape HTML, addresses (`href`, `src` …) percent-encode. A tag is
refused where no escaping helps: in <script> and <style>, in style and event attributes, in names and unquoted values.
Comments are not shown to anyone, so a tag in one stays literal (Outlook's conditional comments count as markup).
"""

import difflib
import html
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from core.common.errors import DomainError
from core.email_templates.escapes import ESCAPERS, Escape
from core.email_templates.placement import RefusedPlace, place_tags

__all__ = ["Escape", "KnownKeys", "MergeTagError", "MergeTemplate", "Problem", "Slot", "mask_tags", "parse"]

MAX_SOURCE_CHARACTERS = 500_000
MAX_TAGS = 1_000
MAX_PROBLEMS = 20

CONTACT_FIELDS = ("email", "first_name", "last_name", "full_name", "company", "phone")
AUTHOR_KEYS = (
    *(f"contact.{name}" for name in CONTACT_FIELDS),
    "organization.name",
    "organization.postal_address",
    "campaign.name",
    "campaign.subject",
    "system.unsubscribe_url",
    "system.preferences_url",
    "system.view_in_browser_url",
)
ATTRIBUTE_PREFIX = "contact.attributes."

_HTML_TAG = re.compile(r"\{\{[^{}<>]*\}\}")
_HTML_PIECE = re.compile(rf"{_HTML_TAG.pattern}|\{{\{{|\{{%")
_TEXT_PIECE = re.compile(r"\{\{[^{}]*\}\}|\{\{|\{%")
_BODY = re.compile(
    r"\s*(?P<key>[^\s|:\"'“”]+)\s*"
    r"(?:\|\s*default\s*:\s*(?:\"(?P<double>[^\"]*)\"|'(?P<single>[^']*)'|“(?P<curly>[^“”]*)”)\s*)?"
)
_ATTRIBUTE_NAME = re.compile(r"[^\W_][\w-]{0,63}")
_INTERNAL_KEY = re.compile(r"link\.[1-9][0-9]{0,5}|system\.[a-z][a-z_]{0,63}")


@dataclass(frozen=True, slots=True)
class Slot:
    """The place of one value. `key` such as "contact.first_name", "contact.attributes.city" or "link.3"."""

    key: str
    fallback: str
    escape: Escape

    def render(self, values: Mapping[str, str]) -> str:
        """The value, or the fallback where it is missing or blank, escaped for where it lands."""
        value = values.get(self.key)
        return ESCAPERS[self.escape](self.fallback if value is None or not value.strip() else value)


@dataclass(frozen=True, slots=True)
class MergeTemplate:
    """A parsed source: literal text and slots in order. Values are flat strings by key."""

    segments: tuple[str | Slot, ...]

    @property
    def keys(self) -> frozenset[str]:
        """The keys whose values `render` looks at."""
        return frozenset(segment.key for segment in self.segments if isinstance(segment, Slot))

    def render(self, values: Mapping[str, str]) -> str:
        """The text for one recipient."""
        return "".join([segment if isinstance(segment, str) else segment.render(values) for segment in self.segments])


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing in a source to put right. `position` counts from 0, `line` from 1; `suggestion` is a tag or ""."""

    position: int
    line: int
    tag: str
    message: str
    suggestion: str = ""

    def __str__(self) -> str:
        hint = f" Did you mean {self.suggestion}?" if self.suggestion else ""
        return f"Line {self.line}: {self.message}{hint}"


class MergeTagError(DomainError):
    """A source holds merge tags that cannot be used. `problems` lists the first of them in order of appearance."""

    code = "email_templates.merge_tags"

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__(" ".join(str(problem) for problem in problems), problems=problems)
        self.problems = problems


@dataclass(frozen=True, slots=True)
class KnownKeys:
    """The keys that a source may use.

    `attributes` are the names of the client's own contact fields (None: any well-formed name); `internal` allows what
    the product itself writes into a mail and no author may: `link.N` and every `system.` key.
    """

    attributes: frozenset[str] | None = None
    internal: bool = False

    def __contains__(self, key: str) -> bool:
        if key.startswith(ATTRIBUTE_PREFIX):
            name = key.removeprefix(ATTRIBUTE_PREFIX)
            return bool(_ATTRIBUTE_NAME.fullmatch(name)) and (self.attributes is None or name in self.attributes)
        return key in AUTHOR_KEYS or (self.internal and _INTERNAL_KEY.fullmatch(key) is not None)

    def names(self) -> tuple[str, ...]:
        """The keys to offer to an author, own fields last."""
        return (*AUTHOR_KEYS, *(ATTRIBUTE_PREFIX + name for name in sorted(self.attributes or ())))

    def nearest(self, key: str) -> str:
        """The known key that somebody who wrote `key` most likely meant, or ""."""
        names = {name.lower(): name for name in self.names()}
        last_parts = {name.rpartition(".")[2]: name for name in reversed(names)}
        wanted = key.lower()[:100]
        for candidates in (names, last_parts):
            for match in difflib.get_close_matches(wanted, candidates, n=1, cutoff=0.75):
                return names[last_parts.get(match, match)]
        return ""


def mask_tags(source: str, replacement: Callable[[str], str] = lambda tag: "x" * len(tag)) -> str:
    """An HTML source with something in place of everything that is written as a merge tag, known or not.

    By default letters of the same length: no position moves, and no brace, quote or space of a tag is left to
    confuse whoever reads the markup.
    """
    return _HTML_TAG.sub(lambda match: replacement(match.group()), source)


def parse(source: str, *, context: Escape, allowed: KnownKeys) -> MergeTemplate:
    """Split a source into literal text and slots.

    `context` says what the source is: Escape.HTML, TEXT or HEADER. In a HEADER, line breaks become spaces.
    Raises MergeTagError, which lists unknown, misplaced, malformed and unclosed tags with their lines.
    """
    if len(source) > MAX_SOURCE_CHARACTERS:
        raise MergeTagError((Problem(0, 1, "", f"The text is longer than {MAX_SOURCE_CHARACTERS:,} characters."),))
    if context is Escape.HEADER:
        source = ESCAPERS[Escape.HEADER](source)
    segments: list[str | Slot] = []
    problems: list[Problem] = []
    position = 0
    for match, place in _placed(source, context):
        result = _slot(match, place, allowed, in_html=context is Escape.HTML)
        if isinstance(result, Slot):
            segments += (source[position : match.start()], result)
            position = match.end()
        else:
            problems.append(result)
        if len(problems) == MAX_PROBLEMS:
            break
        if len(segments) > 2 * MAX_TAGS:
            problems.append(_problem(match, f"A text can hold {MAX_TAGS:,} merge tags, this one has more."))
            break
    if problems:
        raise MergeTagError(tuple(problems))
    segments.append(source[position:])
    return MergeTemplate(tuple(segment for segment in segments if segment != ""))


def _placed(source: str, context: Escape) -> Iterator[tuple[re.Match[str], Escape | RefusedPlace]]:
    """Tags, unclosed openings and foreign openings, each with its place; those that stay literal are left out."""
    pattern = _HTML_PIECE if context is Escape.HTML else _TEXT_PIECE
    matches = list(pattern.finditer(source))
    if context is not Escape.HTML:
        yield from ((match, context) for match in matches)
        return
    places = place_tags(mask_tags(source), [match.start() for match in matches])
    yield from ((match, place) for match, place in zip(matches, places, strict=True) if place is not None)


def _slot(match: re.Match[str], place: Escape | RefusedPlace, allowed: KnownKeys, *, in_html: bool) -> Slot | Problem:
    text = match.group()
    if text == "{%":
        return _problem(match, "{% … %} is not available here. Merge tags look like {{ contact.first_name }}.")
    if text == "{{":
        return _problem(match, "A merge tag is opened with {{ but not closed with }}, or it has formatting inside.")
    body = _BODY.fullmatch(html.unescape(text[2:-2]) if in_html else text[2:-2])
    if body is None:
        wanted = 'Write {{ contact.first_name }} or {{ contact.first_name | default: "there" }}.'
        return _problem(match, f"{_shortened(text)} cannot be read. {wanted}")
    key = body["key"]
    if key not in allowed:
        nearest = allowed.nearest(key)
        suggestion = f"{{{{ {nearest} }}}}" if nearest else ""
        return _problem(match, f"{_shortened(text)} is not a known merge tag.", suggestion)
    if isinstance(place, RefusedPlace):
        return _problem(match, f"{_shortened(text)} {place.value}")
    return Slot(key, body["double"] or body["single"] or body["curly"] or "", place)


def _problem(match: re.Match[str], message: str, suggestion: str = "") -> Problem:
    line = match.string.count("\n", 0, match.start()) + 1
    return Problem(match.start(), line, match.group(), message, suggestion)


def _shortened(tag: str) -> str:
    return tag if len(tag) <= 80 else f"{tag[:77]}…"
