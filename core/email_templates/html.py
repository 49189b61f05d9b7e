"""From an author's HTML to the HTML of a mail: CSS made inline, code taken out, preheader and open pixel put in.

Everything here runs once for a template or a campaign, never for each recipient. Merge tags leave as they came.
"""

import html
import re
import secrets
from collections import Counter
from collections.abc import Iterator

import css_inline

from core.common.errors import DomainError
from core.email_templates.markup import (
    BRACE_REFERENCE,
    Token,
    TokenKind,
    names,
    tokenize,
    tokens_of,
    unescape_attribute,
)
from core.email_templates.merge_tags import MAX_SOURCE_CHARACTERS, mask_tags, tag_positions
from core.email_templates.sanitizing import without_code

# css-inline walks the document recursively and overflows a small thread's stack at some thousand levels: the process
# would die with it. Real mails stay under 60.
MAX_NESTING = 200
_VOID_OR_IMPLICITLY_CLOSED = names(
    "area base br col embed hr img input link meta param source track wbr "
    "p li dt dd tr td th thead tbody tfoot option optgroup colgroup rp rt"
)

_TEXT, _HEAD, _TABLE, _SECTION = "text", "head", "table", "section"
_PLACES_AFTER = {
    **dict.fromkeys(("td", "th"), (_TEXT, _SECTION)),
    **dict.fromkeys(("tbody", "thead", "tfoot"), (_SECTION, _TABLE)),
    "tr": (_SECTION, _SECTION),
    "caption": (_TEXT, _TABLE),
}
"""Where one is in a table behind a start tag, and behind an end tag."""
_ROW_FOLLOWS = re.compile(r"(?:\{\{[^{}<>]*\}\}\s*)+<tr[\s>]", re.IGNORECASE)

# Style blocks stay for media queries, dark mode and :hover; what was made inline leaves them.
_INLINER = css_inline.CSSInliner(load_remote_stylesheets=False, keep_style_tags=True, remove_inlined_selectors=True)

# Space that fills the rest of the inbox preview, so that the mail's first words do not follow the preheader.
_PREVIEW_FILLER = "&#847;&zwnj;&nbsp;" * 60
_PREHEADER = (
    '<div style="display:none;max-height:0;max-width:0;overflow:hidden;opacity:0;mso-hide:all;'
    'font-size:1px;line-height:1px" aria-hidden="true">{text}{filler}</div>'
)
BRACE = "&#123;"
_NOTE = (
    '<p style="background:#fef3c7;color:#78350f;font:13px/1.5 sans-serif;margin:0;padding:12px;text-align:center">'
    "{words}</p>"
)
# Without words, out of sight, out of the order of the keyboard and of what is read aloud; not for text either.
_HIDDEN_LINK = (
    '<div style="display:none;max-height:0;max-width:0;overflow:hidden;mso-hide:all" aria-hidden="true">'
    '<a href="{url}" tabindex="-1" style="display:none"></a></div>'
)
_OPEN_PIXEL = '<img src="{url}" width="1" height="1" alt="" style="display:block;width:1px;height:1px;border:0">'


class UnreadableHtmlError(DomainError):
    """The HTML of a template could not be read."""

    code = "email_templates.unreadable_html"


def prepare_html(source: str, *, marked: str = "") -> str:
    """A whole HTML document, fit to be sent, from what an author wrote (a document or a fragment).

    CSS is made inline without loading anything, media queries stay, scripts, frames, forms, event handlers, foreign
    schemes and ordinary comments go, Outlook's conditional comments stay. Merge tags are kept byte for byte, and a
    brace written as a character reference stays one: it begins no tag.
    `marked` is the same source with more attributes in its start tags, to be prepared in its place.
    Raises UnreadableHtmlError for a source that is too long or whose CSS cannot be read.
    """
    if len(source) > MAX_SOURCE_CHARACTERS:
        raise UnreadableHtmlError(f"The HTML is longer than {MAX_SOURCE_CHARACTERS:,} characters. Make it shorter.")
    if _nesting(source) > MAX_NESTING:
        raise UnreadableHtmlError(
            f"The HTML nests more than {MAX_NESTING} elements. Close the elements that stay open."
        )
    source = source.replace("\x00", "")
    tags: dict[str, str] = {}
    textless = _textless_tags(source)
    source = marked.replace("\x00", "") or source
    marker = _unused_marker(source)

    def shield(tag: str) -> str:
        placeholder = f"{marker}{len(tags)}z"
        # Letters between the rows of a table would be moved out of it, a comment stays.
        number = len(tags)
        shielded = f"{textless[number]}<!--{placeholder}-->" if number in textless else placeholder
        tags[placeholder] = tag
        return shielded

    def shield_brace(_reference: re.Match[str]) -> str:
        return shield(BRACE)

    shielded = BRACE_REFERENCE.sub(shield_brace, mask_tags(source, shield))
    try:
        document = _INLINER.inline(shielded)
    except css_inline.InlineError as error:
        raise UnreadableHtmlError(_style_complaint(source)) from error
    document = re.sub(rf"<!--({marker}[0-9]+z)-->", r"\1", document) if textless else document
    return _with_doctype(_unshielded(without_code(document), marker, tags))


def with_preheader(document: str, text: str) -> str:
    """`document` with `text` as the line that inboxes show beside the subject, hidden in the mail itself.

    `text` is plain text and may hold merge tags. An empty one changes nothing.
    """
    if not text.strip():
        return document
    hidden = _PREHEADER.format(text=html.escape(text, quote=False), filler=_PREVIEW_FILLER)
    position = next((tag.end for tag in _tags(document) if _is(tag, TokenKind.START_TAG, "body")), 0)
    return document[:position] + hidden + document[position:]


def with_note(document: str, words: str) -> str:
    """`document` with a line in small print at its end."""
    position = _body_end(document)
    return document[:position] + _NOTE.format(words=html.escape(words)) + document[position:]


def open_pixel(url: str) -> str:
    """The picture that counts opens."""
    return _OPEN_PIXEL.format(url=url)


def with_open_pixel(document: str, url_tag: str) -> str:
    """`document` with an invisible picture at its end; `url_tag` is the merge tag of its address."""
    position = _body_end(document)
    return document[:position] + open_pixel(url_tag) + document[position:]


def hidden_link(url: str) -> str:
    """The link that nobody can see or reach: programs that follow every link of a mail follow it as well."""
    return _HIDDEN_LINK.format(url=url)


def with_hidden_link(document: str, url_tag: str) -> str:
    """`document` with an invisible link at its end; `url_tag` is the merge tag of its address."""
    position = _body_end(document)
    return document[:position] + hidden_link(url_tag) + document[position:]


def _nesting(source: str) -> int:
    """How deep the elements of a source can be nested at most, those aside that the next of their kind closes."""
    opened: Counter[str] = Counter()
    depth = deepest = 0
    for token in tokens_of(mask_tags(source)):
        if token.name in _VOID_OR_IMPLICITLY_CLOSED:
            continue
        if token.kind is TokenKind.START_TAG:
            opened[token.name] += 1
            depth += 1
            deepest = max(deepest, depth)
        elif token.kind is TokenKind.END_TAG and opened[token.name]:
            opened[token.name] -= 1
            depth -= 1
    return deepest


def _body_end(document: str) -> int:
    ends = [tag.start for tag in _tags(document) if _is(tag, TokenKind.END_TAG, "body")]
    return ends[-1] if ends else len(document)


def _textless_tags(source: str) -> dict[int, str]:
    """The merge tags (by number, from 0) that stand where HTML knows no text: in the head, or between the parts of a
    table. Only conditions have a meaning there.

    The value is what has to stand before the tag: a row's <tbody>, which parsers open behind it otherwise.
    """
    positions = tag_positions(source)
    if not positions:
        return {}
    found: dict[int, str] = {}
    number, places, is_for_outlook = 0, [_TEXT], False
    for token in tokens_of(mask_tags(source)):
        while number < len(positions) and positions[number] < token.end:
            is_text = token.kind is TokenKind.TEXT and not token.name
            if is_text and places[-1] != _TEXT and not is_for_outlook:
                begins_rows = places[-1] == _TABLE and _ROW_FOLLOWS.match(source, positions[number]) is not None
                found[number] = "<tbody>" if begins_rows else ""
                places[-1] = _SECTION if begins_rows else places[-1]
            number += 1
        if token.kind is TokenKind.COMMENT:
            is_for_outlook = source.startswith("<!--[if", token.start) and source.startswith("]>", token.end - 2)
        elif not is_for_outlook:
            _follow(places, token)
    return found


def _follow(places: list[str], token: Token) -> None:
    """Keep `places` true: the last one says what may stand here, those before it what may stand around the table."""
    is_start = token.kind is TokenKind.START_TAG
    if token.kind not in (TokenKind.START_TAG, TokenKind.END_TAG):
        return
    if token.name in ("head", "table"):
        if is_start:
            places.append(_TABLE if token.name == "table" else _HEAD)
        elif len(places) > 1:
            places.pop()
    elif len(places) > 1 and token.name in _PLACES_AFTER:
        places[-1] = _PLACES_AFTER[token.name][0 if is_start else 1]


def _style_complaint(source: str) -> str:
    """The sentence that names the first style attribute which css-inline (it gives no place) cannot read."""
    masked = mask_tags(source)
    for token in tokenize(masked):
        for attribute in token.attributes:
            if attribute.name != "style":
                continue
            value = unescape_attribute(masked[attribute.value_start : attribute.value_end])
            try:
                _INLINER.inline(f'<style>p{{top:0}}</style><p style="{html.escape(value)}">')
            except css_inline.InlineError:
                line = source.count("\n", 0, attribute.start) + 1
                return f'Line {line}: style="{value[:80]}" cannot be read. Write it as "name: value; name: value".'
    return "The styles of the HTML cannot be read. Look for a rule without a closing brace."


def _unused_marker(source: str) -> str:
    """Letters that the source does not hold; a letter comes first and last so that nothing around them joins in."""
    while (marker := f"mtq{secrets.token_hex(4)}q") in source.lower():
        continue
    return marker


def _unshielded(document: str, marker: str, tags: dict[str, str]) -> str:
    return re.sub(rf"{marker}[0-9]+z", lambda match: tags[match.group()], document)


def _with_doctype(document: str) -> str:
    return document if document[:9].lower() == "<!doctype" else f"<!DOCTYPE html>{document}"


def _tags(document: str) -> Iterator[Token]:
    """The tokens of a document whose merge tags are taken as plain letters."""
    return tokenize(mask_tags(document))


def _is(token: Token, kind: TokenKind, name: str) -> bool:
    return token.kind is kind and token.name == name
