"""The steps of a do-not-mail list: upload with its numbers, confirm, add."""

import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from core.accounts import audit
from core.accounts.models import Organization
from core.common.request_context import current_context
from core.common.tasks import wake
from core.contacts.choices import ListStatus
from core.contacts.errors import UnreadableFile, WrongListState
from core.contacts.models import AgencySuppressionList, SuppressionList
from core.contacts.suppression_lists import (
    SHOWN_REFUSED,
    add_staged,
    check_list,
    read_list,
    refused_csv,
    stage,
    staged_totals,
)

DRAFTS_KEPT = datetime.timedelta(days=1)
READ_AT_ONCE = 1_000_000
"""Bytes of a list that is read while the person waits: some 40,000 lines, under a second."""
AnyList = SuppressionList | AgencySuppressionList


@transaction.atomic
def suppression_list_upload(*, organization: Organization | None, file_name: str, content: bytes, note: str) -> AnyList:
    """Keep a list; without a client it is the agency's. A short one is read at once, a long one by a worker.

    Raises UnreadableFile. Drafts of the day before that nobody confirmed go with it.
    """
    check_list(content)
    model: Any = SuppressionList if organization else AgencySuppressionList
    scope = {"organization": organization} if organization else {}
    model.objects.filter(
        status__in=[ListStatus.DRAFT, ListStatus.FAILED], created_at__lt=timezone.now() - DRAFTS_KEPT, **scope
    ).delete()
    upload: AnyList = model.objects.create(
        **scope,
        file_name=file_name[-200:],
        content=content,
        note=note[:200],
        created_by_id=current_context().actor_id,
    )
    audit.record(action=f"{model._meta.model_name}.uploaded", obj=upload)
    if len(content) <= READ_AT_ONCE:
        _count(upload)
    else:
        _wake("read", upload)
    return upload


@transaction.atomic
def suppression_list_read(*, list_id: UUID, is_agency: bool = False) -> dict[str, Any]:
    """Say in numbers what adding a list would do. Safe to run twice, also at once."""
    upload = _locked(list_id, ListStatus.READING, is_agency)
    if upload is None:
        return {"lines": 0}
    try:
        _count(upload)
    except UnreadableFile as problem:
        upload.status, upload.counts, upload.content = ListStatus.FAILED, {"problem": str(problem)}, None
        upload.save(update_fields=["status", "counts", "content"])
    return {"lines": sum(value for value in upload.counts.values() if isinstance(value, int))}


def _count(upload: AnyList) -> None:
    """Read the list and write what adding it would do. Raises UnreadableFile when there is nothing in it."""
    found = read_list(bytes(upload.content or b""))
    if not found.entries and not found.refused_count:
        raise UnreadableFile("There is nothing in this list.")
    stage(found.entries.values())
    totals = staged_totals(getattr(upload, "organization_id", None))
    upload.counts = {
        "new": totals.new,
        "known": totals.known,
        "doubles": found.doubles,
        "refused": found.refused_count,
        "people": totals.people,
        "first_refused": [[line.number, line.text, line.reason] for line in found.refused[:SHOWN_REFUSED]],
    }
    upload.refused = refused_csv(found.refused) if found.refused else None
    upload.status = ListStatus.DRAFT
    upload.save(update_fields=["counts", "refused", "status"])


def _locked(list_id: UUID, status: ListStatus, is_agency: bool) -> AnyList | None:
    model: Any = AgencySuppressionList if is_agency else SuppressionList
    return model.objects.select_for_update().filter(pk=list_id, status=status).first()


def _wake(step: str, upload: AnyList) -> None:
    if isinstance(upload, SuppressionList):
        wake(f"contacts.{step}_suppression_list", organization_id=upload.organization_id, list_id=upload.pk)
    else:
        wake(f"contacts.{step}_agency_suppression_list", list_id=upload.pk)


@transaction.atomic
def suppression_list_confirm(*, upload: AnyList) -> None:
    """Let a worker add it. Raises WrongListState when that was asked for before."""
    changed = type(upload).objects.filter(pk=upload.pk, status=ListStatus.DRAFT).update(status=ListStatus.QUEUED)
    if not changed:
        raise WrongListState(f"“{upload}” does not wait for confirmation.")
    audit.record(action=f"{upload._meta.model_name}.confirmed", obj=upload)
    _wake("add", upload)


@transaction.atomic
def suppression_list_add(*, list_id: UUID, is_agency: bool = False) -> dict[str, Any]:
    """Put a confirmed list's entries on the suppression list, in one transaction. Safe to run twice, also at once."""
    upload = _locked(list_id, ListStatus.QUEUED, is_agency)
    if upload is None:
        return {"added": 0}
    organization_id = getattr(upload, "organization_id", None)
    stage(read_list(bytes(upload.content or b"")).entries.values())
    totals = staged_totals(organization_id)
    added = add_staged(organization_id, note=upload.note or upload.file_name)
    upload.counts |= {"new": added, "people": totals.people}
    upload.status, upload.finished_at, upload.content = ListStatus.DONE, timezone.now(), None
    upload.save(update_fields=["counts", "status", "finished_at", "content"])
    audit.record(action=f"{upload._meta.model_name}.added", obj=upload, changes={"entries": [None, added]})
    return {"added": added}
