"""One client's words, colours and addresses in a template, replaced by merge tags or by another client's.

Used when a template is copied to another client. What the brand's merge tags say changes by itself; this finds what
was written literally. It changes values only where they mean the brand: the name in text, colours in styles and colour
attributes, the website at the beginning of addresses.
"""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from core.accounts.models import Organization
from core.email_templates.brand import logo_url
from core.email_templates.markup import Attribute, TokenKind, tokenize
from core.email_templates.merge_tags import mask_tags
from core.email_templates.placement import URL_ATTRIBUTES

NAME_TAG = "{{ organization.name }}"
ADDRESS_TAG = "{{ organization.postal_address }}"
_MAX_LEFT = 20
_LINK = re.compile(r"https?://[^\s\"'<>{}()]+", re.IGNORECASE)
_STYLE_ATTRIBUTES = frozenset({"style", "bgcolor", "color", "fillcolor", "strokecolor", "bordercolor"})
_SHORTEST_WORD = 3


@dataclass(frozen=True, slots=True)
class Rebranded:
    """Sources by field of a template; `replaced` says what was put in place of what and how often, `left` what still
    looks like the first client."""

    sources: dict[str, str]
    replaced: tuple[str, ...]
    left: tuple[str, ...]


@dataclass(slots=True)
class _Swap:
    """The replacements from one client to another, and what they did so far."""

    source: Organization
    target: Organization
    done: Counter[str] = field(default_factory=Counter)

    def text(self, written: str) -> str:
        """Words: the postal address and the name become tags, addresses of the website the other client's."""
        address = _address_pattern(self.source.postal_address)
        if address is not None:
            written = self._sub(address, ADDRESS_TAG, written, "the postal address")
        name = _word_pattern(self.source.name)
        written = self._sub(name, NAME_TAG, written, f"“{self.source.name}”") if name else written
        return self.link(written)

    def link(self, written: str) -> str:
        """Addresses: the logo becomes a tag; the website becomes the other client's, where that has one."""
        if (logo := logo_url(self.source)) and logo in written:
            self.done["the logo"] += written.count(logo)
            written = written.replace(logo, "{{ brand.logo_url }}")
        old, new = _host(self.source.website), urlsplit(self.target.website)
        if not old or not new.hostname:
            return written
        pattern = re.compile(rf"https?://(?:www\.)?{re.escape(old)}(?![\w.-])", re.IGNORECASE)
        return self._sub(pattern, f"{new.scheme}://{new.netloc}", written, f"links to {old}")

    def style(self, written: str) -> str:
        """Colours become tags."""
        for tag, color, label in self._colors():
            pattern = re.compile(rf"{re.escape(color)}(?![0-9a-fA-F])", re.IGNORECASE)
            written = self._sub(pattern, tag, written, f"{label} {color}")
        return written

    def _colors(self) -> Iterator[tuple[str, str, str]]:
        named = (
            ("color", self.source.color, "the colour"),
            ("button_color", self.source.button_color, "the button colour"),
            ("background", self.source.background_color, "the background"),
            ("text_color", self.source.text_color, "the text colour"),
        )
        seen: set[str] = set()
        for key, color, label in named:
            if color and color.lower() not in seen:
                seen.add(color.lower())
                yield f"{{{{ brand.{key} }}}}", color, label

    def _sub(self, pattern: re.Pattern[str], replacement: str, written: str, what: str) -> str:
        changed, count = pattern.subn(lambda match: replacement, written)
        self.done[what] += count
        return changed


def rebranded(sources: dict[str, str], *, source: Organization, target: Organization) -> Rebranded:
    """The sources (`html`, `text`, `subject`, `preheader`) of a template of `source`, made ready for `target`."""
    swap = _Swap(source, target)
    changed = {name: _markup(swap, text) if name == "html" else swap.text(text) for name, text in sources.items()}
    replaced = tuple(f"{what}, {count:,} ×" for what, count in swap.done.items() if count)
    return Rebranded(changed, replaced, _left("\n".join(changed.values()), source, target))


def _markup(swap: _Swap, html: str) -> str:
    address = _address_pattern(swap.source.postal_address)
    if address is not None:
        html = swap._sub(address, ADDRESS_TAG, html, "the postal address")
    return "".join(_pieces(swap, html))


def _pieces(swap: _Swap, html: str) -> Iterator[str]:
    in_style = False
    for token in tokenize(mask_tags(html)):
        written = html[token.start : token.end]
        if token.name == "mj-style":
            in_style = token.kind is TokenKind.START_TAG
        if token.kind is TokenKind.RAW_TEXT or (token.kind is TokenKind.TEXT and in_style):
            yield swap.style(written)
        elif token.kind is TokenKind.TEXT:
            yield _outside_tags(written, swap)
        elif token.kind is TokenKind.START_TAG:
            yield _start_tag(swap, html, token.start, token.end, token.attributes)
        else:
            yield written


def _outside_tags(written: str, swap: _Swap) -> str:
    """A merge tag's fallback is the author's choice of words and stays."""
    pieces = re.split(r"(\{\{[^{}<>]*\}\})", written)
    return "".join(piece if piece.startswith("{{") else swap.text(piece) for piece in pieces)


def _start_tag(swap: _Swap, html: str, start: int, end: int, attributes: tuple[Attribute, ...]) -> str:
    pieces: list[str] = []
    position = start
    for attribute in attributes:
        value = html[attribute.value_start : attribute.value_end]
        if attribute.name in URL_ATTRIBUTES:
            changed = swap.link(value)
        elif attribute.name in _STYLE_ATTRIBUTES or attribute.name.endswith("-color"):
            changed = swap.style(value) if attribute.quote else value
        else:
            changed = _outside_tags(value, swap) if attribute.quote else value
        pieces += (html[position : attribute.value_start], changed)
        position = attribute.value_end
    pieces.append(html[position:end])
    return "".join(pieces)


def _left(written: str, source: Organization, target: Organization) -> tuple[str, ...]:
    """Names and hosts of the first client that are still there."""
    theirs = {_host(target.website), *(host.lower() for host in target.web_hosts)}
    hosts = {_host(source.website), *(host.lower() for host in source.web_hosts)}
    hosts |= {source.default_from_email.rpartition("@")[2].lower()}
    found: dict[str, None] = {}
    for match in _LINK.finditer(written):
        host = _host(match.group())
        if any(host == known or host.endswith(f".{known}") for known in hosts - theirs if known):
            found[f"a link to {host}"] = None
    plain = mask_tags(written).lower()
    for word in (source.name, *source.watch_words, *(_host_word(host) for host in hosts - theirs)):
        if len(word) >= _SHORTEST_WORD and (pattern := _word_pattern(word.lower())) and pattern.search(plain):
            found[f"the word “{word}”"] = None
    return tuple(found)[:_MAX_LEFT]


def _word_pattern(word: str) -> re.Pattern[str] | None:
    stripped = word.strip()
    return re.compile(rf"(?<!\w){re.escape(stripped)}(?!\w)") if len(stripped) >= _SHORTEST_WORD else None


def _address_pattern(address: str) -> re.Pattern[str] | None:
    """The address with whatever stands between its lines: line ends, commas, <br>."""
    lines = [line.strip(" ,") for line in address.splitlines() if line.strip(" ,")]
    if not lines or len("".join(lines)) < 2 * _SHORTEST_WORD:
        return None
    return re.compile(r"\s*(?:,|·|<br\s*/?>|&nbsp;)?\s*".join(re.escape(line) for line in lines))


def _host(url: str) -> str:
    try:
        return (urlsplit(url).hostname or "").removeprefix("www.")
    except ValueError:
        return ""


def _host_word(host: str) -> str:
    return host if "." in host else ""
