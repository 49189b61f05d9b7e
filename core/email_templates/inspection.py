"""What is wrong with a mail, and what could be better: shown beside the editor, on save and before sending."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from core.email_templates.contrast import PoorContrast, poor_contrasts, with_lines, without_lines
from core.email_templates.html import UnreadableHtmlError, prepare_html
from core.email_templates.link_list import MailLink, links_of
from core.email_templates.merge_tags import (
    ATTRIBUTE_PREFIX,
    Choice,
    Escape,
    KnownKeys,
    MergeTagError,
    MergeTemplate,
    Problem,
    parse,
)
from core.email_templates.preview import MailSource
from core.email_templates.structure import remarks_on

UNSUBSCRIBE_KEY = "system.unsubscribe_url"
UNSUBSCRIBE_TAG = "{{ system.unsubscribe_url }}"
CLIPPED_BYTES = 102 * 1024
"""Gmail cuts a mail off here and hides the rest behind a link, the footer with it."""
_NEARLY_CLIPPED_BYTES = 90 * 1024
_CONTEXTS = {"subject": Escape.HEADER, "preheader": Escape.TEXT, "html": Escape.HTML, "text": Escape.TEXT}


MAX_CONTRASTS = 10
KEPT_SOURCES = 16
_TAG = re.compile(r"\{\{[^{}]*\}\}")


@dataclass(frozen=True, slots=True)
class Finding:
    """One remark. `field` is a field of MailSource, `line` counts from 1 (0: the whole field).

    `code` is stable. `tag` is the piece of the source that is meant where there is one, `suggestion` what to write in
    its place. A hint (`is_hint`) is advice: the mail is fine without.
    """

    field: str
    message: str
    line: int = 0
    is_error: bool = False
    code: str = ""
    tag: str = ""
    suggestion: str = ""
    is_hint: bool = False


@dataclass(frozen=True, slots=True)
class Inspection:
    """`errors` keep a mail from being saved and sent; `warnings` and `hints` do not.

    `size_bytes` is that of the HTML as sent, `prepared` that HTML ("": it cannot be read). `links` are all links of the
    HTML, with what was found about each.
    """

    errors: tuple[Finding, ...]
    warnings: tuple[Finding, ...]
    size_bytes: int
    has_unsubscribe: bool
    hints: tuple[Finding, ...] = ()
    links: tuple[MailLink, ...] = ()
    prepared: str = ""

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Errors and warnings, without the hints."""
        return self.errors + self.warnings


def inspect_mail(source: MailSource, known: KnownKeys | None = None) -> Inspection:
    """Look through all four sources. Raises nothing: what cannot be read is an error in the result.

    With `known.attributes`, the names of the client's own contact fields, others are warned about.
    """
    html = _looked_through(source.html)
    parts = {name: html.part if name == "html" else _read(name, getattr(source, name)) for name in _CONTEXTS}
    errors = [finding for part in parts.values() for finding in part.errors]
    errors += [finding for finding in html.errors if finding.code == "unreadable" or not errors]
    size_bytes = len((html.prepared or source.html).encode())
    has_unsubscribe = _offers_way_out(html.part) and (not source.text or _offers_way_out(parts["text"]))
    warnings = [
        *_unknown_attributes(source, known),
        *_warnings(html.part, size_bytes, has_unsubscribe),
        *(one for one in html.remarks if not one.is_hint),
        *html.contrasts,
    ]
    hints = tuple(one for one in html.remarks if one.is_hint)
    return Inspection(tuple(errors), tuple(warnings), size_bytes, has_unsubscribe, hints, html.links, html.prepared)


@dataclass(frozen=True, slots=True)
class _Part:
    """One field as it was read, once for all that ask: its template, or what keeps it from being one."""

    source: str
    template: MergeTemplate | None
    errors: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class _Html:
    """What there is to say of one HTML, whatever subject and text go with it. `errors` are those of the whole."""

    part: _Part
    prepared: str
    errors: tuple[Finding, ...]
    contrasts: tuple[Finding, ...]
    links: tuple[MailLink, ...]
    remarks: tuple[Finding, ...]


@lru_cache(maxsize=KEPT_SOURCES)
def _looked_through(html: str) -> _Html:
    """The dear part: the variants of a test often share it, and so do one look at a page and the next."""
    part = _read("html", html)
    prepared, errors, contrasts = "", list[Finding](), list[Finding]()
    try:
        lined = prepare_html(html, marked=with_lines(html))
        prepared = without_lines(lined)
        errors += _moved_branches(part, prepared)
        contrasts += _contrast_warnings(poor_contrasts(lined))
    except UnreadableHtmlError as error:
        errors.append(Finding("html", str(error), is_error=True, code="unreadable"))
    links = links_of(html)
    remarks = sorted((*_link_remarks(links), *_structure_remarks(html)), key=lambda one: one.line)
    return _Html(part, prepared, tuple(errors), tuple(contrasts), links, tuple(remarks))


def _link_remarks(links: Iterable[MailLink]) -> Iterator[Finding]:
    for link in links:
        for remark in link.remarks:
            yield Finding("html", remark.message, link.line, code=remark.code, tag=link.target, is_hint=remark.is_hint)


def _structure_remarks(html: str) -> Iterator[Finding]:
    for remark in remarks_on(html):
        yield Finding("html", remark.message, remark.line, code=remark.code, is_hint=remark.is_hint)


def _contrast_warnings(contrasts: Iterable[PoorContrast]) -> Iterator[Finding]:
    for _, poor in zip(range(MAX_CONTRASTS), contrasts, strict=False):
        words = poor.words if len(poor.words) <= 40 else f"{poor.words[:37]}…"
        more = f" In {poor.places} places." if poor.places > 1 else ""
        message = (
            f"“{words}” is hard to read: {poor.text} on {poor.background} has a contrast of {poor.ratio:.1f} to 1, "
            f"and {poor.needed:g} to 1 is needed.{more}"
        )
        yield Finding("html", message, poor.line, code="contrast")


def _unknown_attributes(source: MailSource, known: KnownKeys | None) -> Iterator[Finding]:
    """Own fields that this client does not have: nobody would get a value."""
    if known is None or known.attributes is None:
        return
    for field in _CONTEXTS:
        text: str = getattr(source, field)
        for match in _TAG.finditer(text) if ATTRIBUTE_PREFIX in text else ():
            key = next(
                (word for word in re.split(r"[\s|{}\"'=]+", match.group()) if word.startswith(ATTRIBUTE_PREFIX)), ""
            )
            if not key or key in known or key not in KnownKeys():
                continue
            nearest = known.nearest(key)
            hint = f" Did you mean {nearest}?" if nearest else ""
            message = f"{key} is no field of this client's contacts, so nobody has a value for it.{hint}"
            line = text.count("\n", 0, match.start()) + 1
            suggestion = match.group().replace(key, nearest) if nearest else ""
            yield Finding(field, message, line, code="unknown_field", tag=match.group(), suggestion=suggestion)


def _read(field: str, source: str) -> _Part:
    try:
        template = parse(source, context=_CONTEXTS[field], allowed=KnownKeys())
    except MergeTagError as error:
        return _Part(source, None, tuple(_tag_error(field, problem) for problem in error.problems))
    if field == "subject" and "campaign.subject" in template.keys:
        message = "The subject cannot contain {{ campaign.subject }}: that is the subject itself."
        found = Finding(field, message, 1, is_error=True, code="merge_tags", tag="{{ campaign.subject }}")
        return _Part(source, template, (found,))
    return _Part(source, template)


def _tag_error(field: str, problem: Problem) -> Finding:
    hint = f" Did you mean {problem.suggestion}?" if problem.suggestion else ""
    return Finding(
        field,
        f"{problem.message}{hint}",
        problem.line,
        is_error=True,
        code="merge_tags",
        tag=problem.tag,
        suggestion=problem.suggestion,
    )


def _moved_branches(html: _Part, prepared: str) -> list[Finding]:
    """Conditions whose branches do not survive the HTML parser: it moves what cannot stand in a table out of it."""
    if html.template is None or not (asked := [*html.template.choices()]):
        return []
    try:
        kept = [*_parsed(prepared).choices()]
    except MergeTagError as error:
        return [Finding("html", problem.message, is_error=True, code="torn") for problem in error.problems]
    # What is taken out as code (a script, a form) takes its conditions along.
    pairs = zip(asked, kept, strict=True) if len(asked) == len(kept) else ()
    message = "What a condition frames cannot stand there. In a table, frame whole rows or the inside of a cell."
    is_moved = any(_is_blank(after) and not _is_blank(before) for before, after in pairs)
    return [Finding("html", message, is_error=True, code="torn")] if is_moved else []


def _parsed(html: str) -> MergeTemplate:
    return parse(html, context=Escape.HTML, allowed=KnownKeys())


def _is_blank(choice: Choice) -> bool:
    segments = (*choice.then, *choice.otherwise)
    return not any(not isinstance(segment, str) or segment.strip() for segment in segments)


def _offers_way_out(part: _Part) -> bool:
    """Asks the parser, so that a tag inside a comment does not count; a part with other errors is read as text."""
    return UNSUBSCRIBE_KEY in (part.source if part.template is None else part.template.keys)


def _warnings(html: _Part, size_bytes: int, has_unsubscribe: bool) -> Iterator[Finding]:
    if not has_unsubscribe:
        part = "text" if _offers_way_out(html) else "html"
        where = "plain text" if part == "text" else "HTML"
        message = (
            f"The {where} has no unsubscribe link. Put {UNSUBSCRIBE_TAG} behind a link: without it nothing is sent."
        )
        yield Finding(part, message, code="no_unsubscribe")
    if size_bytes >= _NEARLY_CLIPPED_BYTES:
        yield Finding(
            "html",
            f"The mail is {size_bytes / 1024:.0f} kB. Gmail cuts off at 102 kB, the footer as well: shorten it.",
            code="size",
        )
