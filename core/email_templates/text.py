"""The plain text part of a mail, made from its HTML: readable, with the address beside each link, nothing hidden."""

import html
import re

from core.email_templates.markup import BRACE_REFERENCE, Token, TokenKind, names, tokenize, unescape_attribute
from core.email_templates.merge_tags import mask_tags

_BLOCKS = names(
    "address article aside blockquote body center dd div dl dt fieldset figcaption figure footer header main nav "
    "section table tbody tfoot thead tr ul ol li"
)
_PARAGRAPHS = frozenset({"p", "h1", "h2", "h3", "h4", "h5", "h6"})
_VOID = frozenset({"area", "base", "br", "col", "hr", "img", "input", "link", "meta", "source", "track", "wbr"})
_HIDING_STYLE = re.compile(r"(?:^|;)\s*(?:display\s*:\s*none|visibility\s*:\s*hidden)\b", re.IGNORECASE)
_SPACES = re.compile(r"[ \t\r\n\f]+")
_INVISIBLE = re.compile(r"[\u00ad\u034f\u200b\u2060\ufeff]")
_CONDITIONAL_OPEN = re.compile(r"<!--\[if [^\]<>]*\]>")
# A line that only frames a branch leaves with its branch, and takes the empty line behind it along.
_LONELY_CONDITION = re.compile(r"^(\{\{ *(?:if [^{}\n]*|else|end) *\}\})\n\n", re.IGNORECASE | re.MULTILINE)
_RULE = "-" * 40
_LONE_BRACE = " { "
"""Plain text has no other way to write a brace that begins no merge tag."""
_BLOCK_END = "\f"
_BULLET = re.compile(r"- |[0-9]+\. ")


def html_to_text(source: str) -> str:
    """The text of a mail's HTML, as `prepare_html` returns it (every element closed).

    A link reads `text (address)`, or only the address where both are the same; `mailto:` and `tel:` show their text.
    List items get a dash or a number, pictures their alt text in brackets, merge tags stay as they are.
    Hidden elements such as the preheader, styles, titles and what only Outlook sees are left out.
    """
    walker = _Walker(source)
    for token in tokenize(mask_tags(source)):
        walker.take(token)
    return walker.text()


class _Walker:
    """Collects the text of one document. `take` every token in order, then ask for `text`."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._pieces: list[str] = []
        self._hidden_by = ""
        self._hidden_depth = 0
        self._is_for_outlook = False
        self._links: list[tuple[str, int]] = []
        self._lists: list[int | None] = []

    def text(self) -> str:
        """The lines collected so far, at most one empty line between them, ending with a line feed."""
        lines = [_SPACES.sub(" ", line).strip(" ") for line in self._with_block_ends().split("\n")]
        joined = re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip("\n")
        joined = _LONELY_CONDITION.sub(r"\1\n", joined)
        return f"{joined}\n" if joined else ""

    def _with_block_ends(self) -> str:
        """The pieces joined; a block starts a new line only where the line before has words on it."""
        blocks: list[str] = []
        for block in "".join(self._pieces).split(_BLOCK_END):
            stripped = block.strip(" ")
            if stripped:
                on_new_line = not blocks or blocks[-1].endswith("\n") or stripped.startswith("\n")
                blocks.append(stripped if on_new_line else f"\n{stripped}")
        return "".join(blocks)

    def take(self, token: Token) -> None:
        if token.kind is TokenKind.COMMENT:
            opening = self._source[token.start : token.end]
            self._is_for_outlook = _CONDITIONAL_OPEN.fullmatch(opening) is not None
        elif self._is_for_outlook or token.kind is TokenKind.RAW_TEXT:
            return
        elif self._hidden_depth:
            self._take_hidden(token)
        elif token.kind is TokenKind.TEXT:
            self._add_text(token)
        elif token.kind is TokenKind.START_TAG:
            self._start(token)
        else:
            self._end(token.name)

    def _take_hidden(self, token: Token) -> None:
        if token.name == self._hidden_by and token.kind is not TokenKind.TEXT:
            self._hidden_depth += 1 if token.kind is TokenKind.START_TAG else -1
            if not self._hidden_depth:
                self._break_before(token.name)

    def _add_text(self, token: Token) -> None:
        if token.name:
            return
        written = BRACE_REFERENCE.sub(_LONE_BRACE, self._source[token.start : token.end])
        text = html.unescape(written).replace("\u00a0", " ")
        self._pieces.append(_SPACES.sub(" ", _INVISIBLE.sub("", text)))

    def _start(self, token: Token) -> None:
        if token.name not in _VOID and self._is_hidden(token):
            self._hidden_by, self._hidden_depth = token.name, 1
            return
        self._break_before(token.name)
        if token.name == "img" or self._value(token, "role") == "img":
            self._picture(token)
        elif token.name == "a":
            self._links.append((self._value(token, "href").strip(), len(self._pieces)))
        elif token.name in ("ul", "ol"):
            self._lists.append(0 if token.name == "ol" else None)
        elif token.name == "li":
            self._pieces.append(self._next_bullet())
        elif token.name in ("td", "th"):
            self._pieces.append(" ")

    def _picture(self, token: Token) -> None:
        """A picture's words; what stands inside an element drawn as a picture (role="img") is not text."""
        label = (self._value(token, "alt") or self._value(token, "aria-label")).strip()
        self._pieces.append(f" [{label}] " if label else "")
        if token.name not in _VOID:
            self._hidden_by, self._hidden_depth = token.name, 1

    def _end(self, name: str) -> None:
        if name == "a" and self._links:
            self._end_link(*self._links.pop())
        elif name in ("ul", "ol") and self._lists:
            self._lists.pop()
        self._break_before(name)

    def _end_link(self, address: str, first_piece: int) -> None:
        shown = _SPACES.sub(" ", "".join(self._pieces[first_piece:])).strip()
        if not address or address.startswith("#") or address.lower().startswith(("mailto:", "tel:", "sms:")):
            return
        if not shown:
            self._pieces.append(address)
        elif shown not in (address, address.removeprefix("https://").removeprefix("http://").rstrip("/")):
            self._pieces.append(f" ({address})")

    def _break_before(self, name: str) -> None:
        if self._pieces and _BULLET.fullmatch(self._pieces[-1]):
            return
        if name == "hr":
            self._pieces.append(f"\n\n{_RULE}\n\n")
        elif name in _PARAGRAPHS:
            self._pieces.append("\n\n")
        elif name == "br":
            self._pieces.append("\n")
        elif name in _BLOCKS:
            self._pieces.append(_BLOCK_END)

    def _next_bullet(self) -> str:
        if not self._lists or (number := self._lists[-1]) is None:
            return "- "
        self._lists[-1] = number + 1
        return f"{number + 1}. "

    def _is_hidden(self, token: Token) -> bool:
        return any(item.name == "hidden" for item in token.attributes) or bool(
            _HIDING_STYLE.search(self._value(token, "style"))
        )

    def _value(self, token: Token, name: str) -> str:
        for item in token.attributes:
            if item.name == name:
                brace = "%7B" if name == "href" else _LONE_BRACE
                return unescape_attribute(BRACE_REFERENCE.sub(brace, self._source[item.value_start : item.value_end]))
        return ""
