"""Writes of tags: on contacts, and in the client's list of them. Set-based; locks by address, as imports take them."""

from collections.abc import Collection, Sequence
from uuid import UUID

from django.db import connection, transaction

from core.accounts import audit
from core.common.paginator import COUNT_CAP
from core.common.tenancy import require
from core.contacts.choices import BulkKind
from core.contacts.errors import BadTag
from core.contacts.models import BulkChange, Contact, ContactTag
from core.contacts.services.bulk import bulk_start
from core.contacts.tags import MOST_TAGS, clean_tag, clean_tags, register_tags

_CHANGE = """
    WITH changed AS (
        SELECT id FROM contacts_contact AS contact
         WHERE organization_id = %(organization)s {among} AND {wanted} ORDER BY email_key FOR UPDATE
    )
    UPDATE contacts_contact AS contact SET tags = {value}, updated_at = now() FROM changed
     WHERE contact.id = changed.id AND contact.organization_id = %(organization)s
"""
_AMONG = "AND id = ANY(%(ids)s)"
_NEW = "ARRAY(SELECT tag FROM unnest(%(tags)s::varchar[]) AS tag WHERE tag <> ALL(contact.tags))"
_ADD = _CHANGE.format(
    among=f"{_AMONG} AND deleted_at IS NULL",
    wanted=f"NOT contact.tags @> %(tags)s::varchar[] AND cardinality(contact.tags || {_NEW}) <= {MOST_TAGS}",
    value=f"contact.tags || {_NEW}",
)
_KEPT = """ARRAY(SELECT tag FROM unnest(contact.tags) WITH ORDINALITY AS known (tag, place)
                   WHERE tag <> ALL(%(tags)s::varchar[]) ORDER BY place)"""
_RENAMED = """ARRAY(SELECT tag FROM (
        SELECT DISTINCT ON (tag) tag, place FROM (
            SELECT CASE WHEN tag = ANY(%(tags)s::varchar[]) THEN %(name)s ELSE tag END AS tag, place
              FROM unnest(contact.tags) WITH ORDINALITY AS known (tag, place)
        ) AS renamed ORDER BY tag, place
    ) AS once ORDER BY place)::varchar[]"""
_HAS_ANY = "contact.tags && %(tags)s::varchar[]"


@transaction.atomic
def contacts_add_tags(*, organization_id: UUID, contact_ids: Collection[UUID], tags: Sequence[str]) -> int:
    """Tag contacts of a client; returns how many did not have all of the tags. Deleted ones stay as they are, and so do
    those that would have more than MOST_TAGS. Raises BadTag."""
    tags = clean_tags(tags)
    changed = _execute(_ADD, organization_id, tags, ids=contact_ids)
    if changed:
        register_tags(organization_id=organization_id, tags=tags)
        _note("contacttag.contacts_added", organization_id, tags, [None, changed])
    return changed


@transaction.atomic
def contacts_remove_tags(*, organization_id: UUID, contact_ids: Collection[UUID], tags: Sequence[str]) -> int:
    """Take tags off contacts of a client; returns how many had any of them. The tags stay in the client's list."""
    changed = _execute(_CHANGE.format(among=_AMONG, wanted=_HAS_ANY, value=_KEPT), organization_id, tags, contact_ids)
    if changed:
        _note("contacttag.contacts_removed", organization_id, tags, [changed, None])
    return changed


def _note(action: str, organization_id: UUID, tags: Sequence[str], counts: list[int | None]) -> None:
    rows = ContactTag.objects.filter(organization_id=organization_id, name__in=tags)
    audit.record_all(action=action, changes=[(row, {"contacts": counts}) for row in rows])


@transaction.atomic
def tag_add(*, organization_id: UUID, name: str) -> ContactTag:
    """A tag to choose from, on nobody yet. Raises BadTag."""
    tag = ContactTag(organization_id=organization_id, name=clean_tag(name))
    ContactTag.objects.bulk_create([tag], ignore_conflicts=True)
    if not ContactTag.objects.filter(pk=tag.pk).exists():
        raise BadTag(f"There is a tag “{tag.name}” already.")
    audit.record(action="contacttag.added", obj=tag, changes={"name": [None, tag.name]})
    return tag


@transaction.atomic
def tag_rename(*, tag_id: UUID, name: str) -> tuple[ContactTag, BulkChange | None]:
    """Call a tag something else, on all contacts. With the name of another tag the two become one.

    Returns the tag that remains, and the work that a worker does when more than COUNT_CAP contacts have it.
    Raises BadTag.
    """
    tag = ContactTag.objects.select_for_update().get(pk=tag_id)
    old, name = tag.name, clean_tag(name)
    if name == old:
        raise BadTag(f"The tag is called “{old}” already.")
    other = ContactTag.objects.filter(organization_id=tag.organization_id, name=name).first()
    if other is None:
        tag.name = name
        tag.save(update_fields=["name"])
    else:
        tag.delete()
    remaining = other or tag
    audit.record(action="contacttag.renamed", obj=remaining, changes={"name": [old, name]})
    return remaining, _everywhere(
        BulkKind.RENAME_TAG, tag.organization_id, f"Rename the tag “{old}” to “{name}”", {"tags": [old], "name": name}
    )


@transaction.atomic
def tag_delete(*, tag_id: UUID) -> BulkChange | None:
    """Take a tag off all contacts and out of the list. Returns the work left to a worker, if any."""
    tag = ContactTag.objects.select_for_update().get(pk=tag_id)
    audit.record(action="contacttag.deleted", obj=tag)
    name, organization_id = tag.name, tag.organization_id
    tag.delete()
    return _everywhere(BulkKind.DELETE_TAG, organization_id, f"Delete the tag “{name}”", {"tags": [name]})


def tag_count(*, organization_id: UUID, name: str) -> int:
    """How many contacts have the tag, COUNT_CAP + 1 at most."""
    tagged = Contact.objects.filter(organization_id=organization_id, deleted_at=None, tags__contains=[name])
    return tagged.order_by()[: COUNT_CAP + 1].count()


def _everywhere(
    kind: BulkKind, organization_id: UUID, title: str, values: dict[str, str | list[str]]
) -> BulkChange | None:
    tags = values["tags"]
    tagged = Contact.objects.filter(organization_id=organization_id, tags__contains=tags).order_by()
    if tagged[: COUNT_CAP + 1].count() > COUNT_CAP:
        return bulk_start(organization_id=organization_id, kind=kind, title=title, values=values)
    apply_to_tags(kind=kind, organization_id=organization_id, values=values, ids=None)
    return None


def apply_to_tags(
    *, kind: str, organization_id: UUID, values: dict[str, str | list[str]], ids: Collection[UUID] | None
) -> int:
    """Rename or delete a tag on these contacts, None for all of the client's; returns how many had it."""
    value = _RENAMED if kind == BulkKind.RENAME_TAG else _KEPT
    sql = _CHANGE.format(among="" if ids is None else _AMONG, wanted=_HAS_ANY, value=value)
    return _execute(sql, organization_id, values["tags"], ids=ids, name=values.get("name", ""))


def _execute(
    sql: str, organization_id: UUID, tags: Sequence[str], ids: Collection[UUID] | None, name: str | list[str] = ""
) -> int:
    require(organization_id)
    with connection.cursor() as cursor:
        cursor.execute(sql, {"organization": organization_id, "tags": list(tags), "ids": list(ids or ()), "name": name})
        return cursor.rowcount
