"""What helps a mail to be read aloud and to be judged well: language, headings, layout tables, postal address."""

from collections.abc import Iterator
from dataclasses import dataclass

from core.email_templates.markup import Token, TokenKind, tokens_of
from core.email_templates.merge_tags import mask_tags

POSTAL_ADDRESS_KEY = "organization.postal_address"
_HEADINGS = {f"h{level}": level for level in range(1, 7)}


@dataclass(frozen=True, slots=True)
class Remark:
    """One thing about the document. `line` counts from 1, 0 is the whole; a hint is advice, no mistake."""

    code: str
    message: str
    line: int = 0
    is_hint: bool = False


def remarks_on(html: str) -> Iterator[Remark]:
    """What to say about an author's HTML, in order of appearance; each kind of hint once."""
    level = layout_tables = first_table = counted_to = 0
    line = 1
    has_jumped = False
    for token in tokens_of(mask_tags(html)):
        line, counted_to = line + html.count("\n", counted_to, token.start), token.start
        if token.kind is not TokenKind.START_TAG:
            continue
        if token.name == "img" and not _has(token, "alt"):
            message = 'A picture has no alt text. Say what it shows: alt="…" (alt="" for decoration).'
            yield Remark("alt", message, line)
        elif token.name == "html" and not _has(token, "lang"):
            message = 'Say which language the mail is in, for screen readers: <html lang="en">.'
            yield Remark("no_language", message, line, is_hint=True)
        elif token.name in _HEADINGS:
            jumps = level and _HEADINGS[token.name] > level + 1 and not has_jumped
            if jumps:
                message = (
                    f"After <h{level}> comes <{token.name}>: a step is left out. Who listens to the mail gets lost."
                )
                yield Remark("heading_order", message, line, is_hint=True)
                has_jumped = True
            level = _HEADINGS[token.name]
        elif token.name == "table" and not _has(token, "role") and not _has(token, "summary"):
            layout_tables += 1
            first_table = first_table or line
    if layout_tables:
        tables = "A table has" if layout_tables == 1 else f"{layout_tables} tables have"
        message = f'{tables} no role. Where a table is only layout, write <table role="presentation">.'
        yield Remark("table_role", message, first_table, is_hint=True)
    if POSTAL_ADDRESS_KEY not in html:
        message = (
            f"No {{{{ {POSTAL_ADDRESS_KEY} }}}} in the mail. Many countries ask for the sender's address in every "
            "advertising mail."
        )
        yield Remark("no_address", message, is_hint=True)


def _has(token: Token, name: str) -> bool:
    return any(attribute.name == name for attribute in token.attributes)
