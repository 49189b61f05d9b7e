"""A mail as one person would see it, for looking at while it is written. Nothing here is sent."""

from collections.abc import Mapping
from dataclasses import dataclass

from core.email_templates.html import prepare_html, with_preheader
from core.email_templates.merge_tags import Escape, KnownKeys, MergeTemplate, parse
from core.email_templates.text import html_to_text

SAMPLE_VALUES: dict[str, str] = {
    "contact.email": "ada@example.com",
    "contact.first_name": "Ada",
    "contact.last_name": "Example",
    "contact.full_name": "Ada Example",
    "contact.company": "Example Ltd",
    "contact.phone": "+44 20 0000 0000",
}
SYSTEM_VALUES: dict[str, str] = {
    "system.unsubscribe_url": "https://unsubscribe.example/",
    "system.preferences_url": "https://preferences.example/",
    "system.view_in_browser_url": "https://view.example/",
}


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
