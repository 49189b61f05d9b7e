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
from core.email_templates.markup import Token, TokenKind, names, tokenize, unescape_attribute
from core.email_templates.merge_tags import MAX_SOURCE_CHARACTERS, mask_tags
from core.email_templates.sanitizing import without_code

# css-inline walks the document recursively and overflows a small thread's stack at some thousand levels: the process
# would die with it. Real mails stay under 60.
MAX_NESTING = 200
_VOID_OR_IMPLICITLY_CLOSED = names(
    "area base br col embed hr img input link meta param source track wbr "
    "p li dt dd tr td th thead tbody tfoot option optgroup colgroup rp rt"
)

# Style blocks stay for media queries, dark mode and :hover; what was made inline leaves them.
_INLINER = css_inline.CSSInliner(load_remote_stylesheets=False, keep_style_tags=True, remove_inlined_selectors=True)

# Space that fills the rest of the inbox preview, so that the mail's first words do not follow the preheader.
_PREVIEW_FILLER = "&#847;&zwnj;&nbsp;" * 60
_PREHEADER = (
    '<div style="display:none;max-height:0;max-width:0;overflow:hidden;opacity:0;mso-hide:all;'
    'font-size:1px;line-height:1px" aria-hidden="true">{text}{filler}</div>'
)
_OPEN_PIXEL = '<img src="{url}" width="1" height="1" alt="" style="display:block;width:1px;height:1px;border:0">'


class UnreadableHtmlError(DomainError):
    """The HTML of a template could not be read."""

    code = "email_templates.unreadable_html"


def prepare_html(source: str) -> str:
    """A whole HTML document, fit to be sent, from what an author wrote (a document or a fragment).

    CSS is made inline without loading anything, media queries stay, scripts, frames, forms, event handlers, foreign
    schemes and ordinary comments go, Outlook's conditional comments stay. Merge tags are kept byte for byte.
    Raises UnreadableHtmlError for a source that is too long or whose CSS cannot be read.
    """
    if len(source) > MAX_SOURCE_CHARACTERS:
        raise UnreadableHtmlError(f"The HTML is longer than {MAX_SOURCE_CHARACTERS:,} characters. Make it shorter.")
    if _nesting(source) > MAX_NESTING:
        raise UnreadableHtmlError(
            f"The HTML nests more than {MAX_NESTING} elements. Close the elements that stay open."
        )
    tags: dict[str, str] = {}
    marker = _unused_marker(source)

    def shield(tag: str) -> str:
        placeholder = f"{marker}{len(tags)}z"
        tags[placeholder] = tag
        return placeholder

    shielded = mask_tags(source.replace("\x00", ""), shield)
    try:
        document = _INLINER.inline(shielded)
    except css_inline.InlineError as error:
        raise UnreadableHtmlError(_style_complaint(source)) from error
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


def open_pixel(url: str) -> str:
    """The picture that counts opens."""
    return _OPEN_PIXEL.format(url=url)


def with_open_pixel(document: str, url_tag: str) -> str:
    """`document` with an invisible picture at its end; `url_tag` is the merge tag of its address."""
    ends = [tag.start for tag in _tags(document) if _is(tag, TokenKind.END_TAG, "body")]
    position = ends[-1] if ends else len(document)
    return document[:position] + open_pixel(url_tag) + document[position:]


def _nesting(source: str) -> int:
    """How deep the elements of a source can be nested at most, those aside that the next of their kind closes."""
    opened: Counter[str] = Counter()
    depth = deepest = 0
    for token in tokenize(mask_tags(source)):
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
