"""What is wrong with a mail, and what could be better: shown beside the editor, on save and before sending."""

from collections.abc import Iterator
from dataclasses import dataclass

from core.email_templates.html import UnreadableHtmlError, prepare_html
from core.email_templates.markup import TokenKind, tokenize
from core.email_templates.merge_tags import Escape, KnownKeys, MergeTagError, mask_tags, parse
from core.email_templates.preview import MailSource

UNSUBSCRIBE_KEY = "system.unsubscribe_url"
UNSUBSCRIBE_TAG = "{{ system.unsubscribe_url }}"
CLIPPED_BYTES = 102 * 1024
"""Gmail cuts a mail off here and hides the rest behind a link, the footer with it."""
_NEARLY_CLIPPED_BYTES = 90 * 1024
_CONTEXTS = {"subject": Escape.HEADER, "preheader": Escape.TEXT, "html": Escape.HTML, "text": Escape.TEXT}


@dataclass(frozen=True, slots=True)
class Finding:
    """One remark. `field` is a field of MailSource, `line` counts from 1 (0: the whole field)."""

    field: str
    message: str
    line: int = 0
    is_error: bool = False
    code: str = ""


@dataclass(frozen=True, slots=True)
class Inspection:
    """`errors` keep a mail from being saved and sent; `warnings` do not. `size_bytes` is that of the HTML as sent."""

    errors: tuple[Finding, ...]
    warnings: tuple[Finding, ...]
    size_bytes: int
    has_unsubscribe: bool

    @property
    def findings(self) -> tuple[Finding, ...]:
        return self.errors + self.warnings


def inspect_mail(source: MailSource) -> Inspection:
    """Look through all four sources. Raises nothing: what cannot be read is an error in the result."""
    errors = [finding for field in _CONTEXTS for finding in _tag_errors(field, getattr(source, field))]
    try:
        size_bytes = len(prepare_html(source.html).encode())
    except UnreadableHtmlError as error:
        errors.append(Finding("html", str(error), is_error=True, code="unreadable"))
        size_bytes = len(source.html.encode())
    has_unsubscribe = _has_unsubscribe(source)
    return Inspection(tuple(errors), tuple(_warnings(source, size_bytes, has_unsubscribe)), size_bytes, has_unsubscribe)


def _tag_errors(field: str, source: str) -> Iterator[Finding]:
    try:
        template = parse(source, context=_CONTEXTS[field], allowed=KnownKeys())
    except MergeTagError as error:
        for problem in error.problems:
            hint = f" Did you mean {problem.suggestion}?" if problem.suggestion else ""
            yield Finding(field, f"{problem.message}{hint}", problem.line, is_error=True, code="merge_tags")
        return
    if field == "subject" and "campaign.subject" in template.keys:
        message = "The subject cannot contain {{ campaign.subject }}: that is the subject itself."
        yield Finding(field, message, 1, is_error=True, code="merge_tags")


def _has_unsubscribe(source: MailSource) -> bool:
    """Whether every part that is sent offers the way out."""
    parts = [("html", source.html)] + ([("text", source.text)] if source.text else [])
    return all(_holds_unsubscribe(field, part) for field, part in parts)


def _holds_unsubscribe(field: str, part: str) -> bool:
    """Asks the parser, so that a tag inside a comment does not count; a part with other errors is read as text."""
    try:
        return UNSUBSCRIBE_KEY in parse(part, context=_CONTEXTS[field], allowed=KnownKeys()).keys
    except MergeTagError:
        return UNSUBSCRIBE_KEY in part


def _warnings(source: MailSource, size_bytes: int, has_unsubscribe: bool) -> Iterator[Finding]:
    if not has_unsubscribe:
        part = "text" if _holds_unsubscribe("html", source.html) else "html"
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
    yield from _missing_alts(source.html)


def _missing_alts(html: str) -> Iterator[Finding]:
    masked = mask_tags(html)
    for token in tokenize(masked):
        if token.kind is not TokenKind.START_TAG or token.name != "img":
            continue
        if not any(attribute.name == "alt" for attribute in token.attributes):
            line = html.count("\n", 0, token.start) + 1
            message = 'A picture has no alt text. Say what it shows: alt="…" (alt="" for decoration).'
            yield Finding("html", message, line, code="alt")
