"""What of an author's HTML may leave in a mail: layout and links, no code.

nh3 and its like clean fragments: they drop doctype, <html>, <head>, <body> and Outlook's conditional comments, which
a mail needs. So a whole document, already normalised by an HTML5 parser (css-inline's), is filtered tag by tag against
lists of what is allowed. Text and attribute values leave with every < and > escaped, and no element is let through
whose content browsers read by other rules (svg, math, noscript …), so nothing kept can turn into markup later.
"""

import re
from collections.abc import Iterator
from functools import lru_cache

from core.email_templates.markup import Attribute, Token, TokenKind, names, tokenize, unescape_attribute
from core.email_templates.placement import LINKABLE_SCHEMES, URL_ATTRIBUTES, url_scheme

ALLOWED_ELEMENTS = names(
    "html head title meta style body a abbr address area article aside b big blockquote br caption center cite code "
    "col colgroup dd del details dfn div dl dt em figcaption figure font footer h1 h2 h3 h4 h5 h6 header hr i img ins "
    "kbd li main map mark nav ol p pre q s samp section small span strike strong sub summary sup table tbody td tfoot "
    "th thead time tr tt u ul var wbr xml v:roundrect v:rect v:oval v:fill v:textbox v:image v:shape v:shapetype "
    "v:line v:stroke w:anchorlock o:officedocumentsettings o:allowpng o:pixelsperinch"
)
DROPPED_WITH_CONTENT = names(
    "script noscript iframe object applet svg math template noembed noframes xmp plaintext textarea select frameset "
    "audio video canvas button"
)
ALLOWED_ATTRIBUTES = names(
    "abbr align alt axis background bgcolor border bordercolor cellpadding cellspacing char charset cite class clear "
    "color colspan content coords datetime dir face height href hspace http-equiv id label lang media name nowrap "
    "rel role rowspan rules scope shape size span src start style summary target title type usemap valign value "
    "vspace width xml:lang arcsize fillcolor strokecolor stroked stroke strokeweight fill filled inset coordsize "
    "aspect position path from to"
)
ALLOWED_ATTRIBUTE_PREFIXES = ("data-", "aria-", "xmlns", "o:", "v:", "w:")
ALLOWED_META_NAMES = names(
    "viewport color-scheme supported-color-schemes format-detection x-apple-disable-message-reformatting"
)
ALLOWED_SCHEMES = LINKABLE_SCHEMES | {"", "cid"}

_NAME = re.compile(r"[a-z][a-z0-9:_.-]*")
_IMAGE_DATA = re.compile(r"data:image/(?:png|gif|jpeg|webp)[;,]", re.IGNORECASE)
_KEPT_COMMENT = re.compile(
    r"<!doctype html[^>]*>|<!--\[if [^\]<>]*\](?:>|><!-->|><!-- -->)|<!(?:--<!)?\[endif\]-->", re.I
)
_CSS_ESCAPE = re.compile(r"\\([0-9a-f]{1,6})\s?|\\(.)", re.IGNORECASE | re.DOTALL)
_CSS_COMMENT = re.compile(r"/\*.*?(?:\*/|\Z)", re.DOTALL)
_CSS_CODE = re.compile(r"expression\(|javascript:|vbscript:|behaviou?r:|-moz-binding|</|<!--|-->")


def without_code(document: str) -> str:
    """`document` without scripts, frames, forms, event handlers, foreign schemes, remote links and authors' comments.

    Unknown elements go and their content stays; elements made for code go with their content. A style attribute or
    <style> element that tries to run code goes as a whole.
    """
    return "".join(_kept(document, _outside_dropped(tokenize(document))))


def _outside_dropped(tokens: Iterator[Token]) -> Iterator[Token]:
    """The tokens outside of DROPPED_WITH_CONTENT elements; an unclosed one takes the rest along."""
    inside, depth = "", 0
    for token in tokens:
        if depth:
            if token.name == inside and token.kind in (TokenKind.START_TAG, TokenKind.END_TAG):
                depth += 1 if token.kind is TokenKind.START_TAG else -1
        elif token.name in DROPPED_WITH_CONTENT and token.kind is TokenKind.START_TAG:
            inside, depth = token.name, 1
        else:
            yield token


def _kept(document: str, tokens: Iterator[Token]) -> Iterator[str]:
    for token in tokens:
        text = document[token.start : token.end]
        if token.kind is TokenKind.TEXT:
            yield text.replace("<", "&lt;").replace(">", "&gt;")
        elif token.kind is TokenKind.RAW_TEXT:
            yield text if token.name == "style" and _is_plain_css(text) else ""
        elif token.kind is TokenKind.COMMENT:
            yield text if _KEPT_COMMENT.fullmatch(text) else ""
        elif token.name in ALLOWED_ELEMENTS:
            yield _end_tag(document, token) if token.kind is TokenKind.END_TAG else _start_tag(document, token)


def _end_tag(document: str, token: Token) -> str:
    return f"</{document[token.start + 2 : token.start + 2 + len(token.name)]}>"


def _start_tag(document: str, token: Token) -> str:
    if token.name == "meta" and not _is_plain_meta(document, token):
        return ""
    # VML and Office names are case-sensitive for Outlook, so the name is taken as written.
    name = document[token.start + 1 : token.start + 1 + len(token.name)]
    kept = [
        written
        for item in token.attributes
        if (written := _written(item.name, document[item.value_start : item.value_end], _has_value(document, item)))
    ]
    closing = " />" if document.endswith("/>", token.start, token.end) else ">"
    return f"<{' '.join([name, *kept])}{closing}"


def _has_value(document: str, attribute: Attribute) -> bool:
    return "=" in document[attribute.start : attribute.end]


@lru_cache(maxsize=4096)
def _written(name: str, value: str, has_value: bool) -> str:
    """An attribute as it may leave; "" when it may not. A mail says the same few hundreds of times."""
    if not _is_allowed(name, value):
        return ""
    if not has_value:
        return name
    escaped = value.replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")
    return f'{name}="{escaped}"'


def _is_allowed(name: str, written: str) -> bool:
    if not _NAME.fullmatch(name) or not (name in ALLOWED_ATTRIBUTES or name.startswith(ALLOWED_ATTRIBUTE_PREFIXES)):
        return False
    value = unescape_attribute(written)
    if name == "style":
        return _is_plain_css(value)
    if name.rpartition(":")[2] not in URL_ATTRIBUTES:
        return True
    return url_scheme(value) in ALLOWED_SCHEMES or (name != "href" and _IMAGE_DATA.match(value) is not None)


def _is_plain_meta(document: str, token: Token) -> bool:
    values = {item.name: document[item.value_start : item.value_end].lower() for item in token.attributes}
    if "http-equiv" in values:
        return values["http-equiv"] in ("content-type", "x-ua-compatible")
    return "charset" in values or values.get("name", "") in ALLOWED_META_NAMES


def _is_plain_css(css: str) -> bool:
    """Whether CSS holds nothing that has ever run code in a mail program, however it is spelled."""
    decoded = _CSS_ESCAPE.sub(_decode_css_escape, _CSS_COMMENT.sub("", css))
    return not _CSS_CODE.search(re.sub(r"[\x00-\x20]", "", decoded).lower())


def _decode_css_escape(match: re.Match[str]) -> str:
    code = int(match.group(1), 16) if match.group(1) else 0
    return match.group(2) or (chr(code) if code <= 0x10FFFF else "")
