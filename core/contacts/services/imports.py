"""The steps of an import: upload, assign columns, confirm, run. `imports/runner.py` does the work of the last."""

from collections.abc import Sequence
from itertools import islice
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from core.accounts import audit
from core.accounts.models import Organization
from core.common.request_context import current_context
from core.common.tasks import wake
from core.contacts.choices import ImportStatus
from core.contacts.errors import UnreadableFile, WrongImportState
from core.contacts.imports.columns import Column, check_columns, guess_columns
from core.contacts.imports.files import open_table
from core.contacts.imports.preview import import_problem, import_totals
from core.contacts.imports.runner import run_import
from core.contacts.models import ContactGroup, ContactImport
from core.contacts.services.groups import group_add

_SAMPLE_ROWS = 50


@transaction.atomic
def import_upload(*, organization: Organization, file_name: str, content: bytes) -> ContactImport:
    """Keep an upload as a draft of this client, its columns guessed. Raises UnreadableFile."""
    if len(content) > settings.IMPORT_MAX_BYTES:
        limit = settings.IMPORT_MAX_BYTES // 1024**2
        raise UnreadableFile(f"{file_name} is larger than {limit} MB. Split it into several files.")
    table = open_table(content)
    sample = [row.cells for row in islice(table.rows(), _SAMPLE_ROWS)]
    if not sample:
        raise UnreadableFile(f"{file_name} has a header but no rows below it.")
    contact_import = ContactImport.objects.create(
        organization=organization,
        file_name=file_name[-200:],
        content=content,
        columns=guess_columns(table.header, sample),
        encoding=table.encoding,
        created_by_id=current_context().actor_id,
        rows_total=sum(1 for _row in table.rows()),
    )
    audit.record(action="import.uploaded", obj=contact_import, changes={"rows": [None, contact_import.rows_total]})
    return contact_import


@transaction.atomic
def import_map(
    *, contact_import_id: UUID, fields: Sequence[str], group: ContactGroup | None = None, new_group_name: str = ""
) -> ContactImport:
    """Assign the columns of a draft, in their order, and choose where its contacts go; a new group is made.

    Raises BadColumns, ContactExists (the new group's name is taken) or WrongImportState.
    """
    contact_import = _locked(contact_import_id)
    if contact_import.status != ImportStatus.DRAFT:
        raise WrongImportState(f"{contact_import} was confirmed already: its columns can no longer change.")
    columns = [
        Column(header=column["header"], field=field)
        for column, field in zip(contact_import.columns, fields, strict=True)
    ]
    check_columns(columns)
    contact_import.columns = columns
    if name := new_group_name.strip():
        # The second of two clicks finds the group that the first has made for this very import.
        made = contact_import.group
        is_made = made is not None and made.name == name
        group = made if is_made else group_add(organization=contact_import.organization, name=name)
    contact_import.group = group
    contact_import.save(update_fields=["columns", "group", "updated_at"])
    return contact_import


@transaction.atomic
def import_confirm(*, contact_import_id: UUID) -> ContactImport:
    """Hand a draft to the workers. Confirming twice does nothing more.

    Raises BadColumns, LimitReached when the plan has no room for the new contacts (as far as they can be counted
    beforehand; the run itself counts exactly), NoUsableSubscription, or WrongImportState for a cancelled one.
    """
    contact_import = _locked(contact_import_id)
    if contact_import.status == ImportStatus.CANCELLED:
        raise WrongImportState(f"{contact_import} was cancelled. Upload the file again.")
    if contact_import.status != ImportStatus.DRAFT:
        return contact_import
    check_columns(contact_import.columns)
    problem = import_problem(contact_import, import_totals(contact_import))
    if problem is not None:
        raise problem
    contact_import.status = ImportStatus.QUEUED
    contact_import.heartbeat_at = timezone.now()
    contact_import.save(update_fields=["status", "heartbeat_at", "updated_at"])
    audit.record(
        action="import.confirmed",
        obj=contact_import,
        changes={"status": [ImportStatus.DRAFT, ImportStatus.QUEUED]},
    )
    wake("contacts.run_import", organization_id=contact_import.organization_id, import_id=contact_import.pk)
    return contact_import


@transaction.atomic
def import_cancel(*, contact_import_id: UUID) -> bool:
    """Discard a draft, or stop a run after its current chunk; what is imported stays. False when it had ended."""
    contact_import = _locked(contact_import_id)
    before = contact_import.status
    if before not in (ImportStatus.DRAFT, ImportStatus.QUEUED, ImportStatus.RUNNING):
        return False
    contact_import.status = ImportStatus.CANCELLED
    contact_import.finished_at = timezone.now()
    contact_import.save(update_fields=["status", "finished_at", "updated_at"])
    audit.record(action="import.cancelled", obj=contact_import, changes={"status": [before, ImportStatus.CANCELLED]})
    return True


def import_run(*, contact_import_id: UUID) -> dict[str, Any]:
    """Run a confirmed import, or go on with one whose worker died; a transaction a chunk. Returns a summary."""
    return run_import(contact_import_id)


def _locked(contact_import_id: UUID) -> ContactImport:
    return (
        ContactImport.objects.select_for_update(of=("self",)).select_related("organization").get(pk=contact_import_id)
    )
