"""A position-keeping HTML tokenizer: where tags, attribute values, comments and raw text stand in a source.

It follows the tokenization states of the WHATWG HTML standard (13.2.5) as far as mail needs them and never changes or
re-serialises anything: every token is a span of the source, and the spans follow one another without gaps.
The standard library's parser reports neither the places of attribute values nor the insides of Outlook's comments.
"""

import enum
import html
import re
from collections.abc import Iterator
from functools import lru_cache
from html.entities import html5
from typing import Final, NamedTuple

RAW_TEXT_ELEMENTS = frozenset({"script", "style", "xmp", "iframe", "noembed", "noframes", "plaintext"})
"""Elements whose content is not markup and knows no character references."""
ESCAPABLE_RAW_TEXT_ELEMENTS = frozenset({"title", "textarea"})
"""Elements whose content is text with character references, but no markup."""

_ATTRIBUTE = re.compile(
    r"[\t\n\f\r /]*([^\t\n\f\r />][^\t\n\f\r />=]*)"
    r"(?:[\t\n\f\r ]*=[\t\n\f\r ]*(?:\"([^\"]*)(?:\"|\Z)|'([^']*)(?:'|\Z)|([^\t\n\f\r \"'>][^\t\n\f\r >]*)?))?"
)
# A whole tag in one go, which takes each attribute as _ATTRIBUTE does and never goes back on one.
_TAG = re.compile(
    r"</?([A-Za-z][^\t\n\f\r />]*)"
    r"(?>[\t\n\f\r /]*[^\t\n\f\r />][^\t\n\f\r />=]*"
    r"(?:[\t\n\f\r ]*=[\t\n\f\r ]*(?:\"[^\"]*(?:\"|\Z)|'[^']*(?:'|\Z)|(?:[^\t\n\f\r \"'>][^\t\n\f\r >]*)?))?)*+"
    r"[\t\n\f\r /]*>?"
)
_COMMENT_END = re.compile(r"--!?>")
_CONDITIONAL = re.compile(r"<!--\[if [^\]<>]*\]>")
_REFERENCE = re.compile(r"&(#[0-9]+;?|#[xX][0-9a-fA-F]+;?|[A-Za-z][A-Za-z0-9]*;?)")
_CONDITIONAL_END = "<![endif]-->"
BRACE_REFERENCE = re.compile(r"&(?:#0*123(?![0-9])|#[xX]0*7[bB](?![0-9a-fA-F])|lbrace(?=;)|lcub(?=;));?")
"""An opening brace as a character reference, by which authors show what looks like a merge tag and is none."""


class TokenKind(enum.Enum):
    """What a span of the source is."""

    TEXT = "text"
    RAW_TEXT = "raw_text"
    START_TAG = "start_tag"
    END_TAG = "end_tag"
    COMMENT = "comment"


class Attribute(NamedTuple):
    """One attribute: its lower-case name, its span `start:end` and the span of its value (without quotes)."""

    name: str
    start: int
    end: int
    value_start: int
    value_end: int
    quote: str


class Token:
    """A span `start:end` of the source. `name` is the tag's in lower case; for text, the raw element's around it."""

    __slots__ = ("_attributes", "_attributes_at", "_source", "end", "kind", "name", "start")

    def __init__(
        self, kind: TokenKind, start: int, end: int, name: str = "", source: str = "", attributes_at: int = 0
    ) -> None:
        self.kind: Final = kind
        self.start: Final = start
        self.end: Final = end
        self.name: Final = name
        self._source = source
        self._attributes_at = attributes_at
        self._attributes: tuple[Attribute, ...] | None = None

    @property
    def attributes(self) -> tuple[Attribute, ...]:
        """Those of a tag. They are read when somebody asks: of most tags nobody does."""
        if self._attributes is None:
            self._attributes = tuple(_attributes(self._source, self._attributes_at, self.end)) if self._source else ()
        return self._attributes


def names(words: str) -> frozenset[str]:
    """A set of element or attribute names from a line of words."""
    return frozenset(words.split())


def tokenize(source: str) -> Iterator[Token]:
    """The tokens of an HTML source, in order and without gaps; any text is accepted.

    Doctypes, declarations and processing instructions count as comments. The inside of `<!--[if mso]>…<![endif]-->`
    is tokenized as markup, because Outlook reads it as such and others see a comment that nothing in it can end.
    """
    return _tokenize(source, 0, len(source))


@lru_cache(maxsize=4)
def tokens_of(source: str) -> tuple[Token, ...]:
    """The same, all at once and kept for the next who asks: a mail is looked through several times in a row."""
    return tuple(tokenize(source))


def _tokenize(source: str, position: int, stop: int) -> Iterator[Token]:
    while position < stop:
        less_than = _next_markup(source, position, stop)
        if less_than > position:
            yield Token(TokenKind.TEXT, position, less_than)
        if less_than == stop:
            return
        position = less_than
        tag = _TAG.match(source, position, stop)
        if tag is None:
            end = _comment_end(source, position, stop)
            yield from _comment(source, position, end)
            position = end
            continue
        kind = TokenKind.END_TAG if source[position + 1] == "/" else TokenKind.START_TAG
        token = Token(kind, position, tag.end(), tag[1].lower(), source, tag.end(1))
        yield token
        position = token.end
        if token.kind is TokenKind.START_TAG and token.name in RAW_TEXT_ELEMENTS | ESCAPABLE_RAW_TEXT_ELEMENTS:
            end = _raw_text_end(source, token.name, position, stop)
            if end > position:
                kind = TokenKind.RAW_TEXT if token.name in RAW_TEXT_ELEMENTS else TokenKind.TEXT
                yield Token(kind, position, end, token.name)
            position = end


def _next_markup(source: str, position: int, stop: int) -> int:
    """The place of the next `<` that opens a tag, a comment or a declaration; `stop` without one."""
    while (position := source.find("<", position, stop)) != -1:
        following = source[position + 1 : min(position + 2, stop)]
        if following and (following in "!?/" or (following.isascii() and following.isalpha())):
            return position
        position += 1
    return stop


def _comment_end(source: str, position: int, stop: int) -> int:
    if not source.startswith("<!--", position, stop):
        end = source.find(">", position, stop)
        return stop if end == -1 else end + 1
    for abrupt in ("<!-->", "<!--->"):
        if source.startswith(abrupt, position, stop):
            return position + len(abrupt)
    match = _COMMENT_END.search(source, position + 4, stop)
    return match.end() if match else stop


def _comment(source: str, start: int, end: int) -> Iterator[Token]:
    opening = _CONDITIONAL.match(source, start, end)
    inner_end = end - len(_CONDITIONAL_END)
    if opening is None or inner_end < opening.end() or not source.startswith(_CONDITIONAL_END, inner_end):
        yield Token(TokenKind.COMMENT, start, end)
        return
    yield Token(TokenKind.COMMENT, start, opening.end())
    yield from _tokenize(source, opening.end(), inner_end)
    yield Token(TokenKind.COMMENT, inner_end, end)


def _attributes(source: str, position: int, stop: int) -> Iterator[Attribute]:
    for match in _ATTRIBUTE.finditer(source, position, stop):
        group = match.lastindex or 1
        value_start, value_end = match.span(group) if group > 1 else (match.end(), match.end())
        quote = source[value_start - 1] if group in (2, 3) else ""
        yield Attribute(match[1].lower(), match.start(1), match.end(), value_start, value_end, quote)


def _raw_text_end(source: str, name: str, position: int, stop: int) -> int:
    if name == "plaintext":
        return stop
    match = re.compile(rf"</{name}(?=[\t\n\f\r />])", re.IGNORECASE).search(source, position, stop)
    return match.start() if match else stop


def unescape_attribute(value: str) -> str:
    """An attribute's value with character references decoded once, as a browser does (WHATWG HTML 13.2.5.73).

    Unlike in text, a named reference without semicolon stays when `=`, a letter or a digit follows: `?a=1&copy=2` is
    an address, not a copyright sign.
    """
    return _REFERENCE.sub(_decode_reference, value) if "&" in value else value


def _decode_reference(match: re.Match[str]) -> str:
    name = match.group(1)
    if name.startswith("#"):
        return html.unescape(match.group())
    is_parameter = not name.endswith(";") and match.string[match.end() : match.end() + 1] == "="
    return match.group() if is_parameter else html5.get(name, match.group())
