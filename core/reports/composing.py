"""Figures → document: the sections somebody chose, in their order and language."""

import zoneinfo
from collections.abc import Callable, Sequence

from django.utils import translation
from django.utils.formats import date_format

from core.reports.choices import Section
from core.reports.document import Brand, Document, Part, rewritten, xml_safe
from core.reports.figures import Figures
from core.reports.numbers import day_text, month_text
from core.reports.periods import Days, whole_months
from core.reports.sections import audience, campaigns, overview, reach
from core.reports.summary import summary
from core.reports.wording import Wording, wording_in

Maker = Callable[[Figures, Wording], Part]
_MAKERS: dict[Section, Maker] = {
    Section.HEADLINE: overview.headline,
    Section.OVER_TIME: overview.over_time,
    Section.HONEST_OPENS: overview.honest_opens,
    Section.CAMPAIGNS: campaigns.campaigns,
    Section.LINKS: campaigns.links,
    Section.PROVIDERS: reach.providers,
    Section.DEVICES: reach.devices,
    Section.BEST_HOURS: reach.best_hours,
    Section.DELIVERABILITY: reach.deliverability,
    Section.AUDIENCE: audience.audience,
}


def compose(
    *,
    figures: Figures,
    sections: Sequence[str],
    language: str,
    brand: Brand,
    title: str = "",
    note: str = "",
    prepared_by: str = "",
) -> Document:
    """The report as a document. Unknown sections are left out: an old report may name one that is no more."""
    words = wording_in(language)
    with translation.override(words.language):
        parts = [_part(Section(key), figures, words) for key in sections if key in Section.values]
        if note:
            parts.insert(_place_of_note(sections), _note(note, words))
        document = Document(
            language=words.language,
            title=title or words.report,
            period=period_text(Days(figures.first, figures.last)),
            compared=words.compared.format(first=day_text(figures.first_before), last=day_text(figures.last_before)),
            made=words.made.format(moment=_moment(figures), zone=figures.zone),
            by=words.by.format(person=prepared_by) if prepared_by else "",
            page_words=words.page,
            brand=brand,
            parts=tuple(part for part in parts if part is not None),
        )
    return rewritten(document, xml_safe)


def period_text(days: Days) -> str:
    """ "October 2026", "July – September 2026" or "3 October 2026 – 12 October 2026", in the active language."""
    months = whole_months(days)
    if months == 1:
        return _capital(month_text(days.first))
    if months:
        first = month_text(days.first) if days.first.year != days.last.year else date_format(days.first, "F")
        return _capital(f"{first} – {month_text(days.last)}")
    return f"{day_text(days.first)} – {day_text(days.last)}"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _part(section: Section, figures: Figures, words: Wording) -> Part | None:
    """None for a section that has nothing to tell because nobody counts it yet."""
    title = words.section_titles[section.value]
    if section is Section.SUMMARY:
        return Part(section.value, title, tuple(summary(figures, words)), is_list=True)
    if section is Section.METHOD:
        return Part(section.value, title, words.method, is_list=True)
    if section is Section.AUDIENCE and figures.audience is None:
        return None
    return _MAKERS[section](figures, words)


def _place_of_note(sections: Sequence[str]) -> int:
    """Behind the summary where that comes first, else at the beginning."""
    return 1 if sections and sections[0] == Section.SUMMARY else 0


def _note(note: str, words: Wording) -> Part:
    paragraphs = tuple(line.strip() for line in note.splitlines() if line.strip())
    return Part("note", words.note_title, paragraphs)


def _moment(figures: Figures) -> str:
    local = figures.made_at.astimezone(zoneinfo.ZoneInfo(figures.zone))
    return f"{day_text(local.date())}, {date_format(local, 'H:i')}"
