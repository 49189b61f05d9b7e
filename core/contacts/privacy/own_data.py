"""What the contacts package itself holds about a person."""

import hashlib
from collections.abc import Iterable
from typing import Any

import orjson
from django.db import connection

from core.accounts.audit_words import action_words
from core.accounts.models import AuditEvent
from core.common.tenancy import require
from core.contacts.choices import SuppressionKind
from core.contacts.models import (
    ConsentEvent,
    Contact,
    ContactGroupMembership,
    ContactSearch,
    ImportedChunk,
    ImportPart,
    SignupRequest,
    Suppression,
    SuppressionList,
)
from core.contacts.privacy.registry import DataHolder, Person
from core.contacts.suppression_keys import suppression_key
from core.exports.models import ListExport
from core.exports.services import exports_withdraw

_PROFILE = (
    "email",
    "first_name",
    "last_name",
    "phone",
    "company",
    "time_zone",
    "language",
    "attributes",
    "tags",
    "status",
    "source",
    "consent_at",
    "consent_basis",
    "consent_source",
    "mail_frequency",
    "paused_until",
    "last_opened_at",
    "last_clicked_at",
    "created_at",
    "updated_at",
)

Rows = Iterable[dict[str, Any]]


def sections(person: Person) -> dict[str, Rows]:
    contacts = {"contact_id__in": person.contact_ids}
    memberships = ContactGroupMembership.objects.filter(**contacts).values("group__name", "added_at")
    requests = SignupRequest.objects.filter(organization_id=person.organization_id, email_key__in=person.emails)
    suppressions = Suppression.objects.filter(organization_id=person.organization_id, key__in=_address_keys(person))
    history = AuditEvent.objects.filter(
        object_type=Contact._meta.label_lower, object_id__in=[str(pk) for pk in person.contact_ids]
    )
    return {
        "profile": Contact.objects.filter(pk__in=person.contact_ids).values(*_PROFILE),
        "groups": ({"group": row["group__name"], "since": row["added_at"]} for row in memberships),
        "consent": ConsentEvent.objects.filter(**contacts).values(
            "occurred_at", "change", "basis", "source", "wording", "network"
        ),
        "signups": requests.values("created_at", "confirmed_at", "email", "values", "consent_text", "network"),
        "suppressions": suppressions.values("created_at", "kind", "reason", "note", "group__name"),
        "changes": (
            {"when": event.at, "what": action_words(event), "values": event.changes} for event in history.iterator()
        ),
    }


def erase(person: Person) -> None:
    require(person.organization_id)
    contacts = {"contact_id__in": person.contact_ids}
    ContactSearch.objects.filter(**contacts).delete()
    ContactGroupMembership.objects.filter(**contacts).delete()
    ConsentEvent.objects.filter(**contacts).delete()
    SignupRequest.objects.filter(organization_id=person.organization_id, email_key__in=person.emails).delete()
    Suppression.objects.filter(organization_id=person.organization_id, key__in=_address_keys(person)).delete()
    SuppressionList.objects.filter(organization_id=person.organization_id).delete()
    _forget_in_imports(person)
    _forget_in_exports(person)


def _address_keys(person: Person) -> list[str]:
    """What names the addresses: in clear, and as hashes without a key, which anybody can try out."""
    keys = []
    for email in person.emails:
        raw = email.encode()
        keys.append(suppression_key(SuppressionKind.ADDRESS, email))
        keys.append(suppression_key(SuppressionKind.MD5, hashlib.md5(raw, usedforsecurity=False).hexdigest()))
        keys.append(suppression_key(SuppressionKind.SHA256, hashlib.sha256(raw).hexdigest()))
    return keys


def _forget_in_imports(person: Person) -> None:
    """Old values in undo records, and rows of files that are still on their way in."""
    with connection.cursor() as cursor:
        ids = [str(pk) for pk in person.contact_ids]
        cursor.execute(
            "UPDATE contacts_importedchunk SET before = before - %s::text[], kept = kept - %s::text[] "
            "WHERE organization_id = %s AND (before ?| %s::text[] OR kept ?| %s::text[])",
            [ids, ids, person.organization_id, ids, ids],
        )
    parts = ImportPart.objects.filter(organization_id=person.organization_id)
    for pk in list(parts.values_list("pk", flat=True)):
        part = parts.select_for_update().filter(pk=pk).first()
        if part is not None:
            _forget_in_part(part, person)


def _forget_in_part(part: ImportPart, person: Person) -> None:
    content = bytes(part.content)
    if not any(email.encode() in content.lower() for email in (text.lower() for text in person.emails)):
        return
    part.content = _without_rows(content, person) if not part.is_raw else _without_address(content, person)
    part.save(update_fields=["content"])


def _without_rows(content: bytes, person: Person) -> bytes:
    """The rows that hold the address become empty ones that say why, so that their numbers stay."""
    stored = orjson.loads(content)
    addresses = [email.casefold() for email in person.emails]
    for at, cells in enumerate(stored["rows"]):
        if any(address in cell.casefold() for address in addresses for cell in cells):
            stored["rows"][at] = [""] * len(cells)
            stored["problems"][str(at)] = "this person was erased after the file had been uploaded"
    return orjson.dumps(stored)


def _without_address(content: bytes, person: Person) -> bytes:
    """In a piece of the file as it came: overwritten byte by byte, as nothing else is known of it yet."""
    lowered = content.lower()
    changed = bytearray(content)
    for email in person.emails:
        needle = email.lower().encode()
        at = lowered.find(needle)
        while at >= 0:
            changed[at : at + len(needle)] = b"x" * len(needle)
            at = lowered.find(needle, at + len(needle))
    return bytes(changed)


def _forget_in_exports(person: Person) -> None:
    """Which of the client's files hold the person is not known: all of them go, and can be exported again."""
    exports = ListExport.objects.filter(organization_id=person.organization_id)
    exports_withdraw(list_export_ids=list(exports.values_list("pk", flat=True)))


HOLDER = DataHolder(
    tables=(
        Contact,
        ContactSearch,
        ContactGroupMembership,
        ConsentEvent,
        ImportedChunk,
        ImportPart,
        SignupRequest,
        Suppression,
        SuppressionList,
    ),
    sections=sections,
    erase=erase,
)
