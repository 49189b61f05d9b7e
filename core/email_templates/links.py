"""The links of a mail that can be counted: found, numbered in order of appearance, and rewritten in place.

Only `http` and `https` links with a host are counted. Everything else stays byte for byte: mailto, tel, sms, anchors,
empty and relative addresses, links that hold a merge tag (each recipient has another target), and all other markup.
"""

import re
from collections.abc import Callable, Iterator

from core.email_templates.markup import Attribute, TokenKind, tokenize, unescape_attribute
from core.email_templates.merge_tags import mask_tags

LINK_ELEMENTS = frozenset({"a", "area", "v:roundrect", "v:rect", "v:oval", "v:shape", "v:image"})
"""Elements that a reader can click; the `v:` ones are Outlook's (VML buttons in conditional comments)."""

_COUNTED = re.compile(r"https?://[^/?#\s]", re.IGNORECASE)
# Browsers drop these from an address before they follow it (WHATWG URL, 4.4).
_DROPPED_IN_URLS = re.compile(r"[\t\n\r]")


def rewrite_links(html: str, *, replacement: Callable[[int, str], str]) -> tuple[str, tuple[str, ...]]:
    """The mail with each counted link's address replaced, and the targets by number (the first is link 1).

    `replacement(number, url)` is written into the attribute as it is, so it may be a merge tag such as
    `{{ link.3 }}`; it must not hold quotes. Nothing but the addresses changes.
    """
    pieces: list[str] = []
    targets: list[str] = []
    position = 0
    for attribute, url in _counted(html):
        targets.append(url)
        written = replacement(len(targets), url)
        pieces += (html[position : attribute.value_start], written if attribute.quote else f'"{written}"')
        position = attribute.value_end
    pieces.append(html[position:])
    return "".join(pieces), tuple(targets)


def _counted(html: str) -> Iterator[tuple[Attribute, str]]:
    masked = mask_tags(html)
    for token in tokenize(masked):
        if token.kind is not TokenKind.START_TAG or token.name not in LINK_ELEMENTS:
            continue
        # Of two attributes with one name the first counts.
        attribute = next((item for item in token.attributes if item.name == "href"), None)
        if attribute is None:
            continue
        value = html[attribute.value_start : attribute.value_end]
        url = _DROPPED_IN_URLS.sub("", unescape_attribute(value)).strip()
        if "{{" not in value and _COUNTED.match(url):
            yield attribute, url
