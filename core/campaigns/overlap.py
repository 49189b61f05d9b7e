"""The groups and segments of an audience side by side: how large each is, and how much they have in common."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import connection

from core.common.tenancy import as_organization_id, require
from core.contacts.models import ContactGroup, Segment
from core.contacts.segments.compile import people_sql
from core.contacts.segments.people import time_limit

COMPARING_SECONDS = 3.0
MOST_SOURCES = 30

# A bit for each source, added up by person: one pass over the memberships tells sizes and overlaps of all.
_MASKS = """
    SELECT mask, count(*) FROM (
        SELECT bit_or(bit) AS mask FROM ({rows}) AS source (contact_id, bit) GROUP BY contact_id) AS person
     GROUP BY mask
"""
_GROUP = """
    SELECT contact_id, %s::bigint FROM contacts_contactgroupmembership WHERE organization_id = %s AND group_id = %s
"""


@dataclass(frozen=True, slots=True)
class Source:
    """A group (`group_id`) or segment (`rule`) somebody chose, to be included or left out."""

    name: str
    is_excluded: bool
    group_id: UUID | None = None
    rule: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class SourceSize:
    """`size` people are in it; `shared` of them in another included one as well. Of one that is left out, `shared` are
    those whom it takes away."""

    name: str
    is_excluded: bool
    size: int
    shared: int


def chosen_sources(
    group_ids: tuple[Sequence[UUID], Sequence[UUID]], segment_ids: tuple[Sequence[UUID], Sequence[UUID]]
) -> list[Source]:
    """The (included, left out) groups and segments by id, those of the scope alone. Two queries."""
    included = {*group_ids[0], *segment_ids[0]}
    groups = ContactGroup.objects.filter(pk__in=[*group_ids[0], *group_ids[1]]).order_by("name")
    segments = Segment.objects.filter(pk__in=[*segment_ids[0], *segment_ids[1]]).order_by("name")
    found = [Source(group.name, group.pk not in included, group_id=group.pk) for group in groups]
    found += [Source(segment.name, segment.pk not in included, rule=segment.rule) for segment in segments]
    return sorted(found, key=lambda source: source.is_excluded)


def source_sizes(
    organization_id: UUID, sources: Sequence[Source], *, seconds: float = COMPARING_SECONDS
) -> list[SourceSize]:
    """Sizes and overlaps of the first MOST_SOURCES. One query. Raises TookTooLong."""
    organization_id = as_organization_id(organization_id)
    require(organization_id)
    sources = sources[:MOST_SOURCES]
    if not sources:
        return []
    selects = [_rows(organization_id, source, 1 << number) for number, source in enumerate(sources)]
    sql = _MASKS.format(rows=" UNION ALL ".join(text for text, _ in selects))
    with time_limit(seconds), connection.cursor() as cursor:
        cursor.execute(sql, [value for _, values in selects for value in values])
        counts: list[tuple[int, int]] = cursor.fetchall()
    included = sum(1 << number for number, source in enumerate(sources) if not source.is_excluded)
    return [_size(source, 1 << number, included, counts) for number, source in enumerate(sources)]


def _rows(organization_id: UUID, source: Source, bit: int) -> tuple[str, list[Any]]:
    if source.group_id is not None:
        return _GROUP, [bit, organization_id, source.group_id]
    people, values = people_sql(organization_id, source.rule or {})
    return f"SELECT id, %s::bigint FROM ({people}) AS people", [bit, *values]  # noqa: S608 - of the compiler


def _size(source: Source, bit: int, included: int, counts: list[tuple[int, int]]) -> SourceSize:
    others = included & ~bit
    size = sum(count for mask, count in counts if mask & bit)
    shared = sum(count for mask, count in counts if mask & bit and mask & others)
    return SourceSize(source.name, source.is_excluded, size, shared)
