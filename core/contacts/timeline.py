"""All that happened to a contact, newest first, from every package that knows something.

The key of a page is an id: ids of all tables rise with time (common/ids.py), so that one key cuts every source at the
same moment, and each source reads no more than a page of its own index.
"""

import datetime
from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from core.accounts.access import Access
from core.accounts.audit_words import action_words, change_rows
from core.accounts.models import AuditEvent
from core.accounts.permissions import Permission
from core.contacts.choices import ConsentChange
from core.contacts.models import ConsentEvent, Contact, ContactImport, ImportedChunk

PAGE_ENTRIES = 20
MOST_CHANGES = 5
_HIDDEN_CHANGES = frozenset({"source", "email_key"})
_TOLD_BY_AUDIT = (ConsentChange.WITHDRAWN, ConsentChange.PREFERENCES)
_ICONS = {
    "contact.unsubscribed": "unsubscribe",
    "contact.resubscribed": "mark_email_read",
    "contact.suppressed": "block",
    "contact.deleted": "delete",
    "contact.added": "person_add",
    "contact.merged": "merge",
    "contact.merged_away": "merge",
}


@dataclass(frozen=True, slots=True)
class TimelineEntry:
    """One line. `lines` say more, `url` leads there; `is_machine` dims what no person did."""

    id: UUID
    at: datetime.datetime
    title: str
    icon: str
    lines: tuple[str, ...] = ()
    url: str = ""
    url_label: str = ""
    is_machine: bool = False


@dataclass(frozen=True, slots=True)
class TimelineQuery:
    """Entries of these contacts (one, and those merged into it) with ids below `before`, at most `limit` a source."""

    organization_id: UUID
    contact_ids: tuple[UUID, ...]
    before: UUID | None
    limit: int
    access: Access

    def may(self, permission: Permission) -> bool:
        return self.access.can(permission, self.organization_id)


@dataclass(frozen=True, slots=True)
class TimelinePage:
    """`older` is the key of the next page, None on the last."""

    entries: list[TimelineEntry]
    older: UUID | None


TimelineSource = Callable[[TimelineQuery], list[TimelineEntry]]
_sources: list[TimelineSource] = []


def register_timeline_source(source: TimelineSource) -> None:
    """Called once by each package that has something to tell (`AppConfig.ready`)."""
    _sources.append(source)


def timeline_page(
    *, contact_ids: tuple[UUID, ...], organization_id: UUID, access: Access, before: UUID | None = None
) -> TimelinePage:
    """A page of the timeline. A fixed number of queries, whatever happened."""
    query = TimelineQuery(organization_id, contact_ids, before, PAGE_ENTRIES + 1, access)
    found = [entry for source in (_audited, _consents, _imports, *_sources) for entry in source(query)]
    newest = sorted(found, key=lambda entry: entry.id, reverse=True)
    entries = newest[:PAGE_ENTRIES]
    older = entries[-1].id if len(newest) > PAGE_ENTRIES else None
    return TimelinePage(sorted(entries, key=lambda entry: (entry.at, entry.id), reverse=True), older)


def moment_of(key: UUID) -> datetime.datetime:
    """When an id was made (RFC 9562, 5.7: milliseconds since 1970 in the first 48 bits)."""
    return datetime.datetime.fromtimestamp((key.int >> 80) / 1000, tz=datetime.UTC)


def _audited(query: TimelineQuery) -> list[TimelineEntry]:
    if not query.may(Permission.HISTORY_VIEW):
        return []
    events = AuditEvent.objects.filter(
        organization_id=query.organization_id,
        object_type="contacts.contact",
        object_id__in=[str(pk) for pk in query.contact_ids],
    )
    if query.before:
        events = events.filter(pk__lt=query.before)
    return [
        TimelineEntry(
            id=event.pk,
            at=event.at,
            title=action_words(event).removeprefix("Contact ").capitalize(),
            icon=_ICONS.get(event.action, "edit"),
            lines=(*_change_lines(event), f"by {event.actor_label}" if event.actor_label else ""),
        )
        for event in events.order_by("-pk")[: query.limit]
    ]


def _change_lines(event: AuditEvent) -> list[str]:
    rows = [row for row in change_rows(event) if row.field.casefold() not in _HIDDEN_CHANGES]
    shown = [f"{row.field}: {row.before} → {row.after}" for row in rows[:MOST_CHANGES]]
    return [*shown, f"and {len(rows) - MOST_CHANGES} more"] if len(rows) > MOST_CHANGES else shown


def _consents(query: TimelineQuery) -> list[TimelineEntry]:
    events = ConsentEvent.objects.filter(organization_id=query.organization_id, contact_id__in=query.contact_ids)
    events = events.exclude(change__in=_TOLD_BY_AUDIT)
    if query.before:
        events = events.filter(pk__lt=query.before)
    return [
        TimelineEntry(
            id=event.pk,
            at=event.occurred_at,
            title=f"Consent {event.get_change_display().lower()}",
            icon="verified_user",
            lines=tuple(filter(None, (event.get_basis_display(), event.source))),
        )
        for event in events.order_by("-pk")[: query.limit]
    ]


def _imports(query: TimelineQuery) -> list[TimelineEntry]:
    """The import that made a contact, and the one that changed it last: by the moment of the chunk."""
    entries = []
    rows = Contact.objects.filter(pk__in=query.contact_ids, source__startswith="Import ")
    for pk, created_at, updated_at in rows.values_list("pk", "created_at", "updated_at"):
        entries.append(_imported(query, "Came with an import", pk, created_at))
        if updated_at != created_at:
            entries.append(_imported(query, "Changed by an import", None, updated_at))
    return [entry for entry in entries if entry and (query.before is None or entry.id < query.before)]


def _imported(query: TimelineQuery, title: str, entry_id: UUID | None, at: datetime.datetime) -> TimelineEntry | None:
    running = ContactImport.objects.filter(organization_id=query.organization_id, started_at__lte=at)
    nearby = running.exclude(finished_at__lt=at).values_list("pk", flat=True)[:50]
    chunk = (
        ImportedChunk.objects.filter(contact_import_id__in=list(nearby), written_at=at)
        .select_related("contact_import")
        .only("id", "contact_import__file_name")
        .first()
    )
    if chunk is None:
        return None
    return TimelineEntry(
        id=entry_id or chunk.pk, at=at, title=title, icon="upload_file", lines=(chunk.contact_import.file_name,)
    )
