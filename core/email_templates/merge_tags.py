"""Merge tags: the closed language in which authors say where a contact's data goes, and which words go to whom.

    {{ contact.first_name }}
    {{ contact.first_name | default: "there" }}
    {{ if contact.company }} … {{ else }} … {{ end }}
    {{ if contact.attributes.city is "Berlin" }} … {{ end }}        also: is not

Nothing else exists: no loops, no attribute access, no calls, no "and". As a grammar:

    source    = { literal | value | choice }
    value     = "{{" key [ "|" "default" ":" string ] "}}"
    choice    = "{{" "if" key [ "is" [ "not" ] string ] "}}" source [ "{{" "else" "}}" source ] "{{" "end" "}}"
    string    = '"' … '"' | "'" … "'" | "“" … "”"

A condition without `is` asks whether there is a value; a comparison looks neither at upper and lower case nor at the
number of spaces. Choices stand in one another MAX_DEPTH deep at most. A source is parsed once into literal text, slots
and choices; a slot knows how to escape its value for the place where it stands, and a value is never parsed again.

In HTML the place decides: text and quoted attributes escape HTML, addresses (`href`, `src` …) percent-encode. A tag is
refused where no escaping helps: in <script> and <style>, in style and event attributes, in names and unquoted values.
The brand's colours and font (`brand.STYLE_KEYS`) may stand in styles, where only a colour or a font gets through.
Comments are not shown to anyone, so a tag in one stays literal (Outlook's conditional comments count as markup).
All parts of a choice stand in the same attribute, or between elements, where each branch holds whole elements; in an
address they stand behind its scheme. In plain text a line with nothing but a part of a choice leaves no empty line.
"""

import difflib
import html
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from core.common.errors import DomainError
from core.email_templates.branches import Mark, torn_branches
from core.email_templates.brand import BRAND_KEYS, STYLE_KEYS
from core.email_templates.conditions import Condition, control_word, foreign_word, read_condition
from core.email_templates.escapes import ESCAPERS, Escape
from core.email_templates.placement import BETWEEN_ELEMENTS, Placed, RefusedPlace, place_tags
from core.email_templates.segments import Choice, MergeTemplate, Segment, Slot

__all__ = [
    "Choice",
    "Condition",
    "Escape",
    "KnownKeys",
    "MergeTagError",
    "MergeTemplate",
    "Problem",
    "Segment",
    "Slot",
    "mask_tags",
    "parse",
    "tag_positions",
]

MAX_SOURCE_CHARACTERS = 500_000
MAX_TAGS = 1_000
MAX_DEPTH = 3
MAX_PROBLEMS = 20

CONTACT_FIELDS = ("email", "first_name", "last_name", "full_name", "company", "phone")
AUTHOR_KEYS = (
    *(f"contact.{name}" for name in CONTACT_FIELDS),
    "organization.name",
    "organization.postal_address",
    "campaign.name",
    "campaign.subject",
    *BRAND_KEYS,
    "system.unsubscribe_url",
    "system.preferences_url",
    "system.view_in_browser_url",
)
ATTRIBUTE_PREFIX = "contact.attributes."
_STYLE_PLACES = (RefusedPlace.STYLE, RefusedPlace.STYLE_ATTRIBUTE)

_HTML_TAG = re.compile(r"\{\{[^{}<>]*\}\}")
_HTML_PIECE = re.compile(rf"{_HTML_TAG.pattern}|\{{\{{|\{{%")
_TEXT_PIECE = re.compile(r"\{\{[^{}]*\}\}|\{\{|\{%")
_BODY = re.compile(
    r"\s*(?P<key>[^\s|:\"'“”]+)\s*"
    r"(?:\|\s*default\s*:\s*(?:\"(?P<double>[^\"]*)\"|'(?P<single>[^']*)'|“(?P<curly>[^“”]*)”)\s*)?"
)
_BLANK_LINE_END = re.compile(r"[ \t]*(?:\r\n|\n|\r|\Z)")
_ATTRIBUTE_NAME = re.compile(r"[^\W_][\w-]{0,63}")
_INTERNAL_KEY = re.compile(r"link\.[1-9][0-9]{0,5}|system\.[a-z][a-z_]{0,63}")


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

    def can_be_asked(self, key: str) -> bool:
        """Whether a condition may look at this key: at what is known of the contact, the client and the campaign."""
        return key in self and key != "campaign.subject" and not key.startswith(("system.", "link."))

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


def tag_positions(source: str) -> list[int]:
    """Where in an HTML source everything begins that is written as a merge tag, known or not."""
    return [match.start() for match in _HTML_TAG.finditer(source)]


def parse(source: str, *, context: Escape, allowed: KnownKeys) -> MergeTemplate:
    """Split a source into literal text, slots and choices.

    `context` says what the source is: Escape.HTML, TEXT or HEADER. In a HEADER, line breaks become spaces.
    Raises MergeTagError, which lists unknown, misplaced, malformed and unclosed tags with their lines.
    """
    if len(source) > MAX_SOURCE_CHARACTERS:
        raise MergeTagError((Problem(0, 1, "", f"The text is longer than {MAX_SOURCE_CHARACTERS:,} characters."),))
    if context is Escape.HEADER:
        source = ESCAPERS[Escape.HEADER](source)
    parser = _Parser(source, context, allowed)
    for number, (tag, placed) in enumerate(_placed(source, context), start=1):
        parser.take(tag, placed)
        if len(parser.problems) == MAX_PROBLEMS:
            break
        if number > MAX_TAGS:
            parser.problems.append(_problem(tag, f"A text can hold {MAX_TAGS:,} merge tags, this one has more."))
            break
    return parser.template()


@dataclass(frozen=True, slots=True)
class _Tag:
    """One tag of a source, or an opening that is none. `body` is its inside with character references decoded."""

    match: re.Match[str]
    body: str
    word: str

    @property
    def text(self) -> str:
        return self.match.group()


def _tag(match: re.Match[str], context: Escape) -> _Tag:
    body = match.group()[2:-2]
    if context is Escape.HTML:
        body = html.unescape(body)
    return _Tag(match, body, control_word(body))


def _placed(source: str, context: Escape) -> Iterator[tuple[_Tag, Placed]]:
    """Tags, unclosed openings and foreign openings, each with its place; those that stay literal are left out."""
    pattern = _HTML_PIECE if context is Escape.HTML else _TEXT_PIECE
    tags = [_tag(match, context) for match in pattern.finditer(source)]
    if context is not Escape.HTML:
        yield from ((tag, Placed(context)) for tag in tags)
        return
    conditions = frozenset(tag.match.start() for tag in tags if tag.word)
    places = place_tags(mask_tags(source), [tag.match.start() for tag in tags], conditions)
    yield from ((tag, place) for tag, place in zip(tags, places, strict=True) if place is not None)


@dataclass(slots=True)
class _Open:
    """A choice whose end was not read yet. `outer` is what stands around it, `then` its first branch once complete."""

    tag: _Tag
    condition: Condition
    scope: int
    outer: list[Segment]
    then: list[Segment] | None = None


@dataclass(slots=True)
class _Parser:
    """Takes the tags of one source in order and puts the segments together."""

    source: str
    context: Escape
    allowed: KnownKeys
    problems: list[Problem] = field(default_factory=list)
    _segments: list[Segment] = field(default_factory=list)
    _opened: list[_Open] = field(default_factory=list)
    _marks: list[Mark] = field(default_factory=list)
    _position: int = 0

    def take(self, tag: _Tag, placed: Placed) -> None:
        """Note the tag as a slot, as a part of a choice, or as a problem."""
        if not tag.word:
            result = _slot(tag, placed.place, self.allowed)
            self._add_literal(tag.match.start(), tag.match.end())
            self._segments.append(result) if isinstance(result, Slot) else self.problems.append(result)
            return
        if isinstance(placed.place, RefusedPlace) and tag.word == "if":
            self.problems.append(_problem(tag, f"{_shortened(tag.text)} {placed.place.value}"))
        if placed.scope == BETWEEN_ELEMENTS and self.context is Escape.HTML:
            self._marks.append(Mark(tag.match.start(), tag.match.end(), tag.word))
        self._add_literal(*self._span(tag))
        if tag.word == "if":
            self._open(tag, placed)
        elif not self._opened:
            self.problems.append(_problem(tag, f"{tag.text} has no {{{{ if … }}}} before it."))
        else:
            self._continue(tag, placed)

    def template(self) -> MergeTemplate:
        """What was taken, with the rest of the source. Raises MergeTagError."""
        if len(self.problems) < MAX_PROBLEMS:
            self.problems += [
                _problem(one.tag, f"{_shortened(one.tag.text)} has no {{{{ end }}}}.") for one in self._opened
            ]
        if not self.problems and self._marks:
            for tear in torn_branches(mask_tags(self.source), self._marks):
                shown = _shortened(self.source[tear.mark.start : tear.mark.end])
                message = f"What stands behind {shown} {tear.message} Put whole elements into a condition."
                self.problems.append(_problem_at(self.source, tear.mark.start, tear.mark.end, message))
        if self.problems:
            ordered = sorted(self.problems, key=lambda problem: problem.position)
            raise MergeTagError(tuple(ordered[:MAX_PROBLEMS]))
        self._segments.append(self.source[self._position :])
        return MergeTemplate(_without_empty(self._segments))

    def _add_literal(self, stop: int, resume: int) -> None:
        self._segments.append(self.source[self._position : stop])
        self._position = resume

    def _span(self, tag: _Tag) -> tuple[int, int]:
        """Where the literal before the tag ends and the one behind it starts: the whole line, when it stands alone."""
        start, end = tag.match.span()
        if self.context is not Escape.TEXT:
            return start, end
        line_start = max(self.source.rfind("\n", 0, start) + 1, self._position)
        is_line = line_start == 0 or self.source[line_start - 1] == "\n"
        behind = _BLANK_LINE_END.match(self.source, end)
        if is_line and behind and not self.source[line_start:start].strip(" \t"):
            return line_start, behind.end()
        return start, end

    def _open(self, tag: _Tag, placed: Placed) -> None:
        condition = self._condition(tag)
        if len(self._opened) == MAX_DEPTH:
            self.problems.append(_problem(tag, f"Conditions can stand in one another {MAX_DEPTH} deep, not deeper."))
        self._opened.append(_Open(tag, condition, placed.scope, self._segments))
        self._segments = []

    def _continue(self, tag: _Tag, placed: Placed) -> None:
        """The second branch, or the end."""
        opened = self._opened[-1]
        if placed.scope != opened.scope:
            message = f"{tag.text} stands in another place than its {_shortened(opened.tag.text)}. Keep both together."
            self.problems.append(_problem(tag, message))
        if tag.word == "end":
            self._opened.pop()
            first, second = (self._segments, []) if opened.then is None else (opened.then, self._segments)
            choice = Choice(opened.condition, _without_empty(first), _without_empty(second))
            self._segments = opened.outer
            self._segments.append(choice)
        elif opened.then is not None:
            self.problems.append(_problem(tag, f"{_shortened(opened.tag.text)} has a second {{{{ else }}}}."))
        else:
            opened.then = self._segments
            self._segments = []

    def _condition(self, tag: _Tag) -> Condition:
        """The condition of an `if`; what cannot be read is noted and stands for one that never holds."""
        condition = read_condition(tag.body)
        if condition is None:
            wanted = 'Write {{ if contact.company }} or {{ if contact.company is "Example Ltd" }}.'
            self.problems.append(_problem(tag, f"{_shortened(tag.text)} cannot be read. {wanted}"))
            return Condition("")
        if condition.key not in self.allowed:
            nearest = self.allowed.nearest(condition.key)
            suggestion = tag.body.replace(condition.key, nearest, 1).strip() if nearest else ""
            message = f"{_shortened(tag.text)} asks for {condition.key}, which is not known."
            self.problems.append(_problem(tag, message, f"{{{{ {suggestion} }}}}" if suggestion else ""))
        elif not self.allowed.can_be_asked(condition.key):
            message = f"A condition cannot ask for {condition.key}: every mail has it."
            self.problems.append(_problem(tag, message))
        return condition


def _without_empty(segments: Iterable[Segment]) -> tuple[Segment, ...]:
    return tuple(segment for segment in segments if segment != "")


def _slot(tag: _Tag, place: Escape | RefusedPlace, allowed: KnownKeys) -> Slot | Problem:
    text = tag.text
    if text == "{%":
        return _problem(tag, "{% … %} is not available here. Merge tags look like {{ contact.first_name }}.")
    if text == "{{":
        return _problem(tag, "A merge tag is opened with {{ but not closed with }}, or it has formatting inside.")
    body = _BODY.fullmatch(tag.body)
    if foreign := foreign_word(tag.body):
        return _problem(tag, f"{_shortened(text)} is not available here. {foreign}")
    if body is None:
        wanted = 'Write {{ contact.first_name }} or {{ contact.first_name | default: "there" }}.'
        return _problem(tag, f"{_shortened(text)} cannot be read. {wanted}")
    key = body["key"]
    if key not in allowed:
        nearest = allowed.nearest(key)
        suggestion = f"{{{{ {nearest} }}}}" if nearest else ""
        return _problem(tag, f"{_shortened(text)} is not a known merge tag.", suggestion)
    if place in _STYLE_PLACES and key in STYLE_KEYS:
        place = Escape.STYLE
    if isinstance(place, RefusedPlace):
        return _problem(tag, f"{_shortened(text)} {place.value}")
    return Slot(key, body["double"] or body["single"] or body["curly"] or "", place)


def _problem(tag: _Tag, message: str, suggestion: str = "") -> Problem:
    return _problem_at(tag.match.string, *tag.match.span(), message, suggestion)


def _problem_at(source: str, start: int, end: int, message: str, suggestion: str = "") -> Problem:
    return Problem(start, source.count("\n", 0, start) + 1, source[start:end], message, suggestion)


def _shortened(tag: str) -> str:
    return tag if len(tag) <= 80 else f"{tag[:77]}…"
