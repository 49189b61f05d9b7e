"""Merge tags without a fallback, and the people of an audience for whom nothing would stand there."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from django.db import connection

from core.campaigns.people import Person
from core.contacts.audience import AudienceDefinition, audience_sql
from core.contacts.segments.people import time_limit
from core.email_templates.merge_tags import (
    ATTRIBUTE_PREFIX,
    Choice,
    Escape,
    KnownKeys,
    MergeTagError,
    Segment,
    Slot,
    parse,
)
from core.email_templates.preview import MailSource

LOOKING_SECONDS = 4.0
PEOPLE_SHOWN = 10
_CONTEXTS = {"subject": Escape.HEADER, "preheader": Escape.TEXT, "html": Escape.HTML, "text": Escape.TEXT}
_COLUMNS = {
    "contact.email": "contact.email",
    "contact.first_name": "contact.first_name",
    "contact.last_name": "contact.last_name",
    "contact.full_name": "(contact.first_name || contact.last_name)",
    "contact.company": "contact.company",
    "contact.phone": "contact.phone",
}


@dataclass(frozen=True, slots=True)
class Missing:
    """A key that `count` people have no value for; `people` are the first of them, `sources` the mails that show it, as
    numbers from 0."""

    key: str
    count: int
    people: tuple[Person, ...]
    sources: tuple[int, ...] = (0,)

    @property
    def tag(self) -> str:
        return f"{{{{ {self.key} }}}}"

    @property
    def label(self) -> str:
        return self.key.removeprefix(ATTRIBUTE_PREFIX).removeprefix("contact.").replace("_", " ")


@lru_cache(maxsize=16)
def unguarded_keys(source: MailSource) -> tuple[str, ...]:
    """The contact's values that the mail shows without a fallback and outside a condition that asks for them.

    What cannot be parsed counts as having none: that is another check's matter.
    """
    keys: set[str] = set()
    for field, context in _CONTEXTS.items():
        try:
            template = parse(getattr(source, field), context=context, allowed=KnownKeys())
        except MergeTagError:
            continue
        keys.update(_unguarded(template.segments, frozenset()))
    return tuple(sorted(key for key in keys if key in _COLUMNS or key.startswith(ATTRIBUTE_PREFIX)))


def _unguarded(segments: Iterable[Segment], asked: frozenset[str]) -> Iterator[str]:
    for segment in segments:
        if isinstance(segment, Slot) and not segment.fallback.strip() and segment.key not in asked:
            yield segment.key
        elif isinstance(segment, Choice):
            guards = segment.condition.wanted is None or not segment.condition.is_negated
            inside = asked | {segment.condition.key} if guards else asked
            yield from _unguarded(segment.then, inside)
            yield from _unguarded(segment.otherwise, asked)


def missing_values(
    definition: AudienceDefinition, sources: Sequence[MailSource], *, seconds: float = LOOKING_SECONDS
) -> list[Missing]:
    """For each such key of these mails, how many of those who get one have no value, and the first ten. One pass over
    the audience, however many mails, and one short query a key. Raises TookTooLong."""
    users: dict[str, list[int]] = {}
    for number, source in enumerate(sources):
        for key in unguarded_keys(source):
            users.setdefault(key, []).append(number)
    keys = sorted(users)
    if not keys or definition.is_empty:
        return []
    audience, parameters = audience_sql(definition)
    blanks = [_blank(key) for key in keys]
    counts = ", ".join(f"count(*) FILTER (WHERE {sql})" for sql, _ in blanks)
    sql = f"SELECT {counts} {_people_of(audience)}"
    values = [value for _, given in blanks for value in given]
    with time_limit(seconds), connection.cursor() as cursor:
        cursor.execute(sql, [*values, *parameters, definition.organization_id])
        found = [(key, blank, count) for key, blank, count in zip(keys, blanks, cursor.fetchone(), strict=True)]
        return [
            Missing(key, count, _first(cursor, definition, audience, parameters, blank), tuple(users[key]))
            for key, blank, count in found
            if count
        ]


def _people_of(audience: str) -> str:
    return f"""FROM ({audience}) AS audience
        JOIN contacts_contact AS contact ON contact.id = audience.contact_id
       WHERE audience.skip_reason = '' AND contact.organization_id = %s"""


def _first(
    cursor: Any,
    definition: AudienceDefinition,
    audience: str,
    parameters: list[Any],
    blank: tuple[str, list[Any]],
) -> tuple[Person, ...]:
    sql = f"SELECT contact.id, contact.email {_people_of(audience)} AND {blank[0]} LIMIT {PEOPLE_SHOWN}"
    cursor.execute(sql, [*parameters, definition.organization_id, *blank[1]])
    return tuple(Person(pk, address) for pk, address in cursor.fetchall())


def _blank(key: str) -> tuple[str, list[Any]]:
    """SQL that is true for a contact whose value is missing or blank, as `Slot.render` sees it."""
    if key in _COLUMNS:
        return rf"{_COLUMNS[key]} !~ '\S'", []
    return r"coalesce(contact.attributes ->> %s, '') !~ '\S'", [key.removeprefix(ATTRIBUTE_PREFIX)]
