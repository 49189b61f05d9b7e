"""MJML: a short language for mails that look right in every mail program, translated into HTML.

mrml, the library that translates, reads files and addresses for <mj-include> when it is told to, walks the document
recursively (some hundred nested sections overflow a small thread's stack, and the process dies), and says hardly where
a mistake is. So the source is read here first, by the tokenizer of ours: what is wrong is refused with its line, and
mrml gets a document written anew from our tokens, in which every `<` is one that we counted.
"""

import difflib
import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field

import mrml

from core.email_templates.html import UnreadableHtmlError
from core.email_templates.markup import Attribute, Token, TokenKind, names, tokenize
from core.email_templates.merge_tags import mask_tags

MAX_CHARACTERS = 200_000
MAX_NESTING = 60
MAX_ELEMENTS = 2_000
MAX_VALUE_CHARACTERS = 2_000
"""Of one attribute: an accordion writes its own into each of its parts."""
MAX_SHARED_CHARACTERS = 4_000_000
"""What <mj-attributes> says is written into every element: the product of both is limited."""

ELEMENTS = names(
    "mjml mj-head mj-body mj-title mj-preview mj-attributes mj-all mj-class mj-breakpoint mj-font mj-style mj-raw "
    "mj-html-attributes mj-selector mj-html-attribute mj-wrapper mj-section mj-column mj-group mj-text mj-button "
    "mj-image mj-divider mj-spacer mj-table mj-hero mj-social mj-social-element mj-navbar mj-navbar-link "
    "mj-accordion mj-accordion-element mj-accordion-title mj-accordion-text mj-carousel mj-carousel-image"
)
_VOID = names("area base br col embed hr img input link meta param source track wbr")
_WITHOUT_TEXT = frozenset({"mjml", "mj-head", "mj-attributes", "mj-html-attributes"})
_WITHOUT_MARKS = names("mj-style style script mj-title mj-preview title")
_MARKED_ATTRIBUTES = frozenset({"href", "src"})
"""Attributes that come out of the translation as they went in: marks in them tell the lines."""
_OF_THE_WHOLE = names("html head body meta title style link")
_LONG_ATTRIBUTES = frozenset({"src", "href", "background-url", "content"})
_TAG_NAME = re.compile(r"[a-z][a-z0-9:-]*")
_ATTRIBUTE_NAME = re.compile(r"[a-z_][a-z0-9_:.-]*", re.IGNORECASE)
_BARE_AMPERSAND = re.compile(r"&(?!#?[A-Za-z0-9]+;)")
_PARSER = mrml.ParserOptions(include_loader=mrml.noop_loader())
# Without fonts of its own: mrml would load Ubuntu from Google.
_RENDERER = mrml.RenderOptions(fonts={})


class UnreadableMjmlError(UnreadableHtmlError):
    """MJML that cannot be translated. Fields: line (from 1; 0 where nobody knows)."""

    code = "email_templates.unreadable_mjml"

    def __init__(self, message: str, line: int = 0) -> None:
        super().__init__(message, line=line)
        self.line = line


def compile_mjml(source: str) -> str:
    """The HTML document of an MJML source. Merge tags are kept byte for byte, comments go.

    Nothing is loaded from anywhere. Raises UnreadableMjmlError with the line of the first mistake.
    """
    html, reader = _compiled(source, has_marks=False)
    return reader.restored(html)


def compile_with_lines(source: str) -> tuple[str, tuple[int, ...]]:
    """The same mail with line breaks inside its tags, and for each of its lines the one of the MJML that wrote what
    begins there (0: nobody can tell). Raises UnreadableMjmlError."""
    html, reader = _compiled(source, has_marks=True)
    return _with_lines(html, reader)


def _compiled(source: str, *, has_marks: bool) -> tuple[str, "_Reader"]:
    """The HTML as mrml writes it, with placeholders for merge tags, and the reader that knows them."""
    if len(source) > MAX_CHARACTERS:
        raise UnreadableMjmlError(f"The MJML is longer than {MAX_CHARACTERS:,} characters. Make it shorter.")
    marker = _unused_marker(source)
    # mrml stumbles over a carriage return between elements.
    text = source.replace("\x00", " ").replace("\r\n", "\n").replace("\r", "\n")
    reader = _Reader(text, marker, has_marks)
    document = reader.document()
    html = _translated(document)
    for placeholder, line in reader.shown:
        if placeholder not in html:
            tag = reader.tags[placeholder]
            raise UnreadableMjmlError(
                f"{tag} stands where MJML shows no text. Put it into <mj-text> or <mj-raw>.", line
            )
    return html, reader


def _with_lines(html: str, reader: "_Reader") -> tuple[str, tuple[int, ...]]:
    pieces: list[str] = []
    lines: list[int] = []
    begun = 0
    for piece, line, is_tag in _lined_pieces(html, reader):
        begun = begun or line if is_tag else line or begun
        # Inside a tag a break changes nothing, and what follows begins a line.
        written = reader.restored(piece[:-1] + "\n>" if is_tag else piece)
        for _ in range(written.count("\n")):
            lines.append(begun)
            begun = begun + 1 if line and not is_tag else 0
        pieces.append(written)
    return "".join(pieces), (*lines, begun)


def _lined_pieces(html: str, reader: "_Reader") -> Iterator[tuple[str, int, bool]]:
    """The document in pieces without marks: each with the line of the MJML (of a start tag without one, that of what
    stands in it), and whether it is a tag that may be broken. What only Outlook reads stays as it is."""
    tokens = list(tokenize(html))
    marked = [reader.without_mark(html[token.start : token.end]) for token in tokens]
    following = 0
    inherited: list[int] = []
    for token, (_piece, line) in zip(reversed(tokens), reversed(marked), strict=True):
        following = line or following
        inherited.append(line or (0 if token.name in _OF_THE_WHOLE else following))
    is_for_outlook = False
    for token, (piece, marked_line), line in zip(tokens, marked, reversed(inherited), strict=True):
        if token.kind is TokenKind.COMMENT:
            is_for_outlook = piece.startswith("<!--[if") and piece.endswith("]>")
        is_tag = token.kind in (TokenKind.START_TAG, TokenKind.END_TAG) and not is_for_outlook
        if token.kind is TokenKind.TEXT and marked_line:
            line = marked_line - piece[: len(piece) - len(piece.lstrip())].count("\n")
        elif token.kind is not TokenKind.START_TAG:
            line = 0
        yield piece, line, is_tag and piece[-2:] not in ("/>", "\n>")


def _translated(document: str) -> str:
    try:
        return mrml.to_html(document, _PARSER, _RENDERER).content
    except OSError as error:
        raise UnreadableMjmlError(f"The MJML cannot be read ({error}). Compare it with a design that works.") from error
    except BaseException as error:
        # A Rust panic: its class belongs to no module one could import, and derives from no Exception.
        if type(error).__name__ != "PanicException":
            raise
        raise UnreadableMjmlError("The MJML cannot be translated. Look for a size that is no number.") from error


def _unused_marker(source: str) -> str:
    """Letters that the source does not hold; a letter comes first and last so that nothing around them joins in."""
    while (marker := f"mjt{secrets.token_hex(4)}q") in source.lower():
        continue
    return marker


@dataclass(slots=True)
class _Reader:
    """Checks one source and writes it anew. `tags` are the merge tags by placeholder, `shown` those that stand in
    text, with their lines."""

    source: str
    marker: str
    has_marks: bool = False
    tags: dict[str, str] = field(default_factory=dict)
    shown: list[tuple[str, int]] = field(default_factory=list)
    _opened: list[tuple[str, int]] = field(default_factory=list)
    _elements: int = 0
    _shared: int = 0
    _has_root: bool = False

    def restored(self, html: str) -> str:
        """With the merge tags in the places of their placeholders."""
        return re.sub(rf"{self.marker}[0-9]+z", lambda match: self.tags[match.group()], html)

    def without_mark(self, piece: str) -> tuple[str, int]:
        """A piece of the result without the marks in it, and the line that the first of them names (0: none)."""
        mark = rf' data-{self.marker}l="([0-9]+)"|{self.marker}l([0-9]+)z'
        first = re.search(mark, piece)
        return (re.sub(mark, "", piece), int(first[1] or first[2])) if first else (piece, 0)

    def document(self) -> str:
        """The source for mrml. Raises UnreadableMjmlError."""
        written = "".join(piece for token in tokenize(mask_tags(self.source)) for piece in self._written(token))
        if not self._has_root:
            raise UnreadableMjmlError("MJML begins with <mjml> and ends with </mjml>.", 1)
        if self._opened:
            name, position = self._opened[-1]
            raise self._mistake(f"<{name}> is opened here and never closed.", position)
        if self._shared * self._elements > MAX_SHARED_CHARACTERS:
            raise UnreadableMjmlError("<mj-attributes> says too much for so many elements. Make either shorter.")
        return written

    def _written(self, token: Token) -> Iterator[str]:
        if token.kind is TokenKind.COMMENT:
            self._refuse_special_comment(token)
        elif token.kind is TokenKind.START_TAG:
            yield from self._start(token)
        elif token.kind is TokenKind.END_TAG:
            yield from self._end(token)
        elif self._opened:
            yield self._text(token)

    def _refuse_special_comment(self, token: Token) -> None:
        opening = self.source[token.start : token.start + 9].lower()
        if opening.startswith(("<!--[if", "<![if", "<![endif")):
            raise self._mistake("Conditional comments are not possible in MJML: it writes those itself.", token.start)
        if opening.startswith("<![cdata"):
            raise self._mistake("<![CDATA[ is not possible here. Write the text as it is.", token.start)

    def _start(self, token: Token) -> Iterator[str]:
        name = self._element_name(token)
        is_void = name in _VOID
        is_closed = self.source.endswith("/>", token.start, token.end)
        self._count(name, token)
        attributes = "".join(self._attribute(name, attribute) for attribute in self._once(token))
        if self.has_marks and not name.startswith("mj"):
            attributes += f' data-{self.marker}l="{self._line(token.start)}"'
        if is_void:
            yield f"<{name}{attributes} />"
        elif is_closed:
            yield f"<{name}{attributes}></{name}>"
        else:
            self._opened.append((name, token.start))
            yield f"<{name}{attributes}>"

    def _element_name(self, token: Token) -> str:
        name = token.name
        if self.source[token.start + 1 : token.start + 1 + len(name)].lower() != name or not _TAG_NAME.fullmatch(name):
            raise self._mistake("This is no name of an element.", token.start)
        if name == "mj-include":
            raise self._mistake("<mj-include> is not possible here. Use a block: {{ block.name }}.", token.start)
        if name.startswith("mj") and name not in ELEMENTS:
            nearest = difflib.get_close_matches(name, ELEMENTS, n=1, cutoff=0.6)
            hint = f" Did you mean <{nearest[0]}>?" if nearest else ""
            raise self._mistake(f"MJML has no element <{name}>.{hint}", token.start)
        return name

    def _count(self, name: str, token: Token) -> None:
        is_outside = bool(self._has_root and not self._opened)
        if is_outside or (not self._has_root and name != "mjml"):
            raise self._mistake("Everything stands inside one <mjml> … </mjml>.", token.start)
        self._has_root = True
        self._elements += name.startswith("mj")
        if self._elements > MAX_ELEMENTS:
            raise self._mistake(f"The MJML has more than {MAX_ELEMENTS:,} elements. Make it shorter.", token.start)
        if len(self._opened) == MAX_NESTING:
            raise self._mistake(f"The MJML nests more than {MAX_NESTING} elements.", token.start)
        if any(opened in ("mj-attributes", "mj-html-attributes") for opened, _position in self._opened):
            self._shared += token.end - token.start
        if name == "mj-social-element" and not any(attribute.name == "src" for attribute in token.attributes):
            raise self._mistake('<mj-social-element> needs a picture of your own: src="https://…".', token.start)

    def _once(self, token: Token) -> Iterator[Attribute]:
        seen: set[str] = set()
        for attribute in token.attributes:
            if attribute.name not in seen:
                seen.add(attribute.name)
                yield attribute

    def _attribute(self, element: str, attribute: Attribute) -> str:
        written_name = self.source[attribute.start : attribute.start + len(attribute.name)]
        if written_name.lower() != attribute.name or not _ATTRIBUTE_NAME.fullmatch(attribute.name):
            raise self._mistake(f"<{element}> holds something that is no attribute.", attribute.start)
        value = self.source[attribute.value_start : attribute.value_end]
        if len(value) > MAX_VALUE_CHARACTERS and attribute.name not in _LONG_ATTRIBUTES:
            message = f"{attribute.name} of <{element}> is longer than {MAX_VALUE_CHARACTERS:,} characters."
            raise self._mistake(message, attribute.start)
        mark = ""
        if self.has_marks and element.startswith("mj") and attribute.name in _MARKED_ATTRIBUTES:
            mark = f"{self.marker}l{self._line(attribute.start)}z"
        return f' {attribute.name}="{mark}{_escaped(mask_tags(value, self._shield))}"'

    def _end(self, token: Token) -> Iterator[str]:
        if token.name in _VOID:
            return
        if not self._opened:
            raise self._mistake(f"</{token.name}> closes what was never opened.", token.start)
        name, position = self._opened.pop()
        if name != token.name:
            line = self._line(position)
            message = f"</{token.name}> stands here, but <{name}> of line {line} is still open. Close it first."
            raise self._mistake(message, token.start)
        yield f"</{name}>"

    def _text(self, token: Token) -> str:
        text = self.source[token.start : token.end]
        parent = self._opened[-1][0]
        if parent in _WITHOUT_TEXT and text.strip():
            start = token.start + len(text) - len(text.lstrip())
            raise self._mistake(f"Text stands in <{parent}>, which takes elements only.", start)

        def shield(tag: str) -> str:
            placeholder = self._shield(tag)
            self.shown.append((placeholder, self._line(token.start + text.find(tag))))
            return placeholder

        shielded = mask_tags(text, shield)
        if self.has_marks and text.strip() and parent not in _WITHOUT_MARKS:
            blank = len(shielded) - len(shielded.lstrip())
            line = self._line(token.start + len(text) - len(text.lstrip()))
            shielded = f"{shielded[:blank]}{self.marker}l{line}z{shielded[blank:]}"
        return shielded.replace("<", "&lt;") if token.kind is TokenKind.RAW_TEXT else _escaped_text(shielded)

    def _shield(self, tag: str) -> str:
        placeholder = f"{self.marker}{len(self.tags)}z"
        self.tags[placeholder] = tag
        return placeholder

    def _line(self, position: int) -> int:
        return self.source.count("\n", 0, position) + 1

    def _mistake(self, message: str, position: int) -> UnreadableMjmlError:
        return UnreadableMjmlError(message, self._line(position))


def _escaped(value: str) -> str:
    return _BARE_AMPERSAND.sub("&amp;", value).replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")


def _escaped_text(text: str) -> str:
    # A ">" stays: it is a combinator in <mj-style>.
    return text.replace("<", "&lt;")
