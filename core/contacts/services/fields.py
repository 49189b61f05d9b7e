"""Writes of custom fields: what they are called, of which type, and their values on many contacts."""

import re
import unicodedata
from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Max
from django.utils import timezone

from core.accounts import audit
from core.accounts.models import Organization
from core.common.tenancy import require
from core.contacts.choices import BulkKind, FieldKind
from core.contacts.custom_values import parse_value
from core.contacts.errors import BadField, BadValue
from core.contacts.field_usage import field_usage, value_text
from core.contacts.models import BulkChange, Contact, ContactField
from core.contacts.models.fields import validate_field_key
from core.contacts.services.bulk import bulk_start

MOST_FIELDS = 100
MOST_CHOICES = 200
LONGEST_KEY = 40
INLINE_UP_TO = 10_000
"""Contacts of a client whose values are changed at once; those of larger ones by a worker."""

_CLEAR = """
    WITH changed AS (
        SELECT id FROM contacts_contact AS contact
         WHERE organization_id = %(organization)s {among} AND jsonb_exists(attributes, %(key)s)
         ORDER BY email_key FOR UPDATE
    )
    UPDATE contacts_contact AS contact SET attributes = contact.attributes - %(key)s, updated_at = now() FROM changed
     WHERE contact.id = changed.id AND contact.organization_id = %(organization)s
"""


@transaction.atomic
def field_add(
    *, organization: Organization, label: str, kind: str = FieldKind.TEXT, choices: Sequence[str] = (), key: str = ""
) -> ContactField:
    """A new custom field at the end of the list; the key is made of the label unless one is given.

    Raises BadField, whose fields name the form's field ("label", "key", "choices").
    """
    label = _clean_label(label)
    Organization.objects.select_for_update().get(pk=organization.pk)  # one after the other: names and places are unique
    known = ContactField.objects.filter(organization=organization)
    if known.count() >= MOST_FIELDS:
        raise BadField(f"{organization} has {MOST_FIELDS} custom fields, which is the most.", field="label")
    field = ContactField(
        organization=organization,
        label=label,
        kind=kind,
        choices=_clean_choices(kind, choices),
        key=_new_key(set(known.values_list("key", flat=True)), key, label),
        position=(known.aggregate(last=Max("position"))["last"] or 0) + 1,
    )
    field.save(force_insert=True)
    audit.record(action="contactfield.added", obj=field, changes={"key": [None, field.key], "kind": [None, kind]})
    return field


@transaction.atomic
def field_change(
    *, field_id: UUID, label: str, kind: str, choices: Sequence[str] = (), position: int | None = None
) -> tuple[ContactField, BulkChange | None]:
    """Set everything but the key, which segments and merge tags know the field by.

    Another type is refused while values that were looked at (field_usage.py) cannot be read as it; the others are
    turned into it, by a worker when there are many: that work is the second of the pair. Raises BadField.
    """
    field = ContactField.objects.select_for_update().get(pk=field_id)
    names = ["label", "kind", "choices", "position"]
    before = audit.field_values(field, names)
    field.label, field.kind, field.choices = _clean_label(label), kind, _clean_choices(kind, choices)
    field.position = field.position if position is None else position
    is_retyped = before["kind"] != kind
    if is_retyped:
        _refuse_unreadable(field)
    changes = audit.changed_fields(before, audit.field_values(field, names))
    if changes:
        field.save(update_fields=[*names, "updated_at"])
        audit.record(action="contactfield.changed", obj=field, changes=changes)
    if not is_retyped:
        return field, None
    return field, _everywhere(BulkKind.RETYPE_FIELD, field, f"Turn “{field}” into {_kind_words(field)}")


def field_check(
    *,
    organization_id: UUID,
    label: str,
    kind: str,
    choices: Sequence[str],
    key: str = "",
    field: ContactField | None = None,
) -> None:
    """Raise the BadField that adding a field, or changing this one, would raise."""
    cleaned = _clean_label(label), _clean_choices(kind, choices)
    if field is None:
        known = ContactField.objects.filter(organization_id=organization_id)
        _new_key(set(known.values_list("key", flat=True)), key, cleaned[0])
    elif field.kind != kind:
        changed = ContactField(organization_id=organization_id, key=field.key, label=cleaned[0], kind=kind)
        changed.choices = cleaned[1]
        _refuse_unreadable(changed)


@transaction.atomic
def field_delete(*, field_id: UUID) -> BulkChange | None:
    """Delete a field and its values. Returns the work left to a worker, if any."""
    field = ContactField.objects.select_for_update().get(pk=field_id)
    audit.record(action="contactfield.deleted", obj=field, changes={"key": [field.key, None]})
    ContactField.objects.filter(pk=field.pk).delete()
    return _everywhere(BulkKind.CLEAR_FIELD, field, f"Remove the values of “{field}”")


def field_key(label: str) -> str:
    """A key made of a label: "Teléfono móvil" → "telefono_movil"; "" when no letter is left."""
    plain = "".join(
        letter for letter in unicodedata.normalize("NFKD", label.casefold()) if not unicodedata.combining(letter)
    )
    return re.sub(r"[^a-z0-9]+", "_", plain).strip("_0123456789")[:LONGEST_KEY].rstrip("_")


def apply_to_field(*, kind: str, organization_id: UUID, values: dict[str, Any], ids: Collection[UUID] | None) -> int:
    """Remove or retype the values of a field on these contacts, None for all of the client's; returns how many had one.

    A field that was made anew under the same key, or changed its type once more, is left alone.
    """
    field = ContactField.objects.filter(organization_id=organization_id, key=values["key"]).first()
    if kind == BulkKind.CLEAR_FIELD:
        return _clear(organization_id, values["key"], ids) if field is None else 0
    return _retype(field, ids) if field is not None and field.kind == values["kind"] else 0


def _everywhere(kind: BulkKind, field: ContactField, title: str) -> BulkChange | None:
    values = {"key": field.key, "kind": field.kind}
    contacts = Contact.objects.filter(organization_id=field.organization_id).order_by()
    if contacts[: INLINE_UP_TO + 1].count() > INLINE_UP_TO:
        return bulk_start(organization_id=field.organization_id, kind=kind, title=title, values=values)
    apply_to_field(kind=kind, organization_id=field.organization_id, values=values, ids=None)
    return None


def _clear(organization_id: UUID, key: str, ids: Collection[UUID] | None) -> int:
    require(organization_id)
    sql = _CLEAR.format(among="" if ids is None else "AND id = ANY(%(ids)s)")
    with connection.cursor() as cursor:
        cursor.execute(sql, {"organization": organization_id, "key": key, "ids": list(ids or ())})
        return cursor.rowcount


def _retype(field: ContactField, ids: Collection[UUID] | None) -> int:
    """Values that cannot be read as the new type stay what they are; the contact's page shows them."""
    contacts = Contact.objects.filter(organization_id=field.organization_id, attributes__has_key=field.key)
    if ids is not None:
        contacts = contacts.filter(pk__in=ids)
    changed = []
    for contact in contacts.select_for_update().order_by("email_key"):
        value = _read_again(field, contact.attributes[field.key])
        if value is not None and value != contact.attributes[field.key]:
            contact.attributes[field.key] = value
            contact.updated_at = timezone.now()
            changed.append(contact)
    Contact.objects.bulk_update(changed, ["attributes", "updated_at"], batch_size=500)
    return len(changed)


def _read_again(field: ContactField, value: Any) -> Any:
    """The value in the field's type, None when it cannot be read as it."""
    try:
        return parse_value(field, value_text(value))
    except BadValue:
        return None


def _refuse_unreadable(field: ContactField) -> None:
    usage = field_usage(field)
    unread = [text for text in usage.distinct_texts if _read_again(field, text) is None]
    if unread:
        raise BadField(
            f"“{unread[0][:60]}” and {len(unread) - 1:,} other values cannot be read as {_kind_words(field)}."
            if len(unread) > 1
            else f"The value “{unread[0][:60]}” cannot be read as {_kind_words(field)}.",
            field="kind",
        )


def _kind_words(field: ContactField) -> str:
    return FieldKind(field.kind).label.lower()


def _clean_label(label: str) -> str:
    label = " ".join(label.split())
    if not label or not label.isprintable():
        raise BadField("Give the field a name that people can read.", field="label")
    return label[:80]


def _clean_choices(kind: str, choices: Sequence[str]) -> list[str]:
    cleaned = list(dict.fromkeys(" ".join(choice.split())[:100] for choice in choices if choice.strip()))
    if kind != FieldKind.CHOICE:
        return []
    if len(cleaned) < 2:
        raise BadField("Name at least two values to choose from, one a line.", field="choices")
    if len(cleaned) > MOST_CHOICES:
        raise BadField(f"These are {len(cleaned):,} values. A list can have {MOST_CHOICES}.", field="choices")
    return cleaned


def _new_key(known: set[str], key: str, label: str) -> str:
    if key:
        if not re.fullmatch(validate_field_key.regex, key):
            raise BadField(str(validate_field_key.message), field="key")
        if key in known:
            raise BadField(f"Another custom field is stored as “{key}” already.", field="key")
        return key
    base = field_key(label) or "field"
    numbered = (f"{base[: LONGEST_KEY - 4]}_{number}" for number in range(2, MOST_FIELDS + 3))
    return next(candidate for candidate in (base, *numbered) if candidate not in known)
