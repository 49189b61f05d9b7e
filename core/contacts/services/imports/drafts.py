"""An import until it is confirmed: the upload, the choices, the confirmation."""

import datetime
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, BinaryIO
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from core.accounts import audit
from core.accounts.models import Organization
from core.common.request_context import current_context
from core.common.tasks import wake
from core.contacts.choices import ConsentBasis, FieldKind, ImportMode, ImportStatus
from core.contacts.errors import BadChoice, BadColumns, UnreadableFile, WrongImportState
from core.contacts.imports.columns import Column, check_columns, create_missing_fields, remember_columns
from core.contacts.imports.preview import import_problem, import_totals, is_counting_due
from core.contacts.imports.reading import read_upload
from core.contacts.models import ContactGroup, ContactImport, ContactTag, ImportPart
from core.contacts.services.groups import group_add

READ_AT_ONCE_BYTES = 2 * 1024**2
"""Up to here a file is read while its upload is answered: well under a second."""
RAW_PART_BYTES = 1024**2
MAX_TAGS = 50
MAX_TAG_CHARACTERS = 60


@transaction.atomic
def import_upload(*, organization: Organization, file_name: str, file: BinaryIO, size: int) -> ContactImport:
    """Keep an upload of this client. A small one comes back read, as a draft with its columns guessed; a larger one
    has the status `reading` until a worker has read it (or failed, with a `problem`).

    Raises UnreadableFile.
    """
    _refuse_too_large(file_name, size)
    contact_import = ContactImport.objects.create(
        organization=organization,
        file_name=file_name[-200:],
        created_by_id=current_context().actor_id,
        heartbeat_at=timezone.now(),
    )
    audit.record(action="import.uploaded", obj=contact_import, changes={"bytes": [None, size]})
    if size <= READ_AT_ONCE_BYTES:
        read_upload(contact_import, file)
        contact_import.status = ImportStatus.DRAFT
        _count_again(contact_import)
        contact_import.save()
        return contact_import
    for number, piece in enumerate(_pieces(file_name, file)):
        ImportPart.objects.create(
            organization=organization, contact_import=contact_import, number=number, is_raw=True, content=piece
        )
    wake("contacts.read_import", organization_id=organization.pk, import_id=contact_import.pk)
    return contact_import


@transaction.atomic
def import_map(
    *,
    contact_import_id: UUID,
    fields: Sequence[str],
    kinds: Mapping[str, FieldKind] | None = None,
    group_ids: Sequence[UUID] = (),
    new_group_name: str = "",
    tags: Sequence[str] = (),
    mode: ImportMode = ImportMode.UPDATE,
    consent_basis: str = "",
    consent_source: str = "",
    consent_on: datetime.date | None = None,
    phone_region: str = "",
) -> ContactImport:
    """Keep the choices for a draft: a field for each column in the order of the file, where its contacts go, what
    becomes of known ones, and by which right they are written to. A new group is made at once.

    `kinds` holds the type of custom fields that do not exist yet, by field ("attributes.size"); they are made when the
    import is confirmed. Raises BadColumns, BadChoice, ContactExists (the new group's name is taken) or
    WrongImportState.
    """
    contact_import = _locked_draft(contact_import_id)
    if len(fields) != len(contact_import.columns):
        raise BadColumns(f"{contact_import} has {len(contact_import.columns):,} columns: choose a field for each.")
    guessed: list[Column] = contact_import.columns
    columns: list[Column] = [
        {**column, "field": field, "kind": (kinds or {}).get(field, column.get("kind", ""))}
        for column, field in zip(guessed, fields, strict=True)
    ]
    check_columns(columns)
    contact_import.columns = columns
    contact_import.group_ids = _chosen_groups(contact_import, group_ids, new_group_name)
    contact_import.tags = _clean_tags(tags)
    contact_import.mode = ImportMode(mode)
    contact_import.consent_basis = ConsentBasis(consent_basis) if consent_basis else ""
    contact_import.consent_source = consent_source.strip()[:200]
    contact_import.consent_on = consent_on
    contact_import.phone_region = phone_region
    _count_again(contact_import)
    contact_import.save()
    return contact_import


@transaction.atomic
def import_confirm(*, contact_import_id: UUID) -> ContactImport:
    """Hand a draft to the workers. Confirming twice does nothing more.

    Raises BadColumns, BadChoice when no legal basis is chosen, LimitReached when the plan has no room for the new
    contacts (as far as they are counted; the run itself counts exactly), NoUsableSubscription, or WrongImportState for
    one that is not read yet or was cancelled.
    """
    contact_import = _locked(contact_import_id)
    if contact_import.status in _NOT_CONFIRMABLE:
        raise WrongImportState(_NOT_CONFIRMABLE[ImportStatus(contact_import.status)].format(contact_import))
    if contact_import.status != ImportStatus.DRAFT:
        return contact_import
    check_columns(contact_import.columns)
    if not contact_import.consent_basis:
        raise BadChoice("Choose the legal basis: why may these people be written to?")
    problem = import_problem(contact_import, import_totals(contact_import))
    if problem is not None:
        raise problem
    create_missing_fields(contact_import)
    remember_columns(contact_import)
    _register_tags(contact_import)
    contact_import.status = ImportStatus.QUEUED
    contact_import.rows_done = 0
    contact_import.heartbeat_at = timezone.now()
    contact_import.save()
    audit.record(action="import.confirmed", obj=contact_import, changes=_choices_for_the_log(contact_import))
    wake("contacts.run_import", organization_id=contact_import.organization_id, import_id=contact_import.pk)
    return contact_import


_NOT_CONFIRMABLE = {
    ImportStatus.READING: "{} is still being read. Wait until its rows are shown.",
    ImportStatus.CANCELLED: "{} was cancelled. Upload the file again.",
}


def _choices_for_the_log(contact_import: ContactImport) -> audit.Changes:
    return {
        "status": [ImportStatus.DRAFT.value, ImportStatus.QUEUED.value],
        "mode": [None, contact_import.mode],
        "legal basis": [None, contact_import.consent_basis],
        "consent came by": [None, contact_import.consent_source],
        "consent given on": [None, contact_import.consent_on],
        "groups": [None, [str(pk) for pk in contact_import.group_ids]],
        "tags": [None, contact_import.tags],
    }


def _count_again(contact_import: ContactImport) -> None:
    """Totals of other choices say nothing. Files too long for the page are counted by a worker."""
    contact_import.totals, contact_import.rows_done = None, 0
    due = is_counting_due(contact_import)
    contact_import.heartbeat_at = timezone.now() if due else None
    if due:
        wake("contacts.count_import", organization_id=contact_import.organization_id, import_id=contact_import.pk)


def _chosen_groups(contact_import: ContactImport, group_ids: Sequence[UUID], new_group_name: str) -> list[UUID]:
    """Ids of groups that this client has; of another's, nothing is said but that it is not there."""
    known = ContactGroup.objects.filter(organization_id=contact_import.organization_id)
    chosen = list(known.filter(pk__in=group_ids).order_by("pk").values_list("pk", flat=True))
    if len(chosen) != len(set(group_ids)):
        raise BadChoice("A chosen group is not there any more. Choose the groups again.")
    name = new_group_name.strip()
    if not name:
        return chosen
    # The second of two clicks finds the group that the first has made for this very import.
    made = known.filter(pk__in=contact_import.group_ids, name=name).first()
    group = made or group_add(organization=contact_import.organization, name=name)
    return sorted({*chosen, group.pk})


def _clean_tags(tags: Sequence[str]) -> list[str]:
    cleaned = list(dict.fromkeys(" ".join(tag.split()) for tag in tags if tag.strip()))
    if len(cleaned) > MAX_TAGS:
        raise BadChoice(f"{len(cleaned)} tags are too many: choose up to {MAX_TAGS}.")
    for tag in cleaned:
        if len(tag) > MAX_TAG_CHARACTERS:
            raise BadChoice(f"The tag “{tag[:20]}…” is longer than {MAX_TAG_CHARACTERS} characters.")
        if "\0" in tag:
            raise BadChoice("A tag holds a character that cannot be stored. Type it again.")
    return cleaned


def _register_tags(contact_import: ContactImport) -> None:
    tags = [ContactTag(organization_id=contact_import.organization_id, name=tag) for tag in contact_import.tags]
    ContactTag.objects.bulk_create(tags, ignore_conflicts=True)


def _refuse_too_large(file_name: str, size: int) -> None:
    if size > settings.IMPORT_MAX_BYTES:
        limit = settings.IMPORT_MAX_BYTES // 1024**2
        raise UnreadableFile(f"{file_name} is larger than {limit} MB. Split it into several files.")


def _pieces(file_name: str, file: BinaryIO) -> Iterator[bytes]:
    taken = 0
    while piece := file.read(RAW_PART_BYTES):
        taken += len(piece)
        _refuse_too_large(file_name, taken)
        yield piece


def _locked(contact_import_id: UUID) -> ContactImport:
    rows: Any = ContactImport.objects.select_for_update(of=("self",)).select_related("organization")
    found: ContactImport = rows.get(pk=contact_import_id)
    return found


def _locked_draft(contact_import_id: UUID) -> ContactImport:
    contact_import = _locked(contact_import_id)
    if contact_import.status == ImportStatus.READING:
        raise WrongImportState(f"{contact_import} is still being read. Wait until its rows are shown.")
    if contact_import.status != ImportStatus.DRAFT:
        raise WrongImportState(f"{contact_import} was confirmed already: its choices can no longer change.")
    return contact_import
