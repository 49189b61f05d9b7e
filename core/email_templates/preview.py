"""A mail as one person would see it, for looking at while it is written. Nothing here is sent."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from core.email_templates.html import prepare_html, with_preheader
from core.email_templates.markup import TokenKind, tokenize
from core.email_templates.merge_tags import ATTRIBUTE_PREFIX, Escape, KnownKeys, MergeTemplate, parse
from core.email_templates.text import html_to_text

SAMPLE_VALUES: dict[str, str] = {
    "contact.email": "ada@example.com",
    "contact.first_name": "Ada",
    "contact.last_name": "Example",
    "contact.full_name": "Ada Example",
    "contact.company": "Example Ltd",
    "contact.phone": "+44 20 0000 0000",
}
LONGEST_VALUES: dict[str, str] = {
    "contact.email": "maximiliana-alexandrina.featherstonehaugh-cholmondeley@long-department-name.example.com",
    "contact.first_name": "Maximiliana-Alexandrina",
    "contact.last_name": "Featherstonehaugh-Cholmondeley",
    "contact.full_name": "Maximiliana-Alexandrina Featherstonehaugh-Cholmondeley",
    "contact.company": "International Association of Independent Horticultural Suppliers and Partners Ltd",
    "contact.phone": "+1 (555) 010-0199 extension 12345",
}
LONGEST_FIELD = "A rather long value with several words, as somebody may have typed it some day"
"""What an own field holds in the longest sample."""
SAMPLES = {"longest": "Longest values", "empty": "Empty values"}
SYSTEM_VALUES: dict[str, str] = {
    "system.unsubscribe_url": "https://unsubscribe.example/",
    "system.preferences_url": "https://preferences.example/",
    "system.view_in_browser_url": "https://view.example/",
}
_SCHEME_RULE = re.compile(r"\(\s*prefers-color-scheme\s*:\s*(dark|light)\s*\)", re.IGNORECASE)
_IMAGE_ATTRIBUTES = frozenset({"src", "srcset", "background"})
_CSS_IMAGE = re.compile(r"url\([^)]*\)", re.IGNORECASE)
_HEAD_END = re.compile(r"</head>|<body", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class MailSource:
    """The four sources of a mail, as authors write them. An empty `text` is made from the HTML."""

    subject: str
    preheader: str
    html: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class PreviewMail:
    """A mail filled in for one person."""

    subject: str
    preheader: str
    html: str
    text: str


def sample_person(sample: str, fields: Iterable[str]) -> dict[str, str]:
    """The contact's values of one of SAMPLES; `fields` are the names of the client's own fields.

    An address is what everybody has, so it stays in the empty one.
    """
    if sample == "longest":
        return {**LONGEST_VALUES, **{ATTRIBUTE_PREFIX + name: LONGEST_FIELD for name in fields}}
    if sample == "empty":
        known = [*SAMPLE_VALUES, *(ATTRIBUTE_PREFIX + name for name in fields)]
        return {key: "" for key in known if key != "contact.email"}
    return {}


def in_scheme(document: str, scheme: str) -> str:
    """`document` as a "light" or "dark" mail program shows it that follows the mail's own rules, wherever it is seen.

    Programs differ in the dark: some follow these rules, some turn colours round by a recipe of their own, some do
    nothing.
    """
    ruled = _SCHEME_RULE.sub(lambda match: "(min-width:0)" if match[1].lower() == scheme else "(max-width:0)", document)
    # Without rules of its own a mail stays as it is in the dark.
    shown = scheme if has_dark_rules(document) else "light"
    style = f"<style>:root{{color-scheme:{shown}!important}}</style>"
    return _HEAD_END.sub(lambda match: style + match.group(), ruled, count=1)


def without_images(document: str) -> str:
    """`document` as a mail program shows it that loads no pictures: their alt texts stand in their places."""
    pieces: list[str] = []
    position = 0
    for token in tokenize(document):
        if token.kind is TokenKind.RAW_TEXT:
            pieces += (document[position : token.start], _CSS_IMAGE.sub("none", document[token.start : token.end]))
            position = token.end
        for attribute in token.attributes:
            if attribute.name in _IMAGE_ATTRIBUTES or attribute.name == "style":
                written = document[attribute.start : attribute.end]
                kept = _CSS_IMAGE.sub("none", written) if attribute.name == "style" else ""
                pieces += (document[position : attribute.start], kept)
                position = attribute.end
    return "".join((*pieces, document[position:]))


def has_dark_rules(document: str) -> bool:
    """Whether the mail says itself what it looks like in the dark."""
    return any(match[1].lower() == "dark" for match in _SCHEME_RULE.finditer(document))


def preview_mail(source: MailSource, values: Mapping[str, str]) -> PreviewMail:
    """Fill in a mail. `values` by key as in merge tags; links stay as they are, nothing is counted.

    Raises MergeTagError and UnreadableHtmlError.
    """
    known = {**SYSTEM_VALUES, **values}
    subject = _parsed(source.subject, Escape.HEADER).render(known)
    known["campaign.subject"] = subject
    prepared = prepare_html(source.html)
    html = _parsed(with_preheader(prepared, source.preheader), Escape.HTML)
    text = _parsed(source.text or html_to_text(prepared), Escape.TEXT)
    preheader = _parsed(source.preheader, Escape.TEXT)
    return PreviewMail(subject, preheader.render(known), html.render(known), text.render(known))


def _parsed(source: str, context: Escape) -> MergeTemplate:
    return parse(source, context=context, allowed=KnownKeys())
