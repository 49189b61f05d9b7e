"""Every link of a mail, with what a careful reader would say about it."""

import html as entities
import ipaddress
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import urlsplit

from core.email_templates.links import LINK_ELEMENTS
from core.email_templates.markup import Token, TokenKind, tokens_of, unescape_attribute
from core.email_templates.merge_tags import mask_tags
from core.email_templates.placement import LINKABLE_SCHEMES, url_scheme
from core.email_templates.structure import Remark

MAX_LINKS = 500
SHORTENERS = frozenset(
    {
        "bit.ly",
        "buff.ly",
        "cutt.ly",
        "goo.gl",
        "is.gd",
        "ow.ly",
        "rb.gy",
        "rebrand.ly",
        "shorturl.at",
        "t.co",
        "t.ly",
        "tiny.cc",
        "tinyurl.com",
        "v.gd",
    }
)
VAGUE_TEXTS = frozenset(
    {
        "click",
        "click here",
        "click this",
        "continue",
        "go",
        "here",
        "learn more",
        "link",
        "more",
        "read more",
        "see more",
        "this",
        "this link",
        "aquí",
        "clic aquí",
        "haz clic aquí",
        "leer más",
        "más",
        "ver más",
    }
)
_TAG = re.compile(r"\{\{[^{}]*\}\}")
_SPACES = re.compile(r"[\s\u00a0]+")
_SHOWN_ADDRESS = re.compile(r"(?:https?://)?((?:[a-z0-9-]+\.)+[a-z]{2,})(?:[/?#]\S*)?", re.IGNORECASE)
_LOCAL_ENDINGS = (".local", ".localhost", ".internal", ".test", ".invalid", ".lan")


@dataclass(frozen=True, slots=True)
class MailLink:
    """One link. `text` is what it shows (a picture's alt text), `target` the address as written, `tags` the merge tags
    in it; `line` counts from 1."""

    line: int
    text: str
    target: str
    tags: tuple[str, ...] = ()
    remarks: tuple[Remark, ...] = ()


def links_of(html: str) -> tuple[MailLink, ...]:
    """The links of an author's HTML in order of appearance, MAX_LINKS at most."""
    links = [found for found, _number in zip(_found(html), range(MAX_LINKS), strict=False)]
    targets: dict[str, str] = {}
    judged = []
    for link in links:
        remarks = [*_remarks(link)]
        words = link.text.casefold()
        first = targets.setdefault(words, link.target) if words and words not in VAGUE_TEXTS else link.target
        if first != link.target:
            message = f"“{link.text}” leads to two addresses: also to {_shown(first)}. Say how they differ."
            remarks.append(Remark("link_ambiguous", message))
        judged.append(MailLink(link.line, link.text, link.target, link.tags, tuple(remarks)))
    return tuple(judged)


@dataclass(slots=True)
class _Opened:
    name: str
    line: int
    target: str
    words: list[str]


def _found(html: str) -> Iterator[MailLink]:
    masked = mask_tags(html)
    opened: _Opened | None = None
    line, counted_to = 1, 0
    for token in tokens_of(masked):
        line, counted_to = line + html.count("\n", counted_to, token.start), token.start
        if token.kind is TokenKind.START_TAG and token.name in LINK_ELEMENTS:
            if opened is not None:
                yield _closed(opened)
            opened = None
            target = _value(html, token, "href")
            if target is not None:
                opened = _Opened(token.name, line, target, [])
                if token.name == "area" or html.endswith("/>", token.start, token.end):
                    opened.words.append(_value(html, token, "alt") or "")
                    yield _closed(opened)
                    opened = None
        elif opened is None:
            continue
        elif token.kind is TokenKind.END_TAG and token.name == opened.name:
            yield _closed(opened)
            opened = None
        elif token.kind is TokenKind.TEXT:
            opened.words.append(entities.unescape(html[token.start : token.end]))
        elif token.name == "img":
            opened.words.append(f" {_value(html, token, 'alt') or ''} ")
    if opened is not None:
        yield _closed(opened)


def _closed(opened: _Opened) -> MailLink:
    target = opened.target.strip()
    text = _SPACES.sub(" ", "".join(opened.words)).strip()
    return MailLink(opened.line, text[:200], target, tuple(_TAG.findall(target)))


def _value(html: str, token: Token, name: str) -> str | None:
    for item in token.attributes:
        if item.name == name:
            return unescape_attribute(html[item.value_start : item.value_end])
    return None


def _remarks(link: MailLink) -> Iterator[Remark]:
    if not link.text:
        yield Remark("link_no_text", "The link shows no text. Give its picture an alt text that says where it leads.")
    elif link.text.casefold().rstrip(" .!:»›→>") in VAGUE_TEXTS:
        message = f"“{link.text}” does not say where it leads. Name it: screen readers read links one after the other."
        yield Remark("link_vague", message, is_hint=True)
    if link.tags and link.target.startswith("{{"):
        return
    if not link.target or link.target == "#":
        yield Remark("link_empty", "The link leads nowhere. Write its address.")
        return
    scheme = url_scheme(link.target)
    if scheme in ("http", "https"):
        yield from _web_remarks(link, scheme)
    elif scheme == "mailto" and "@" not in link.target and not link.tags:
        yield Remark("link_no_address", f"{_shown(link.target)} names no mail address.")
    elif not scheme and not link.target.startswith("#"):
        message = f"{_shown(link.target)} has no https:// before it, so it leads nowhere in a mail."
        yield Remark("link_no_scheme", message)
    elif scheme and scheme not in LINKABLE_SCHEMES:
        yield Remark(
            "link_removed", f"{_shown(link.target)} is taken out of the mail: only web, mail and phone links stay."
        )


def _web_remarks(link: MailLink, scheme: str) -> Iterator[Remark]:
    shown = _shown(link.target)
    if " " in link.target.split("{{")[0]:
        yield Remark("link_space", f"{shown} has a space in it. Write %20, or take it out.")
    try:
        parts = urlsplit(_TAG.sub("x", link.target))
        host, is_with_user = (parts.hostname or "").rstrip("."), parts.username is not None
    except ValueError:
        yield Remark("link_unreadable", f"{shown} cannot be read as an address.")
        return
    if not host:
        yield Remark("link_unreadable", f"{shown} names no website.")
    elif _is_unreachable(host):
        yield Remark("link_private", f"{shown} leads to a machine that only your own network reaches.")
    elif _is_number(host):
        yield Remark("link_ip", f"{shown} names a machine by its number, as fraud does. Use a domain.")
    elif host.removeprefix("www.") in SHORTENERS:
        yield Remark(
            "link_shortener", f"{shown} is a shortened link. Spam filters distrust them: use the real address."
        )
    if scheme == "http" and host and not _is_unreachable(host):
        yield Remark("link_http", f"{shown} is not encrypted. Write https:// if the site offers it.")
    if is_with_user:
        yield Remark("link_user", f"{shown} has a user name before the @, as fraud does. Take it out.")
    claimed = _SHOWN_ADDRESS.fullmatch(link.text)
    if claimed and host and not _is_same_site(claimed[1].lower(), host) and not _TAG.search(link.target.split("/")[2]):
        yield Remark(
            "link_mismatch", f"The link shows {claimed[1]} but leads to {host}. Spam filters take that for fraud."
        )


@lru_cache(maxsize=256)
def _is_unreachable(host: str) -> bool:
    if host == "localhost" or host.endswith(_LOCAL_ENDINGS):
        return True
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        return "." not in host


@lru_cache(maxsize=256)
def _is_number(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _is_same_site(claimed: str, host: str) -> bool:
    claimed, host = claimed.removeprefix("www."), host.lower().removeprefix("www.")
    return claimed == host or host.endswith(f".{claimed}") or claimed.endswith(f".{host}")


def _shown(target: str) -> str:
    return target if len(target) <= 80 else f"{target[:77]}…"
