"""UTM parameters: written into the web links of a mail before it is frozen. Text in, text out; no database.

Only addresses of http and https with a host of their own are touched. What an author wrote stays: a parameter that is
there already keeps its value, merge tags and the part behind "#" stay as they are.
"""

import html
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import quote, urlsplit

from core.email_templates.links import LINK_ELEMENTS
from core.email_templates.markup import Attribute, TokenKind, tokenize, unescape_attribute
from core.email_templates.merge_tags import mask_tags
from core.email_templates.preview import MailSource

_WEB = re.compile(r"https?://", re.IGNORECASE)
_TEXT_URL = re.compile(r"https?://(?:\{\{[^{}\n]*\}\}|[^\s<>\"{}])+", re.IGNORECASE)
_AFTER_URL = ".,;:!?'\")]"
_HELD = re.compile("\ue000([0-9]+)\ue001")
_SYSTEM_TAG = re.compile(r"\{\{\s*system\.")


@dataclass(frozen=True)
class UtmTags:
    """Parameters by name ("utm_source" …), and the hosts whose links get them (none: every host)."""

    parameters: Mapping[str, str] = field(default_factory=dict)
    hosts: Collection[str] = ()


def host_of(url: str) -> str:
    """The host of a web address in lower case; "" when there is none."""
    try:
        return (urlsplit(url).hostname or "").rstrip(".")
    except ValueError:
        return ""


def tagged_source(source: MailSource, tags: UtmTags) -> MailSource:
    """The mail with the parameters in its links, in the HTML and in the author's own plain text."""
    if not any(tags.parameters.values()):
        return source
    return replace(source, html=tagged_html(source.html, tags), text=tagged_text(source.text, tags))


def tagged_html(source: str, tags: UtmTags) -> str:
    """HTML with the parameters in the addresses of its links. Nothing but those addresses changes."""
    pieces: list[str] = []
    position = 0
    for attribute in _link_addresses(source):
        written = source[attribute.value_start : attribute.value_end]
        held, tags_in_it = _held(written)
        url = unescape_attribute(held)
        tagged = tagged_url(_restored(url, tags_in_it), tags)
        if tagged == _restored(url, tags_in_it):
            continue
        escaped = _escaped(tagged)
        pieces += (source[position : attribute.value_start], escaped if attribute.quote else f'"{escaped}"')
        position = attribute.value_end
    return "".join([*pieces, source[position:]])


def tagged_text(source: str, tags: UtmTags) -> str:
    """Plain text with the parameters in its web addresses; punctuation behind an address stays outside."""

    def tagged(match: re.Match[str]) -> str:
        url = match.group().rstrip(_AFTER_URL)
        if match.group()[len(url) :].startswith(")") and url.count("(") > url.count(")"):
            url += ")"
        return tagged_url(url, tags) + match.group()[len(url) :]

    return _TEXT_URL.sub(tagged, source)


def tagged_url(url: str, tags: UtmTags) -> str:
    """One address with the parameters it does not have yet. Merge tags count as letters."""
    held, kept = _held(url)
    if not _WEB.match(held) or _SYSTEM_TAG.search(url):
        return url
    host = host_of(held)
    if not host or "\ue000" in host or (tags.hosts and not _is_listed(host, tags.hosts)):
        return url
    address, hash_mark, fragment = held.partition("#")
    path, _, query = address.partition("?")
    there = {part.partition("=")[0].lower() for part in query.split("&")}
    added = [
        f"{name}={quote(value, safe='')}" for name, value in tags.parameters.items() if value and name not in there
    ]
    if not added:
        return url
    joined = "&".join(part for part in (query.rstrip("&"), *added) if part)
    return _restored(f"{path}?{joined}{hash_mark}{fragment}", kept)


def _is_listed(host: str, hosts: Collection[str]) -> bool:
    known = [listed.strip().lower().removeprefix("www.") for listed in hosts]
    return any(host == one or host.endswith(f".{one}") for one in known if one)


def _link_addresses(source: str) -> Iterator[Attribute]:
    masked = mask_tags(source)
    for token in tokenize(masked):
        if token.kind is TokenKind.START_TAG and token.name in LINK_ELEMENTS:
            address = next((item for item in token.attributes if item.name == "href"), None)
            if address is not None:
                yield address


def _held(text: str) -> tuple[str, list[str]]:
    """The text with its merge tags put aside, so that neither their quotes nor their signs count."""
    kept: list[str] = []

    def hold(tag: str) -> str:
        kept.append(tag)
        return f"\ue000{len(kept) - 1}\ue001"

    return mask_tags(text.replace("\ue000", "").replace("\ue001", ""), hold), kept


def _restored(text: str, kept: list[str]) -> str:
    return _HELD.sub(lambda match: kept[int(match.group(1))], text)


def _escaped(url: str) -> str:
    """For a quoted attribute. Merge tags stay byte for byte: the parser reads them before the HTML is read."""
    held, kept = _held(url)
    return _restored(html.escape(held, quote=True), kept)
